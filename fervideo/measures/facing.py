"""Faces turned to the camera: the pose of their heads, and lengths that hardly change with a head's size and pose.

A rotation, found by the method of Kabsch (1976), takes the mean face's rigid landmarks to the observed ones. Heights
are taken along the turned face; lengths and heights are divided by the distance of the outer eye corners.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from fervideo.landmarks import OUTER_EYE_CORNERS, RIGID
from fervideo.records import DetectedFaces, Float64, Int64

_Result = TypeVar("_Result")

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

_TEMPLATE_SIZE = float(((TEMPLATE - TEMPLATE.mean(0)) ** 2).sum())


class FacingFaces:
    """Faces as their measures read them.

    Args:
        found: The faces.
        size_px: int64 (M, 2), width and height of the picture that each was found in.

    Attributes:
        found: The same.
        size_px: The same.
        landmarks_px: Those of the faces, float32 (M, N_LANDMARKS, 3).
    """

    def __init__(self, found: DetectedFaces, size_px: Int64) -> None:
        self.found, self.size_px = found, size_px
        self.landmarks_px = found.landmarks_px
        self._known: dict[Callable[..., Any], Any] = {}

    def once(self, compute: Callable[[FacingFaces], _Result]) -> _Result:
        """Return the result of a function of these faces, computed once for all measures that share it."""
        if compute not in self._known:
            self._known[compute] = compute(self)
        result: _Result = self._known[compute]
        return result

    @cached_property
    def rotation(self) -> Float64:
        """Proper rotations float64 (M, 3, 3) that take the mean face to each face."""
        template = TEMPLATE - TEMPLATE.mean(0)
        observed = self._rigid - self._rigid.mean(1, keepdims=True)
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
        height: Float64 = -(self.points(group).mean(1) * self.rotation[:, :, 1]).sum(1) / self._eye_distance
        return height

    def turned(self, group: Sequence[int]) -> Float64:
        """Return some landmarks of the faces turned to the camera, float64 (M, len(group), 3).

        They are in units of the mean face, whose outer eye corners are 1 apart. The middle of its rigid landmarks is
        the origin. Axes point to the right of the picture, down, and away from the camera.
        """
        middle = self._rigid.mean(1, keepdims=True)
        size = np.sqrt(((self._rigid - middle) ** 2).sum((1, 2)) / _TEMPLATE_SIZE)
        turned: Float64 = (self.points(group) - middle) @ self.rotation / np.maximum(size, 1e-6)[:, None, None]
        return turned

    @cached_property
    def _rigid(self) -> Float64:
        return self.points(RIGID)

    @cached_property
    def _eye_distance(self) -> Float64:
        return np.maximum(self._length(OUTER_EYE_CORNERS), 1e-6)

    def _length(self, pair: tuple[int, int]) -> Float64:
        points = self.points(pair)
        length: Float64 = np.linalg.norm(points[:, 0] - points[:, 1], axis=1)
        return length

    def points(self, group: Sequence[int]) -> Float64:
        """Return some landmarks as they lie in the picture, float64 (M, len(group), 3)."""
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
