"""Movements: the network's weights, and a real smile."""

from pathlib import Path

import numpy as np
import pytest
from fakes import measures_of
from portraits import Face

from fervideo import checkpoint
from fervideo.errors import WeightsError
from fervideo.measures import movements
from fervideo.movements import MOVEMENTS

WIDE = {name for name in MOVEMENTS if name.startswith("mouth_smile")}


def moves(face: np.ndarray) -> dict[str, float]:
    found = measures_of(face)
    return {name: found[f"move_{name}"] for name in MOVEMENTS}


def test_a_real_smile_is_one_on_both_sides(smile: Face):
    found = moves(smile.landmarks_px[0].astype(np.float64))
    assert all(found[name] > 0.6 for name in WIDE)
    assert found["mouth_pucker"] < 0.3
    assert found["eye_blink_left"] < 0.5
    assert all(0 <= value <= 1 for value in found.values())


def test_position_size_and_tilt_change_nothing(smile: Face):
    face = smile.landmarks_px[0].astype(np.float64)
    (cos, sin), scale = (np.cos(0.5), np.sin(0.5)), 1.7
    turned = face * scale @ np.array([(cos, sin, 0), (-sin, cos, 0), (0, 0, 1)]) + (40, -25, 0)
    before, after = moves(face), moves(turned)
    assert [after[name] for name in MOVEMENTS] == pytest.approx([before[name] for name in MOVEMENTS], abs=1e-3)


def test_other_weights_are_refused(tmp_path: Path):
    stored = checkpoint.read(movements.WEIGHTS)
    path = tmp_path / "a.safetensors"
    checkpoint.write(path, {**stored.header, "movements": ["wink"]}, stored.tensors)
    with pytest.raises(WeightsError, match=r"made for movements = \['wink'\]"):
        movements.load(path)
    checkpoint.write(path, stored.header, {**stored.tensors, "mean": stored.tensors["mean"][:-1]})
    with pytest.raises(WeightsError, match="another shape"):
        movements.load(path)
