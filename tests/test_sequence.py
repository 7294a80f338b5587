"""The sequence model's course in time: the grid, the gaps, the windows; and that the shipped one smooths."""

import dataclasses
import itertools
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from builders import make_features, make_observations

from fervideo import checkpoint, sequence
from fervideo.classifiers import CNN_WEIGHTS
from fervideo.errors import WeightsError
from fervideo.models import SEQUENCE_WEIGHTS, SMOOTHER_WEIGHTS
from fervideo.records import ANY_FRAME_MODEL, EXPRESSIONS, MODEL_RATE_HZ
from fervideo.settings import SequenceSettings


@pytest.fixture
def model() -> sequence.SequenceLSTM:
    torch.manual_seed(0)
    return sequence.SequenceLSTM(embedding_dim=4, hidden=8).eval()


def observed(time_s: np.ndarray):
    """See a face whose first measure follows a known curve, and whose other features are constant."""
    seen = make_observations(range(len(time_s)))
    measures = dict.fromkeys(seen.measures, np.zeros(len(seen), np.float32)) | {
        "yaw_deg": np.sin(time_s * 2).astype(np.float32)
    }
    return dataclasses.replace(seen, measures=measures, embedding=np.ones_like(seen.embedding))


@pytest.mark.parametrize("fps", [10, 15, 24, 25, 29.97, 60, 120])
def test_the_frame_rate_does_not_matter(fps: float):
    time_s = np.arange(0, 6, 1 / fps)
    course = sequence.course(observed(time_s), time_s)
    inner = slice(5, -5)
    np.testing.assert_allclose(course.features[inner, len(EXPRESSIONS)], np.sin(course.time_s * 2)[inner], atol=0.02)
    np.testing.assert_allclose(course.features[:, -2], 1, rtol=1e-6)
    assert (course.features[:, -1] == 1).all()


def test_variable_frame_rate_follows_time_not_index():
    time_s = np.concatenate([np.arange(0, 3, 1 / 30), np.arange(3, 6, 1 / 12)])
    course = sequence.course(observed(time_s), time_s)
    np.testing.assert_allclose(course.features[5:-5, len(EXPRESSIONS)], np.sin(course.time_s * 2)[5:-5], atol=0.03)


def test_steps_without_a_sighting_are_marked_and_empty():
    time_s = np.concatenate([np.arange(0, 1, 1 / 25), np.arange(2, 3, 1 / 25)])
    course = sequence.course(observed(time_s), time_s)
    gone = (course.time_s > 1.05) & (course.time_s < 1.95)
    assert (course.features[gone] == 0).all()
    assert course.features[(course.time_s < 0.95) | (course.time_s > 2.05), -1].all()


def test_one_sighting_is_a_course():
    course = sequence.course(make_observations([3]), np.array([1.5]))
    assert (course.start_s, course.features.shape[0]) == (1.5, 1)


@pytest.mark.parametrize("n_steps", [1, 599, 600, 601, 700, 1080, 1081, 5000, 72_000])
def test_windows_cover_every_step_with_weight_one(n_steps: int):
    total = np.zeros(n_steps)
    for start, weight in sequence.windows(n_steps, SequenceSettings(window_s=30)):
        assert len(weight) == min(n_steps, 600)
        total[start : start + len(weight)] += weight
    np.testing.assert_allclose(total, 1)


def test_windows_give_no_weight_to_their_rims():
    (_, first), (_, second) = sequence.windows(1080, SequenceSettings(window_s=30))
    warm_up = int(MODEL_RATE_HZ)
    assert (first[:warm_up] == 1).all(), "the clip's own start has no context to miss"
    assert (first[-warm_up:] == 0).all()
    assert (second[:warm_up] == 0).all()


def test_windows_change_little():
    """The shipped model's answer away from the blends is that of one window, and nowhere far from it."""
    shipped = sequence.load(SEQUENCE_WEIGHTS, checkpoint.digest(CNN_WEIGHTS))
    rng = np.random.default_rng(0)
    features = rng.normal(0, 0.3, (3000, 8 + 9 + shipped.config["embedding_dim"] + 1)).astype(np.float32)
    knots = rng.normal(0, 2, (60, features.shape[1]))
    features += np.repeat(knots, 50, axis=0).astype(np.float32)
    features[:, :8] -= np.log(np.exp(features[:, :8]).sum(1, keepdims=True))
    features[:, -1] = 1
    whole, whole_clip = sequence.infer(shipped, features, SequenceSettings(window_s=300))
    cut, cut_clip = sequence.infer(shipped, features, SequenceSettings())
    assert np.abs(whole - cut).max() < 0.2
    assert np.abs(whole - cut).mean() < 0.002
    np.testing.assert_allclose(cut_clip, whole_clip, atol=0.05)


