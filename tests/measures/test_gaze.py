"""Gaze of faces whose irises are placed by a known turn of the eyes."""

import numpy as np
import pytest
from fakes import mean_face, measures_of, rotated

from fervideo.measures import gaze

EYES = ((33, 133, 468), (263, 362, 473))


def looking(right_deg: float, up_deg: float) -> np.ndarray:
    """Build a face whose eyes are turned in the head, to the right of the picture and up."""
    face = mean_face()
    across, up = np.sin(np.radians(right_deg)) * np.cos(np.radians(up_deg)), np.sin(np.radians(up_deg))
    for outer, inner, iris in EYES:
        width = np.linalg.norm(face[outer] - face[inner])
        way = np.array([across * gaze._RADIUS, -up * gaze._RADIUS - gaze._LEVEL, 0]) * width
        face[iris] = (face[outer] + face[inner]) / 2 + way
    return face


@pytest.mark.parametrize(
    ("head", "eyes", "gaze_deg"),
    [
        ((0, 0, 0), (0, 0), (0, 0)),
        ((0, 0, 0), (20, 0), (20, 0)),
        ((0, 0, 0), (0, -15), (0, -15)),
        ((25, 0, 0), (-25, 0), (0, 0)),
        ((0, 20, 0), (0, -20), (0, 0)),
        ((20, 0, 0), (10, 0), (30, 0)),
    ],
    ids=["into the camera", "eyes right", "eyes down", "head turned", "head raised", "both to one side"],
)
def test_head_and_eyes_add_up(head: tuple[float, ...], eyes: tuple[float, float], gaze_deg: tuple[float, float]):
    found = measures_of(rotated(looking(*eyes), *head) * 140 + 300)
    assert found["gaze_yaw_deg"] == pytest.approx(gaze_deg[0], abs=1.5)
    assert found["gaze_pitch_deg"] == pytest.approx(gaze_deg[1], abs=1.5)
