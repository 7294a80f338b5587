"""Openness of eyes and mouth, and position of lips and brows: scale-free distances of the face turned to the camera."""

from __future__ import annotations

import numpy as np

from fervideo import landmarks
from fervideo.measures.facing import FacingFaces
from fervideo.records import Float64


def eye_open_left(faces: FacingFaces) -> Float64:
    """Return the eye aspect ratio of the person's left eye, float64 (M,) (Soukupová & Čech 2016)."""
    return _aspect_ratio(faces, landmarks.LEFT_EYE)


def eye_open_right(faces: FacingFaces) -> Float64:
    """Return the eye aspect ratio of the person's right eye, float64 (M,) (Soukupová & Čech 2016)."""
    return _aspect_ratio(faces, landmarks.RIGHT_EYE)


def mouth_open(faces: FacingFaces) -> Float64:
    """Return the gap of the inner lips, float64 (M,), in eye distances (FACS AU 25 to 27)."""
    return faces.gap(landmarks.INNER_LIPS)


def smile(faces: FacingFaces) -> Float64:
    """Return the height of the lip corners over the middle of the inner lips, float64 (M,) (FACS AU 12; < 0: AU 15)."""
    height: Float64 = faces.height(landmarks.LIP_CORNERS) - faces.height(landmarks.INNER_LIPS)
    return height


def brow_raise(faces: FacingFaces) -> Float64:
    """Return the height of the brows over the eye corners, float64 (M,), in eye distances (FACS AU 1, 2)."""
    height: Float64 = faces.height(landmarks.BROWS) - faces.height(landmarks.EYE_CORNERS)
    return height


def brow_furrow(faces: FacingFaces) -> Float64:
    """Return 1 - gap of the inner brows / gap of the inner eye corners, float64 (M,) (FACS AU 4)."""
    furrow: Float64 = 1 - faces.gap(landmarks.INNER_BROWS) / np.maximum(faces.gap(landmarks.INNER_EYE_CORNERS), 1e-6)
    return furrow


def _aspect_ratio(faces: FacingFaces, eye: tuple[tuple[int, int], ...]) -> Float64:
    corners, upper, lower = eye
    lids = faces.gap((upper[0], lower[0])) + faces.gap((upper[1], lower[1]))
    ratio: Float64 = lids / np.maximum(2 * faces.gap(corners), 1e-6)
    return ratio
