"""The network: windows and padding change little, dropout keeps to its columns, and the chain does as it was fitted."""

from typing import Literal

import numpy as np
import pytest
import torch

from fervideo.records import EXPRESSIONS
from fervideo.sequence.load import SMOOTHER_WEIGHTS, load_lstm
from fervideo.sequence.lstm import LockedDropout, SequenceLSTM
from fervideo.settings import SequenceSettings


def test_windows_change_little():
    """The shipped model's prediction away from the blends is that of one window, and nowhere far from it."""
    shipped = load_lstm(SMOOTHER_WEIGHTS, "any")
    rng = np.random.default_rng(0)
    features = rng.normal(0, 0.3, (3000, 8 + 9 + shipped.config["embedding_dim"] + 1)).astype(np.float32)
    knots = rng.normal(0, 2, (60, features.shape[1]))
    features += np.repeat(knots, 50, axis=0).astype(np.float32)
    features[:, :8] -= np.log(np.exp(features[:, :8]).sum(1, keepdims=True))
    features[:, -1] = 1
    whole, whole_clip = shipped.predict(features, SequenceSettings(window_s=300))
    cut, cut_clip = shipped.predict(features, SequenceSettings())
    assert np.abs(whole - cut).max() < 0.2
    assert np.abs(whole - cut).mean() < 0.002
    np.testing.assert_allclose(cut_clip, whole_clip, atol=0.05)


@pytest.mark.parametrize("fitted", [0.0, 0.9])
def test_the_settings_may_set_how_long_expressions_last(fitted: float):
    torch.manual_seed(0)
    model = SequenceLSTM(embedding_dim=8, stay=fitted).eval()
    features = np.random.default_rng(0).normal(0, 5, (400, len(model.centre) + 1)).astype(np.float32)
    features[:, -1] = 1

    def changes(stay: float | Literal["auto"]) -> int:
        return int((np.diff(model.predict(features, SequenceSettings(stay=stay))[0].argmax(1)) != 0).sum())

    assert changes(fitted) == changes("auto")
    assert changes(0.0) > changes(0.8) > changes(0.99)
    np.testing.assert_allclose(model.predict(features, SequenceSettings(stay=0.99))[0].sum(1), 1, atol=1e-5)


def test_the_shipped_model_settles_and_a_new_one_does_not():
    assert load_lstm(SMOOTHER_WEIGHTS, "any").config["stay"] > 0.5
    assert SequenceLSTM().config["stay"] == 0


def test_dropout_keeps_to_its_columns():
    drop = LockedDropout(0.5)
    torch.manual_seed(0)
    out = drop(torch.ones(4, 30, 16))
    assert set(out.unique().tolist()) == {0.0, 2.0}
    assert (out == out[:, :1]).all()
    assert (out[0] != out[1]).any()
    assert (drop.eval()(torch.ones(1, 3, 2)) == 1).all()


def test_padding_changes_nothing():
    torch.manual_seed(0)
    model = SequenceLSTM(embedding_dim=4, hidden=8).eval()
    features = torch.randn(1, 50, 8 + 9 + 4 + 1)
    padded = torch.cat([features, torch.zeros(1, 30, features.shape[2])], 1)
    _, clip = model(features, torch.ones(1, 50, dtype=torch.bool))
    forward = SequenceLSTM(embedding_dim=4, hidden=8, bidirectional=False).eval()
    steps, _ = forward(features, torch.ones(1, 50, dtype=torch.bool))
    steps_padded, _ = forward(padded, torch.arange(80)[None] < 50)
    torch.testing.assert_close(steps, steps_padded[:, :50])
    assert clip.shape == (1, len(EXPRESSIONS))


def test_predicting_leaves_the_number_of_threads_as_it_was():
    model = SequenceLSTM(embedding_dim=4, hidden=8).eval()
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        model.predict(np.zeros((3, len(model.centre) + 1), np.float32), SequenceSettings())
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