def test_settling_gives_the_posteriors_of_all_paths():
    p, stay, n = np.random.default_rng(0).dirichlet(np.ones(3), 4), 0.8, 3
    expected = np.zeros_like(p)
    for path in itertools.product(range(n), repeat=len(p)):
        chance = np.prod([p[step, at] for step, at in enumerate(path)])
        chance *= np.prod([stay if a == b else (1 - stay) / (n - 1) for a, b in itertools.pairwise(path)])
        for step, at in enumerate(path):
            expected[step, at] += chance
    expected /= expected.sum(1, keepdims=True)
    np.testing.assert_allclose(sequence.posteriors(p, stay), expected, atol=1e-12)
    np.testing.assert_allclose(sequence.settle(p, stay), 0.4 * expected + 0.6 * p, atol=1e-12)


def test_settling_drops_a_flicker_and_keeps_an_onset():
    shown = np.array([0] * 20 + [1] + [0] * 20 + [2] * 20)
    p = np.full((len(shown), 3), 0.2) + 0.4 * np.eye(3)[shown]
    settled = sequence.settle(p, 0.95)
    assert settled.argmax(1).tolist() == [0] * 41 + [2] * 20
    assert sequence.settle(p, 0.0) is p
    # Hours of certainty neither overflow nor vanish.
    sure = np.eye(3)[np.repeat([0, 1, 2], 50_000)]
    assert (sequence.settle(sure, 0.95).argmax(1) == np.repeat([0, 1, 2], 50_000)).all()


@pytest.mark.parametrize("fitted", [0.0, 0.9])
def test_the_settings_may_say_how_long_expressions_last(fitted: float):
    torch.manual_seed(0)
    model = sequence.SequenceLSTM(embedding_dim=8, stay=fitted).eval()
    features = np.random.default_rng(0).normal(0, 5, (400, len(model.centre) + 1)).astype(np.float32)
    features[:, -1] = 1

    def changes(stay: float | Literal["auto"]) -> int:
        return int((np.diff(sequence.infer(model, features, SequenceSettings(stay=stay))[0].argmax(1)) != 0).sum())

    assert changes(fitted) == changes("auto")
    assert changes(0.0) > changes(0.8) > changes(0.99)
    np.testing.assert_allclose(sequence.infer(model, features, SequenceSettings(stay=0.99))[0].sum(1), 1, atol=1e-5)


def test_the_shipped_model_settles_and_a_new_one_does_not():
    assert sequence.load(SEQUENCE_WEIGHTS, checkpoint.digest(CNN_WEIGHTS)).config["stay"] > 0.5
    assert sequence.SequenceLSTM().config["stay"] == 0


def test_gaps_are_bridged_up_to_the_limit():
    time_s = np.arange(20) / 10
    seen = np.array([0, 1, 4, 5, 12, 13])
    assert sequence.bridged(seen, time_s, 0.5).tolist() == [0, 1, 2, 3, 4, 5, 12, 13]
    assert sequence.bridged(seen, time_s, 0.0).tolist() == seen.tolist()


def test_every_frame_of_a_track_gets_probabilities(model: sequence.SequenceLSTM):
    features = make_features(100, [[*range(40), *range(50, 100)], range(20, 30)], fps=25)
    long, short = sequence.run(model, features, SequenceSettings(), max_gap_s=0.5)
    assert long.frame.tolist() == list(range(100))
    assert short.frame.tolist() == list(range(20, 30))
    for track in (long, short):
        np.testing.assert_allclose(track.probabilities.sum(1), 1, atol=1e-5)
        assert track.clip_probabilities.sum() == pytest.approx(1, abs=1e-5)


