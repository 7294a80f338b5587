"""Measures of faces: pure functions of landmarks, one small file per kind.

`columns.MEASURES` lists each one's column, `FUNCTIONS` its function. Measures are computed when a cached segment is
read, so that a new one decodes nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fervideo.measures import openness, pose
from fervideo.measures.facing import FacingFaces
from fervideo.records import Float32, Float64

#: The function of each column in `columns.MEASURES`: faces to float64 (M,).
FUNCTIONS: dict[str, Callable[[FacingFaces], Float64]] = {
    "yaw_deg": pose.yaw_deg,
    "pitch_deg": pose.pitch_deg,
    "roll_deg": pose.roll_deg,
    "eye_open_left": openness.eye_open_left,
    "eye_open_right": openness.eye_open_right,
    "mouth_open": openness.mouth_open,
    "smile": openness.smile,
    "brow_raise": openness.brow_raise,
    "brow_furrow": openness.brow_furrow,
}


def measure(landmarks_px: Float32) -> dict[str, Float32]:
    """Measure faces.

    Args:
        landmarks_px: float32 (M, N_LANDMARKS, 3): x, y in pixels, z in the same scale, towards the camera negative.

    Returns:
        float32 (M,) by the name of each measure.
    """
    faces = FacingFaces(landmarks_px)
    return {name: function(faces).astype(np.float32) for name, function in FUNCTIONS.items()}
