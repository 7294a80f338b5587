"""Gaze: where the eyes point, from the iris between the corners of its eye and from the pose of the head.

In the face turned to the camera, an eye is a ball whose front carries the iris. The iris's way from the middle between
the corners is the sine of the eye's turn, times the ball's radius. Angles are those of the line from the face to the
camera: 0 is a look into the camera from anywhere in the picture.
"""

from __future__ import annotations

import numpy as np

from fervideo import landmarks
from fervideo.measures.facing import FacingFaces
from fervideo.records import Float64

#: Radius of the ball, in widths of the eye: an iris in the corner, at about 40 degrees, was seen 0.2 to 0.26 off.
_RADIUS = 0.34
#: Height of the iris over the line of the corners in a level look, in widths of the eye: the median of photographs.
_LEVEL = 0.05
_EYES = (*landmarks.RIGHT_EYE[0], landmarks.RIGHT_IRIS[0], *landmarks.LEFT_EYE[0], landmarks.LEFT_IRIS[0])


def gaze_yaw_deg(faces: FacingFaces) -> Float64:
    """Return float64 (M,), degrees; > 0 where the eyes look to the right of the picture."""
    return faces.once(_direction_deg)[0]


def gaze_pitch_deg(faces: FacingFaces) -> Float64:
    """Return float64 (M,), degrees; > 0 where the eyes look up."""
    return faces.once(_direction_deg)[1]


def in_head(faces: FacingFaces) -> tuple[Float64, Float64]:
    """Return the mean way of both irises to the right of the picture and up, float64 (M,) each, in widths of an eye."""
    # Faces, eyes, then outer corner, inner corner and iris of each.
    eyes = faces.turned(_EYES).reshape(-1, 2, 3, 3)
    outer, inner, iris = eyes[:, :, 0], eyes[:, :, 1], eyes[:, :, 2]
    width = np.maximum(np.linalg.norm(outer - inner, axis=2, keepdims=True), 1e-6)
    way = ((iris - (outer + inner) / 2) / width).mean(1)
    return way[:, 0], -way[:, 1]


def _direction_deg(faces: FacingFaces) -> tuple[Float64, Float64]:
    """Return yaw and pitch of the gaze, float64 (M,) each, in degrees."""
    right, up = in_head(faces)
    right, up = (right / _RADIUS).clip(-0.9, 0.9), ((up - _LEVEL) / _RADIUS).clip(-0.9, 0.9)
    ahead = np.sqrt(np.maximum(1 - right**2 - up**2, 0.05))
    own = np.stack([right, -up, -ahead], 1)
    x, y, z = (own[:, None] @ faces.rotation.transpose(0, 2, 1))[:, 0].T
    return np.degrees(np.arctan2(x, -z)), np.degrees(np.arctan2(-y, np.hypot(x, z)))
