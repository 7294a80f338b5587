"""Frame classifiers by name: their predictions for a real face, and weights that do not fit."""

from pathlib import Path

import numpy as np
import pytest
import torch
from portraits import Face, needs_dlib
from scipy.special import softmax

from fervideo import checkpoint, classifiers
from fervideo.classifiers import features, mlp
from fervideo.errors import WeightsError
from fervideo.faces import dlib
from fervideo.records import EXPRESSIONS
from fervideo.settings import ClassifierSettings

SHIPPED = ("svm", "mlp", "transfer")
every_classifier = pytest.mark.parametrize("name", SHIPPED)


def shipped(name: str) -> classifiers.FrameClassifier:
    return classifiers.load(checkpoint.SHIPPED / f"{name}.safetensors")


def rewritten(path: Path, name: str, **changes: object) -> Path:
    """Copy a shipped checkpoint with another header."""
    stored = checkpoint.read(checkpoint.SHIPPED / f"{name}.safetensors")
    checkpoint.write(path, stored.header | changes, stored.tensors)
    return path


@every_classifier
def test_a_smile_is_happiness(name: str, smile: Face):
    classifier = shipped(name)
    logits = classifier.predict(smile.crop, smile.landmarks_px).logits
    assert (logits.shape, logits.dtype) == ((1, len(EXPRESSIONS)), np.float32)
    assert EXPRESSIONS[logits[0].argmax()] == "happiness"
    assert softmax(logits[0]).max() > 0.8


@every_classifier
def test_each_face_is_predicted_by_itself(name: str, smile: Face):
    classifier, rng = shipped(name), np.random.default_rng(0)
    points = smile.landmarks_px + rng.normal(0, 1, (40, 1, 1)).astype(np.float32)
    crops = np.clip(smile.crop + rng.integers(-9, 9, (40, 1, 1)), 0, 255).astype(np.uint8)
    together = classifier.predict(crops, points).logits
    alone = np.concatenate(
        [classifier.predict(crops[row : row + 1], points[row : row + 1]).logits for row in range(40)]
    )
    np.testing.assert_allclose(together, alone, atol=1e-4)
    assert classifier.predict(crops[:0], points[:0]).logits.shape == (0, len(EXPRESSIONS))


@every_classifier
def test_weights_say_where_they_come_from(name: str):
    classifier = shipped(name)
    assert (checkpoint.SHIPPED / f"{name}.md").exists()
    assert {"recipe", "data", "seed", "date", "licence", "scores"} <= set(classifier.header)
    # Weights that learned from dlib's landmarks may not be used commercially, and are not in the package.
    assert classifier.reads == ("crops" if name == "transfer" else "landmarks")
    assert classifier.header.get("landmarks") in (None, "mediapipe")
    assert 1e4 < classifier.n_parameters < 2e6
    assert (checkpoint.SHIPPED / f"{name}.safetensors").stat().st_size < 6.5e6
    assert (Path(__file__).parents[2] / classifier.header["recipe"]).exists()


@pytest.mark.parametrize("name", ["svm", "mlp"])
def test_a_face_without_landmarks_gets_the_prior(name: str, smile: Face):
    classifier = shipped(name)
    prior = checkpoint.read(checkpoint.SHIPPED / f"{name}.safetensors").tensors["prior"]
    points = np.concatenate([np.full_like(smile.landmarks_px, np.nan), smile.landmarks_px])
    unknown, known = classifier.predict(np.repeat(smile.crop, 2, 0), points).logits
    np.testing.assert_allclose(softmax(unknown), prior, atol=1e-6)
    np.testing.assert_array_equal(known, classifier.predict(smile.crop, smile.landmarks_px).logits[0])


@pytest.mark.parametrize("name", ["svm", "mlp"])
def test_position_size_and_pose_do_not_matter(name: str, smile: Face):
    classifier = shipped(name)
    yaw, roll = np.radians((25, 40))
    turn = np.array([(np.cos(yaw), 0, np.sin(yaw)), (0, 1, 0), (-np.sin(yaw), 0, np.cos(yaw))])
    tilt = np.array([(np.cos(roll), np.sin(roll), 0), (-np.sin(roll), np.cos(roll), 0), (0, 0, 1)])
    moved = (3.5 * smile.landmarks_px @ turn @ tilt + (200, -70, 5)).astype(np.float32)
    plain = classifier.predict(smile.crop, smile.landmarks_px).logits
    np.testing.assert_allclose(classifier.predict(smile.crop, moved).logits, plain, atol=1e-2)


