"""Windows are index arithmetic: every step counts once, rims count nothing; and smoothing follows time."""

import numpy as np
import pytest

from fervideo.records import MODEL_RATE_HZ
from fervideo.sequence import windows
from fervideo.settings import SequenceSettings


@pytest.mark.parametrize("n_steps", [1, 599, 600, 601, 700, 1080, 1081, 5000, 72_000])
def test_windows_cover_every_step_with_weight_one(n_steps: int):
    total = np.zeros(n_steps)
    for start, weight in windows.cut(n_steps, SequenceSettings(window_s=30)):
        assert len(weight) == min(n_steps, 600)
        total[start : start + len(weight)] += weight
    np.testing.assert_allclose(total, 1)


def test_windows_give_no_weight_to_their_rims():
    (_, first), (_, second) = windows.cut(1080, SequenceSettings(window_s=30))
    warm_up = int(MODEL_RATE_HZ)
    assert (first[:warm_up] == 1).all(), "the clip's own start has no context to miss"
    assert (first[-warm_up:] == 0).all()
    assert (second[:warm_up] == 0).all()


def test_smoothing_follows_time_not_index():
    uneven = np.concatenate([np.arange(0, 2, 1 / 60), np.arange(2, 4, 1 / 10)])
    onset = np.stack([uneven < 2, uneven >= 2], 1).astype(np.float64)
    smooth = windows.smooth(onset, uneven, 0.3)
    np.testing.assert_allclose(smooth.sum(1), 1, atol=1e-9)
    before, after = (np.interp(second, uneven, smooth[:, 1]) for second in (1.7, 2.3))
    # One standard deviation from the onset, on both sides, at any frame rate.
    assert (before, 1 - after) == (pytest.approx(0.16, abs=0.05), pytest.approx(0.16, abs=0.05))
