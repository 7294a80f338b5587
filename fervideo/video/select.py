"""The frames of a clip that are analysed: pure index arithmetic."""

from __future__ import annotations

import numpy as np

from fervideo.records import Float64, Int64
from fervideo.video.record import Video

#: Frames on the way to one that is quick to reach.
_NEAR = 64


def select(time_s: Float64, sample_fps: float | None) -> Int64:
    """Choose the frames to analyse: for each k the first one at or after k / sample_fps.

    Args:
        time_s: float64 (T,), presentation times, rising, the first 0.
        sample_fps: Frames per second; None for every frame.

    Returns:
        int64 (n,), frame indices, rising.
    """
    if sample_fps is None:
        return np.arange(len(time_s))
    # Containers round times to a millisecond or less: a frame that is early by that much is still on time.
    slack_s = min(1e-3, 0.1 / sample_fps)
    ticks_s = np.arange(int((time_s[-1] + slack_s) * sample_fps) + 1) / sample_fps
    chosen = np.unique(np.searchsorted(time_s, ticks_s - slack_s))
    return chosen[chosen < len(time_s)].astype(np.int64)


def spread(video: Video, count: int) -> Int64:
    """Choose frames spread over a clip, at most one in each part of it: its first one that decoding can start at.

    A part without such a frame has its first frame chosen if that is quick to reach. Half of the parts are taken anyway.

    Args:
        video: The opened video.
        count: Number of parts; short clips have fewer.

    Returns:
        int64 (n,), frame indices, rising.
    """
    n = video.info.n_frames
    edges = np.unique(np.linspace(0, n, min(count, n) + 1).astype(np.int64))
    first, end = edges[:-1], edges[1:]
    entry = video.entry[np.minimum(np.searchsorted(video.entry, first), len(video.entry) - 1)]
    chosen = np.where((first <= entry) & (entry < end), entry, first)
    on_the_way = chosen - video.entry[np.searchsorted(video.entry, chosen, "right") - 1]
    nearest_half = np.sort(on_the_way)[(len(chosen) - 1) // 2]
    return chosen[on_the_way <= max(nearest_half, _NEAR)]
