"""The one face crop, at training and at inference: grey, aligned by a similarity transform of rigid landmarks.

The transform (rotation, uniform scale, shift) is the least-squares one of Umeyama (1991) between landmarks that an
expression moves little and their mean positions. The mean positions are those of the faces of FER+, which
`tools/ferplus.py anchors` prints. So a crop of any video frames the face as the training images do.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np

from fervideo.landmarks import RIGID
from fervideo.records import CROP_PX, LOOK_SHAPE, OUTSIDE, THUMBNAIL_SHAPE, Bool, Float32, Float64, UInt8

#: Median position of each rigid landmark in FER+'s 48-pixel images, (x, y).
_FERPLUS_PX = np.array(
    [
        (11.61, 18.71), (19.05, 19.28), (28.98, 19.18), (36.38, 18.38), (24.02, 18.00), (24.06, 22.29),
        (24.15, 31.38), (19.27, 30.71), (29.07, 30.54), (23.82, 4.74), (18.39, 4.91), (29.22, 4.75),
        (5.55, 18.90), (42.55, 18.21), (5.83, 22.53), (42.38, 21.88),
    ]
)  # fmt: skip
#: Middle of the crop: a little below the face's centre, to leave room for a jaw that drops.
_FERPLUS_CENTRE_PX = np.array([24.05, 27.0])
#: Crop pixels per FER+ pixel: the median face's oval, 37 by 43 FER+ pixels, fills 40 by 46 of the crop's 56.
_ZOOM = 1.08
_TEMPLATE_PX = (_FERPLUS_PX - _FERPLUS_CENTRE_PX) * _ZOOM + CROP_PX / 2
#: The same as complex numbers x + iy around their mean.
_TEMPLATE_MEAN = complex(*_TEMPLATE_PX.mean(0))
_TEMPLATE = _TEMPLATE_PX.view(np.complex128)[:, 0] - _TEMPLATE_MEAN
#: Pixels over which `blur` averages, as in the paper.
_BLUR_PX = 9
#: Side of the picture of a face and all that is around it, in face sizes.
_AROUND = 2.0
#: A face that is to shrink to less than this is halved first: halving is many times as fast as any other factor.
_HALVED_BELOW = 0.25


def alignment(landmarks_px: Float32) -> Float64:
    """Find the similarity transform that takes a face to its position in the crop.

    Args:
        landmarks_px: float (N_LANDMARKS, 2 or 3), landmarks in the image.

    Returns:
        float64 (2, 3), image pixels to crop pixels.
    """
    # In the plane the least-squares similarity has a closed form: one complex number.
    source = np.ascontiguousarray(landmarks_px[list(RIGID), :2], np.float64).view(np.complex128)[:, 0]
    mean = complex(source.mean())
    source -= mean
    linear = complex(np.vdot(source, _TEMPLATE)) / max(float(np.vdot(source, source).real), 1e-9)
    shift = _TEMPLATE_MEAN - linear * mean
    return np.array([(linear.real, -linear.imag, shift.real), (linear.imag, linear.real, shift.imag)])


def whole_image(height_px: int, width_px: int) -> Float64:
    """Return the transform that takes a whole image to the crop, for an image in which no landmarks are found.

    Returns:
        float64 (2, 3), image pixels to crop pixels, aspect kept, centred.
    """
    scale = CROP_PX / min(height_px, width_px)
    return np.array([(scale, 0, (CROP_PX - scale * width_px) / 2), (0, scale, (CROP_PX - scale * height_px) / 2)])


def crop(image: UInt8, transform: Float64, size_px: int = CROP_PX) -> UInt8:
    """Cut a crop out of an image.

    Pixels outside the image repeat its edge. A large face is first shrunk by area averaging, since a plain warp would
    alias. So the crop resembles the small training images at any size of video. If it shrinks to a quarter and less,
    halving comes first. This changes pixels by 0.5 to 0.8 grey levels; a shift of the pixel grid, by 0.9 to 1.4.

    Args:
        image: uint8 (height, width, 3) RGB or (height, width) grey.
        transform: float64 (2, 3), image pixels to crop pixels.
        size_px: Sides of the crop.

    Returns:
        uint8 (size_px, size_px), grey.
    """
    # Plain numbers where arrays would be tiny: this runs once per face and frame.
    (a, b, e), (c, d, f) = transform.tolist()
    area = a * d - b * c
    scale = abs(area) ** 0.5
    margin = 2 / min(scale, 1.0)
    corners = ((0, 0), (size_px, 0), (0, size_px), (size_px, size_px))
    x0, x1 = _covered([(d * (x - e) - b * (y - f)) / area for x, y in corners], margin, image.shape[1])
    y0, y1 = _covered([(a * (y - f) - c * (x - e)) / area for x, y in corners], margin, image.shape[0])
    part = image[y0:y1, x0:x1]
    if part.ndim == 3:
        part = np.asarray(cv2.cvtColor(part, cv2.COLOR_RGB2GRAY), np.uint8)
    linear = transform[:, :2]
    shift = linear @ (x0, y0) + transform[:, 2]
    while scale < _HALVED_BELOW and min(part.shape) > 1:
        part, scale = shrunk(part, 2), 2 * scale
        linear, shift = 2 * linear, shift + linear @ (0.5, 0.5)
    if scale < 1:
        whole = part.shape
        part = _scaled(part, scale)
        factors = np.array([part.shape[1] / whole[1], part.shape[0] / whole[0]])
        # resize() maps pixel centres: small = (large + 0.5) * factor - 0.5.
        linear = linear / factors
        shift = shift + linear @ (0.5 - 0.5 * factors)
    matrix = np.column_stack([linear, shift])
    cut = cv2.warpAffine(part, matrix, (size_px, size_px), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cut, np.uint8)


def shrunk(image: UInt8, factor: int) -> UInt8:
    """Divide the sides of a picture by a power of two; columns and rows beyond a multiple of it are left out.

    Args:
        image: uint8 or uint16 (height, width) or (height, width, 3).
        factor: 1, 2, 4 and so on.
    """
    # Halving again and again is several times as fast as any other factor.
    while factor > 1 and min(image.shape[:2]) > 1:
        image = image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]
        size = image.shape[1] // 2, image.shape[0] // 2
        image, factor = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA)), factor // 2
    return image


def in_shrunk(transform: Float64, factor: int) -> Float64:
    """Return the transform (2, 3) from a picture's pixels for the same picture with sides divided by `factor`."""
    # A pixel there covers `factor` pixels here, and its middle is between theirs.
    middle = (factor - 1) / 2
    return np.column_stack([factor * transform[:, :2], transform[:, :2] @ (middle, middle) + transform[:, 2]])


