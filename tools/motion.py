"""Motions of a still face for simulated sequences: it talks, blinks, turns, is covered.

Every function takes an image and its landmarks and returns both, moved. The face's own axes come from the eyes, so that
tilted heads talk along their own chin. Images are uint8 (height, width), landmarks float32 (N_LANDMARKS, 3) in pixels.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

Face = tuple[np.ndarray, np.ndarray]
_UPPER_LIP, _LOWER_LIP, _LIP_CORNERS, _CHIN = 13, 14, (61, 291), 152
_EYE_CORNERS = (33, 263)
#: Outer corner, inner corner, upper lid points, lower lid points.
_EYES = ((33, 133, (160, 159, 158), (144, 145, 153)), (263, 362, (387, 386, 385), (373, 374, 380)))


def axes(landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the face's own axes in the picture.

    Returns:
        Unit vectors to the right and down, float64 (2,), and the distance of the outer eye corners in px.
    """
    across = landmarks[_EYE_CORNERS[1], :2] - landmarks[_EYE_CORNERS[0], :2]
    size = max(float(np.linalg.norm(across)), 1.0)
    across = across / size
    return across, np.array([-across[1], across[0]]), size


def warp(
    face: Face, origin: np.ndarray, move: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
) -> Face:
    """Displace image and landmarks by a smooth field given in the face's own axes.

    Args:
        face: Image and landmarks.
        origin: The point at which the field's axes meet, px.
        move: Maps (across, down) in px to displacements in px. They are small against the field's own scale, so that
            the field's value at the destination serves as the inverse.
    """
    image, landmarks = face
    right, down, _ = axes(landmarks)
    height, width = image.shape
    y, x = np.mgrid[:height, :width].astype(np.float64)
    a, b = (
        (x - origin[0]) * right[0] + (y - origin[1]) * right[1],
        (x - origin[0]) * down[0] + (y - origin[1]) * down[1],
    )
    da, db = move(a, b)
    source_x, source_y = x - da * right[0] - db * down[0], y - da * right[1] - db * down[1]
    moved = cv2.remap(
        image,
        source_x.astype(np.float32),
        source_y.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    points = landmarks.astype(np.float64).copy()
    offset = points[:, :2] - origin
    da, db = move(offset @ right, offset @ down)
    points[:, :2] += np.outer(da, right) + np.outer(db, down)
    return moved, points.astype(np.float32)


def open_mouth(face: Face, gap: float, rng: np.random.Generator) -> Face:
    """Lower the jaw: the lips part by `gap` distances of the outer eye corners (speech: 0 to 0.35)."""
    image, landmarks = face
    _, down, size = axes(landmarks)
    origin = landmarks[[_UPPER_LIP, _LOWER_LIP], :2].mean(0)
    half_width = max(float(np.linalg.norm(landmarks[_LIP_CORNERS[0], :2] - landmarks[_LIP_CORNERS[1], :2])) / 2, 1.0)
    jaw = max(float((landmarks[_CHIN, :2] - origin) @ down), 1.0)
    drop = gap * size

    def move(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        lateral = np.exp(-((a / (1.6 * half_width)) ** 2))
        below = np.clip(b / max(drop, 1e-6), 0, 1) * np.clip(2.2 - b / jaw, 0, 1)
        return np.zeros_like(a), drop * lateral * below

    moved, points = warp(face, origin, move)
    # The lower lip lies right at the field's edge: move it by hand, as far as the field moves the skin below it.
    lip = points[_LOWER_LIP, :2]
    points[_LOWER_LIP, :2] = lip + down * max(drop - float((lip - origin) @ down), 0)
    return _paint_cavity(moved, origin, points, half_width, drop, float(image.mean()), rng), points


def _paint_cavity(
    image: np.ndarray,
    origin: np.ndarray,
    landmarks: np.ndarray,
    half_width: float,
    drop: float,
    light: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Paint the dark between the parted lips, at times with teeth."""
    right, down, _ = axes(landmarks)
    y, x = np.mgrid[: image.shape[0], : image.shape[1]].astype(np.float64)
    a, b = (
        (x - origin[0]) * right[0] + (y - origin[1]) * right[1],
        (x - origin[0]) * down[0] + (y - origin[1]) * down[1],
    )
    inside = 1 - np.hypot(a / (0.75 * half_width), (b - drop / 2) / max(drop / 2, 0.5))
    alpha = np.clip(inside * 3, 0, 1) * np.clip(drop, 0, 1)
    cavity = np.full_like(alpha, light * rng.uniform(0.1, 0.4))
    if rng.random() < 0.5:
        cavity[b < drop * rng.uniform(0.2, 0.4)] = min(light * rng.uniform(1.1, 1.6), 240)
    return (image * (1 - alpha) + cavity * alpha).astype(np.uint8)


def shape_lips(face: Face, stretch: float) -> Face:
    """Widen (> 0, as in "ee") or round (< 0, as in "oo") the mouth by a share of its width."""
    landmarks = face[1]
    half_width = max(float(np.linalg.norm(landmarks[_LIP_CORNERS[0], :2] - landmarks[_LIP_CORNERS[1], :2])) / 2, 1.0)

    def move(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        near = np.exp(-((a / (1.5 * half_width)) ** 2) - (b / (1.2 * half_width)) ** 2)
        return stretch * a * near, np.zeros_like(a)

    return warp(face, landmarks[[_UPPER_LIP, _LOWER_LIP], :2].mean(0), move)


def close_eyes(face: Face, share: float) -> Face:
    """Lower the upper lids by a share of their gap."""
    for outer, inner, upper, lower in _EYES:
        landmarks = face[1]
        _, down, _ = axes(landmarks)
        origin = landmarks[[outer, inner], :2].mean(0)
        half_width = max(float(np.linalg.norm(landmarks[outer, :2] - landmarks[inner, :2])) / 2, 1.0)
        top, bottom = ((landmarks[list(lid), :2].mean(0) - origin) @ down for lid in (upper, lower))
        drop = float(max(bottom - top, 0.0)) * share

        def move(
            a: np.ndarray,
            b: np.ndarray,
            half_width: float = half_width,
            drop: float = drop,
            bottom: float = float(bottom),
        ) -> tuple[np.ndarray, np.ndarray]:
            lateral = np.clip(1.6 - np.abs(a) / half_width, 0, 1)
            above = np.clip((bottom - b) / max(drop, 1e-6) + 0.5, 0, 1) * np.clip(2.5 + b / half_width, 0, 1)
            return np.zeros_like(a), drop * lateral * above

        image, points = warp(face, origin, move)
        points[list(lower)] = landmarks[list(lower)]
        face = image, points
    return face


def turn(face: Face, yaw_deg: float) -> Face:
    """Turn the head as if it were an upright cylinder, up to about 25 degrees; > 0 is to the right of the picture."""
    image, landmarks = face
    centre = landmarks[:, :2].mean(0)
    radius = max(float(np.ptp(landmarks[:, 0])) * 0.6, 2.0)
    angle = np.radians(yaw_deg)
    on_cylinder = np.linspace(-0.98, 0.98, 99)
    turned = on_cylinder * np.cos(angle) + np.sqrt(1 - on_cylinder**2) * np.sin(angle)
    rising = np.maximum.accumulate(turned + np.arange(99) * 1e-9)
    x = (np.arange(image.shape[1]) - centre[0]) / radius
    source = np.where(np.abs(x) < 0.98, np.interp(x, rising, on_cylinder), x)
    columns = (np.tile(source * radius + centre[0], (image.shape[0], 1))).astype(np.float32)
    rows = np.tile(np.arange(image.shape[0], dtype=np.float32)[:, None], (1, image.shape[1]))
    points = landmarks.astype(np.float64) - (*centre, 0)
    depth = points[:, 2].copy()
    points[:, 2] = depth * np.cos(angle) + points[:, 0] * np.sin(angle)
    points[:, 0] = points[:, 0] * np.cos(angle) - depth * np.sin(angle)
    moved = cv2.remap(image, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    points[:, :2] += centre
    return moved, points.astype(np.float32)


def cover(face: Face, rng: np.random.Generator) -> Face:
    """Cover a part of the face, mostly the mouth, with an ellipse of the skin's or another grey."""
    image, landmarks = face
    _, _, size = axes(landmarks)
    target = landmarks[_LOWER_LIP if rng.random() < 0.6 else rng.integers(0, 468), :2] + rng.normal(0, 0.15 * size, 2)
    half = size * rng.uniform((0.25, 0.15), (0.7, 0.5))
    mask = np.zeros(image.shape, np.float32)
    cv2.ellipse(mask, (target.tolist(), (2 * half).tolist(), float(rng.uniform(0, 180))), (1.0,), -1, cv2.LINE_AA)
    grey = float(np.median(image)) * rng.uniform(0.7, 1.2) if rng.random() < 0.7 else rng.uniform(0, 255)
    texture = cv2.GaussianBlur(rng.normal(0, 25, image.shape), (0, 0), 2.0) + grey
    covered = np.clip(image * (1 - mask) + texture * mask, 0, 255).astype(np.uint8)
    return covered, (landmarks + rng.normal(0, 0.01 * size, landmarks.shape)).astype(np.float32)
