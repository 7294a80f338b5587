"""The frames of a clip that are analysed: pure index arithmetic."""

from __future__ import annotations

import numpy as np

from fervideo.records import Float64, Int64
from fervideo.video.record import Video

#: Frames on the way to one that is quick to reach.
_NEAR = 64
#: Longest span of a segment of few frames, in segments of every frame.
_LONGEST = 16


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


def cut(frame: Int64, entry: Int64, size: int) -> list[Int64]:
    """Cut the frames to analyse into segments: where decoding can start, so that no other decodes the same frames.

    Args:
        frame: int64 (n,), rising frame indices.
        entry: int64 (E,), rising frame indices at which decoding can start.
        size: Frames of a segment; one that ends at such a frame has half of that to half as many again.

    Returns:
        The frames of each segment, int64; together all of them.
    """
    # The first frame of a segment that begins at an entry, for each entry.
    at_entry = np.searchsorted(frame, entry)
    parts, start = [], 0
    while start < len(frame):
        # Few of the frames of a long stretch may be wanted: decoding takes its time, too.
        usual = min(start + size, int(np.searchsorted(frame, frame[start] + _LONGEST * size)))
        near = at_entry[(at_entry > (start + usual) // 2) & (at_entry <= usual + size // 2)]
        end = int(near[np.abs(near - usual).argmin()]) if len(near) and usual < len(frame) else usual
        parts.append(frame[start:end])
        start = end
    return parts


def spread(video: Video, count: int) -> Int64:
    """Choose frames spread over a clip, at most one in each part of it: its first one that decoding can start at.

    A part without one has its first frame chosen, if that is quick to reach. Half of the parts are taken anyway.

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
    near: Int64 = chosen[on_the_way <= max(nearest_half, _NEAR)]
    return near
