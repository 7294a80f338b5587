"""Timelines as a figure for a paper: probabilities, events and faces of clips under one another, on one time axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter

from fervideo import palette
from fervideo.errors import UsageError
from fervideo.records import UInt8
from fervideo.report import canvas, courses, legend
from fervideo.report.canvas import Axes, Figure, Sheet
from fervideo.report.courses import Course, Moment
from fervideo.report.legend import Entry
from fervideo.study import faces
from fervideo.timeline import certainty
from fervideo.timeline.record import Timeline
from fervideo.timeline.tables import name_of

#: Pictures along the axis unless another number is asked for.
PICTURES: Mapping[str, int] = {"one": 8, "two": 12}
#: Most rows of a figure: a page is no longer.
MOST_ROWS = 12
#: Millimetres: margins, parts of a row, and the room between rows.
_LEFT, _RIGHT, _TOP, _BOTTOM = 9.5, 2.0, 1.5, 8.5
_TITLE, _CURVES, _BAND, _BETWEEN, _PICTURES_GAP = 4.2, 20.0, 4.2, 3.2, 1.6
#: An expression that is nowhere more probable than this is drawn, but not named.
_NAMED_FROM = 0.2
#: Opacity of an event that is uncertain.
_UNSURE = 0.4
#: Pattern of stretches that cannot be decoded.
_HATCH = "/////"
#: Steps between ticks in seconds, and the most ticks by width.
_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200)
_MOST_TICKS: Mapping[str, int] = {"one": 7, "two": 12}
#: From this length on times are in minutes and seconds.
_MINUTES_FROM_S = 180


@dataclass(frozen=True, kw_only=True)
class Row:
    """One face of one clip.

    Attributes:
        title: Name of the clip, and the face.
        timeline: The timeline.
        face: Number of the face.
    """

    title: str
    timeline: Timeline
    face: int


class _Drawn(NamedTuple):
    """One row on its way: its course, its moments, their pictures by slot."""

    row: Row
    course: Course
    moments: Sequence[Moment]
    pictures: Mapping[int, UInt8]


def rows(timelines: Sequence[Timeline], names: Sequence[str], face: str = "all") -> list[Row]:
    """Return a row for each face that a rule chooses.

    Args:
        timelines: The timelines.
        names: The name of each in titles.
        face: Rule of `study.faces`; or the number or the name of a face.

    Raises:
        UsageError: No timeline has such a face, or there are more than fit on a page.
    """
    found = []
    for timeline, name in zip(timelines, names, strict=True):
        seen = faces.seen(timeline.frames)
        chosen = faces.choose(seen, face).faces
        for number in chosen:
            known = name_of(seen.loc[[number]].iloc[0])
            title = name if len(seen) == 1 and not known else f"{name}, {known or f'face {number}'}"
            found.append(Row(title=title, timeline=timeline, face=number))
    if not found:
        raise UsageError(f"face {face}", "is in none of these timelines", "choose all, longest, or a face's number")
    if len(found) > MOST_ROWS:
        remedy = f"give fewer clips, or --face longest; a page has room for {MOST_ROWS}"
        raise UsageError(f"{len(found)} faces", "are too many for one figure", remedy)
    return found


def axis_s(chosen: Sequence[Row]) -> tuple[float, float]:
    """Return start and end of the axis of time that rows share."""
    spans = [courses.span_s(row.timeline) for row in chosen]
    return min(span[0] for span in spans), max(span[1] for span in spans)


def moments(chosen: Sequence[Row], n: int) -> list[list[Moment]]:
    """Choose the moments of each row whose faces stand along the axis, in n slots."""
    begin_s, end_s = axis_s(chosen)
    return [courses.moments(row.timeline, row.face, begin_s, end_s, n) for row in chosen]


@canvas.own_style()
def timelines(
    chosen: Sequence[Row],
    width: str = "two",
    n_slots: int = 0,
    shown: Sequence[tuple[Sequence[Moment], Mapping[int, UInt8]]] | None = None,
) -> Figure:
    """Draw rows under one another.

    Args:
        chosen: The rows.
        width: `one` or `two` columns.
        n_slots: Slots for pictures along the axis; 0 for none.
        shown: The moments of each row, and by slot their pictures, uint8 (h, w, 3); None without pictures.

    Raises:
        UsageError: The width is another one.
    """
    canvas.check_width(width)
    shown = shown or [((), {})] * len(chosen)
    drawn = [_Drawn(row, courses.course(row.timeline, row.face), *own) for row, own in zip(chosen, shown, strict=True)]
    begin_s, end_s = axis_s(chosen)
    inner = canvas.WIDTHS_MM[width] - _LEFT - _RIGHT
    keys = _legend(drawn, canvas.points_of(width)[1], inner)
    strip = inner / n_slots if n_slots else 0.0
    of_row = _TITLE + (strip + _PICTURES_GAP if n_slots else 0.0) + _CURVES + _BAND + _BETWEEN
    legend_mm = len(keys) * legend.LINE + 1.0
    sheet = Sheet.of(width, _TOP + legend_mm + len(drawn) * of_row - _BETWEEN + _BOTTOM)
    legend.draw(sheet, _LEFT, _TOP, keys)
    top = _TOP + legend_mm
    for number, each in enumerate(drawn):
        sheet.text(_LEFT, top + 0.4, each.row.title, fontweight="bold")
        at = top + _TITLE
        if n_slots:
            _draw_pictures(sheet.axes(_LEFT, at, inner, strip), each, begin_s, end_s, n_slots, strip)
            at += strip + _PICTURES_GAP
        curves = sheet.axes(_LEFT, at, inner, _CURVES)
        _draw_curves(curves, each.course)
        curves.set_xlim(begin_s, max(end_s, begin_s + 1e-3))
        curves.set_ylabel("probability", fontsize=sheet.size_pt, labelpad=2, color=canvas.INK)
        curves.tick_params(labelbottom=False, bottom=False)
        band = sheet.axes(_LEFT, at + _CURVES, inner, _BAND, curves)
        _draw_band(band, each.course, sheet.small_pt, inner / max(end_s - begin_s, 1e-3))
        last = number == len(drawn) - 1
        _draw_ticks(band, begin_s, end_s, width, last)
        if last:
            unit = "min:s" if end_s - begin_s > _MINUTES_FROM_S else "s"
            band.set_xlabel(f"time ({unit})", fontsize=sheet.size_pt, labelpad=2, color=canvas.INK)
        top += of_row
    return sheet.figure


def _draw_curves(axes: Axes, course: Course) -> None:
    """Draw probabilities: grey where the face is not seen well, nothing where it is not seen."""
    for spans, colour, hatch in (
        (courses.spans(course.is_empty, course.bounds_s), canvas.PALE, None),
        (courses.spans(course.is_damaged, course.bounds_s), "white", _HATCH),
    ):
        for begin_s, end_s in spans:
            axes.axvspan(begin_s, end_s, facecolor=colour, edgecolor=canvas.GREY, hatch=hatch, linewidth=0, zorder=0)
    # The steps beside poor ones are drawn twice, so that lines are not interrupted.
    near = course.is_poor | np.append(course.is_poor[1:], False) | np.append(False, course.is_poor[:-1])
    colours = palette.colours(course.labels)
    time_s = course.bounds_s[:-1]
    for number, label in enumerate(course.labels):
        p = course.p[:, number]
        if course.is_poor.any():
            axes.plot(time_s, np.where(near, p, np.nan), color=canvas.GREY, linewidth=0.6, zorder=2)
        axes.plot(time_s, np.where(course.is_poor, np.nan, p), color=colours[label], linewidth=1.0, zorder=3)
    axes.set_ylim(-0.03, 1.03)
    axes.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])


def _draw_band(axes: Axes, course: Course, points: float, mm_per_s: float) -> None:
    """Draw the events as a band, with their names where there is room."""
    colours = palette.colours(course.labels)
    spans = (course.events[name] for name in ("expression", "onset_s", "offset_s"))
    for label, onset_s, offset_s, unsure in zip(*spans, certainty.is_uncertain(course.events), strict=True):
        colour, lasts_s = colours.get(label, canvas.GREY), offset_s - onset_s
        is_sure = not unsure
        paint: dict[str, Any] = {
            "facecolor": colour,
            "alpha": None if is_sure else _UNSURE,
            "edgecolor": "white",
            "linewidth": 0.3,
        }
        axes.add_patch(Rectangle((onset_s, 0), lasts_s, 0.8, **paint))
        if canvas.text_mm(label, points - 1) <= lasts_s * mm_per_s - 1.0:
            ink = canvas.ink_on(colour) if is_sure else canvas.INK
            middle = onset_s + lasts_s / 2, 0.36
            how: dict[str, Any] = {"ha": "center", "va": "center_baseline", "fontsize": points - 1, "clip_on": True}
            axes.text(*middle, label, color=ink, **how)
    axes.set_ylim(0, 1)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)


def _draw_pictures(axes: Axes, drawn: _Drawn, begin_s: float, end_s: float, n_slots: int, strip_mm: float) -> None:
    """Draw a face in each slot that has one, framed in the colour of its expression, with a mark at its time."""
    axes.set_xlim(begin_s, max(end_s, begin_s + 1e-3))
    axes.set_ylim(0, 1)
    axes.axis("off")
    colours = palette.colours(drawn.course.labels)
    slot_s = (end_s - begin_s) / n_slots
    margin = 0.4 / strip_mm
    for moment in drawn.moments:
        picture = drawn.pictures.get(moment.slot)
        if picture is None:
            continue
        left_s, right_s = (begin_s + (moment.slot + side) * slot_s for side in (margin, 1 - margin))
        colour = colours.get(moment.expression, canvas.GREY)
        axes.imshow(picture, extent=(left_s, right_s, margin, 1 - margin), aspect="auto", zorder=1)
        size = right_s - left_s, 1 - 2 * margin
        axes.add_patch(Rectangle((left_s, margin), *size, fill=False, edgecolor=colour, linewidth=1.0, zorder=2))
        down = -_PICTURES_GAP / strip_mm
        axes.plot([moment.time_s] * 2, [margin, down], color=colour, linewidth=0.7, clip_on=False, zorder=3)
    axes.set_xlim(begin_s, max(end_s, begin_s + 1e-3))
    axes.set_ylim(0, 1)


def _draw_ticks(axes: Axes, begin_s: float, end_s: float, width: str, last: bool) -> None:
    span_s = max(end_s - begin_s, 1e-3)
    step_s = next((step for step in _STEPS_S if span_s / step <= _MOST_TICKS[width]), _STEPS_S[-1])
    axes.xaxis.set_major_locator(
        FixedLocator(list(np.arange(np.ceil(begin_s / step_s), end_s / step_s + 1e-9) * step_s))
    )
    in_minutes = span_s > _MINUTES_FROM_S
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _clock(value) if in_minutes else f"{value:g}"))
    axes.tick_params(labelbottom=last)


def _clock(seconds: float) -> str:
    whole = round(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def _legend(drawn: Sequence[_Drawn], points: float, room_mm: float) -> list[list[Entry]]:
    """Return the legend, in lines that fit the width."""
    entries = []
    labels = list(dict.fromkeys(label for each in drawn for label in each.course.labels))
    for label in labels:
        own = [each.course.p[:, each.course.labels.index(label)] for each in drawn if label in each.course.labels]
        if any((p >= _NAMED_FROM).any() for p in own):
            entries.append(Entry(Line2D([], [], color=palette.colours(labels)[label], linewidth=1.4), label))
    every = [each.course for each in drawn]
    if any(course.is_poor.any() for course in every):
        entries.append(Entry(Line2D([], [], color=canvas.GREY, linewidth=1.0), "face not seen well"))
    if any(certainty.is_uncertain(course.events).any() for course in every):
        entries.append(Entry(Patch(facecolor="#666666", alpha=_UNSURE), "pale: uncertain"))
    if any(course.is_empty.any() for course in every):
        entries.append(Entry(Patch(facecolor=canvas.PALE), "no face"))
    if any(course.is_damaged.any() for course in every):
        damaged = Patch(facecolor="white", edgecolor=canvas.GREY, hatch=_HATCH, linewidth=0)
        entries.append(Entry(damaged, "damaged"))
    return legend.lines(entries, room_mm, points)
