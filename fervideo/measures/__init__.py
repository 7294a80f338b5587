"""Measures of faces: pure functions of `DetectedFaces`, one small file per kind.

`columns.MEASURES` lists each one's column, `FUNCTIONS` its function. Measures are computed when a cached segment is
read, so that a new one decodes nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fervideo.measures import asymmetry, gaze, openness, pose, quality
from fervideo.measures.facing import FacingFaces
from fervideo.measures.movements import movement
from fervideo.movements import MOVEMENTS
from fervideo.records import DetectedFaces, Float32, Float64, Int64

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
    "face_px": quality.face_px,
    "inside": quality.inside,
    "blur": quality.blur,
    "brightness": quality.brightness,
    "quality": quality.quality,
    "cut_off": quality.cut_off,
    "asymmetry_smile": asymmetry.asymmetry_smile,
    "asymmetry_brows": asymmetry.asymmetry_brows,
    "gaze_yaw_deg": gaze.gaze_yaw_deg,
    "gaze_pitch_deg": gaze.gaze_pitch_deg,
    **{f"move_{name}": movement(name) for name in MOVEMENTS},
}


def measure(found: DetectedFaces, size_px: Int64) -> dict[str, Float32]:
    """Measure faces.

    Args:
        found: M faces.
        size_px: int64 (M, 2), width and height of the picture that each was found in.

    Returns:
        float32 (M,) by the name of each measure.
    """
    faces = FacingFaces(found, size_px)
    return {name: function(faces).astype(np.float32) for name, function in FUNCTIONS.items()}
