"""Boxes around faces: x0, y0, x1, y1 in pixels of the upright frame, in the last axis."""

from __future__ import annotations

import numpy as np

from fervideo.records import Float32, Float64


def around(landmarks_px: Float32) -> Float32:
    """Return the boxes around landmarks: float32 (M, K, 2 or 3) to float32 (M, 4)."""
    points = landmarks_px[:, :, :2]
    return np.concatenate([points.min(1), points.max(1)], 1)


def area(box: Float64) -> Float64:
    """Return the area of boxes (..., 4) in square pixels; a box with its sides swapped has 0."""
    size: Float64 = (box[..., 2] - box[..., 0]).clip(0) * (box[..., 3] - box[..., 1]).clip(0)
    return size


def iou(a: Float64, b: Float64) -> Float64:
    """Return the intersection over union of boxes (..., 4), 0 to 1, as the arrays broadcast."""
    both = area(np.concatenate([np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])], -1))
    overlap: Float64 = both / np.maximum(area(a) + area(b) - both, 1e-9)
    return overlap
