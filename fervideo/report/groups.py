"""Tables of a study as figures: mean courses over people with their intervals, and confusions of labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from fervideo import columns
from fervideo.errors import UsageError
from fervideo.report import canvas, legend
from fervideo.report.canvas import Axes, Figure, Sheet
from fervideo.report.legend import Entry
from fervideo.study import grouped

#: Colours and lines of groups, in their order; lines differ in grey print, too.
_GROUPS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_LINES = ("-", "--", "-.", ":")
#: Most panels of a figure of courses.
MOST_MEASURES = 12
#: Millimetres.
_LEFT, _RIGHT, _TOP, _BOTTOM = 13.5, 2.0, 2.0, 9.0
_PANEL, _BETWEEN_X, _BETWEEN_Y = 34.0, 14.0, 10.0
_MOST_CELL = 14.0
#: A measure that changes less is drawn as a straight line.
_LEAST_SPAN = 0.01
#: A cell that is darker than this share has white text.
_DARK = 0.55


@canvas.own_style()
def over_people(table: pd.DataFrame, width: str | None = None) -> Figure:
    """Draw mean courses over people, a panel per measure and a line per group, with 95 % intervals.

    Args:
        table: As `study.curves.over_people` returns it: perhaps a column of groups, then `measure`, `t`, `people`,
            `mean`, `low`, `high`.
        width: `one` or `two` columns; None for one where there is one measure, else two.

    Raises:
        UsageError: The width is another one, or there are too many measures.
    """
    group = next(iter(table.columns.difference(["measure", "t", "people", "mean", "low", "high"], sort=False)), "")
    measures = list(dict.fromkeys(table["measure"]))
    if len(measures) > MOST_MEASURES:
        raise UsageError(f"{len(measures)} measures", "are too many for one figure", "choose some with --columns")
    width = width or ("one" if len(measures) == 1 else "two")
    across = min(len(measures), 1 if width == "one" else 3)
    down = -(-len(measures) // across)
    names = list(dict.fromkeys(table[group])) if group else [""]
    canvas.check_width(width)
    room, points = canvas.WIDTHS_MM[width] - _LEFT - _RIGHT, canvas.points_of(width)[1]
    keys = legend.lines(_keys(table, group, names), room, points) if group else []
    top = _TOP + (len(keys) * legend.LINE + 1.0 if keys else 0.0)
    sheet = Sheet.of(width, top + down * _PANEL + (down - 1) * _BETWEEN_Y + _BOTTOM)
    legend.draw(sheet, _LEFT, _TOP, keys)
    panel = (room - (across - 1) * _BETWEEN_X) / across
    shared: Axes | None = None
    for number, measure in enumerate(measures):
        left = _LEFT + number % across * (panel + _BETWEEN_X)
        axes = sheet.axes(left, top + number // across * (_PANEL + _BETWEEN_Y), panel, _PANEL, shared)
        shared = shared or axes
        own = table[table["measure"] == measure]
        for at, name in enumerate(names):
            _draw_course(axes, own[own[group] == name] if group else own, at)
        _finish(sheet, axes, str(measure), float(table["t"].min()))
    if not group:
        sheet.text(sheet.width_mm - _RIGHT, _TOP, _people(table), ha="right", fontsize=sheet.small_pt)
    return sheet.figure


def _draw_course(axes: Axes, own: pd.DataFrame, at: int) -> None:
    t, mean, low, high = (own[name].to_numpy(float) for name in ("t", "mean", "low", "high"))
    look = _look(at)
    axes.fill_between(t, low, high, color=look["color"], alpha=0.2, linewidth=0)
    axes.plot(t, mean, linewidth=1.2, **look)


def _finish(sheet: Sheet, axes: Axes, measure: str, first: float) -> None:
    """Draw the marks of a panel: its zeros, and the names of its axes."""
    axes.axhline(0, color=canvas.GREY, linewidth=0.5, zorder=0)
    if first < 0:
        axes.axvline(0, color=canvas.GREY, linewidth=0.5, zorder=0)
    unit = next((column.unit for column in columns.frames() if column.name == measure and column.unit), "")
    shown = f"p({measure[2:]})" if measure.startswith("p_") else f"{measure} ({unit})" if unit else measure
    axes.set_ylabel(shown, fontsize=sheet.size_pt, color=canvas.INK, labelpad=2)
    axes.set_xlabel("time from the event (s)" if first < 0 else "time (s)", fontsize=sheet.size_pt, color=canvas.INK)
    axes.margins(x=0)
    low, high = axes.get_ylim()
    if high - low < _LEAST_SPAN:
        axes.set_ylim(low - _LEAST_SPAN, high + _LEAST_SPAN)
    axes.locator_params(axis="y", nbins=5)


def _people(rows: pd.DataFrame) -> str:
    """Return how many people are behind means: `n = 12`, or `n = 10 to 12`."""
    least, most = int(rows["people"].min()), int(rows["people"].max())
    return f"n = {most}" if least == most else f"n = {least} to {most}"


def _keys(table: pd.DataFrame, group: str, names: Sequence[object]) -> list[Entry]:
    """Return the entries of the legend."""
    texts = [f"{name} ({_people(table[table[group] == name])})" for name in names]
    return [Entry(Line2D([], [], linewidth=1.2, **_look(at)), text) for at, text in enumerate(texts)]


def _look(at: int) -> dict[str, Any]:
    """Return colour and line of a group."""
    return {"color": _GROUPS[at % len(_GROUPS)], "linestyle": _LINES[at % len(_LINES)]}


@canvas.own_style()
def confusion(table: pd.DataFrame, width: str = "one", title: str = "") -> Figure:
    """Draw a confusion: in each cell the share of its row, and the number of bins.

    Args:
        table: A row per label of the coder, the index; a column per label of the results.
        width: `one` or `two` columns.
        title: Text above it, such as the agreement.

    Raises:
        UsageError: The width is another one.
    """
    counts = table.to_numpy(np.float64)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    rows, names = [str(name) for name in table.index], [str(name) for name in table.columns]
    canvas.check_width(width)
    longest = max(canvas.text_mm(name, canvas.points_of(width)[1]) for name in (*rows, *names))
    left, below = longest + 7.0, longest * 0.71 + 7.0
    room = canvas.WIDTHS_MM[width] - left - _RIGHT
    cell = min(room / len(names), _MOST_CELL)
    top = _TOP + (5.0 if title else 0.0)
    sheet = Sheet.of(width, top + cell * len(rows) + below)
    axes = sheet.axes(left, top, cell * len(names), cell * len(rows))
    axes.pcolormesh(share, vmin=0, vmax=1, cmap="Blues", edgecolors="white", linewidth=0.4)
    axes.set_xlim(0, len(names))
    axes.set_ylim(len(rows), 0)
    axes.set_xticks(np.arange(len(names)) + 0.5, names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(np.arange(len(rows)) + 0.5, rows)
    axes.set_xlabel("fervideo", fontsize=sheet.size_pt, color=canvas.INK)
    axes.set_ylabel(str(table.index.name or "coder"), fontsize=sheet.size_pt, color=canvas.INK)
    small = min(sheet.small_pt, cell * 0.75)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            text = f"{share[row, column]:.2f}\n{count:.0f}"
            colour = "white" if share[row, column] > _DARK else canvas.INK
            axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", color=colour, fontsize=small)
    if title:
        sheet.text(left, _TOP, title, fontsize=sheet.size_pt)
    return sheet.figure


def of_file(
    path: Path, width: str | None = None, by: str = "", wanted: tuple[str, ...] = (), bin_s: float = 0.5
) -> Figure:
    """Draw a table of a study, recognised by its columns.

    Args:
        path: `curves.csv` or `epochs.csv` of `fervideo epochs`, `confusion.csv` of `fervideo agree`, or a table that
            `fervideo gather` wrote.
        width: `one` or `two` columns; None for the usual one.
        by: Column by which people are grouped; empty for none.
        wanted: Measures to draw; empty for all, or for a gathered table the usual ones.
        bin_s: Width of the bins of a gathered table, in seconds.

    Raises:
        UsageError: The table is none of these, or lacks a column.
    """
    table = grouped.read(path)
    if table.columns[0].startswith("coder"):
        return confusion(table.set_index(table.columns[0]), width or "one")
    if {"measure", "t", "mean", "low", "high", "people"} <= set(table):
        found = table
        if by and by not in table:
            raise UsageError(f"by {by}", f"is no column of {path}", "draw epochs.csv, or run `fervideo epochs --by`")
    else:
        found = grouped.over_people(table, path, by, wanted, bin_s)
    shown = found[found["measure"].isin(wanted)] if wanted else found
    if shown.empty:
        raise UsageError(path, "has none of these measures", f"it has {', '.join(dict.fromkeys(found['measure']))}")
    return over_people(shown, width)
