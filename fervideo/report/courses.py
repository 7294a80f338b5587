"""One face's course as a figure shows it: probabilities over all frames, gaps, and the moments of its pictures."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd

from fervideo import columns
from fervideo.records import Bool, Float64
from fervideo.study import bins
from fervideo.timeline import certainty
from fervideo.timeline.record import Timeline

#: Most steps of a course; more cannot be seen in print, and would make large files.
_MOST_STEPS = 1500
#: Most pictures along an axis.
MOST_PICTURES = 40


@dataclass(frozen=True, kw_only=True)
class Course:
    """One face's course.

    Attributes:
        labels: The expressions.
        bounds_s: float64 (n + 1,), where each step begins and the last one ends.
        p: float64 (n, C), probabilities; NaN where the face is not seen.
        is_poor: bool (n,), where it is bridged, cut off, or of low quality.
        is_damaged: bool (n,), where frames cannot be decoded.
        events: Its expression events.
    """

    labels: tuple[str, ...]
    bounds_s: Float64
    p: Float64
    is_poor: Bool
    is_damaged: Bool
    events: pd.DataFrame

    @property
    def is_empty(self) -> Bool:
        """Steps in which no face is seen, although frames can be decoded: bool (n,)."""
        empty: Bool = np.isnan(self.p).all(axis=1) & ~self.is_damaged
        return empty


class Moment(NamedTuple):
    """A moment whose picture stands in a figure.

    Attributes:
        slot: Number of its slot along the axis, from 0.
        time_s: Its time.
        frame: Index of the frame.
        box_px: Left, top, width and height of the face's box.
        expression: The expression that the face shows.
    """

    slot: int
    time_s: float
    frame: int
    box_px: tuple[float, float, float, float]
    expression: str


def span_s(timeline: Timeline) -> tuple[float, float]:
    """Return where the first frame begins and the last one ends."""
    bounds_s = bins.bounds(timeline.frames)[1]
    return (float(bounds_s[0]), float(bounds_s[-1])) if len(bounds_s) else (0.0, 0.0)


def course(timeline: Timeline, face: int) -> Course:
    """Return the course of a face, thinned out to as many steps as print can show."""
    frames = timeline.frames
    time_s, bounds_s = bins.bounds(frames)
    end_s = bounds_s[-1:]
    rows = frames[(frames["face"] == face).fillna(False).to_numpy(bool)]
    at = np.searchsorted(time_s, rows["time_s"].to_numpy(np.float64))
    p = np.full((len(time_s), len(timeline.labels)), np.nan)
    p[at] = rows[columns.prefixed("p", timeline.labels)].to_numpy(np.float64)
    is_poor, is_damaged = np.zeros(len(time_s), np.bool_), np.zeros(len(time_s), np.bool_)
    is_poor[at] = certainty.is_poor(rows)
    damaged_s = frames.loc[frames["status"] == "damaged", "time_s"].to_numpy(np.float64)
    time_s, p, is_poor, is_damaged = _with_damage(time_s, p, is_poor, is_damaged, damaged_s)
    time_s, p, is_poor, is_damaged = _thinned(time_s, p, is_poor, is_damaged)
    events = timeline.events
    own = events[(events["face"] == face) & (events["kind"] == "expression")]
    return Course(
        labels=timeline.labels,
        bounds_s=np.append(time_s, np.maximum(end_s, time_s[-1:])),
        p=p,
        is_poor=is_poor,
        is_damaged=is_damaged,
        events=own,
    )


def _with_damage(
    time_s: Float64, p: Float64, is_poor: Bool, is_damaged: Bool, damaged_s: Float64
) -> tuple[Float64, Float64, Bool, Bool]:
    """Put frames that cannot be decoded between the others; a row at the end of the last one is none."""
    at = np.searchsorted(time_s, damaged_s)
    return (
        np.insert(time_s, at, damaged_s),
        np.insert(p, at, np.nan, axis=0),
        np.insert(is_poor, at, False),
        np.insert(is_damaged, at, True),
    )


def _thinned(time_s: Float64, p: Float64, is_poor: Bool, is_damaged: Bool) -> tuple[Float64, Float64, Bool, Bool]:
    """Join steps of a long course: means of probabilities, and for the rest the majority."""
    every = -(-len(time_s) // _MOST_STEPS)
    if every <= 1:
        return time_s, p, is_poor, is_damaged
    first = np.arange(0, len(time_s), every)
    size = np.diff(np.append(first, len(time_s)))
    known = np.isfinite(p)
    count = np.add.reduceat(known, first, axis=0, dtype=np.int64)
    total = np.add.reduceat(np.where(known, p, 0.0), first, axis=0)
    # A step shows a face where half of its frames do.
    mean = np.where(2 * count >= size[:, None], total / np.maximum(count, 1), np.nan)
    poor, damaged = (np.add.reduceat(flag, first, dtype=np.int64) * 2 > size for flag in (is_poor, is_damaged))
    return time_s[first], mean, poor, damaged


def spans(flags: Bool, bounds_s: Float64) -> list[tuple[float, float]]:
    """Return the stretches of time in which flags are set."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]])))
    return [
        (float(bounds_s[first]), float(bounds_s[last])) for first, last in zip(edges[::2], edges[1::2], strict=True)
    ]


def moments(timeline: Timeline, face: int, begin_s: float, end_s: float, n: int) -> list[Moment]:
    """Choose a picture of a face for each of n slots of equal width along an axis.

    A slot shows the apex of the surest event other than neutral that has it there, else the surest moment. A slot in
    which the face is not seen stays empty.

    Args:
        timeline: The timeline.
        face: Number of the face.
        begin_s: Start of the axis.
        end_s: Its end.
        n: Number of slots.
    """
    frames = timeline.frames
    rows = frames[(frames["face"] == face).fillna(False).to_numpy(bool) & frames[columns.BOX[0]].notna().to_numpy(bool)]
    events = timeline.events
    own = events[(events["face"] == face) & (events["kind"] == "expression") & (events["expression"] != "neutral")]
    edges_s = np.linspace(begin_s, end_s, n + 1)
    found = []
    for slot, (low_s, high_s) in enumerate(pairwise(edges_s.tolist())):
        inside = rows[(rows["time_s"] >= low_s) & (rows["time_s"] < high_s)]
        good = inside[~certainty.is_poor(inside)]
        inside = good if len(good) else inside
        if inside.empty:
            continue
        apexes = own[(own["apex_s"] >= low_s) & (own["apex_s"] < high_s)]
        if len(apexes):
            apex_s = float(apexes["apex_s"].iloc[int(apexes["peak_confidence"].to_numpy().argmax())])
            at = int(np.abs(inside["time_s"].to_numpy() - apex_s).argmin())
        else:
            at = int(inside["confidence"].to_numpy(np.float64, na_value=0.0).argmax())
        row = inside.iloc[at]
        box = tuple(float(row[name]) for name in columns.BOX)
        found.append(
            Moment(
                slot, float(row["time_s"]), int(row["frame"]), (box[0], box[1], box[2], box[3]), str(row["expression"])
            )
        )
    return found
