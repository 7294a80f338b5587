"""The running strip below the picture: some seconds of each face's course around the moment."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from fervideo.records import UInt8
from fervideo.report.overlay import labels
from fervideo.report.overlay.drawing import Layout, fill, on_dark
from fervideo.report.overlay.labels import Colour
from fervideo.report.overlay.people import Person

#: Seconds that the strip shows, half of them before the moment.
SPAN_S = 10.0
_OUTSIDE, _NO_FACE, _GROUND, _EDGE, _WHITE = (0, 0, 0), (62, 62, 62), (27, 27, 27), (90, 90, 90), (255, 255, 255)
#: Probabilities that stay below this in the strip are not drawn.
_LEAST_P = 0.08
#: Fraction bits of OpenCV's coordinates.
_SHIFT = 4


def draw(
    canvas: UInt8, people: Sequence[Person], colours: Sequence[Colour], time_s: float, end_s: float, layout: Layout
) -> None:
    """Draw the strip below the picture, in place: the moment is in its middle.

    Args:
        canvas: uint8 (height, width, 3).
        people: The faces; those beyond the lanes of the layout are left out.
        colours: Colour of each expression.
        time_s: The moment.
        end_s: End of the video.
        layout: The sizes.
    """
    begin_s, px_per_s = time_s - SPAN_S / 2, layout.width / SPAN_S
    width, height = layout.size
    fill(canvas, 0, layout.height, width, height, _OUTSIDE)
    a, b = (_pixel(at_s, begin_s, px_per_s, layout) for at_s in (0.0, end_s))
    fill(canvas, a, layout.height, b, height, _NO_FACE)
    for number, person in enumerate(people[: layout.lanes]):
        top = layout.height + number * layout.lane
        _draw_lane(canvas[top : top + layout.lane], person, colours, begin_s, px_per_s, layout)
    middle = layout.width // 2
    fill(canvas, middle, layout.height, middle + layout.line, height, _WHITE)
    minutes, seconds = divmod(time_s, 60)
    text = f"{int(minutes)}:{seconds:04.1f}"
    x = layout.width - labels.width_px(text, layout.text) - layout.text // 3
    labels.write(canvas, x, layout.height + 1, text, layout.text, _WHITE)


def _pixel(at_s: float, begin_s: float, px_per_s: float, layout: Layout) -> int:
    """Return the column of a time, within the strip."""
    return round(min(max((at_s - begin_s) * px_per_s, 0), layout.width))


def _draw_lane(
    lane: UInt8, person: Person, colours: Sequence[Colour], begin_s: float, px_per_s: float, layout: Layout
) -> None:
    """Draw the course of one face: lines, a band of its events below them, and its name."""
    foot = layout.lane - max(layout.lane // 7, 4)
    first = max(int(np.searchsorted(person.end_s, begin_s)) - 1, 0)
    last = min(int(np.searchsorted(person.time_s, begin_s + SPAN_S)) + 1, len(person.time_s))
    time_s, until_s = person.time_s[first:last], person.end_s[first:last]
    # The face is away between rows that do not follow one another.
    away = np.flatnonzero(time_s[1:] > until_s[:-1] + 1e-6) + 1
    for own in np.split(np.arange(len(time_s)), away) if len(time_s) else ():
        a, b = (_pixel(float(at_s), begin_s, px_per_s, layout) for at_s in (time_s[own[0]], until_s[own[-1]]))
        fill(lane, a, 1, b, layout.lane, _GROUND)
        p = person.p[first:last][own]
        x = (time_s[own] - begin_s) * px_per_s
        for number in np.argsort(p.max(axis=0)):
            if p[:, number].max() >= _LEAST_P:
                points = np.column_stack([x, 3 + (1 - p[:, number]) * (foot - 6)]) * (1 << _SHIFT)
                how = on_dark(colours[number]), max(layout.line // 2, 1), cv2.LINE_AA, _SHIFT
                cv2.polylines(lane, [points.round().astype(np.int32)], False, *how)
    for at in np.flatnonzero((person.band_s[:, 1] > begin_s) & (person.band_s[:, 0] < begin_s + SPAN_S)).tolist():
        a, b = (_pixel(at_s, begin_s, px_per_s, layout) for at_s in person.band_s[at].tolist())
        fill(lane, a, foot, b, layout.lane, person.band_colour[at])
    fill(lane, 0, 0, layout.width, 1, _EDGE)
    labels.write(lane, layout.text // 3, 1, person.name, layout.text, _WHITE)
