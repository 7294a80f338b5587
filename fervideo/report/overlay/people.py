"""Each face of a timeline on the frames of its video: its box, its label, its course."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from fervideo import columns, palette
from fervideo.records import Bool, Float64, Int64
from fervideo.report.overlay.labels import Colour, colour_of
from fervideo.study import bins
from fervideo.timeline import certainty
from fervideo.timeline.record import Timeline
from fervideo.timeline.tables import name_of

#: Colour of all that is uncertain.
UNCERTAIN: Colour = (189, 189, 189)
#: Between two boxes that are no further apart in time, a box is interpolated.
_BRIDGED_S = 1.0
#: A face is hidden for so long before its first box and after its last one, too.
_BEYOND_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Person:
    """One face over T frames of a video; its course has n rows.

    Attributes:
        name: Its name, or its number.
        face: Its number.
        row: int64 (T,), the row of the course that each frame shows; -1 for none.
        box_px: float64 (T, 4), x0, y0, x1, y1; NaN where no box is known.
        hidden_px: float64 (T, 4), boxes to blur, which reach further in time.
        time_s: float64 (n,), times of the rows.
        end_s: float64 (n,), where they end.
        p: float64 (n, C), probabilities.
        label: Text of each row, such as `happiness 87 %`.
        colour: Colour of each row.
        is_uncertain: bool (n,), whether a row is better not relied on.
        band_s: float64 (k, 2), start and end of its expression events, then of its uncertain stretches.
        band_colour: Colour of each of these.
    """

    name: str
    face: int
    row: Int64
    box_px: Float64
    hidden_px: Float64
    time_s: Float64
    end_s: Float64
    p: Float64
    label: tuple[str, ...]
    colour: tuple[Colour, ...]
    is_uncertain: Bool
    band_s: Float64
    band_colour: tuple[Colour, ...]


def of(timeline: Timeline, time_s: Float64) -> list[Person]:
    """Return all faces of a timeline, also those that are never seen whole: they are to be blurred, too.

    Args:
        timeline: The timeline.
        time_s: float64 (T,), times of the video's frames.
    """
    starts_s, bounds_s = bins.bounds(timeline.frames)
    found = []
    for face in sorted(timeline.frames["face"].dropna().unique().tolist()):
        rows = timeline.frames[(timeline.frames["face"] == face).fillna(False).to_numpy(bool)]
        name = name_of(rows.iloc[0]) or str(face)
        found.append(_person(timeline, face, name, rows, time_s, starts_s, bounds_s))
    return found


def _person(
    timeline: Timeline,
    face: int,
    name: str,
    rows: pd.DataFrame,
    time_s: Float64,
    starts_s: Float64,
    bounds_s: Float64,
) -> Person:
    own_s = rows["time_s"].to_numpy(np.float64)
    end_s = bounds_s[np.searchsorted(starts_s, own_s) + 1]
    row = np.searchsorted(own_s, time_s, "right") - 1
    row = np.where((row >= 0) & (time_s < end_s[np.maximum(row, 0)]), row, -1)
    uncertain = certainty.is_uncertain(rows)
    colours = {label: colour_of(colour) for label, colour in palette.colours(timeline.labels).items()}
    confidence = rows["confidence"].to_numpy(np.float64)
    shown = zip(rows["expression"], confidence, uncertain, strict=True)
    events = timeline.events
    own = events[(events["face"] == face) & (events["kind"] == "expression")]
    unsure = _spans(uncertain, own_s, end_s)
    boxes = [_boxes(rows, own_s, time_s, beyond_s) for beyond_s in (0.0, _BEYOND_S)]
    return Person(
        name=name,
        face=face,
        row=row,
        # A box without a row would have no label.
        box_px=np.where(row[:, None] >= 0, boxes[0], np.nan),
        hidden_px=boxes[1],
        time_s=own_s,
        end_s=end_s,
        p=rows[columns.prefixed("p", timeline.labels)].to_numpy(np.float64),
        label=tuple(f"{label}{'?' if unsure else ''} {share:.0%}" for label, share, unsure in shown),
        colour=tuple(
            UNCERTAIN if unsure else colours.get(label, UNCERTAIN)
            for label, unsure in zip(rows["expression"], uncertain, strict=True)
        ),
        is_uncertain=uncertain,
        band_s=np.concatenate([own[["onset_s", "offset_s"]].to_numpy(np.float64), unsure]),
        band_colour=(*(colours.get(label, UNCERTAIN) for label in own["expression"]), *[UNCERTAIN] * len(unsure)),
    )


def _spans(flags: Bool, start_s: Float64, end_s: Float64) -> Float64:
    """Return the stretches of rows that follow one another and have a flag: float64 (k, 2)."""
    rows = np.flatnonzero(flags)
    runs = np.split(rows, np.flatnonzero((np.diff(rows) > 1) | (start_s[rows[1:]] > end_s[rows[:-1]] + 1e-6)) + 1)
    return np.array([(start_s[run[0]], end_s[run[-1]]) for run in runs if len(run)], np.float64).reshape(-1, 2)


def _boxes(rows: pd.DataFrame, own_s: Float64, time_s: Float64, beyond_s: float) -> Float64:
    """Interpolate boxes at the frames of a video: float64 (T, 4), NaN further than allowed from known ones."""
    left, top, width, height = (rows[name].to_numpy(np.float64, na_value=np.nan) for name in columns.BOX)
    known = np.isfinite(left)
    at_s = own_s[known]
    if not len(at_s):
        return np.full((len(time_s), 4), np.nan)
    corners = np.column_stack([left, top, left + width, top + height])[known]
    found = np.column_stack([np.interp(time_s, at_s, column) for column in corners.T])
    after = np.searchsorted(at_s, time_s)
    until_s = np.append(at_s, np.inf)[after] - time_s
    since_s = time_s - np.append(-np.inf, at_s)[np.searchsorted(at_s, time_s, "right")]
    near = (since_s + until_s <= _BRIDGED_S) | (np.minimum(since_s, until_s) <= beyond_s + 1e-9)
    found[~near] = np.nan
    return found
