"""Quality: how far the other columns of a face can be trusted in a frame.

Each condition counts from 0, hopeless, to 1, no harm, on a straight line between two limits; `quality` is the product.

| condition | 0 at | 1 from |
|---|---|---|
| longer side of the box | 10 px | 40 px |
| share of the landmarks in the picture | 0.5 | 1 |
| blur of the crop | 0.9 | 0.6 |
| brightness of the crop | 0.03, 0.98 | 0.15 to 0.8 |
| yaw to either side | 75° | 35° |
| pitch up or down | 60° | 30° |
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fervideo import landmarks
from fervideo.measures.facing import FacingFaces
from fervideo.records import Float32, Float64, Int64


def face_px(faces: FacingFaces) -> Float64:
    """Return the longer side of each box, float64 (M,), in pixels."""
    box = faces.found.box_px.astype(np.float64)
    longer: Float64 = (box[:, 2:] - box[:, :2]).max(1)
    return longer


def inside(faces: FacingFaces) -> Float64:
    """Return the share of each face's landmarks that lie in the picture, float64 (M,)."""
    return faces.once(_inside)


def blur(faces: FacingFaces) -> Float64:
    """Return how blurred each crop is, float64 (M,): 0 sharp, 1 blurred."""
    return faces.found.blur.astype(np.float64)


def brightness(faces: FacingFaces) -> Float64:
    """Return the mean of each crop, float64 (M,): 0 black, 1 white."""
    return faces.found.brightness.astype(np.float64)


def quality(faces: FacingFaces) -> Float64:
    """Return how good the conditions are, float64 (M,), 0 to 1; the module's text has the formula."""
    yaw, pitch, _ = faces.angles_deg
    light = brightness(faces)
    product: Float64 = (
        _between(face_px(faces), 10, 40)
        * _between(inside(faces), 0.5, 1)
        * _between(blur(faces), 0.9, 0.6)
        * _between(light, 0.03, 0.15)
        * _between(light, 0.98, 0.8)
        * _between(np.abs(yaw), 75, 35)
        * _between(np.abs(pitch), 60, 30)
    )
    return product


def cut_off(faces: FacingFaces) -> Float64:
    """Return float64 (M,): 1 where more than half of the mouth or of both eyes lies outside the picture, else 0."""
    mouth, right, left = (
        _share_inside(faces, group) < 0.5 for group in (landmarks.LIPS, landmarks.RIGHT_IRIS, landmarks.LEFT_IRIS)
    )
    return (mouth | (right & left)).astype(np.float64)


def _inside(faces: FacingFaces) -> Float64:
    share, at_edge = np.ones(len(faces.found)), ~_within(faces.found.box_px.reshape(-1, 2, 2), faces.size_px).all(1)
    # Few faces reach over the edge: only their landmarks are looked at one by one.
    share[at_edge] = _within(faces.landmarks_px[at_edge], faces.size_px[at_edge]).mean(1)
    return share


def _share_inside(faces: FacingFaces, group: tuple[int, ...]) -> Float64:
    """Return the share of a group of landmarks that lie in the picture: float64 (M,)."""
    share: Float64 = _within(faces.landmarks_px.take(group, axis=1), faces.size_px).mean(1)
    return share


def _within(points: Float32, size_px: Int64) -> npt.NDArray[np.bool_]:
    """Check which points (M, n, 2 or 3) lie in pictures of these sizes (M, 2): bool (M, n)."""
    points = points[:, :, :2]
    return np.asarray(((points >= 0) & (points < size_px[:, None])).all(-1))


def _between(values: Float64, none: float, full: float) -> Float64:
    """Map values to 0 at `none`, 1 at `full`, straight between them and level beyond."""
    mapped: Float64 = ((values - none) / (full - none)).clip(0, 1)
    return mapped
