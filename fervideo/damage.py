"""Damage of a video in words: how many of its frames cannot be decoded, and in which spans."""

from __future__ import annotations

import numpy as np

from fervideo.errors import counted
from fervideo.records import Bool, Float64

#: Most spans that are listed.
_MOST_SPANS = 5


def describe(time_s: Float64, sound: Bool, why: str) -> str:
    """Return how many frames cannot be decoded, their spans, and why; empty if all can.

    Args:
        time_s: float64 (T,), presentation times of the frames.
        sound: bool (T,), False for those that cannot be decoded.
        why: The reason of the first.
    """
    if sound.all():
        return ""
    edges = np.flatnonzero(np.diff(np.concatenate([[True], sound, [True]])))
    spans = [_span(time_s, first, end) for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)]
    more = len(spans) - _MOST_SPANS
    listed = ", ".join(spans[:_MOST_SPANS]) + (f" and {counted(more, 'span')} more" if more > 0 else "")
    return f"{(~sound).sum()} of {counted(len(sound), 'frame')} cannot be decoded, {listed}: {why}"


def _span(time_s: Float64, first: int, end: int) -> str:
    """Return the span from a frame to the sound one after it, or to the end."""
    return f"{time_s[first]:.3f} s to {f'{time_s[end]:.3f} s' if end < len(time_s) else 'the end'}"
