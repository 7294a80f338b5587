"""Talking, by sight alone: whether the mouth opens and closes in the rhythm of syllables."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d, uniform_filter1d

from fervideo.records import Float64

#: Steps per second of the even grid of times on which rhythms are measured.
_RATE_HZ = 25.0
#: Between these standard deviations of smoothing lie the changes with 2 to 8 Hz.
_FAST_S, _SLOW_S = 0.03, 0.12
#: The rhythm is measured over this time around a frame.
_WINDOW_S = 1.2
#: Movement of the lips, in eye distances, at which `speaking` is 0.5, and the width of the step there, in octaves.
_HALF, _OCTAVES = 0.012, 0.5


def speaking(mouth_open: Float64, time_s: Float64) -> Float64:
    """Measure how much a mouth moves as in speech.

    Args:
        mouth_open: float64 (n,), gap of the lips in eye distances.
        time_s: float64 (n,), rising; a face without a gap longer than a few frames.

    Returns:
        float64 (n,), 0 to 1.
    """
    n_steps = max(round((time_s[-1] - time_s[0]) * _RATE_HZ), 1) + 1
    grid_s = time_s[0] + np.arange(n_steps) / _RATE_HZ
    gap = np.interp(grid_s, time_s, mouth_open)
    rhythm = gaussian_filter1d(gap, _FAST_S * _RATE_HZ) - gaussian_filter1d(gap, _SLOW_S * _RATE_HZ)
    power = uniform_filter1d(rhythm**2, round(_WINDOW_S * _RATE_HZ), mode="nearest")
    size = np.sqrt(np.maximum(power, 1e-12))
    share = 1 / (1 + (size / _HALF) ** (-1 / _OCTAVES / np.log(2)))
    result: Float64 = np.interp(time_s, grid_s, share)
    return result
