"""Checkpoints of sequence models: they name what they read, and load with any version that computes it."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from builders import make_features, make_observations
from fakes import detected

from fervideo import checkpoint, columns, measures
from fervideo.classifiers import CNN_WEIGHTS
from fervideo.errors import WeightsError
from fervideo.measures.facing import FacingFaces
from fervideo.records import ANY_FRAME_MODEL, EXPRESSIONS, ClipFeatures, Float64
from fervideo.sequence import INPUTS, predict_clip
from fervideo.sequence.load import SEQUENCE_WEIGHTS, SMOOTHER_WEIGHTS, load_lstm, load_model, read_header, save_lstm
from fervideo.sequence.lstm import SequenceLSTM
from fervideo.settings import SequenceSettings


def saved(path: Path, **config: object) -> SequenceLSTM:
    """Write a small network with random weights; it goes with frame classifier `abc`."""
    torch.manual_seed(0)
    network = SequenceLSTM(**{"embedding_dim": 4, "hidden": 8, **config}).eval()
    save_lstm(network, path, {"frame_cnn": "abc"})
    return network


def with_measures(features: ClipFeatures, **values: float) -> ClipFeatures:
    """Return a clip in which some measures have other, constant values."""
    seen = features.observations
    changed = {name: np.full(len(seen), value, np.float32) for name, value in values.items()}
    return dataclasses.replace(features, observations=dataclasses.replace(seen, measures={**seen.measures, **changed}))


def test_a_model_of_ones_own_labels_describes_itself(tmp_path: Path):
    path = tmp_path / "own.safetensors"
    saved(path, labels=("neutral", "calm", "bored"))
    back = load_model(path, "abc")
    assert (back.labels, back.inputs, back.device) == (("neutral", "calm", "bored"), INPUTS, "cpu")
    (track,) = predict_clip(back, make_features(30, [range(30)]), SequenceSettings(), 0.5).tracks
    assert track.probabilities.shape == (30, 3)
    header = read_header(path, "abc")
    assert (header.labels, header.inputs, header.frame_cnn) == (back.labels, INPUTS, "abc")
    assert header.digest == checkpoint.digest(path)
    with pytest.raises(WeightsError, match="made for frame_cnn = 'abc', here it is 'abd'"):
        load_model(path, "abd")
    save_lstm(load_lstm(path, "abc"), path, {"frame_cnn": "abc", "labels": ["neutral", "calm"]})
    with pytest.raises(WeightsError, match="has 3 outputs and names 2 labels"):
        load_model(path, "abc")


def test_a_model_without_embedding_goes_with_any_frame_classifier(tmp_path: Path):
    torch.manual_seed(0)
    own = SequenceLSTM(embedding_dim=0, hidden=8).eval()
    save_lstm(own, tmp_path / "any.safetensors", {"frame_cnn": ANY_FRAME_MODEL})
    back = load_model(tmp_path / "any.safetensors", "any other")
    features = make_features(60, [range(60)])
    bare = dataclasses.replace(features.observations, embedding=np.empty((60, 0), np.float32))
    (beside,), (without,) = (
        predict_clip(back, dataclasses.replace(features, observations=seen), SequenceSettings(), 0.5).tracks
        for seen in (features.observations, bare)
    )
    np.testing.assert_array_equal(beside.probabilities, without.probabilities)
    (other,) = predict_clip(own, dataclasses.replace(features, observations=bare), SequenceSettings(), 0.5).tracks
    np.testing.assert_array_equal(other.probabilities, without.probabilities)


def test_the_shipped_smoother_reads_any_frame_classifier():
    smoother = load_lstm(SMOOTHER_WEIGHTS, "any other")
    assert smoother.config["embedding_dim"] == 0
    assert smoother.labels == EXPRESSIONS
    header = checkpoint.read(SMOOTHER_WEIGHTS).header
    assert header["recipe"] == "tools/train_sequence.py"
    assert (
        header["scores"]["simulated_validation"]["accuracy_lstm"]
        > header["scores"]["simulated_validation"]["accuracy_frame_cnn"]
    )


def test_a_model_reads_the_measures_that_it_lists_and_no_others(tmp_path: Path):
    path = tmp_path / "two.safetensors"
    saved(path, inputs=("smile", "yaw_deg"))
    assert checkpoint.read(path).header["inputs"] == ["smile", "yaw_deg"]
    back = load_model(path, "abc")
    assert back.inputs == ("smile", "yaw_deg")
    clip = make_features(30, [range(30)])

    def shown(features: ClipFeatures) -> np.ndarray:
        return predict_clip(back, features, SequenceSettings(), 0.5).tracks[0].probabilities

    np.testing.assert_array_equal(shown(with_measures(clip, mouth_open=9, roll_deg=-9)), shown(clip))
    assert np.abs(shown(with_measures(clip, smile=9)) - shown(clip)).max() > 1e-3
    # The order is the checkpoint's: with the values exchanged the model sees another face.
    assert np.abs(shown(with_measures(clip, smile=3, yaw_deg=5)) - shown(with_measures(clip, smile=5, yaw_deg=3))).max()


def test_measures_in_another_order_are_read_in_that_order(tmp_path: Path):
    ours = saved(tmp_path / "ours.safetensors")
    order = np.random.default_rng(3).permutation(len(INPUTS))
    stored = checkpoint.read(tmp_path / "ours.safetensors")
    columns_ = np.arange(stored.tensors["project.0.weight"].shape[1])
    first = len(EXPRESSIONS)
    columns_[first : first + len(INPUTS)] = first + order
    weight = stored.tensors["project.0.weight"][:, columns_]
    header = stored.header | {"inputs": [INPUTS[number] for number in order]}
    checkpoint.write(tmp_path / "theirs.safetensors", header, stored.tensors | {"project.0.weight": weight})
    theirs = load_model(tmp_path / "theirs.safetensors", "abc")
    assert theirs.inputs != INPUTS
    (a,), (b,) = (
        predict_clip(model, make_features(30, [range(30)]), SequenceSettings(), 0.5).tracks for model in (ours, theirs)
    )
    np.testing.assert_allclose(a.probabilities, b.probabilities, atol=1e-6)


@pytest.mark.parametrize("key", ["inputs", "geometry"])
def test_checkpoints_list_their_measures_under_either_name(tmp_path: Path, key: str):
    path = tmp_path / "a.safetensors"
    saved(path, inputs=("smile", "yaw_deg"))
    stored = checkpoint.read(path)
    names = stored.header.pop("inputs")
    checkpoint.write(path, stored.header | {key: names}, stored.tensors)
    assert load_model(path, "abc").inputs == ("smile", "yaw_deg")
    checkpoint.write(path, stored.header | {key: ["smile", "yaw_degrees"]}, stored.tensors)
    with pytest.raises(
        WeightsError,
        match=r"a\.safetensors: reads measures .* compute: 'yaw_degrees' \(the nearest is 'yaw_deg'\); use",
    ):
        read_header(path, "abc")
    checkpoint.write(path, stored.header | {key: ["smile"]}, stored.tensors)
    with pytest.raises(WeightsError, match=r"has 3 parameters of another shape: centre is \[14\], here it is \[13\]"):
        load_model(path, "abc")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"inputs": None}, "lists no inputs"),
        ({"inputs": [1, 2]}, "lists no inputs"),
        ({"labels": None}, "lists no labels"),
        ({"config": None}, "has None outputs and names 8 labels"),
        ({"frame_cnn": None}, "made for frame_cnn = None, here it is 'abc'"),
        ({"model_rate_hz": 10}, r"made for model_rate_hz = 10, here it is 20\.0"),
        ({"kind": "frame_cnn"}, "made for kind = 'frame_cnn', here it is 'sequence_lstm"),
        ({"kind": None}, "made for kind = None, here it is 'sequence_lstm"),
    ],
)
def test_a_header_that_lacks_something_is_refused(tmp_path: Path, changes: dict[str, object], reason: str):
    path = tmp_path / "a.safetensors"
    saved(path)
    stored = checkpoint.read(path)
    checkpoint.write(path, stored.header | changes, stored.tensors)
    for refused in (read_header, load_model, load_lstm):
        with pytest.raises(WeightsError, match=rf"a\.safetensors: {reason}"):
            refused(path, "abc")


def test_a_new_measure_makes_no_checkpoint_unloadable(monkeypatch: pytest.MonkeyPatch):
    frame_cnn, clip = checkpoint.digest(CNN_WEIGHTS), make_features(30, [range(30)])
    wide = dataclasses.replace(clip, observations=dataclasses.replace(clip.observations, embedding=embedding(30)))
    before = [shown(path, frame_cnn, wide) for path in (SEQUENCE_WEIGHTS, SMOOTHER_WEIGHTS)]

    def dummy(faces: FacingFaces) -> Float64:
        return np.full(len(faces.angles_deg[0]), 7.0)

    monkeypatch.setitem(columns.MEASURES, "dummy", columns.Column(name="dummy", meaning="seven"))
    monkeypatch.setitem(measures.FUNCTIONS, "dummy", dummy)
    points = make_observations(range(3), landmarks=True).landmarks_px
    assert measures.measure(detected(points), np.full((len(points), 2), 64))["dummy"].tolist() == [7, 7, 7]
    more = with_measures(wide, dummy=7)
    after = [shown(path, frame_cnn, more) for path in (SEQUENCE_WEIGHTS, SMOOTHER_WEIGHTS)]
    np.testing.assert_array_equal(before, after)


def embedding(n: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((n, 128), np.float32)


def shown(path: Path, frame_cnn: str, features: ClipFeatures) -> np.ndarray:
    return predict_clip(load_model(path, frame_cnn), features, SequenceSettings(), 0.5).tracks[0].probabilities


def test_reading_a_header_needs_no_torch():
    code = """
import sys
sys.modules["torch"] = None
from pathlib import Path
from fervideo.sequence.load import read_header
print(len(read_header(Path(sys.argv[1]), "").inputs))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, SMOOTHER_WEIGHTS],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout.strip() == "9"