@pytest.mark.parametrize(
    ("name", "changes", "reason"),
    [
        ("svm", {"labels": ["happy", "sad"]}, r"made for labels = \['happy', 'sad'\], here it is \('neutral'"),
        ("svm", {"features": ["smile"]}, r"made for features = \['smile'\], here it is \('eye_open_outer_right'"),
        ("mlp", {"landmarks": "openface"}, r"made for landmarks = 'openface', here it is one of mediapipe, dlib"),
        ("transfer", {"crop_px": 48}, r"made for crop_px = 48, here it is 56"),
        (
            "transfer",
            {"kind": "lstm"},
            r"made for kind = 'lstm', here it is one of frame_cnn, transfer, vgg16, svm, mlp",
        ),
        (
            "transfer",
            {"kind": "vgg16"},
            r"features.0.weight is \[16, 1, 5, 5\], here it is \[64, 3, 3, 3\]|lacks \d+ of \d+ parameters",
        ),
        ("mlp", {"kind": "svm", "features": list(features.FEATURES)}, r"lacks"),
    ],
)
def test_weights_for_something_else_name_both_sides(tmp_path: Path, name: str, changes: dict[str, object], reason: str):
    with pytest.raises(WeightsError, match=reason) as error:
        classifiers.load(rewritten(tmp_path / "other.safetensors", name, **changes))
    assert error.value.subject.endswith("other.safetensors")


@pytest.mark.parametrize(
    ("name", "array", "reason"),
    [
        ("svm", "vectors", r"vectors is \[3, 2\], here it is \[3, \d+\]|parameters? of another shape"),
        ("svm", "calibration", "calibration is"),
        ("svm", "mean_face", r"mean_face is \[3, 2\], here it is \[478, 2\]"),
        ("mlp", "mean_face", "mean_face is"),
        ("mlp", "prior", r"prior is \[3, 2\], here it is \[8\]"),
    ],
)
def test_arrays_of_another_size_are_refused(tmp_path: Path, name: str, array: str, reason: str):
    stored = checkpoint.read(checkpoint.SHIPPED / f"{name}.safetensors")
    checkpoint.write(
        tmp_path / "other.safetensors", stored.header, {**stored.tensors, array: np.zeros((3, 2), np.float32)}
    )
    with pytest.raises(WeightsError, match=reason):
        classifiers.load(tmp_path / "other.safetensors")


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path):
    (tmp_path / "text.safetensors").write_text("not weights")
    with pytest.raises(WeightsError, match="not a safetensors file"):
        classifiers.load(tmp_path / "text.safetensors")


@needs_dlib
def test_a_network_of_dlib_landmarks_reads_them(tmp_path: Path, smile: Face):
    points = dlib.dlib_landmarks(smile.crop)
    torch.manual_seed(0)
    tensors = {name: tensor.numpy() for name, tensor in mlp.DenseNet(2 * 68).state_dict().items()}
    tensors |= {"mean_face": points[0], "prior": np.full(len(EXPRESSIONS), 1 / len(EXPRESSIONS), np.float32)}
    checkpoint.write(tmp_path / "mlp.safetensors", {"kind": "mlp", "labels": EXPRESSIONS, "landmarks": "dlib"}, tensors)
    classifier = classifiers.load(tmp_path / "mlp.safetensors")
    assert classifier.reads == "crops"
    inner = mlp.Mlp(checkpoint.read(tmp_path / "mlp.safetensors"))
    assert inner.landmarks == "dlib"
    found = classifier.predict(smile.crop, smile.landmarks_px).logits
    np.testing.assert_array_equal(found, inner.predict(smile.crop, points).logits)
    # The crop twice as large is the same face.
    np.testing.assert_allclose(found, inner.predict(smile.crop, 2 * points).logits, atol=1e-4)


def test_weights_may_lie_at_home():
    chosen = ClassifierSettings(weights="~/own.safetensors")
    assert classifiers._path(chosen) == Path.home() / "own.safetensors"
