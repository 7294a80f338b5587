"""Cuts, judged for the whole picture and for each face.

A new shot changes the picture. But a slide that changes behind a small picture of a speaker does so, too, and another
speaker in that small picture does not. So each face is compared with itself: its crop, and all that is around it. The
whole picture only decides how much a face may change.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from fervideo.records import Float64, UInt8

Bool = npt.NDArray[np.bool_]

#: Contrast below which a picture is flat, in grey levels: a correlation would be that of noise.
_FLAT_GREY = 8.0
#: Change of a face that makes it another: from one moment to the next, more for each second between, and at most.
#: Seen at most within ten clips: 0.11 after 1/30 s, 0.20 after 0.1 s, 0.28 after 0.2 s. Between two of their
#: people: 0.16 for the most alike, 0.28 for the next.
_CHANGE, _CHANGE_PER_S, _MOST_CHANGE = 0.15, 0.5, 0.4
#: Share of it that a face may change where the whole picture is another one.
_AT_CUT = 0.5
#: Change of the crop alone that two people never showed: 0.15 and more in ten clips.
_SAME_CROP = 0.06


def shot_cuts(thumbnail: UInt8, shot_cut: float) -> Bool:
    """Find the frames that begin a new shot.

    The score of a frame is the geometric mean of two numbers between 0 and 1, so that both must speak for a cut.
    One is the distance of its pixels from the greys around them in the frame before, which a moving camera or person
    changes little. The other is one minus the correlation of both frames, which light and fades change little.

    Args:
        thumbnail: uint8 (T, *THUMBNAIL_SHAPE), grey, successive frames.
        shot_cut: The score from which on a frame is a cut.

    Returns:
        bool (T,); the first is False, since the frame before it is unknown.
    """
    cut = np.zeros(len(thumbnail), np.bool_)
    if len(thumbnail) > 1:
        grey = thumbnail.astype(np.float64)
        cut[1:] = np.sqrt(_outside(grey) * _unlike(grey)) >= shot_cut
    return cut


def _outside(grey: Float64) -> Float64:
    """Measure how far pixels leave the range of the 3 by 3 around them in the neighbouring frame; (T - 1,), 0 to 1."""
    low, high = _around(grey, np.minimum), _around(grey, np.maximum)
    forward = np.maximum(grey[1:] - high[:-1], low[:-1] - grey[1:])
    backward = np.maximum(grey[:-1] - high[1:], low[1:] - grey[:-1])
    distance: Float64 = (forward.clip(0) + backward.clip(0)).mean((1, 2)) / (2 * 255)
    return distance


def _around(grey: Float64, extreme: np.ufunc) -> Float64:
    """Return the least or greatest of the 3 by 3 pixels around each, as (T, rows, columns); the edge repeats."""
    rows, columns = grey.shape[1:]
    padded = np.pad(grey, ((0, 0), (1, 1), (1, 1)), mode="edge")
    over_rows = extreme.reduce([padded[:, i : i + rows] for i in range(3)])
    around: Float64 = extreme.reduce([over_rows[:, :, i : i + columns] for i in range(3)])
    return around


def _unlike(grey: Float64) -> Float64:
    """Return 1 - correlation of successive frames, (T - 1,), 0 to 1; two flat frames are alike."""
    pictures = prepared(grey)
    distance: Float64 = (1 - (pictures[1:] * pictures[:-1]).sum(-1)).clip(0, 1)
    return distance


def prepared(picture: UInt8 | Float64) -> Float64:
    """Remove light and contrast from pictures, so that the product of two is their correlation.

    Args:
        picture: (..., rows, columns), grey levels.

    Returns:
        float64 (..., pixels + 1), each of norm 1; the last number keeps flat pictures alike.
    """
    grey = picture.reshape(*picture.shape[:-2], math.prod(picture.shape[-2:])).astype(np.float64)
    grey -= grey.mean(-1, keepdims=True)
    flat = np.full((*grey.shape[:-1], 1), _FLAT_GREY * grey.shape[-1] ** 0.5)
    pictures: Float64 = np.concatenate([grey, flat], -1)
    pictures /= np.linalg.norm(pictures, axis=-1, keepdims=True)
    return pictures


def unlike(a: Float64, b: Float64) -> Float64:
    """Compare the looks of faces as arrays broadcast: one minus the correlation of each picture, 0 alike to 1.

    Args:
        a: float64 (..., pictures, n), as of `prepared`.
        b: The same of others.

    Returns:
        float64 (..., pictures).
    """
    distance: Float64 = (1 - (a * b).sum(-1)).clip(0, 1)
    return distance


def is_same_face(a: Float64, b: Float64, seconds: Float64, cut: Bool) -> Bool:
    """Check whether faces seen at the same position in turn may be the same face.

    Both pictures must speak for another face. A head that turns changes its crop alone. A camera that moves, or a
    slide, changes all around it alone.

    Args:
        a: float64 (..., pictures, n), looks as of `prepared`.
        b: The same, later.
        seconds: (...), time between them.
        cut: (...), whether the whole picture became another one between them.
    """
    most = np.minimum(_CHANGE + _CHANGE_PER_S * seconds, _MOST_CHANGE) * np.where(cut, _AT_CUT, 1.0)
    change = unlike(a, b)
    return np.asarray((np.sqrt(change.prod(-1)) < most) | (change[..., 0] < _SAME_CROP))
