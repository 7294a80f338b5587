"""Results on one frame of video: its place on the canvas, blurred faces, boxes, labels and landmarks."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from fervideo.records import Float32, Float64, UInt8
from fervideo.report.overlay import labels
from fervideo.report.overlay.labels import Colour
from fervideo.report.overlay.people import Person

#: Faces that the strip has room for.
LANES = 4
#: Narrower pictures are enlarged, so that text on them can be read.
_LEAST_WIDTH_PX = 320
#: Cells of a blurred face, and the room around its box that is blurred, too.
_CELLS, _AROUND = 6, (0.2, 0.35, 0.2, 0.15)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Sizes of the picture and the strip, in pixels.

    Attributes:
        width: Width of both, even.
        height: Height of the picture, even.
        lane: Height of the strip for one face.
        lanes: Number of these.
        text: Size of the font.
        line: Thickness of the lines of boxes; those of the strip are half as thick.
    """

    width: int
    height: int
    lane: int
    lanes: int
    text: int
    line: int

    @staticmethod
    def of(width_px: int, height_px: int, n_faces: int) -> Layout:
        """Lay out a video of a size with so many faces."""
        scale = max(_LEAST_WIDTH_PX / width_px, 1.0)
        width, height = _even(width_px * scale), _even(height_px * scale)
        text = max(round(min(width, height * 1.5) / 42), 11)
        return Layout(
            width=width,
            height=height,
            lane=_even(4.2 * text),
            lanes=min(max(n_faces, 1), LANES),
            text=text,
            line=max(round(min(width, height) / 300), 2),
        )

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the whole."""
        return self.width, self.height + self.lane * self.lanes


def _even(value: float) -> int:
    """Return an even number of pixels, as the coder needs it: at most one line is cut off."""
    return max(2 * int(value / 2), 2)


def blank(layout: Layout) -> UInt8:
    """Return an empty canvas: uint8 (height, width, 3)."""
    width, height = layout.size
    return np.zeros((height, width, 3), np.uint8)


def fit(picture: UInt8, layout: Layout, canvas: UInt8) -> tuple[UInt8, float]:
    """Put a frame into the upper part of a canvas, scaled to fit.

    Args:
        picture: uint8 (h, w, 3).
        layout: The sizes.
        canvas: uint8 (height, width, 3), which is changed.

    Returns:
        The part of the canvas that shows the frame, and its scale.
    """
    rows, columns = picture.shape[:2]
    if rows - layout.height in (0, 1) and columns - layout.width in (0, 1):
        part = canvas[: layout.height, : layout.width]
        part[:] = picture[: layout.height, : layout.width]
        return part, 1.0
    scale = min(layout.width / columns, layout.height / rows)
    columns, rows = (
        min(max(round(n * scale), 1), most) for n, most in ((columns, layout.width), (rows, layout.height))
    )
    canvas[: layout.height] = 0
    top, left = (layout.height - rows) // 2, (layout.width - columns) // 2
    part = canvas[top : top + rows, left : left + columns]
    part[:] = cv2.resize(picture, (columns, rows), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    return part, scale


def fill(picture: UInt8, x0: int, y0: int, x1: int, y1: int, colour: Colour) -> None:
    """Fill a rectangle in place, its right and lower edge left out; ten times as fast as an assignment."""
    if x0 < x1 and y0 < y1:
        cv2.rectangle(picture, (x0, y0), (x1 - 1, y1 - 1), colour, cv2.FILLED)


def blur(picture: UInt8, box_px: Float64) -> None:
    """Replace a face by a few cells of its colours, in place; the room around the box belongs to it."""
    x0, y0, x1, y1 = box_px
    width, height = x1 - x0, y1 - y0
    left, top, right, bottom = (share * size for share, size in zip(_AROUND, (width, height) * 2, strict=True))
    rows, columns = picture.shape[:2]
    a, b = round(max(x0 - left, 0)), round(max(y0 - top, 0))
    c, d = round(min(x1 + right, columns)), round(min(y1 + bottom, rows))
    if c <= a or d <= b:
        return
    part = picture[b:d, a:c]
    cells = cv2.resize(part, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA)
    part[:] = cv2.resize(cells, (c - a, d - b), interpolation=cv2.INTER_LINEAR)


def draw_landmarks(picture: UInt8, landmarks_px: Float32, layout: Layout) -> None:
    """Draw landmarks as dots, in place: float32 (K, 2 or more)."""
    points = landmarks_px[:, :2].round().astype(np.int64)
    for right in range(layout.line):
        for down in range(layout.line):
            x, y = points[:, 0] + right, points[:, 1] + down
            inside = (x >= 0) & (y >= 0) & (x < picture.shape[1]) & (y < picture.shape[0])
            picture[y[inside], x[inside]] = (120, 255, 190)


def draw_face(picture: UInt8, box_px: Float64, person: Person, row: int, layout: Layout) -> None:
    """Draw the box of a face with its name and its label, in place; of an uncertain one grey corners only."""
    colour = person.colour[row]
    x0, y0, x1, y1 = (round(float(value)) for value in box_px)
    if person.is_uncertain[row]:
        reach = max((x1 - x0) // 5, 3)
        for x, across in ((x0, reach), (x1, -reach)):
            for y, along in ((y0, reach), (y1, -reach)):
                cv2.line(picture, (x, y), (x + across, y), colour, layout.line)
                cv2.line(picture, (x, y), (x, y + along), colour, layout.line)
    else:
        cv2.rectangle(picture, (x0, y0), (x1, y1), colour, layout.line)
    text = f"{person.name}  {person.label[row]}"
    width, height = labels.width_px(text, layout.text), labels.height_px(layout.text)
    margin = layout.text // 4
    x = min(max(x0, 0), max(picture.shape[1] - width - 2 * margin, 0))
    y = y0 - height - margin if y0 - height - margin >= 0 else min(y1 + margin, picture.shape[0] - height)
    labels.darken(picture, x, y, x + width + 2 * margin, y + height)
    labels.write(picture, x + margin, y, text, layout.text, on_dark(colour))


def on_dark(colour: Colour) -> Colour:
    """Return a colour as it is drawn on a dark ground, a quarter towards white."""
    red, green, blue = (round(0.75 * value + 0.25 * 255) for value in colour)
    return red, green, blue
