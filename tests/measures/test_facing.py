"""Faces turned to the camera: the head pose of faces that are built to known angles."""

import numpy as np
import pytest
from fakes import mean_face, measures_of, rotated


@pytest.mark.parametrize(
    ("yaw", "pitch", "roll"), [(0, 0, 0), (25, 0, 0), (0, -20, 0), (0, 0, 40), (-30, 15, -25), (60, -10, 100)]
)
def test_angles(yaw: float, pitch: float, roll: float):
    found = measures_of(rotated(mean_face(), yaw, pitch, roll) * 140 + 300)
    np.testing.assert_allclose([found["yaw_deg"], found["pitch_deg"], found["roll_deg"]], [yaw, pitch, roll], atol=0.05)


def test_signs_are_those_of_the_picture():
    face = rotated(mean_face(), yaw=30)
    assert face[197, 0] > face[[234, 454], 0].mean(), "the nose points right"
    face = rotated(mean_face(), pitch=30)
    assert face[197, 1] < rotated(mean_face())[197, 1], "the nose points up"
    face = rotated(mean_face(), roll=30)
    assert face[263, 1] > face[33, 1], "clockwise: the eye on the right comes down"
