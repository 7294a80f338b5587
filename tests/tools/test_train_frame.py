"""The recipe of the frame CNN, a few steps long, on a handful of faces."""

import copy
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fervideo import checkpoint, classifiers
from fervideo.records import CROP_PX, EXPRESSIONS

TOOLS = Path(__file__).parents[2] / "tools"


@pytest.fixture(autouse=True)
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the recipes importable, as they import one another."""
    monkeypatch.syspath_prepend(TOOLS)


@pytest.fixture
def recipe(ferplus: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    import loop
    import train_frame

    monkeypatch.setattr(loop, "BATCH", 8)

    def train(run: Path, *options: str) -> Path:
        monkeypatch.setattr(
            sys, "argv", ["train_frame.py", *map(str, ferplus), str(run), "--epochs", "1", "--steps", "2", *options]
        )
        train_frame.main()
        return run / "frame.safetensors"

    return train


def test_it_trains_and_trains_on(recipe: Callable[..., Path], tmp_path: Path):
    first = recipe(tmp_path / "a")
    second = recipe(tmp_path / "b", "--init", str(first))
    header = checkpoint.read(second).header
    assert header["init"] == checkpoint.digest(first)
    seen = classifiers.load(second).predict(np.zeros((2, CROP_PX, CROP_PX), np.uint8), np.empty((0, 0, 3), np.float32))
    features, logits = seen.embedding, seen.logits
    assert features.shape == (2, 128)
    assert np.isfinite(logits).all()
    # A checkpoint of another recipe is not gone on from unseen.
    with pytest.raises(SystemExit, match=r"last\.pt belongs to .*, this is .*: give another RUN"):
        recipe(tmp_path / "b")


def test_trained_on_weights_are_a_mean_of_epochs_and_of_those_before(
    recipe: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import loop
    import torch
    import train_frame

    first, saved, save, average = recipe(tmp_path / "a"), [], torch.save, loop.get_ema_multi_avg_fn
    monkeypatch.setattr(train_frame, "RESTART_WARM_UP", 1)
    monkeypatch.setattr(loop, "get_ema_multi_avg_fn", lambda decay: average(0.5))
    monkeypatch.setattr(
        torch, "save", lambda state, path: (saved.append(copy.deepcopy(state["average"])), save(state, path))
    )
    second = recipe(tmp_path / "b", "--epochs", "2", "--init", str(first))
    before, after = (train_frame.trained(path, np.zeros(len(EXPRESSIONS))).state_dict() for path in (first, second))
    for name in ("head.weight", "embed.0.weight"):
        one, two = (state[f"module.cnn.{name}"] for state in saved)
        assert min((one - two).abs().max(), (one - before[name]).abs().max()) > 1e-4
        torch.testing.assert_close(after[name], 0.4 * before[name] + 0.3 * one + 0.3 * two, rtol=0, atol=1e-6)


def test_a_run_that_was_stopped_ends_as_one_that_was_not(
    recipe: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import torch

    options = ("--epochs", "2", "--init", str(recipe(tmp_path / "a")))
    whole, save = checkpoint.read(recipe(tmp_path / "whole", *options)).tensors, torch.save

    def stop(state: dict[str, object], path: Path) -> None:
        if state["epoch"] == 1:
            raise KeyboardInterrupt
        save(state, path)

    monkeypatch.setattr(torch, "save", stop)
    with pytest.raises(KeyboardInterrupt):
        recipe(tmp_path / "stopped", *options)
    monkeypatch.setattr(torch, "save", save)
    for name, tensor in checkpoint.read(recipe(tmp_path / "stopped", *options)).tensors.items():
        np.testing.assert_array_equal(tensor, whole[name])


def test_a_finished_run_is_not_trained_again(recipe: Callable[..., Path], tmp_path: Path):
    before = checkpoint.read(recipe(tmp_path)).tensors
    after = checkpoint.read(recipe(tmp_path)).tensors
    for name, tensor in before.items():
        np.testing.assert_array_equal(tensor, after[name])


def test_twins_are_the_same_face_nudged():
    from train_frame import twins

    image = np.zeros((48, 48), np.uint8)
    image[:, :24] = 200
    pairs = [
        twins(image, np.array([(CROP_PX / 48, 0, 0), (0, CROP_PX / 48, 0)]), (1, draw, 0)).astype(float)
        for draw in range(40)
    ]
    left = np.array(
        [[crop[:, : CROP_PX // 2].mean() > crop[:, CROP_PX // 2 :].mean() for crop in pair] for pair in pairs]
    )
    # Both are mirrored or none is; and they differ.
    np.testing.assert_array_equal(left[:, 0], left[:, 1])
    assert 10 < left[:, 0].sum() < 30
    assert all((pair[0] != pair[1]).any() for pair in pairs)


def test_the_correction_leans_to_neutral_only_as_far_as_scores_show():
    import ferplus as data
    from train_frame import fit_head

    rng = np.random.default_rng(0)
    prior = np.array([0.6, *[0.4 / 7] * 7])
    truth = rng.choice(len(EXPRESSIONS), 4000, p=prior)
    # Faces that are clear beyond all doubt: no correction changes their predictions, so the strongest is taken.
    target = np.eye(len(EXPRESSIONS), dtype=np.float32)[truth]
    faces = data.FerPlus(np.empty((4000, 1, 1)), np.empty((4000, 1, 3)), target, truth)
    assert fit_head(20 * target, faces)[0] == pytest.approx(0.75)
    # Predictions of a Bayesian who knows the prior, right on average already: correcting them makes them worse.
    noisy = target + rng.normal(0, 0.7, target.shape)
    strength, temperature = fit_head((noisy / 0.49 + np.log(prior)).astype(np.float32), faces)
    assert -0.3 < strength < 0.6
    assert temperature == pytest.approx(1, abs=0.3)
    # Nor less accurate, for the sake of rare expressions.
    corrected = noisy / 0.49 + (1 - strength) * np.log(prior)
    assert (corrected.argmax(1) == truth).mean() > ((noisy / 0.49 + np.log(prior)).argmax(1) == truth).mean() - 0.002
