"""Faces turned to the camera: the pose of their heads, and lengths that hardly change with a head's size and pose.

A rotation, found by the method of Kabsch (1976), takes the mean face's rigid landmarks to the observed ones. Heights
are taken along the turned face; lengths and heights are divided by the distance of the outer eye corners.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from fervideo.landmarks import OUTER_EYE_CORNERS, RIGID
from fervideo.records import Float32, Float64

#: Positions of the rigid landmarks in the mean face of FER+, as `tools/ferplus.py template` prints them. They are in
#: distances of the outer eye corners: x to the right of the picture, y down, z away from the camera.
TEMPLATE = np.array(
    [
        (-0.500, -0.020, -0.018),
        (-0.201, 0.003, -0.079),
        (0.201, 0.003, -0.079),
        (0.500, -0.020, -0.018),
        (0.000, -0.045, -0.255),
        (0.000, 0.132, -0.346),
        (0.000, 0.505, -0.280),
        (-0.192, 0.474, -0.195),
        (0.192, 0.474, -0.195),
        (0.000, -0.577, -0.239),
        (-0.213, -0.573, -0.220),
        (0.213, -0.573, -0.220),
        (-0.760, -0.021, 0.507),
        (0.760, -0.021, 0.507),
        (-0.751, 0.130, 0.565),
        (0.751, 0.130, 0.565),
    ]
)


class FacingFaces:
    """Faces as their measures read them.

    Args:
        landmarks_px: float32 (M, N_LANDMARKS, 3): x, y in pixels, z in the same scale, towards the camera negative.

    Attributes:
        landmarks_px: The same.
    """

    def __init__(self, landmarks_px: Float32) -> None:
        self.landmarks_px = landmarks_px

    @cached_property
    def rotation(self) -> Float64:
        """Proper rotations float64 (M, 3, 3) that take the mean face to each face."""
        template = TEMPLATE - TEMPLATE.mean(0)
        observed = self._points(RIGID)
        observed = observed - observed.mean(1, keepdims=True)
        u, _, vt = np.linalg.svd(observed.transpose(0, 2, 1) @ template)
        u[:, :, 2] *= np.sign(np.linalg.det(u @ vt))[:, None]
        rotation: Float64 = u @ vt
        return rotation

    @cached_property
    def angles_deg(self) -> tuple[Float64, Float64, Float64]:
        """Yaw, pitch and roll, float64 (M,) each in degrees: > 0 to the right of the picture, up, clockwise."""
        return angles_deg(self.rotation)

    def gap(self, pair: tuple[int, int]) -> Float64:
        """Return the distance of two landmarks: float64 (M,), in distances of the outer eye corners."""
        return self._length(pair) / self._eye_distance

    def height(self, group: Sequence[int]) -> Float64:
        """Return the mean height of some landmarks along the turned face: float64 (M,), in eye distances."""
        height: Float64 = -(self._points(group).mean(1) * self.rotation[:, :, 1]).sum(1) / self._eye_distance
        return height

    @cached_property
    def _eye_distance(self) -> Float64:
        return np.maximum(self._length(OUTER_EYE_CORNERS), 1e-6)

    def _length(self, pair: tuple[int, int]) -> Float64:
        points = self._points(pair)
        length: Float64 = np.linalg.norm(points[:, 0] - points[:, 1], axis=1)
        return length

    def _points(self, group: Sequence[int]) -> Float64:
        # Only the landmarks that are used become doubles: there are 478 of them in every face of every frame.
        return self.landmarks_px.take(group, axis=1).astype(np.float64)


def angles_deg(rotation: Float64) -> tuple[Float64, Float64, Float64]:
    """Split rotations into yaw, pitch and roll (in this order, Y-X-Z).

    Args:
        rotation: float64 (M, 3, 3), the mean face to the observed one.

    Returns:
        yaw, pitch, roll: float64 (M,) each, degrees; signs as in `FacingFaces.angles_deg`.
    """
    forward = -rotation[:, :, 2]
    yaw = np.arctan2(forward[:, 0], -forward[:, 2])
    pitch = np.arctan2(-forward[:, 1], np.hypot(forward[:, 0], forward[:, 2]))
    # The face's own right-pointing axis once yaw and pitch are undone: only roll is left in it.
    right, down = rotation[:, :, 0], rotation[:, :, 1]
    level = np.stack([np.cos(yaw), np.zeros_like(yaw), np.sin(yaw)], 1)
    roll = np.arctan2(-(down * level).sum(1), (right * level).sum(1))
    return np.degrees(yaw), np.degrees(pitch), np.degrees(roll)
