"""Changes of training images, as by cameras, codecs, light and hands; draws come from the given generator."""

from __future__ import annotations

import cv2
import numpy as np

from fervideo.records import CROP_PX


def jitter(rng: np.random.Generator) -> np.ndarray:
    """Draw a small affine change of the crop, as 3×3 matrix in crop pixels."""
    angle, scale = np.radians(rng.normal(0, 7)), np.exp(rng.normal(0, 0.07))
    stretch, shear = np.exp(rng.normal(0, 0.03)), rng.normal(0, 0.03)
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    linear = np.array([(cos, -sin), (sin, cos)]) @ np.array([(stretch, shear), (0, 1 / stretch)])
    if rng.random() < 0.5:
        linear = linear @ np.diag([-1.0, 1.0])
    centre = (CROP_PX - 1) / 2
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    matrix[:2, 2] = centre - linear @ (centre, centre) + rng.normal(0, 1.8, 2)
    return matrix


def nudge(rng: np.random.Generator) -> np.ndarray:
    """Draw the small error of a crop's position, as 3×3 matrix in crop pixels."""
    scale, centre = np.exp(rng.normal(0, 0.05)), (CROP_PX - 1) / 2
    shift = centre * (1 - scale) + rng.normal(0, 1.3, 2)
    return np.array([(scale, 0, shift[0]), (0, scale, shift[1]), (0, 0, 1)])


def degrade(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Remove detail, as web video does: fewer pixels, blur, block noise."""
    height, width = image.shape
    if rng.random() < 0.25:
        scale = rng.uniform(0.4, 0.9)
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        image = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.2:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 1.2))
    elif rng.random() < 0.2:
        soft = cv2.GaussianBlur(image, (0, 0), 1.0)
        image = cv2.addWeighted(image, 1 + (amount := rng.uniform(0, 1)), soft, -amount, 0)
    return compress(image, rng) if rng.random() < 0.3 else image


def compress(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add the noise of JPEG at a drawn quality."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 90))]
    return cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_GRAYSCALE)


def relight(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Change gamma, add a gradient of light and sensor noise."""
    x = image.astype(np.float32) / 255
    if rng.random() < 0.5:
        x = x ** np.exp(rng.uniform(-0.5, 0.5))
    if rng.random() < 0.3:
        ramp = np.linspace(-1, 1, len(image), dtype=np.float32)
        x = x * (1 + rng.uniform(-0.5, 0.5) * ramp[None] + rng.uniform(-0.3, 0.3) * ramp[:, None])
    if rng.random() < 0.3:
        x = x + rng.normal(0, rng.uniform(0, 0.04), x.shape)
    return (np.clip(x, 0, 1) * 255).astype(np.uint8)


def cover(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Cover a rectangle, as a hand or a microphone does (random erasing)."""
    if rng.random() < 0.25:
        size = len(image)
        height, width = rng.integers(size // 6, size // 2, 2)
        y, x = rng.integers(0, size - height), rng.integers(0, size - width)
        image[y : y + height, x : x + width] = (
            rng.integers(0, 256) if rng.random() < 0.5 else rng.integers(0, 256, (height, width))
        )
    return image
