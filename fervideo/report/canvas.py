"""Sheets for figures: sizes in millimetres as journals state them, fonts, colours, and files that stay the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fervideo import atomic
from fervideo.errors import UsageError

__all__ = ["FORMATS", "WIDTHS_MM", "Axes", "Figure", "Sheet", "check_path", "check_width", "own_style", "save"]

#: Widths of a column and of a page in most journals.
WIDTHS_MM = MappingProxyType({"one": 85.0, "two": 180.0})
#: Sizes of text, in points, by width: titles and axes, then ticks and marks.
_POINTS: Mapping[str, tuple[float, float]] = MappingProxyType({"one": (7.0, 6.0), "two": (8.0, 7.0)})
#: Kinds of files, by the end of their names.
FORMATS = ("png", "svg", "pdf")
INK, GREY, PALE = "#222222", "#bdbdbd", "#ececec"
_MM_PER_INCH, _POINT_MM, _DPI = 25.4, 25.4 / 72, 300
#: Mean width of a letter of DejaVu Sans, by its size.
_LETTER = 0.56
#: Text stays text; the same figure gives the same bytes.
_FILE_SETTINGS = {
    "svg.fonttype": "none",
    "svg.hashsalt": "fervideo",
    "pdf.fonttype": 42,
    "image.composite_image": False,
}
#: Without the date at which the file was written.
_FILE_FACTS: Mapping[str, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}


#: Settings of matplotlib that are left alone: a change of these would start another window system.
_LEFT_ALONE = ("backend", "backend_fallback", "interactive", "toolbar", "timezone")


@contextmanager
def own_style() -> Iterator[None]:
    """Draw with matplotlib's own defaults: no style of the user's, and signs of formulas in names are plain text."""
    defaults: Any = {key: value for key, value in matplotlib.rcParamsDefault.items() if key not in _LEFT_ALONE}
    with matplotlib.rc_context({**defaults, "text.parse_math": False, "hatch.linewidth": 0.4}):
        yield


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """A figure in millimetres from its top left corner.

    Attributes:
        figure: The figure.
        width_mm: Its width.
        height_mm: Its height.
        size_pt: Size of titles and names of axes.
        small_pt: Size of ticks and marks.
    """

    figure: Figure
    width_mm: float
    height_mm: float
    size_pt: float
    small_pt: float

    @staticmethod
    def of(width: str, height_mm: float) -> Sheet:
        """Make an empty sheet, `one` or `two` columns wide.

        Raises:
            UsageError: The width is another one.
        """
        check_width(width)
        width_mm = WIDTHS_MM[width]
        figure = Figure(figsize=(width_mm / _MM_PER_INCH, height_mm / _MM_PER_INCH), facecolor="white")
        size_pt, small_pt = _POINTS[width]
        return Sheet(figure=figure, width_mm=width_mm, height_mm=height_mm, size_pt=size_pt, small_pt=small_pt)

    def axes(self, left: float, top: float, width: float, height: float, share_x: Axes | None = None) -> Axes:
        """Add axes, by their left and upper edge and their size in millimetres."""
        w, h = self.width_mm, self.height_mm
        rect = (left / w, 1 - (top + height) / h, width / w, height / h)
        axes: Axes = self.figure.add_axes(rect, sharex=share_x)
        style(axes, self.small_pt)
        return axes

    def text(self, left: float, top: float, text: str, **how: Any) -> None:
        """Write text whose upper left corner is at a point in millimetres."""
        how = {"va": "top", "ha": "left", "fontsize": self.size_pt, "color": INK, **how}
        self.figure.text(left / self.width_mm, 1 - top / self.height_mm, text, **how)


def check_width(width: str) -> None:
    """Check a width of a figure.

    Raises:
        UsageError: It is none of WIDTHS_MM.
    """
    if width not in WIDTHS_MM:
        raise UsageError(f"width {width}", "is no width of a figure", f"choose from {', '.join(WIDTHS_MM)}")


def points_of(width: str) -> tuple[float, float]:
    """Return the sizes of text for a width: titles and names of axes, then ticks and marks."""
    return _POINTS[width]


def text_mm(text: str, points: float) -> float:
    """Estimate the width of a text."""
    return len(text) * _LETTER * points * _POINT_MM


def style(axes: Axes, points: float) -> None:
    """Give axes thin lines, small ticks, and no frame above and to the right."""
    axes.tick_params(labelsize=points, length=2, width=0.5, pad=1.5, color=INK, labelcolor=INK)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_linewidth(0.5)
        spine.set_color(INK)


def ink_on(colour: str) -> str:
    """Return the colour of text on a colour `#rrggbb`: dark on light ones, white on dark ones."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return INK if 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2 > 0.3 else "white"


def check_path(path: Path) -> None:
    """Check that a figure can be written under a name.

    Raises:
        UsageError: Its end is none of FORMATS.
    """
    if path.suffix.lower().removeprefix(".") not in FORMATS:
        ends = ", ".join(f".{name}" for name in FORMATS)
        raise UsageError(path, "has a name of no kind of figure", f"end it in one of {ends}")


def save(figure: Figure, path: Path) -> Path:
    """Write a figure; the same figure gives the same bytes.

    Raises:
        UsageError: The name has the end of no known kind.
        OutputError: The file cannot be written.
    """
    check_path(path)
    kind = path.suffix.lower().removeprefix(".")
    settings: Any = _FILE_SETTINGS
    with atomic.written(path) as temporary, own_style(), matplotlib.rc_context(settings):
        figure.savefig(temporary, format=kind, dpi=_DPI, metadata=_FILE_FACTS[kind])
    return path
