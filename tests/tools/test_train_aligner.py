"""The recipe of the frame CNN's aligner, a few steps long, on one face."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from fervideo import checkpoint, classifiers
from fervideo.classifiers import cnn
from fervideo.classifiers.nets import standardise
from fervideo.errors import WeightsError
from fervideo.records import CROP_PX

TOOLS = Path(__file__).parents[2] / "tools"


@pytest.fixture(autouse=True)
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the recipes importable, as they import one another."""
    monkeypatch.syspath_prepend(TOOLS)


@pytest.fixture
def aligner(ferplus: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import train_aligner

    monkeypatch.setattr(train_aligner, "BATCH", 16)
    monkeypatch.setattr(train_aligner, "WARM_UP", 10)
    path = tmp_path / "aligner.safetensors"
    monkeypatch.setattr(sys, "argv", ["train_aligner.py", *map(str, ferplus), str(path), "--steps", "300"])
    train_aligner.main()
    return path


def test_it_learns_how_crops_lie(aligner: Path, ferplus: tuple[Path, Path]):
    import ferplus as data
    import train_aligner

    left = checkpoint.read(aligner).header["scores"]["ferplus_validation"]
    # Views are moved by 2 pixels and by 0.06 of the size, and differ by half as much again.
    assert max(left["left"][:2]) < 0.7
    assert left["left"][2] < 0.03
    assert max(left["apart"][:2]) < 0.8
    # Crops that are moved look alike once they are aligned.
    wide = train_aligner.wide_crops(data.load(*ferplus, "validation")).float()
    moves = torch.tensor([[0.0, 0.0, 0.0, 0.0], [0.29, -0.29, 0.5, 0.0]])
    plain, moved = (standardise(train_aligner.cut(wide, move.repeat(len(wide), 1))[:, 0]) for move in moves)
    network = train_aligner.load(aligner)
    with torch.inference_mode():
        assert (network(moved) - network(plain)).square().mean() < 0.5 * (moved - plain).square().mean()


def test_the_frame_cnn_learns_behind_it(
    aligner: Path, ferplus: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import loop
    import train_frame

    monkeypatch.setattr(loop, "BATCH", 8)
    options = ["--epochs", "1", "--steps", "2", "--aligner", str(aligner)]
    monkeypatch.setattr(sys, "argv", ["train_frame.py", *map(str, ferplus), str(tmp_path / "run"), *options])
    train_frame.main()
    stored = checkpoint.read(weights := tmp_path / "run" / "frame.safetensors")
    assert stored.header["aligner"] == checkpoint.digest(aligner)
    # It is as it was, its batch norms' statistics, too.
    for name, tensor in checkpoint.read(aligner).tensors.items():
        np.testing.assert_array_equal(stored.tensors[f"aligner.{name}"], tensor)
    # The network that runs has its batch norms folded away.
    crops = np.random.default_rng(0).integers(0, 256, (3, CROP_PX, CROP_PX), np.uint8)
    with torch.inference_mode():
        plain = cnn.load(weights)(standardise(torch.from_numpy(crops)))
    seen = classifiers.load(weights, precision="float32").predict(crops, np.empty((0, 0, 3), np.float32))
    for found, wanted in zip((seen.embedding, seen.logits), plain, strict=True):
        np.testing.assert_allclose(found, wanted.numpy(), rtol=0, atol=2e-3)


def test_other_weights_are_no_aligner():
    import train_aligner

    with pytest.raises(WeightsError, match="made for kind = 'frame_cnn', here it is 'aligner'"):
        train_aligner.load(checkpoint.SHIPPED / "frame.safetensors")
