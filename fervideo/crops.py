"""The one face crop, at training and at inference: grey, aligned by a similarity transform of rigid landmarks.

The transform (rotation, uniform scale, shift) is the least-squares one of Umeyama (1991) between landmarks that an
expression moves little and their mean places. The mean places are those of the faces of FER+ (`tools/ferplus.py anchors`
prints them), so that a crop of any video frames the face as the training images do.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np

from fervideo.records import CROP_PX, THUMBNAIL_SHAPE, Float32, Float64, UInt8

#: FaceMesh landmarks that move with the skull: eye corners, nose bridge and base, forehead, temples, cheeks.
ANCHORS = (33, 133, 362, 263, 168, 197, 2, 98, 327, 10, 109, 338, 127, 356, 234, 454)
#: Median place of each anchor in FER+'s 48-pixel images, (x, y).
_FERPLUS_PX = np.array(
    [
        (11.61, 18.71), (19.05, 19.28), (28.98, 19.18), (36.38, 18.38), (24.02, 18.00), (24.06, 22.29),
        (24.15, 31.38), (19.27, 30.71), (29.07, 30.54), (23.82, 4.74), (18.39, 4.91), (29.22, 4.75),
        (5.55, 18.90), (42.55, 18.21), (5.83, 22.53), (42.38, 21.88),
    ]
)  # fmt: skip
#: What lies in the middle of the crop: a little below the face's centre, to leave room for a jaw that drops.
_FERPLUS_CENTRE_PX = np.array([24.05, 27.0])
#: Crop pixels per FER+ pixel: the median face's oval, 37 by 43 FER+ pixels, fills 40 by 46 of the crop's 56.
_ZOOM = 1.08
_CORNERS_PX = np.array([(0, 0), (CROP_PX, 0), (0, CROP_PX), (CROP_PX, CROP_PX)], np.float64)
_TEMPLATE_PX = (_FERPLUS_PX - _FERPLUS_CENTRE_PX) * _ZOOM + CROP_PX / 2


def alignment(landmarks_px: Float32) -> Float64:
    """Find the similarity transform that takes a face to its place in the crop.

    Args:
        landmarks_px: float (N_LANDMARKS, 2 or 3), landmarks in the image.

    Returns:
        float64 (2, 3), image pixels to crop pixels.
    """
    source = landmarks_px[list(ANCHORS), :2].astype(np.float64)
    source_mean, target_mean = source.mean(0), _TEMPLATE_PX.mean(0)
    source, target = source - source_mean, _TEMPLATE_PX - target_mean
    # In the plane the least-squares similarity has a closed form: one complex number.
    x, y = source.T
    u, v = target.T
    spread = max((source**2).sum(), 1e-9)
    a, b = (x * u + y * v).sum() / spread, (x * v - y * u).sum() / spread
    linear = np.array([(a, -b), (b, a)])
    return np.column_stack([linear, target_mean - linear @ source_mean])


def whole_image(height_px: int, width_px: int) -> Float64:
    """Return the transform that takes a whole image to the crop, for an image in which no landmarks are found.

    Returns:
        float64 (2, 3), image pixels to crop pixels, aspect kept, centred.
    """
    scale = CROP_PX / min(height_px, width_px)
    return np.array([(scale, 0, (CROP_PX - scale * width_px) / 2), (0, scale, (CROP_PX - scale * height_px) / 2)])


def crop(image: UInt8, transform: Float64) -> UInt8:
    """Cut a crop out of an image.

    Pixels outside the image repeat its edge. A large face is first shrunk by area averaging, since a plain warp would
    alias: the crop then looks like the small training images whatever the video's size.

    Args:
        image: uint8 (height, width, 3) RGB or (height, width) grey.
        transform: float64 (2, 3), image pixels to crop pixels.

    Returns:
        uint8 (CROP_PX, CROP_PX), grey.
    """
    # Plain numbers where arrays would be tiny: this runs once per face and frame.
    (a, b, _), (c, d, _) = transform.tolist()
    scale = abs(a * d - b * c) ** 0.5
    back = np.asarray(cv2.invertAffineTransform(transform), np.float64)
    corners = _CORNERS_PX @ back[:, :2].T + back[:, 2]
    margin = 2 / min(scale, 1.0)
    x0, x1 = _covered(corners[:, 0], margin, image.shape[1])
    y0, y1 = _covered(corners[:, 1], margin, image.shape[0])
    part = image[y0:y1, x0:x1]
    if part.ndim == 3:
        part = np.asarray(cv2.cvtColor(part, cv2.COLOR_RGB2GRAY), np.uint8)
    shift = transform[:, :2] @ np.array([x0, y0], np.float64) + transform[:, 2]
    linear = transform[:, :2]
    if scale < 1:
        size = max(round((x1 - x0) * scale), 1), max(round((y1 - y0) * scale), 1)
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
        factors = np.array([size[0] / (x1 - x0), size[1] / (y1 - y0)])
        # resize() maps pixel centres: small = (large + 0.5) * factor - 0.5.
        linear = linear / factors
        shift = shift + linear @ (0.5 - 0.5 * factors)
    matrix = np.column_stack([linear, shift])
    cut = cv2.warpAffine(part, matrix, (CROP_PX, CROP_PX), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cut, np.uint8)


def _covered(places: Float64, margin: float, size: int) -> tuple[int, int]:
    """Return the first pixel and the one after the last that some places and a margin cover; at least one within the image."""
    first = min(max(math.floor(places.min() - margin), 0), size - 1)
    return first, min(max(math.ceil(places.max() + margin), first + 1), size)


def face_crop(image: UInt8, landmarks_px: Float32) -> UInt8:
    """Cut the aligned crop of one face.

    Args:
        image: uint8 (height, width, 3) RGB or (height, width) grey.
        landmarks_px: float (N_LANDMARKS, 2 or 3), landmarks in the image.

    Returns:
        uint8 (CROP_PX, CROP_PX), grey.
    """
    return crop(image, alignment(landmarks_px))


def thumbnail(image: UInt8) -> UInt8:
    """Shrink a whole frame to what tells one shot from the next.

    Args:
        image: uint8 (height, width, 3), RGB.

    Returns:
        uint8 THUMBNAIL_SHAPE, grey.
    """
    # Some rows of a large frame are plenty, and spare most of the cost.
    step = max(min(image.shape[:2]) // 128, 1)
    grey = cv2.cvtColor(image[::step], cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(grey, THUMBNAIL_SHAPE[::-1], interpolation=cv2.INTER_AREA), np.uint8)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let OpenCV work with one thread: for pictures as small as these, more cost more than they gain."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
