"""Topology of faces by name."""

from fervideo import landmarks
from fervideo.landmarks import N_LANDMARKS


def test_as_many_landmarks_as_the_table_needs():
    assert len(landmarks.SIXTY_EIGHT) == len(landmarks.MIRRORED_68) == 68
    assert max(landmarks.SIXTY_EIGHT) < N_LANDMARKS
