"""Frame classifiers by name: their predictions for a real face, and weights that do not fit."""

import dataclasses
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from scipy.special import softmax
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from torch import nn

from fervideo import checkpoint, classifiers, faces, landmarks
from fervideo.classifiers import features, mlp, shape, svm, transfer
from fervideo.crops import face_crop
from fervideo.errors import UsageError, WeightsError
from fervideo.faces import dlib
from fervideo.landmarks import N_LANDMARKS
from fervideo.records import CROP_PX, EXPRESSIONS
from fervideo.settings import FaceSettings

SHIPPED = ("svm", "mlp", "transfer")
needs_dlib = pytest.mark.skipif(
    find_spec("dlib") is None or find_spec("face_recognition_models") is None, reason="fervideo[dlib]"
)
every_classifier = pytest.mark.parametrize("name", SHIPPED)


@dataclasses.dataclass(frozen=True)
class Face:
    """A real face: crop uint8 (1, CROP_PX, CROP_PX), FaceMesh landmarks float32 (1, N_LANDMARKS, 3)."""

    crop: np.ndarray
    landmarks_px: np.ndarray


@pytest.fixture(scope="module")
def smile() -> Face:
    from skimage.data import astronaut

    photograph = np.ascontiguousarray(astronaut()[:300, 80:380])
    with faces.open_landmarker(FaceSettings(), 1, still=True) as landmarker:
        landmarks = landmarker.find(photograph)
    return Face(face_crop(photograph, landmarks[0])[None], landmarks)


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


def test_landmarks_of_another_kind_are_refused(smile: Face):
    with pytest.raises(ValueError, match=r"\(1, 68, 2\), the classifier was made for mediapipe's \(M, 478, 3\)"):
        shipped("mlp").predict(smile.crop, np.zeros((1, 68, 2), np.float32))


@pytest.mark.parametrize("d", [2, 3])
def test_align_undoes_a_similarity(d: int):
    rng = np.random.default_rng(0)
    mean, rigid = rng.normal(0, 1, (20, d)), tuple(range(8))
    rotation = np.linalg.qr(rng.normal(0, 1, (5, d, d)))[0]
    rotation[:, :, 0] *= np.sign(np.linalg.det(rotation))[:, None]
    np.testing.assert_allclose(
        shape.align(3 * mean @ rotation + 7, mean, rigid), np.broadcast_to(mean, (5, 20, d)), atol=1e-9
    )


def test_a_mean_face_is_the_common_shape():
    rng = np.random.default_rng(0)
    face, (cos, sin) = rng.normal(0, 1, (12, 2)), (np.cos(rng.normal(0, 0.2, 50)), np.sin(rng.normal(0, 0.2, 50)))
    turn = np.stack([cos, -sin, sin, cos], 1).reshape(50, 2, 2) * rng.uniform(0.5, 2, (50, 1, 1))
    found = shape.mean_face(face @ turn + rng.normal(0, 3, (50, 1, 2)), tuple(range(12)), (0, 1))
    np.testing.assert_allclose(np.linalg.norm(found[0] - found[1]), 1, atol=0.02)
    np.testing.assert_allclose(shape.align(face[None], found, tuple(range(12)))[0], found, atol=0.02)


def test_features_of_a_mirrored_face_change_sides():
    assert 40 <= len(features.FEATURES) <= 100
    mirrored = np.array(landmarks.MIRRORED_68)
    np.testing.assert_array_equal(mirrored[mirrored], np.arange(68))
    points = np.random.default_rng(0).normal(0, 1, (1, 68, 2))
    plain, swapped = features.measure(points)[0], features.measure(points[:, mirrored] * (-1, 1))[0]
    for column, name in enumerate(features.FEATURES):
        if name.endswith("_right"):
            other = features.FEATURES.index(name.replace("_right", "_left"))
            assert plain[column] == pytest.approx(swapped[other]), name


def test_features_follow_their_names(smile: Face):
    aligned = smile.landmarks_px[:, landmarks.SIXTY_EIGHT].astype(float)
    opened = aligned.copy()
    opened[:, [65, 66, 67, 56, 57, 58], 1] += 10
    before, after = (
        dict(zip(features.FEATURES, features.measure(points)[0], strict=True)) for points in (aligned, opened)
    )
    assert after["mouth_open"] - before["mouth_open"] == pytest.approx(10, abs=1)
    assert after["eye_open_outer_left"] == before["eye_open_outer_left"]
    assert after["lower_lip_arch"] < before["lower_lip_arch"]


def test_the_arrays_predict_as_scikit_learn_does():
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(len(EXPRESSIONS)), 30)
    x = rng.normal(0, 3, (len(EXPRESSIONS), 11))[truth] + rng.normal(0, 3, (len(truth), 11))
    scaler = StandardScaler().fit(x)
    svc = SVC(C=2.0, gamma=0.1, decision_function_shape="ovo").fit(scaler.transform(x), truth)
    fresh = rng.normal(0, 4, (50, 11))
    found = svm.margins(svm.to_arrays(scaler, svc), fresh)
    np.testing.assert_allclose(found, svc.decision_function(scaler.transform(fresh)), atol=1e-9)


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


