"""Eyes, mouth and brows of faces that are built to known gaps."""

import pytest
from fakes import mean_face, measures_of, rotated

NAMES = ("eye_open_left", "eye_open_right", "mouth_open", "smile", "brow_raise", "brow_furrow")


def test_size_position_and_pose_change_nothing():
    still = measures_of(mean_face())
    moved = measures_of(rotated(mean_face(), 28, -12, 33) * 260 + (900, 40, 0))
    for name in NAMES:
        assert moved[name] == pytest.approx(still[name], abs=2e-3), name


def test_each_follows_its_own_feature():
    still = measures_of(mean_face())
    assert still["mouth_open"] == pytest.approx(0, abs=1e-6)
    # Outer and inner corner of an eye are 0.31 apart, the lids 0.06.
    assert still["eye_open_left"] == pytest.approx(0.06 / 0.31, rel=0.03)
    changes = {
        "mouth_open": ([14], (0, 0.2, 0)),
        "smile": ([61, 291], (0, -0.1, 0)),
        "brow_raise": ([63, 105, 66, 293, 334, 296], (0, -0.1, 0)),
        "eye_open_right": ([160, 158], (0, -0.05, 0)),
        "eye_open_left": ([387, 385], (0, -0.05, 0)),
    }
    for name, (indices, shift) in changes.items():
        face = mean_face()
        face[indices] += shift
        changed = measures_of(face)
        assert changed[name] > still[name] + 0.04, name
        for other in set(NAMES) - {name, "smile"}:
            assert changed[other] == pytest.approx(still[other], abs=1e-3), (name, other)
    face = mean_face()
    face[55, 0] += 0.05
    face[285, 0] -= 0.05
    assert measures_of(face)["brow_furrow"] > still["brow_furrow"] + 0.1