def _scaled(image: UInt8, scale: float) -> UInt8:
    """Shrink a grey image by area averaging to about `scale` of its sides, at least one pixel each."""
    size = max(round(image.shape[1] * scale), 1), max(round(image.shape[0] * scale), 1)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _covered(positions: list[float], margin: float, size: int) -> tuple[int, int]:
    """Return the range of pixels that positions and a margin cover, at least one within the image: first, last + 1."""
    first = min(max(math.floor(min(positions) - margin), 0), size - 1)
    return first, min(max(math.ceil(max(positions) + margin), first + 1), size)


def face_crop(image: UInt8, landmarks_px: Float32) -> UInt8:
    """Cut the aligned crop of one face.

    Args:
        image: uint8 (height, width, 3) RGB or (height, width) grey.
        landmarks_px: float (N_LANDMARKS, 2 or 3), landmarks in the image.

    Returns:
        uint8 (CROP_PX, CROP_PX), grey.
    """
    return crop(image, alignment(landmarks_px))


def blur(face: UInt8) -> float:
    """Measure how blurred a crop is: 0 sharp, 1 blurred (Crete et al. 2007, without a reference picture).

    When blurred once more, a sharp picture loses much of its differences between neighbouring pixels; a blurred one
    keeps them.

    Args:
        face: uint8 (CROP_PX, CROP_PX), grey.
    """
    again = cv2.blur(face, (_BLUR_PX, 1)), cv2.blur(face, (1, _BLUR_PX))
    across = _kept(cv2.absdiff(face[:, 1:], face[:, :-1]), cv2.absdiff(again[0][:, 1:], again[0][:, :-1]))
    down = _kept(cv2.absdiff(face[1:], face[:-1]), cv2.absdiff(again[1][1:], again[1][:-1]))
    return max(across, down)


def _kept(sharp: cv2.typing.MatLike, soft: cv2.typing.MatLike) -> float:
    """Return the share of differences that blurring keeps, 0 to 1; 1 where there are none."""
    total = cv2.sumElems(sharp)[0]
    return 1 - cv2.sumElems(cv2.subtract(sharp, soft))[0] / total if total else 1.0


def brightness(face: UInt8) -> float:
    """Return the mean of a crop, uint8 (CROP_PX, CROP_PX): 0 black to 1 white."""
    return float(cv2.mean(face)[0]) / 255


def framed(image: UInt8, scale: float, margin_px: int) -> UInt8:
    """Enlarge a picture that a face fills, and repeat its edge around it: detectors expect faces with room around them.

    Args:
        image: uint8 (height, width, 3) RGB or (height, width) grey.
        scale: 1 or more.
        margin_px: Width of the margin, in pixels of the enlarged picture.

    Returns:
        uint8 (round(height * scale) + 2 * margin_px, round(width * scale) + 2 * margin_px, 3), RGB.
    """
    if scale > 1:
        size = round(image.shape[1] * scale), round(image.shape[0] * scale)
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    if image.ndim == 2:
        image = np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2RGB), np.uint8)
    framed = cv2.copyMakeBorder(image, margin_px, margin_px, margin_px, margin_px, cv2.BORDER_REPLICATE)
    return np.asarray(framed, np.uint8)


