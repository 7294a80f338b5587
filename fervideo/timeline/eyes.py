"""Closed eyes: blinks and longer closures, relative to how wide the person's own eyes are open."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from fervideo.records import Float64

Bool = npt.NDArray[np.bool_]

#: A closure that lasts this long is no blink but closed eyes.
LONGEST_BLINK_S = 0.5
#: The open eye is this quantile of the openness, over this time to either side, and at least this wide.
_OPEN_QUANTILE, _AROUND_S, _LEAST_OPEN = 0.8, 15.0, 0.18
#: Eyes are shut below the first share of the open eye, and stay so until they pass the second.
_SHUT, _OPENED = 0.42, 0.6
#: The open eye is found anew after this time.
_STEP_S = 1.0


def own_open(openness: Float64, time_s: Float64) -> Float64:
    """Find how wide a person's eye is when it is open: a running upper quantile.

    Args:
        openness: float64 (n,), eye aspect ratio of one eye.
        time_s: float64 (n,), rising.

    Returns:
        float64 (n,), in the same unit.
    """
    at_s = np.arange(time_s[0], time_s[-1] + _STEP_S, _STEP_S)
    first, last = (np.searchsorted(time_s, at_s + way) for way in (-_AROUND_S, _AROUND_S))
    # A face that left leaves a stretch of time without any frame.
    known = last > first
    levels = [np.quantile(openness[i:j], _OPEN_QUANTILE) for i, j in zip(first[known], last[known], strict=True)]
    level: Float64 = np.interp(time_s, at_s[known], np.maximum(levels, _LEAST_OPEN))
    return level


def closed(left: Float64, right: Float64, time_s: Float64) -> tuple[Bool, Float64]:
    """Find the frames in which both eyes are closed.

    Args:
        left: float64 (n,), eye aspect ratio of the left eye.
        right: float64 (n,), of the right eye.
        time_s: float64 (n,), rising.

    Returns:
        bool (n,), and the share to which the wider eye is open, float64 (n,), 1 as usual.
    """
    share = np.maximum(left / own_open(left, time_s), right / own_open(right, time_s))
    found = np.zeros(len(share), np.bool_)
    for first, last in runs(share < _OPENED):
        found[first:last] = share[first:last].min() < _SHUT
    return found, share


def runs(holds: Bool) -> Iterator[tuple[int, int]]:
    """Yield the first index and the one after the last of each stretch of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], holds, [False]])))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
