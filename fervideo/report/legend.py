"""Legends of figures: keys and texts in lines that fit the width."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from fervideo.report import canvas
from fervideo.report.canvas import Sheet

#: Millimetres: height of a line, room of an entry beside its text, width of a key and from its start to the text.
LINE = 3.6
_BESIDE, _KEY, _TEXT_AT = 7.5, 4.5, 5.5


class Entry(NamedTuple):
    """An entry: its key, and its text."""

    key: Line2D | Patch
    text: str


def lines(entries: Iterable[Entry], room_mm: float, points: float) -> list[list[Entry]]:
    """Break entries into lines."""
    found, used = list[list[Entry]](), 0.0
    for entry in entries:
        need = _BESIDE + canvas.text_mm(entry.text, points)
        if not found or used + need > room_mm:
            found.append([])
            used = 0.0
        found[-1].append(entry)
        used += need
    return found


def draw(sheet: Sheet, left: float, top: float, broken: Sequence[Sequence[Entry]]) -> None:
    """Draw lines of entries whose upper left corner is at a point in millimetres."""
    on_sheet = sheet.figure.transFigure
    for number, line in enumerate(broken):
        x, middle = left, top + (number + 0.4) * LINE
        y = 1 - middle / sheet.height_mm
        for key, text in line:
            if isinstance(key, Line2D):
                key.set_data([x / sheet.width_mm, (x + _KEY) / sheet.width_mm], [y, y])
                key.set_transform(on_sheet)
                sheet.figure.add_artist(key)
            else:
                width, height = _KEY / sheet.width_mm, 2 / sheet.height_mm
                box = Rectangle((x / sheet.width_mm, y - height / 2), width, height)
                box.update_from(key)
                box.set_transform(on_sheet)
                sheet.figure.add_artist(box)
            sheet.text(x + _TEXT_AT, middle, text, va="center_baseline", fontsize=sheet.small_pt)
            x += _BESIDE + canvas.text_mm(text, sheet.small_pt)