def test_smoothing_flattens_and_keeps_sums(model: sequence.SequenceLSTM):
    features = make_features(200, [range(200)], fps=25)
    (plain,) = sequence.run(model, features, SequenceSettings(), 0.5)
    (smooth,) = sequence.run(model, features, SequenceSettings(smooth_s=1.0), 0.5)
    assert (
        np.abs(np.diff(smooth.probabilities, axis=0)).sum() < 0.5 * np.abs(np.diff(plain.probabilities, axis=0)).sum()
    )
    np.testing.assert_allclose(smooth.probabilities.sum(1), 1, atol=1e-5)


def test_dropout_keeps_to_its_columns():
    drop = sequence.LockedDropout(0.5)
    torch.manual_seed(0)
    out = drop(torch.ones(4, 30, 16))
    assert set(out.unique().tolist()) == {0.0, 2.0}
    assert (out == out[:, :1]).all()
    assert (out[0] != out[1]).any()
    assert (drop.eval()(torch.ones(1, 3, 2)) == 1).all()


def test_padding_changes_nothing(model: sequence.SequenceLSTM):
    features = torch.randn(1, 50, 8 + 9 + 4 + 1)
    padded = torch.cat([features, torch.zeros(1, 30, features.shape[2])], 1)
    _, clip = model(features, torch.ones(1, 50, dtype=torch.bool))
    forward = sequence.SequenceLSTM(embedding_dim=4, hidden=8, bidirectional=False).eval()
    steps, _ = forward(features, torch.ones(1, 50, dtype=torch.bool))
    steps_padded, _ = forward(padded, torch.arange(80)[None] < 50)
    torch.testing.assert_close(steps, steps_padded[:, :50])
    assert clip.shape == (1, len(EXPRESSIONS))


def test_a_model_of_ones_own_labels_describes_itself(tmp_path: Path):
    torch.manual_seed(0)
    own = sequence.SequenceLSTM(embedding_dim=4, hidden=8, labels=("neutral", "calm", "bored")).eval()
    sequence.save(own, tmp_path / "own.safetensors", {"frame_cnn": "abc"})
    back = sequence.load(tmp_path / "own.safetensors", "abc")
    assert back.labels == ("neutral", "calm", "bored")
    (track,) = sequence.run(back, make_features(30, [range(30)]), SequenceSettings(), 0.5)
    assert track.probabilities.shape == (30, 3)
    with pytest.raises(WeightsError, match="made for frame_cnn = 'abc', here it is 'abd'"):
        sequence.load(tmp_path / "own.safetensors", "abd")
    sequence.save(own, tmp_path / "torn.safetensors", {"frame_cnn": "abc", "labels": ["neutral", "calm"]})
    with pytest.raises(WeightsError, match="has 3 outputs and names 2 labels"):
        sequence.load(tmp_path / "torn.safetensors", "abc")


def test_a_model_without_embedding_goes_with_any_frame_classifier(tmp_path: Path):
    torch.manual_seed(0)
    own = sequence.SequenceLSTM(embedding_dim=0, hidden=8).eval()
    sequence.save(own, tmp_path / "any.safetensors", {"frame_cnn": ANY_FRAME_MODEL})
    back = sequence.load(tmp_path / "any.safetensors", "whatever")
    features = make_features(60, [range(60)])
    bare = dataclasses.replace(features.observations, embedding=np.empty((60, 0), np.float32))
    (beside,), (without,) = (
        sequence.run(back, dataclasses.replace(features, observations=seen), SequenceSettings(), 0.5)
        for seen in (features.observations, bare)
    )
    np.testing.assert_array_equal(beside.probabilities, without.probabilities)
    (other,) = sequence.run(own, dataclasses.replace(features, observations=bare), SequenceSettings(), 0.5)
    np.testing.assert_array_equal(other.probabilities, without.probabilities)


def test_the_shipped_smoother_reads_any_frame_classifier():
    smoother = sequence.load(SMOOTHER_WEIGHTS, "whatever")
    assert smoother.config["embedding_dim"] == 0
    assert smoother.labels == EXPRESSIONS
    header = checkpoint.read(SMOOTHER_WEIGHTS).header
    assert header["recipe"] == "tools/train_sequence.py"
    assert (
        header["scores"]["simulated_validation"]["accuracy_lstm"]
        > header["scores"]["simulated_validation"]["accuracy_frame_cnn"]
    )
