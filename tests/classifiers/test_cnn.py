"""The frame CNN ready for inference: its precision, which hardly changes a prediction."""

import numpy as np
import pytest
import torch

from fervideo import classifiers, demo, faces
from fervideo.classifiers import cnn, nets
from fervideo.crops import alignment, crop
from fervideo.records import CROP_PX, UInt8
from fervideo.settings import ClassifierSettings, FaceSettings


@pytest.fixture(scope="module")
def crops() -> UInt8:
    """Cut out a photographed face in forty ways, each a little off in position and size."""
    photograph = demo._photograph()
    with faces.open_landmarker(FaceSettings(), 1, still=True) as landmarker:
        landmarks = landmarker.find(photograph)[0]
    transform, rng = alignment(landmarks), np.random.default_rng(1)
    moved = [transform * rng.uniform(0.9, 1.1) + rng.normal(0, (0.01, 0.01, 2), (2, 3)) for _ in range(40)]
    return np.stack([crop(photograph, matrix) for matrix in moved])


@pytest.mark.parametrize(
    ("wanted", "device", "capabilities", "dtype"),
    [
        ("auto", "cpu", {"avx512_bf16": True}, torch.bfloat16),
        ("auto", "cpu", {"amx_bf16": True}, torch.bfloat16),
        ("auto", "cpu", {"avx512_bf16": False, "avx2": True}, torch.float32),
        ("auto", "cuda", {"avx512_bf16": True}, torch.float32),
        ("float32", "cpu", {"avx512_bf16": True}, torch.float32),
        ("bfloat16", "cpu", {}, torch.bfloat16),
    ],
)
def test_auto_computes_in_bfloat16_where_the_cpu_does(
    wanted, device, capabilities, dtype, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert cnn.resolve_precision(wanted, device) == dtype


def test_a_torch_that_reports_nothing_gets_float32(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert cnn.resolve_precision("auto", "cpu") == torch.float32


def test_bfloat16_predicts_nearly_the_same(crops: UInt8):
    exact, short = (
        classifiers.loaded(classifiers.weights(ClassifierSettings(precision=precision))).predict(
            crops, np.empty((0, 0, 3), np.float32)
        )
        for precision in ("float32", "bfloat16")
    )
    p, q = (np.exp(seen.logits) / np.exp(seen.logits).sum(1, keepdims=True) for seen in (exact, short))
    assert not np.array_equal(p, q)
    assert np.abs(p - q).max() < 0.03
    assert short.embedding.dtype == short.logits.dtype == np.float32
    assert (
        np.linalg.norm(exact.embedding - short.embedding, axis=1).max()
        < 0.03 * np.linalg.norm(exact.embedding, axis=1).min()
    )


def test_an_aligner_undoes_the_shift_it_finds(crops: UInt8, monkeypatch: pytest.MonkeyPatch):
    plain = nets.standardise(torch.from_numpy(crops))
    shift = torch.tensor([[0.3, -0.2, 0.8, 1.5]]).repeat(len(crops), 1)
    moved = cnn.resample(plain, cnn.similarity(shift))
    aligner = cnn.Aligner().eval()
    monkeypatch.setattr(aligner, "misplaced", lambda _: shift)
    inner = slice(12, -12)
    apart = (aligner(moved) - plain)[:, :, inner, inner].square().mean().sqrt()
    assert apart < 0.2 * (moved - plain)[:, :, inner, inner].square().mean().sqrt()


def test_similarities_are_in_the_units_of_their_docstring():
    nowhere, right, larger, turn = torch.zeros(4), *torch.eye(4)[[0, 2, 3]]
    identity, shifted, zoomed, turned = cnn.similarity(torch.stack([nowhere, right, larger, turn]))
    torch.testing.assert_close(identity, torch.eye(3)[:2])
    torch.testing.assert_close(shifted, torch.tensor([(1, 0, 0.25), (0, 1, 0)]))
    torch.testing.assert_close(zoomed, np.exp(0.1) * torch.eye(3)[:2])
    torch.testing.assert_close(
        turned[:, :2], torch.tensor([(np.cos(0.1), -np.sin(0.1)), (np.sin(0.1), np.cos(0.1))], dtype=torch.float32)
    )


def test_a_mirrored_network_predicts_alike_for_a_crop_and_its_mirror_image():
    torch.manual_seed(0)
    crops = torch.randn(3, 1, CROP_PX, CROP_PX)
    plain, mirrored = (
        cnn.FrameCNN((8, 8, 8, 8), aligner=(8, 8), mirrored=mirrored).eval() for mirrored in (False, True)
    )
    mirrored.load_state_dict(plain.state_dict())
    with torch.inference_mode():
        for both in zip(mirrored(crops), mirrored(crops.flip(3)), plain(crops), plain(crops.flip(3)), strict=True):
            one, other, left, right = both
            torch.testing.assert_close(one, other)
            torch.testing.assert_close(one, (left + right) / 2)
