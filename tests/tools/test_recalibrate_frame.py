"""The tool that changes how far a trained frame CNN leans to common expressions."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from fervideo import checkpoint
from fervideo.classifiers import cnn
from fervideo.landmarks import N_LANDMARKS


def test_the_bias_alone_moves_by_the_prior(
    ferplus: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    import ferplus as faces
    import recalibrate_frame

    before, out = tmp_path / "before.safetensors", tmp_path / "after.safetensors"
    cnn.save(cnn.FrameCNN((8, 8, 8, 8)), before, {"prior_correction": 0.1, "temperature": 0.5, "seed": 1})
    command = ["", *map(str, ferplus), str(before), str(out), "--strength", "0.3", "--mirrored"]
    monkeypatch.setattr(sys, "argv", command)
    recalibrate_frame.main()
    log_prior = torch.from_numpy(np.log(faces.load(*ferplus, "validation").target.mean(0)))
    one, two = cnn.load(before), cnn.load(out)
    torch.testing.assert_close(two.head.bias, one.head.bias - 0.4 * log_prior)
    torch.testing.assert_close(two.head.weight, one.head.weight)
    assert two.config["mirrored"]
    header = checkpoint.read(out).header
    assert (header["of"], header["prior_correction"], header["seed"]) == (checkpoint.digest(before), 0.3, 1)
    assert json.loads(capsys.readouterr().out) == header["scores"]["ferplus_validation_unseen"]


def test_images_that_were_learned_from_are_left_out():
    import ferplus as faces
    import recalibrate_frame

    images = np.arange(4, dtype=np.uint8)[:, None, None] * np.ones((1, 48, 48), np.uint8)
    points, target = np.zeros((4, N_LANDMARKS, 3), np.float32), np.eye(8, dtype=np.float32)[:4]
    check = faces.FerPlus(images, points, target, np.array([0, 1, -1, 3]))
    learned = check.take(np.array([1]))
    np.testing.assert_array_equal(recalibrate_frame.unseen(check, learned).majority, [0, 3])
