"""Head pose and facial measures, on faces built to known angles and gaps."""

import numpy as np
import pytest

from fervideo.columns import MEASURES
from fervideo.landmarks import N_LANDMARKS, RIGID
from fervideo.measures import facing, measure


def mean_face() -> np.ndarray:
    """Build a face, looking into the camera: float64 (N_LANDMARKS, 3) in units of the distance of the outer eye corners."""
    points = np.zeros((N_LANDMARKS, 3))
    points[list(RIGID)] = facing.TEMPLATE
    for outer, inner, upper, lower in ((33, 133, (160, 158), (144, 153)), (263, 362, (387, 385), (373, 380))):
        centre = (points[outer] + points[inner]) / 2
        for index, drop in (*((i, -0.03) for i in upper), *((i, 0.03) for i in lower)):
            points[index] = centre + np.array([0, drop, 0])
    points[[61, 291]] = (-0.28, 0.75, -0.1), (0.28, 0.75, -0.1)
    points[[13, 14]] = (0, 0.75, -0.2), (0, 0.75, -0.2)
    points[[63, 105, 66]] = (-0.35, -0.3, -0.1)
    points[[293, 334, 296]] = (0.35, -0.3, -0.1)
    points[[55, 285]] = (-0.16, -0.2, -0.15), (0.16, -0.2, -0.15)
    return points


def measures(points: np.ndarray) -> dict[str, float]:
    return {name: float(values[0]) for name, values in measure(points[None].astype(np.float32)).items()}


def rotated(points: np.ndarray, yaw: float = 0, pitch: float = 0, roll: float = 0) -> np.ndarray:
    """Turn a face: first roll, then pitch, then yaw, in degrees; signs as the module's table says."""
    (cy, sy), (cp, sp), (cr, sr) = ((np.cos(a), np.sin(a)) for a in np.radians((yaw, pitch, roll)))
    about_y = np.array([(cy, 0, -sy), (0, 1, 0), (sy, 0, cy)])
    about_x = np.array([(1, 0, 0), (0, cp, sp), (0, -sp, cp)])
    about_z = np.array([(cr, -sr, 0), (sr, cr, 0), (0, 0, 1)])
    return points @ (about_y @ about_x @ about_z).T


@pytest.mark.parametrize(
    ("yaw", "pitch", "roll"), [(0, 0, 0), (25, 0, 0), (0, -20, 0), (0, 0, 40), (-30, 15, -25), (60, -10, 100)]
)
def test_angles(yaw: float, pitch: float, roll: float):
    found = measures(rotated(mean_face(), yaw, pitch, roll) * 140 + 300)
    np.testing.assert_allclose([found["yaw_deg"], found["pitch_deg"], found["roll_deg"]], [yaw, pitch, roll], atol=0.05)


def test_signs_are_those_of_the_picture():
    face = rotated(mean_face(), yaw=30)
    assert face[197, 0] > face[[234, 454], 0].mean(), "the nose points right"
    face = rotated(mean_face(), pitch=30)
    assert face[197, 1] < rotated(mean_face())[197, 1], "the nose points up"
    face = rotated(mean_face(), roll=30)
    assert face[263, 1] > face[33, 1], "clockwise: the eye on the right comes down"


def test_measures_ignore_size_place_and_pose():
    still = measures(mean_face())
    moved = measures(rotated(mean_face(), 28, -12, 33) * 260 + (900, 40, 0))
    for name in list(MEASURES)[3:]:
        assert moved[name] == pytest.approx(still[name], abs=2e-3), name


def test_each_measure_follows_its_own_feature():
    still = measures(mean_face())
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
        changed = measures(face)
        assert changed[name] > still[name] + 0.04, name
        for other in set(list(MEASURES)[3:]) - {name, "smile"}:
            assert changed[other] == pytest.approx(still[other], abs=1e-3), (name, other)
    face = mean_face()
    face[55, 0] += 0.05
    face[285, 0] -= 0.05
    assert measures(face)["brow_furrow"] > still["brow_furrow"] + 0.1


def test_no_faces():
    assert {values.shape for values in measure(np.empty((0, N_LANDMARKS, 3), np.float32)).values()} == {(0,)}
