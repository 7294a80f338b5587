"""Temperatures on made-up samples."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from training_builders import LABELS, D, sample, state

from fervideo.sequence.lstm import SequenceLSTM
from fervideo.settings import TrainingSettings
from fervideo.training import calibrate, evaluate


def test_calibration_finds_by_how_much_a_model_is_overconfident():
    rng = np.random.default_rng(4)
    logits = rng.normal(0, 2, (4000, 3))
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    truth = (rng.random((len(p), 1)) < p.cumsum(1)).argmax(1)
    overconfident = np.exp(2.5 * logits) / np.exp(2.5 * logits).sum(1, keepdims=True)
    assert calibrate.temperature(truth, overconfident.astype(np.float32)) == pytest.approx(2.5, rel=0.08)
    torch.manual_seed(0)
    model = SequenceLSTM(D, hidden=8, labels=LABELS).eval()
    before, few, many = state(model), [sample(1)], [sample(number, LABELS[number % 3]) for number in range(30)]
    unchanged = calibrate.calibrate(model, few, evaluate.predict(model, few, TrainingSettings()))
    assert (unchanged.clips, unchanged.steps) == (1.0, 1.0)
    np.testing.assert_array_equal(state(model)["clip_head.weight"], before["clip_head.weight"])
    found = calibrate.calibrate(model, many, evaluate.predict(model, many, TrainingSettings()))
    np.testing.assert_allclose(state(model)["step_head.weight"], before["step_head.weight"] / found.steps, rtol=1e-5)
    assert found.steps != 1
