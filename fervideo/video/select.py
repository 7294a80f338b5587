"""The frames of a clip that are analysed: pure index arithmetic."""

from __future__ import annotations

import numpy as np

from fervideo.records import Float64, Int64
from fervideo.video.packets import Video


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
    """Choose frames spread over a clip, one in each part of it: a frame that is quick to reach if the part has one.

    Args:
        video: The opened video.
        count: Number of frames; short clips give fewer.

    Returns:
        int64 (n,), frame indices, rising.
    """
    n = video.info.n_frames
    edges = np.unique(np.linspace(0, n, min(count, n) + 1).astype(np.int64))
    entry = video.entry[np.minimum(np.searchsorted(video.entry, edges[:-1]), len(video.entry) - 1)]
    reached = (edges[:-1] <= entry) & (entry < edges[1:])
    return np.where(reached, entry, (edges[:-1] + edges[1:]) // 2)