def thumbnail(image: UInt8) -> UInt8:
    """Shrink a whole frame to a thumbnail, by which shot cuts are found.

    Args:
        image: uint8 (height, width, 3), RGB.

    Returns:
        uint8 THUMBNAIL_SHAPE, grey.
    """
    # Five rows for each of the thumbnail's are plenty, and a whole number of them is averaged fastest.
    rows = 5 * THUMBNAIL_SHAPE[0]
    grey = cv2.cvtColor(image[:: max(len(image) // rows, 1)][:rows], cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(grey, THUMBNAIL_SHAPE[::-1], interpolation=cv2.INTER_AREA), np.uint8)


def look(image: UInt8, cut: UInt8, transform: Float64, box_px: Float32) -> UInt8:
    """Return the two small pictures by which a face is recognised from frame to frame.

    The first is its crop, made smaller. The second has all that is around it, such as hair, clothes and wall. Pixels
    outside the image are OUTSIDE, all others 1 at least, so that a face at the edge is compared by the rest alone.

    Args:
        image: uint8 (height, width, 3), RGB.
        cut: uint8 (CROP_PX, CROP_PX), the face's crop.
        transform: float64 (2, 3), image pixels to crop pixels.
        box_px: float32 (4,), x0, y0, x1, y1.

    Returns:
        uint8 LOOK_SHAPE, grey.
    """
    x0, y0, x1, y1 = box_px.tolist()
    side = max(round(_AROUND * max(x1 - x0, y1 - y0)), 1)
    # As in `thumbnail`: some pixels of a large face are plenty.
    step = max(side // (5 * LOOK_SHAPE[1]), 1)
    count = -(-side // step)
    left, top = round((x0 + x1 - side) / 2), round((y0 + y1 - side) / 2)
    x, before_x, after_x = _inside(left, step, count, image.shape[1])
    y, before_y, after_y = _inside(top, step, count, image.shape[0])
    around = cv2.cvtColor(image[y, x], cv2.COLOR_RGB2GRAY)
    leaves = bool(before_x or after_x or before_y or after_y)
    if leaves:
        around = cv2.copyMakeBorder(around, before_y, after_y, before_x, after_x, cv2.BORDER_REPLICATE)
    parts = [cv2.resize(part, LOOK_SHAPE[1:], interpolation=cv2.INTER_AREA) for part in (cut, around)]
    looks = np.maximum(np.asarray(parts, np.uint8), 1)
    if leaves:
        to_image = cv2.invertAffineTransform(transform)
        from_box = np.array([(side / CROP_PX, 0, left), (0, side / CROP_PX, top)])
        looks[~np.array([_seen(image, where) for where in (to_image, from_box)])] = OUTSIDE
    return looks


def _seen(image: UInt8, transform: Float64 | cv2.typing.MatLike) -> Bool:
    """Check which cells of a look lie in the image, by their middles: bool (rows, columns).

    Args:
        image: The image.
        transform: float64 (2, 3), crop pixels to image pixels.
    """
    rows, columns = (((np.arange(n) + 0.5) * CROP_PX / n) for n in LOOK_SHAPE[1:])
    linear, shift = transform[:, :2], transform[:, 2]
    x, y = (linear[i, 0] * columns + linear[i, 1] * rows[:, None] + shift[i] for i in range(2))
    seen: Bool = (x >= 0) & (x < image.shape[1]) & (y >= 0) & (y < image.shape[0])
    return seen


def _inside(first: int, step: int, count: int, size: int) -> tuple[slice, int, int]:
    """Return which of some evenly spaced pixels lie in an image, at least one, and how many lie before and after."""
    before = min(max(-(first // step), 0), count - 1) if first < 0 else 0
    start = min(max(first + before * step, 0), size - 1)
    inside = max(min(count - before, -(-(size - start) // step)), 1)
    return slice(start, start + (inside - 1) * step + 1, step), before, count - before - inside


def with_room(image: UInt8, transform: Float64, room: float, size_px: int) -> UInt8:
    """Cut out a face with room around it, upright and in colour; a large face aliases, which detectors do not mind.

    Args:
        image: uint8 (height, width, 3), RGB.
        transform: float64 (2, 3), image pixels to the pixels of the face's crop.
        room: Side of the picture, in crops.
        size_px: The same in pixels.

    Returns:
        uint8 (size_px, size_px, 3), RGB; the image's edge repeats outside of it.
    """
    scale = size_px / (room * CROP_PX)
    wider = transform * scale
    wider[:, 2] += (size_px - scale * CROP_PX) / 2
    size = size_px, size_px
    return np.asarray(cv2.warpAffine(image, wider, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit OpenCV to one thread: for pictures as small as these, more cost more than they gain."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
