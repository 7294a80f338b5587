"""Head pose: where the head points."""

from __future__ import annotations

from fervideo.measures.facing import FacingFaces
from fervideo.records import Float64


def yaw_deg(faces: FacingFaces) -> Float64:
    """Return float64 (M,), degrees; > 0 where the face turns to the right of the picture."""
    return faces.angles_deg[0]


def pitch_deg(faces: FacingFaces) -> Float64:
    """Return float64 (M,), degrees; > 0 where the face looks up."""
    return faces.angles_deg[1]


def roll_deg(faces: FacingFaces) -> Float64:
    """Return float64 (M,), degrees; > 0 where the head tilts clockwise in the picture."""
    return faces.angles_deg[2]
