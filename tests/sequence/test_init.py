"""A whole clip through any model that implements the protocol, here one without torch."""

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from builders import make_features

from fervideo.records import EXPRESSIONS, Float32
from fervideo.sequence import SequenceModel, predict_clip
from fervideo.settings import SequenceSettings

TESTS = Path(__file__).parents[1]


@dataclass(frozen=True)
class FakeModel:
    """A model whose probabilities are the softmax of the embedding, which is random at each detection."""

    labels: tuple[str, ...] = ("neutral", "calm", "bored", "tense")
    inputs: tuple[str, ...] = ("smile",)
    device: str = "cpu"

    def predict(self, features: Float32, settings: SequenceSettings) -> tuple[Float32, Float32]:
        assert features.shape[1] == 8 + 1 + 4 + 1
        weight = np.exp(features[:, -5:-1])
        p = (weight / weight.sum(1, keepdims=True)).astype(np.float32)
        return p, p.mean(0)


def check_every_frame() -> None:
    """Run the fake over two tracks, one with a gap that is bridged."""
    features = make_features(100, [[*range(40), *range(50, 100)], range(20, 30)], fps=25)
    model: SequenceModel = FakeModel()
    found = predict_clip(model, features, SequenceSettings(), max_gap_s=0.5)
    assert (found.labels, found.device) == (model.labels, "cpu")
    long, short = found.tracks
    assert (long.track, short.track) == (0, 1)
    assert long.frame.tolist() == list(range(100))
    assert short.frame.tolist() == list(range(20, 30))
    for track in (long, short):
        np.testing.assert_allclose(track.probabilities.sum(1), 1, atol=1e-5)
        assert track.clip_probabilities.sum() == pytest.approx(1, abs=1e-5)


def test_every_frame_of_a_track_gets_probabilities():
    check_every_frame()


def test_long_gaps_stay_empty():
    features = make_features(100, [[*range(40), *range(50, 100)]], fps=25)
    (track,) = predict_clip(FakeModel(), features, SequenceSettings(), max_gap_s=0.2).tracks
    assert track.frame.tolist() == [*range(40), *range(50, 100)]


def test_a_clip_without_a_face_has_no_tracks():
    assert predict_clip(FakeModel(), make_features(10, []), SequenceSettings(), max_gap_s=0.5).tracks == ()


def test_smoothing_flattens_and_keeps_sums():
    features = make_features(200, [range(200)], fps=25)
    (plain,) = predict_clip(FakeModel(), features, SequenceSettings(), 0.5).tracks
    (smooth,) = predict_clip(FakeModel(), features, SequenceSettings(smooth_s=1.0), 0.5).tracks
    assert (
        np.abs(np.diff(smooth.probabilities, axis=0)).sum() < 0.5 * np.abs(np.diff(plain.probabilities, axis=0)).sum()
    )
    np.testing.assert_allclose(smooth.probabilities.sum(1), 1, atol=1e-5)


def test_a_model_that_needs_no_torch_runs_where_there_is_none():
    code = f"import runpy, sys; sys.modules['torch'] = None; runpy.run_path({__file__!r})['check_every_frame']()"
    path = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_face_cut_off_is_a_gap_and_keeps_its_rows():
    seen: list[float] = []

    class Reader:
        labels, inputs, device = EXPRESSIONS, (), "cpu"

        def predict(self, features: Float32, settings: SequenceSettings) -> tuple[Float32, Float32]:
            seen.append(float(features[:, -1].sum()))
            p = np.full((len(features), len(EXPRESSIONS)), 1 / len(EXPRESSIONS), np.float32)
            return p, p[0]

    whole = make_features(40, [range(40)])
    cut = replace(whole, observations=replace(whole.observations, measures={}))
    cut.observations.measures["cut_off"] = (np.arange(40) >= 20).astype(np.float32)
    (track,) = predict_clip(Reader(), cut, SequenceSettings(), 1.0).tracks
    predict_clip(Reader(), whole, SequenceSettings(), 1.0)
    assert track.frame.tolist() == list(range(40))
    assert seen[0] < 0.6 * seen[1]
