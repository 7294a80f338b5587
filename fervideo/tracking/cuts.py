"""Cuts, judged for the whole picture and for each face.

A new shot changes the picture. But a slide that changes behind a small picture of a speaker does so, too, and another
speaker in that small picture does not. So each face is compared with itself: its crop, and all that is around it. The
whole picture only decides how much a face may change.
"""

from __future__ import annotations

import numpy as np

from fervideo.records import OUTSIDE, Bool, Float64, UInt8

#: Contrast below which a picture is flat, in grey levels: a correlation would be that of noise.
_FLAT_GREY = 8.0
#: Share of a look's pixels that two frames must show, so that they can be compared.
_LEAST_SHOWN = 0.25
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
    pixels = grey.reshape(len(grey), 1, -1)
    distance: Float64 = _uncorrelated(pixels[1:], pixels[:-1], np.ones_like(pixels[:-1]), np.ones_like(pixels[:-1]))
    return distance[:, 0, 0]


def unlike(a: UInt8, b: UInt8) -> Float64:
    """Compare each of some looks with each of others: 0 alike to 1; light and contrast do not count.

    Args:
        a: uint8 (..., i, pixels), grey, OUTSIDE where the frame does not show it.
        b: uint8 (..., j, pixels).

    Returns:
        float64 (..., i, j), one minus the correlation of the pixels that both show; NaN where these are too few.
    """
    return _uncorrelated(a.astype(np.float64), b.astype(np.float64), a != OUTSIDE, b != OUTSIDE)


def _uncorrelated(a: Float64, b: Float64, shown_a: Bool | Float64, shown_b: Bool | Float64) -> Float64:
    """Return one minus the correlation over the pixels that both show, as `unlike`; pixels not shown are 0."""
    in_a, in_b = shown_a.astype(np.float64), shown_b.astype(np.float64).swapaxes(-1, -2)
    b = b.swapaxes(-1, -2)
    n = in_a @ in_b
    few = n < _LEAST_SHOWN * a.shape[-1]
    n = np.maximum(n, 1)
    sum_a, sum_b, flat = a @ in_b, in_a @ b, _FLAT_GREY**2 * n
    variances = (a**2 @ in_b - sum_a**2 / n + flat) * (in_a @ b**2 - sum_b**2 / n + flat)
    correlation = (a @ b - sum_a * sum_b / n + flat) / np.sqrt(variances)
    return np.where(few, np.nan, (1 - correlation).clip(0, 1))


def is_same_face(a: UInt8, b: UInt8, seconds: Float64, cut: Bool) -> Bool:
    """Check whether faces seen at the same position in turn may be the same face.

    Both pictures must speak for another face. A head that turns changes its crop alone. A slide changes all around it
    alone. The less of a picture the frame shows, the less it says: landmarks outside the frame are guessed.

    Args:
        a: uint8 (..., pictures, pixels), looks.
        b: The same, later.
        seconds: (...), time between them.
        cut: (...), whether the whole picture became another one between them.
    """
    most = np.minimum(_CHANGE + _CHANGE_PER_S * seconds, _MOST_CHANGE) * np.where(cut, _AT_CUT, 1.0)
    shown = ((a != OUTSIDE) & (b != OUTSIDE)).mean(-1)
    change = shown * np.nan_to_num(unlike(a[..., None, :], b[..., None, :])[..., 0, 0], nan=0.0)
    return np.asarray((np.sqrt(change.prod(-1)) < most) | (change[..., 0] < _SAME_CROP))
