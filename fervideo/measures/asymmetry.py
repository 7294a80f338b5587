"""Asymmetry: how much higher the left half of an expression stands than the right one, along the turned face."""

from __future__ import annotations

from fervideo import landmarks
from fervideo.measures.facing import FacingFaces
from fervideo.records import Float64


def asymmetry_smile(faces: FacingFaces) -> Float64:
    """Return how much higher the left corner of the lips stands than the right one, float64 (M,), in eye distances."""
    right, left = landmarks.LIP_CORNERS
    higher: Float64 = faces.height((left,)) - faces.height((right,))
    return higher


def asymmetry_brows(faces: FacingFaces) -> Float64:
    """Return how much higher the left brow stands over its eye than the right one, float64 (M,), in eye distances."""
    half = len(landmarks.BROWS) // 2
    right, left = landmarks.BROWS[:half], landmarks.BROWS[half:]
    (outer_right, outer_left), (inner_right, inner_left) = landmarks.OUTER_EYE_CORNERS, landmarks.INNER_EYE_CORNERS
    over_left = faces.height(left) - faces.height((outer_left, inner_left))
    higher: Float64 = over_left - (faces.height(right) - faces.height((outer_right, inner_right)))
    return higher
