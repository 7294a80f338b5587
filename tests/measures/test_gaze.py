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


#: An eye in millimetres: the ball, the iris on it, and the way from one corner of the lids to the other.
BALL_MM, IRIS_MM, LIDS_MM = 12.0, 5.9, 30.0


def rendered(right_deg: float, up_deg: float) -> np.ndarray:
    """Build a face with eyes of a grown person's size: balls that turn about their middles, with an iris in front."""
    face, front_mm = mean_face(), np.sqrt(BALL_MM**2 - IRIS_MM**2)
    right, up = np.radians(right_deg), np.radians(up_deg)
    ahead = np.array([np.sin(right) * np.cos(up), -np.sin(up), -np.cos(right) * np.cos(up)])
    for outer, inner, iris in EYES:
        mm = np.linalg.norm(face[outer] - face[inner]) / LIDS_MM
        # The middle of the ball lies behind that of the lids, and a level look passes a little above their corners.
        middle = (face[outer] + face[inner]) / 2 + np.array([0, -0.05 * LIDS_MM, front_mm]) * mm
        face[iris] = middle + ahead * front_mm * mm
    return face


@pytest.mark.parametrize("head_deg", [-20, 0, 20])
@pytest.mark.parametrize(("right_deg", "up_deg"), [(0, 0), (-30, 0), (-15, 10), (15, -10), (30, 0), (0, 15), (0, -15)])
def test_rendered_eyes_are_read_to_three_degrees(head_deg: float, right_deg: float, up_deg: float):
    face = rotated(rendered(right_deg, up_deg), head_deg)
    ahead = rotated(
        np.array([[np.tan(np.radians(right_deg)), -np.tan(np.radians(up_deg)) / np.cos(np.radians(right_deg)), -1]]),
        head_deg,
    )[0]
    true_deg = np.degrees([np.arctan2(ahead[0], -ahead[2]), np.arctan2(-ahead[1], np.hypot(ahead[0], ahead[2]))])
    found = measures_of(face * 140 + 300)
    assert (found["gaze_yaw_deg"], found["gaze_pitch_deg"]) == pytest.approx(true_deg, abs=3)


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
