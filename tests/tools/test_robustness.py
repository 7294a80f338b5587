"""The tool that disturbs crops, and counts the predictions that change."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from fervideo import checkpoint
from fervideo.records import CROP_PX, EXPRESSIONS


def test_a_crop_is_disturbed_as_asked():
    import robustness

    transform = np.array([(0.5, 0.1, 3.0), (-0.1, 0.5, 20.0)])
    middle = np.linalg.solve(transform[:, :2], (CROP_PX - 1) / 2 - transform[:, 2])
    for zoom, x_px, y_px in robustness.MOVES.values():
        moved = robustness.moved(transform, zoom, x_px, y_px)
        assert moved[:, :2] @ middle + moved[:, 2] == pytest.approx(
            [(CROP_PX - 1) / 2 + x_px, (CROP_PX - 1) / 2 + y_px]
        )
        assert np.linalg.det(moved[:, :2]) == pytest.approx(zoom**2 * np.linalg.det(transform[:, :2]))


def test_changed_predictions_are_counted_by_disturbance():
    import robustness

    n = len(robustness.DISTURBANCES)
    same, other = np.zeros((3, 1 + n), np.int64), np.zeros((1, 1 + n), np.int64)
    other[0, 1] = EXPRESSIONS.index("fear")
    table = robustness.changed({"a.mp4": same, "b.mp4": other, "none.mp4": same[:0]})
    assert table.loc["all", ["faces", "left", "right"]].tolist() == [4, 0.25, 0]
    assert table.loc["none.mp4"].isna().sum() == n


def test_robustness_runs_on_a_real_face(
    tmp_path: Path, face_clip: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
):
    import robustness

    report = tmp_path / "report.json"
    monkeypatch.setattr(
        sys, "argv", ["", str(checkpoint.SHIPPED / "frame.safetensors"), str(face_clip), "--json", str(report)]
    )
    robustness.main()
    (clip, row), (name, total) = json.loads(report.read_text())["clips"].items()
    assert (clip, name) == ("astronaut.mp4", "all")
    assert row == total
    assert total["faces"] > 200
    # The bound of the shipped network on every clip.
    assert all(0 <= total[disturbance] < 0.03 for disturbance in robustness.DISTURBANCES)
