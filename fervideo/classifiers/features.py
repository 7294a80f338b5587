"""Geometric features of an aligned face, for the support vector machine.

Points carry the numbers of the 68-point scheme (Sagonas et al. 2013), which dlib's predictor yields;
`landmarks.SIXTY_EIGHT` names the FaceMesh landmark at the same point. Lengths are in distances of the outer eye
corners, angles in radians. Features of one side come twice, `..._right` and `..._left` (the person's own), from
mirrored points.

| feature | definition |
|---|---|
| gap | distance of two points, as between the lids or from lip corner to eye corner |
| height | how much higher the first points lie than the second (means of several), along the aligned face |
| angle | angle at the middle one of three points, as in the brow's arch or the lips' corner |
"""

from __future__ import annotations

import numpy as np

from fervideo.landmarks import MIRRORED_68
from fervideo.records import Float64

_Points = tuple[int, ...]
_EYE, _MOUTH = (36, 39), (62, 66)
#: name: (kind, points ...), of the face's right half, which is the left one in the picture.
_RIGHT: dict[str, tuple[str, _Points, _Points, _Points]] = {
    "eye_open_outer": ("gap", (37,), (41,), ()),
    "eye_open_inner": ("gap", (38,), (40,), ()),
    "eye_width": ("gap", (36,), (39,), ()),
    "upper_lid": ("height", (37, 38), _EYE, ()),
    "lower_lid": ("height", (40, 41), _EYE, ()),
    "eye_slant": ("height", (39,), (36,), ()),
    "outer_canthus": ("angle", (37,), (36,), (41,)),
    "inner_canthus": ("angle", (38,), (39,), (40,)),
    "brow_outer": ("height", (17,), _EYE, ()),
    "brow_outer_half": ("height", (18,), _EYE, ()),
    "brow_middle": ("height", (19,), _EYE, ()),
    "brow_inner_half": ("height", (20,), _EYE, ()),
    "brow_inner": ("height", (21,), _EYE, ()),
    "brow_slope": ("height", (20, 21), (17, 18), ()),
    "brow_arch": ("angle", (17,), (19,), (21,)),
    "brow_to_inner_corner": ("gap", (21,), (39,), ()),
    "brow_to_outer_corner": ("gap", (17,), (36,), ()),
    "brow_to_upper_lid": ("gap", (20,), (38,), ()),
    "wing_to_inner_corner": ("gap", (31,), (39,), ()),
    "wing_to_lip_corner": ("gap", (31,), (48,), ()),
    "wing_lift": ("height", (31,), (33,), ()),
    "lip_corner_to_eye": ("gap", (48,), (36,), ()),
    "lip_corner_to_nose": ("gap", (48,), (33,), ()),
    "lip_corner_to_chin": ("gap", (48,), (8,), ()),
    "lip_corner_lift": ("height", (48,), _MOUTH, ()),
    "lip_corner_over_upper_lip": ("height", (48,), (51,), ()),
    "upper_lip_curve": ("height", (50,), (51,), ()),
    "lower_lip_curve": ("height", (58,), (57,), ()),
    "lip_corner_angle": ("angle", (49,), (48,), (59,)),
    "inner_lip_corner_angle": ("angle", (61,), (60,), (67,)),
    "lips_apart_side": ("gap", (61,), (67,), ()),
    "upper_lip_side": ("gap", (50,), (61,), ()),
    "lower_lip_side": ("gap", (58,), (67,), ()),
    "cheek_to_nose": ("gap", (3,), (33,), ()),
}
_MIDDLE: dict[str, tuple[str, _Points, _Points, _Points]] = {
    "brow_gap": ("gap", (21,), (22,), ()),
    "brow_tilt": ("height", (17, 18, 19, 20, 21), (22, 23, 24, 25, 26), ()),
    "nose_width": ("gap", (31,), (35,), ()),
    "nose_length": ("gap", (27,), (33,), ()),
    "nose_to_upper_lip": ("gap", (33,), (51,), ()),
    "mouth_width": ("gap", (48,), (54,), ()),
    "inner_mouth_width": ("gap", (60,), (64,), ()),
    "mouth_open": ("gap", (62,), (66,), ()),
    "mouth_height": ("gap", (51,), (57,), ()),
    "upper_lip": ("gap", (51,), (62,), ()),
    "lower_lip": ("gap", (66,), (57,), ()),
    "lip_to_chin": ("gap", (57,), (8,), ()),
    "face_length": ("gap", (27,), (8,), ()),
    "jaw_width": ("gap", (4,), (12,), ()),
    "mouth_tilt": ("height", (48,), (54,), ()),
    "upper_lip_arch": ("angle", (48,), (51,), (54,)),
    "lower_lip_arch": ("angle", (48,), (57,), (54,)),
    "inner_upper_lip_arch": ("angle", (60,), (62,), (64,)),
    "inner_lower_lip_arch": ("angle", (60,), (66,), (64,)),
}


def _mirror(points: _Points) -> _Points:
    return tuple(MIRRORED_68[point] for point in points)


_TABLE = {
    **{f"{name}_right": feature for name, feature in _RIGHT.items()},
    **{f"{name}_left": (kind, _mirror(a), _mirror(b), _mirror(c)) for name, (kind, a, b, c) in _RIGHT.items()},
    **_MIDDLE,
}
#: Names of the features, in the order of every feature vector.
FEATURES = tuple(_TABLE)


def measure(points: Float64) -> Float64:
    """Measure aligned faces.

    Args:
        points: float64 (M, 68, 2 or 3), aligned, y down.

    Returns:
        float64 (M, len(FEATURES)).
    """
    columns = []
    for kind, *groups in _TABLE.values():
        a, b, *rest = (points[:, group].mean(1) for group in groups if group)
        if kind == "gap":
            columns.append(np.linalg.norm(a - b, axis=1))
        elif kind == "height":
            columns.append(b[:, 1] - a[:, 1])
        else:
            arms, other = a - b, rest[0] - b
            cosine = (arms * other).sum(1) / np.maximum(
                np.linalg.norm(arms, axis=1) * np.linalg.norm(other, axis=1), 1e-9
            )
            columns.append(np.arccos(np.clip(cosine, -1, 1)))
    return np.stack(columns, 1)
