"""Checkpoints: what they say of themselves, and what is said of files that are none."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from fervideo import checkpoint
from fervideo.errors import WeightsError


def test_round_trip(tmp_path: Path):
    path = tmp_path / "runs" / "a.safetensors"
    checkpoint.write(path, {"kind": "toy", "labels": ("a", "b"), "seed": 3}, {"w": np.arange(6, dtype=np.float32).reshape(2, 3).T})
    stored = checkpoint.read(path)
    stored.expect(kind="toy", labels=("a", "b"))
    np.testing.assert_array_equal(stored.tensors["w"], np.arange(6).reshape(2, 3).T)
    assert stored.digest == checkpoint.digest(path)


def test_a_mismatch_names_both_sides(tmp_path: Path):
    path = tmp_path / "a.safetensors"
    checkpoint.write(path, {"kind": "toy", "crop_px": 48}, {"w": np.zeros(1, np.float32)})
    with pytest.raises(WeightsError, match=r"a\.safetensors: made for crop_px = 48, here it is 56; use weights"):
        checkpoint.read(path).expect(crop_px=56)


def test_what_is_no_checkpoint_is_refused(tmp_path: Path):
    foreign = tmp_path / "foreign.safetensors"
    save_file({"w": np.zeros(2, np.float32)}, foreign)
    text = tmp_path / "text.safetensors"
    text.write_text("not weights")
    for path, reason in (
        (foreign, "no fervideo header"),
        (text, "not a safetensors file"),
        (tmp_path / "none", "no such file"),
        (tmp_path, "not a safe"),
    ):
        with pytest.raises(WeightsError, match=reason):
            checkpoint.read(path)


def test_the_shipped_weights_say_where_they_come_from():
    for name in ("frame", "sequence"):
        header = checkpoint.read(checkpoint.SHIPPED / f"{name}.safetensors").header
        assert (checkpoint.SHIPPED / f"{name}.md").exists()
        for key in ("labels", "recipe", "data", "seed", "date", "scores"):
            assert header[key], key
        assert (Path(__file__).parents[1] / header["recipe"]).exists()
