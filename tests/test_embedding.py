"""The frame CNN ready for inference: what it computes with, and that this hardly changes an answer."""

import numpy as np
import pytest
import torch

from fervideo import demo, embedding, faces, frame_model
from fervideo.crops import alignment, crop
from fervideo.records import UInt8
from fervideo.settings import ClassifierSettings, FaceSettings


@pytest.fixture(scope="module")
def crops() -> UInt8:
    """Hold a photographed face, cut out a little off in place and size in forty ways."""
    photograph = demo._photograph()
    with faces.Landmarker(FaceSettings(), 1, still=True) as landmarker:
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
def test_auto_computes_in_bfloat16_where_the_cpu_does(wanted, device, capabilities, dtype, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert embedding.resolve_precision(wanted, device) == dtype


def test_a_torch_that_does_not_tell_gets_float32(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert embedding.resolve_precision("auto", "cpu") == torch.float32


def test_bfloat16_tells_nearly_the_same(crops: UInt8):
    exact, short = (
        frame_model.FrameModel(ClassifierSettings(precision=precision))(crops, np.empty((0, 0, 3), np.float32))
        for precision in ("float32", "bfloat16")
    )
    p, q = (np.exp(logits) / np.exp(logits).sum(1, keepdims=True) for _, logits in (exact, short))
    assert not np.array_equal(p, q)
    assert np.abs(p - q).max() < 0.03
    assert short[0].dtype == short[1].dtype == np.float32
    assert np.linalg.norm(exact[0] - short[0], axis=1).max() < 0.03 * np.linalg.norm(exact[0], axis=1).min()
