"""Windows and smoothing in time: arithmetic of indices and weights, without a model."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fervideo.records import MODEL_RATE_HZ, Float64
from fervideo.settings import SequenceSettings

#: The first and last seconds of a window have too little context to count.
_WARM_UP_S = 1.0


def cut(n_steps: int, settings: SequenceSettings) -> Iterator[tuple[int, Float64]]:
    """Cut a course into overlapping windows of equal length.

    A window's rims have no weight, except at the course's own ends; two windows that meet are blended linearly.

    Yields:
        (start, weight): the first step, and float64 (length,) weights; over all windows every step's weights sum to 1.
    """
    length, overlap = round(settings.window_s * MODEL_RATE_HZ), round(settings.overlap_s * MODEL_RATE_HZ)
    if n_steps <= length:
        yield 0, np.ones(n_steps)
        return
    count = -(-(n_steps - overlap) // (length - overlap))
    starts = np.linspace(0, n_steps - length, count).round().astype(int)
    # Blend in the middle of where two windows overlap, away from the rims of both.
    middles = (starts[1:] + starts[:-1] + length) / 2
    half = max(overlap / 2 - _WARM_UP_S * MODEL_RATE_HZ, 0.5)
    for index, start in enumerate(starts):
        centre = start + np.arange(length) + 0.5
        rise = np.clip((centre - middles[index - 1]) / (2 * half) + 0.5, 0, 1) if index > 0 else np.ones(length)
        fall = np.clip((centre - middles[index]) / (2 * half) + 0.5, 0, 1) if index < count - 1 else np.zeros(length)
        yield int(start), rise * (1 - fall)


def smooth(probabilities: Float64, time_s: Float64, sigma_s: float) -> Float64:
    """Smooth in time with a Gaussian, on a fine even grid since frames need not be even.

    Args:
        probabilities: float64 (T, C).
        time_s: float64 (T,), rising.
        sigma_s: Standard deviation of the Gaussian, above 0.

    Returns:
        float64 (T, C); rows may sum to a little more or less than 1.
    """
    # Few runs smooth, and importing this takes as long as they do.
    from scipy.ndimage import gaussian_filter1d

    step_s = min(sigma_s / 4, 1 / MODEL_RATE_HZ)
    grid = np.arange(time_s[0], time_s[-1] + step_s, step_s)
    columns = [np.interp(grid, time_s, column) for column in probabilities.T]
    return np.stack(
        [np.interp(time_s, grid, gaussian_filter1d(column, sigma_s / step_s, mode="nearest")) for column in columns], 1
    )
