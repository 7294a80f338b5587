"""Head pose and scale-free measures of a face, from its landmarks.

Landmarks are first turned to face the camera: a rotation, found by the method of Kabsch (1976), takes the mean face's
rigid points to the observed ones. Distances are then taken in that frame and divided by the distance of the outer eye
corners, so that neither the face's size nor the head's pose changes them much. `left` and `right` are the person's own.

| column | definition | after |
|---|---|---|
| `yaw_deg` | > 0: the face turns to the right of the picture | angles Y-X-Z of the rotation |
| `pitch_deg` | > 0: the face looks up; 0 is the median of FER+'s faces | |
| `roll_deg` | > 0: the head tilts clockwise in the picture | |
| `eye_open_left`, `eye_open_right` | eye aspect ratio: lid gap over eye width | Soukupová & Čech 2016 |
| `mouth_open` | gap of the inner lips | FACS AU 25-27 |
| `smile` | height of the lip corners over the middle of the inner lips; < 0 where they hang | FACS AU 12, 15 |
| `brow_raise` | height of the brows over the line of the eye corners | FACS AU 1, 2 |
| `brow_furrow` | 1 - gap of the inner brows / gap of the inner eye corners | FACS AU 4 |
"""

from __future__ import annotations

import numpy as np

from fervideo.records import GEOMETRY, Float32, Float64

#: The mean face of FER+ (`tools/ferplus.py template` prints it): FaceMesh landmark to place, in units of the distance
#: of the outer eye corners; x to the right of the picture, y down, z away from the camera.
_TEMPLATE = {
    33: (-0.500, -0.020, -0.018),
    133: (-0.201, 0.003, -0.079),
    362: (0.201, 0.003, -0.079),
    263: (0.500, -0.020, -0.018),
    168: (0.000, -0.045, -0.255),
    197: (0.000, 0.132, -0.346),
    2: (0.000, 0.505, -0.280),
    98: (-0.192, 0.474, -0.195),
    327: (0.192, 0.474, -0.195),
    10: (0.000, -0.577, -0.239),
    109: (-0.213, -0.573, -0.220),
    338: (0.213, -0.573, -0.220),
    127: (-0.760, -0.021, 0.507),
    356: (0.760, -0.021, 0.507),
    234: (-0.751, 0.130, 0.565),
    454: (0.751, 0.130, 0.565),
}
#: Outer and inner corner, then the upper and the lower lid from outside in.
_RIGHT_EYE = ((33, 133), (160, 158), (144, 153))
_LEFT_EYE = ((263, 362), (387, 385), (373, 380))
_LIP_CORNERS = (61, 291)
_INNER_LIPS = (13, 14)
_BROWS = (63, 105, 66, 293, 334, 296)
_INNER_BROWS = (55, 285)
_EYE_CORNERS = (33, 133, 362, 263)
_INNER_EYE_CORNERS = (133, 362)


def measure(landmarks_px: Float32) -> Float32:
    """Measure faces.

    Args:
        landmarks_px: float32 (M, N_LANDMARKS, 3), x, y in pixels, z in the same scale.

    Returns:
        float32 (M, len(GEOMETRY)), in the order of GEOMETRY.
    """
    points = landmarks_px.astype(np.float64)
    rotation = head_rotation(points)
    yaw, pitch, roll = angles_deg(rotation)
    # Rows times the rotation is its inverse from the left: the faces now look into the camera.
    facing = points @ rotation
    facing = facing / np.maximum(_gap(facing, (33, 263)), 1e-6)[:, None, None]
    height = -facing[:, :, 1]
    columns = {
        "yaw_deg": yaw,
        "pitch_deg": pitch,
        "roll_deg": roll,
        "eye_open_left": _aspect_ratio(facing, _LEFT_EYE),
        "eye_open_right": _aspect_ratio(facing, _RIGHT_EYE),
        "mouth_open": _gap(facing, _INNER_LIPS),
        "smile": height[:, _LIP_CORNERS].mean(1) - height[:, _INNER_LIPS].mean(1),
        "brow_raise": height[:, _BROWS].mean(1) - height[:, _EYE_CORNERS].mean(1),
        "brow_furrow": 1 - _gap(facing, _INNER_BROWS) / np.maximum(_gap(facing, _INNER_EYE_CORNERS), 1e-6),
    }
    measures: Float32 = np.stack([columns[name] for name in GEOMETRY], 1).astype(np.float32)
    return measures


def head_rotation(landmarks_px: Float64) -> Float64:
    """Find the rotation that takes the mean face to each face.

    Args:
        landmarks_px: float64 (M, N_LANDMARKS, 3).

    Returns:
        float64 (M, 3, 3), proper rotations.
    """
    template = np.array(list(_TEMPLATE.values()))
    template = template - template.mean(0)
    observed = landmarks_px[:, list(_TEMPLATE)]
    observed = observed - observed.mean(1, keepdims=True)
    u, _, vt = np.linalg.svd(np.einsum("mki,kj->mij", observed, template))
    u[:, :, 2] *= np.sign(np.linalg.det(u @ vt))[:, None]
    rotation: Float64 = u @ vt
    return rotation


def angles_deg(rotation: Float64) -> tuple[Float64, Float64, Float64]:
    """Split rotations into yaw, pitch and roll.

    Args:
        rotation: float64 (M, 3, 3), the mean face to the observed one.

    Returns:
        yaw, pitch, roll: float64 (M,) each, degrees; signs as in the module's table.
    """
    forward = -rotation[:, :, 2]
    yaw = np.arctan2(forward[:, 0], -forward[:, 2])
    pitch = np.arctan2(-forward[:, 1], np.hypot(forward[:, 0], forward[:, 2]))
    # What is left of the face's own right-pointing axis once yaw and pitch are undone.
    right, down = rotation[:, :, 0], rotation[:, :, 1]
    level = np.stack([np.cos(yaw), np.zeros_like(yaw), np.sin(yaw)], 1)
    roll = np.arctan2(-(down * level).sum(1), (right * level).sum(1))
    return np.degrees(yaw), np.degrees(pitch), np.degrees(roll)


def _gap(points: Float64, pair: tuple[int, int]) -> Float64:
    gap: Float64 = np.linalg.norm(points[:, pair[0]] - points[:, pair[1]], axis=1)
    return gap


def _aspect_ratio(points: Float64, eye: tuple[tuple[int, int], ...]) -> Float64:
    corners, upper, lower = eye
    lids = _gap(points, (upper[0], lower[0])) + _gap(points, (upper[1], lower[1]))
    ratio: Float64 = lids / np.maximum(2 * _gap(points, corners), 1e-6)
    return ratio