#: Index and channels of the convolutions in torchvision's vgg16 (configuration D).
VGG16_CONVOLUTIONS = {
    0: (64, 3), 2: (64, 64), 5: (128, 64), 7: (128, 128), 10: (256, 128), 12: (256, 256), 14: (256, 256),
    17: (512, 256), 19: (512, 512), 21: (512, 512), 24: (512, 512), 26: (512, 512), 28: (512, 512),
}  # fmt: skip


@pytest.fixture(scope="module")
def imagenet() -> dict[str, torch.Tensor]:
    """Return a state dict like that of torchvision's body; its head, which is not read, is the last bias alone."""
    state = {"classifier.6.bias": torch.zeros(1000)}
    for index, (n_out, n_in) in VGG16_CONVOLUTIONS.items():
        state[f"features.{index}.weight"] = torch.randn(n_out, n_in, 3, 3) * (2 / (9 * n_in)) ** 0.5
        state[f"features.{index}.bias"] = torch.zeros(n_out)
    return state


@pytest.mark.parametrize(
    "write", [lambda state, path: torch.save(state, path), save_file], ids=["state dict", "safetensors"]
)
def test_imagenet_weights_fit_vgg16(tmp_path: Path, imagenet: dict[str, torch.Tensor], write):
    write(imagenet, tmp_path / "vgg16")
    model = transfer.VGG16()
    transfer.load_body(model, tmp_path / "vgg16")
    assert {name for name in model.state_dict() if name.startswith("features.")} == set(imagenet) - {
        "classifier.6.bias"
    }
    torch.testing.assert_close(model.features[28].weight.data, imagenet["features.28.weight"])


def test_vgg16_sees_crops_as_imagenet_networks_expect_them():
    white = transfer.VGG16.prepare(torch.full((1, CROP_PX, CROP_PX), 255, dtype=torch.uint8))
    assert white.shape == (1, 3, transfer.VGG16_PX, transfer.VGG16_PX)
    expected = [(1 - mean) / std for mean, std in ((0.485, 0.229), (0.456, 0.224), (0.406, 0.225))]
    np.testing.assert_allclose(white[0, :, 5, 5].numpy(), expected, rtol=1e-4)


def test_a_trained_vgg16_is_read_back(tmp_path: Path, smile: Face):
    torch.manual_seed(0)
    model = transfer.VGG16().eval()
    header = {"kind": "vgg16", "labels": EXPRESSIONS, "crop_px": CROP_PX}
    checkpoint.write(
        tmp_path / "v.safetensors", header, {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    )
    with torch.inference_mode():
        expected = model(torch.from_numpy(smile.crop)).numpy()
    found = classifiers.load(tmp_path / "v.safetensors").predict(smile.crop, smile.landmarks_px).logits
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (
            {"conv1.weight": torch.zeros(2)},
            r"lacks 26 of 26 parameters \(features.0.weight, features.0.bias, features.2.weight and 23 more\)",
        ),
        ({"features.0.weight": torch.zeros(64, 1, 3, 3)}, r"lacks 25 of 26 parameters"),
        ([1, 2], r"holds list, not parameter names with tensors"),
        ({"model": {"features.0.weight": torch.zeros(1)}}, r"holds dict, not parameter names with tensors"),
        (nn.Linear(2, 2), r"neither safetensors nor a state dict of plain tensors"),
    ],
    ids=["other names", "some", "list", "nested", "pickled module"],
)
def test_a_body_that_is_none_is_refused(tmp_path: Path, state: object, reason: str):
    torch.save(state, tmp_path / "body.pth")
    with pytest.raises(WeightsError, match=reason):
        transfer.load_body(transfer.VGG16(), tmp_path / "body.pth")


def test_a_body_that_does_not_fit_names_both_shapes(tmp_path: Path, imagenet: dict[str, torch.Tensor]):
    torch.save(imagenet | {"features.0.weight": torch.zeros(64, 1, 3, 3)}, tmp_path / "grey.pth")
    with pytest.raises(WeightsError, match=r"features.0.weight is \[64, 1, 3, 3\], here it is \[64, 3, 3, 3\]"):
        transfer.load_body(transfer.VGG16(), tmp_path / "grey.pth")
    with pytest.raises(WeightsError, match="no such file"):
        transfer.load_body(transfer.VGG16(), tmp_path / "none.pth")


@needs_dlib
def test_dlib_and_mediapipe_agree(smile: Face):
    from fervideo.crops import alignment

    points = dlib.dlib_landmarks(smile.crop)
    assert (points.shape, points.dtype) == ((1, 68, 2), np.float32)
    transform = alignment(smile.landmarks_px[0])
    mesh = smile.landmarks_px[0, landmarks.SIXTY_EIGHT, :2] @ transform[:, :2].T + transform[:, 2]
    assert np.median(np.linalg.norm(points[0] - mesh, axis=1)[17:]) < 2


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


def test_dlib_is_asked_for_where_it_is_missing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "dlib", None)
    dlib._dlib_predictor.cache_clear()
    with pytest.raises(UsageError, match=r"pip install 'fervideo\[dlib\]'"):
        dlib.dlib_landmarks(np.zeros((1, CROP_PX, CROP_PX), np.uint8))


def test_as_many_landmarks_as_the_table_needs():
    assert len(landmarks.SIXTY_EIGHT) == len(landmarks.MIRRORED_68) == 68
    assert max(landmarks.SIXTY_EIGHT) < N_LANDMARKS
