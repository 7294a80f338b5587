"""The recipe of the classic classifiers, a few steps long, on a handful of faces."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import FERPLUS_FACES
from safetensors.torch import save_file

from fervideo import checkpoint, classifiers
from fervideo.classifiers import transfer

TOOLS = Path(__file__).parents[2] / "tools"


@pytest.fixture
def recipe(ferplus: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    monkeypatch.syspath_prepend(TOOLS)
    import train_classifiers

    monkeypatch.setattr(train_classifiers, "BATCH", 8)

    def train(system: str, *options: str) -> Path:
        arguments = [system, *map(str, ferplus), str(tmp_path), "--epochs", "1", "--steps", "2", *options]
        monkeypatch.setattr(sys, "argv", ["train_classifiers.py", *arguments])
        train_classifiers.main()
        return tmp_path / f"{system}.safetensors"

    return train


@pytest.mark.parametrize("system", ["svm", "mlp", "transfer"])
def test_each_system_learns_and_loads(system: str, recipe: Callable[..., Path], ferplus: tuple[Path, Path]):
    options = ["--steps", "100"] if system == "svm" else []
    path = recipe(system, *options)
    classifier = classifiers.load(path)
    crops = np.zeros((2, 56, 56), np.uint8)
    logits = classifier.predict(crops, np.load(ferplus[1])["landmarks_px"][:2]).logits
    assert np.isfinite(logits).all()
    assert classifier.header["scores"]["ferplus_validation"]["n"] == FERPLUS_FACES
    if system == "svm":
        assert classifier.header["scores"]["ferplus_validation"]["accuracy"] > 0.3  # chance: 0.125


def test_the_study_compares_all_ways(recipe: Callable[..., Path]):
    path = recipe("transfer", "--study")
    results = json.loads((path.parent / "study.json").read_text())
    ways = {
        f"{how}, {share}" for how in ("scratch", "frozen", "tuned") for share in ("all labels", "a tenth of the labels")
    }
    assert set(results) == ways
    # The body of the first task is there, and used again.
    before = (path.parent / "body.safetensors").stat().st_mtime_ns
    recipe("transfer")
    assert (path.parent / "body.safetensors").stat().st_mtime_ns == before


def test_vgg16_learns_from_a_users_weights(
    recipe: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(transfer, "VGG16_PX", 32)
    torch.manual_seed(0)
    save_file(transfer.VGG16().state_dict(), tmp_path / "vgg16.safetensors")
    stored = checkpoint.read(recipe("vgg16", "--backbone-weights", str(tmp_path / "vgg16.safetensors")))
    assert stored.header["kind"] == "vgg16"
    assert stored.tensors["features.0.weight"].shape == (64, 3, 3, 3)


def test_vgg16_without_weights_names_the_missing_option(
    recipe: Callable[..., Path], capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit, match="2"):
        recipe("vgg16")
    assert "--backbone-weights FILE" in capsys.readouterr().err


def test_a_first_task_leaves_the_head_alone(recipe: Callable[..., Path], ferplus: tuple[Path, Path]):
    """Mirrored crops get mirrored landmarks: each landmark's mirror image is where its partner stands."""
    import ferplus as data
    import train_classifiers

    faces_there = data.load(*ferplus, "train")
    face = np.nanmedian(faces_there.landmarks_px, 0)
    mirror = train_classifiers.mirror_of(face - face[list(train_classifiers.shape.RIGID["mediapipe"])].mean(0))
    assert (mirror[33], mirror[61], mirror[263]) == (263, 291, 33)
    assert (np.sort(mirror) == np.arange(len(mirror))).all()
