"""Events in a course of probabilities: which expression is held when, and none that is too short."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapify, heappop, heappush
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from fervideo import columns
from fervideo.columns import TIME_DECIMALS
from fervideo.records import Bool, ClipFeatures, Float64, Int64
from fervideo.settings import EventSettings
from fervideo.timeline import certainty, moments
from fervideo.timeline.tables import make_table

#: Weight of a frame that has the time of the next one, so that no mean is over nothing.
_MIN_WEIGHT_S = 1e-9


def event_table(
    features: ClipFeatures, bounds_s: Float64, frames: pd.DataFrame, settings: EventSettings, labels: Sequence[str]
) -> pd.DataFrame:
    """Make the table of events, by face then onset.

    Args:
        features: The clip.
        bounds_s: float64 (T + 1,), where each of them begins and the last one ends.
        frames: The table of frames.
        settings: When an expression begins, how long it is held, how short an event may be.
        labels: The model's expressions.
    """
    parts, p_columns = [], columns.prefixed("p", labels)
    for number, rows in frames.groupby("face"):
        row, p = np.searchsorted(features.frame, rows["frame"]), rows[p_columns].to_numpy()
        values = {name: rows[name].to_numpy(np.float64) for name in moments.READ}
        rest, certain = moments.resting(values), (rows["uncertain"] == 0).to_numpy(bool)
        # A face that left and came back has events in each stay, none in between.
        for stay in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(row) > 1) + 1):
            stay_s = bounds_s[row[stay[0]] : row[stay[-1]] + 2]
            events = _events(p[stay], certain[stay], stay_s, settings)
            named = {name: np.array(labels, object)[events[name]] for name in ("expression", "second_expression")}
            parts.append(pd.DataFrame({"face": number, **events, **named, "kind": "expression"}))
            found = list(moments.find({name: each[stay] for name, each in values.items()}, stay_s, rest))
            parts += [pd.DataFrame(found).assign(face=number)] if found else []
    if not parts:
        return make_table(columns.events(), {})
    table = pd.concat(parts, ignore_index=True).sort_values(["face", "onset_s"], kind="stable", ignore_index=True)
    media_s = table["onset_s"] + features.info.media_start_s
    return make_table(columns.events(), {**table, "media_onset_s": media_s})


def durations_s(bounds_s: Float64) -> Float64:
    """Return how long frames last, as weights of means: float64 (n,) from their bounds (n + 1,), none of them 0."""
    return np.maximum(np.diff(bounds_s), _MIN_WEIGHT_S)


def _events(p: Float64, certain: Bool, bounds_s: Float64, settings: EventSettings) -> dict[str, npt.NDArray[Any]]:
    """Cut one stay of one face into events that tile it.

    Args:
        p: float64 (n, C), probabilities; n is at least 1.
        certain: bool (n,), rows that are not uncertain.
        bounds_s: float64 (n + 1,), where each row begins and the last one ends.
        settings: When an expression begins, how long it is held, how short an event may be.

    Returns:
        The columns of the table of events except `face`, (k,) each; expressions by their index.
    """
    weight = durations_s(bounds_s)
    first, label = merge_short(*hysteresis(p, settings), p * weight[:, None], bounds_s, settings.min_duration_s)
    bounds = np.append(first, len(p))
    own_p = p[np.arange(len(p)), np.repeat(label, np.diff(bounds))]
    peak = np.maximum.reduceat(own_p, first)
    at_peak = np.flatnonzero(own_p == np.repeat(peak, np.diff(bounds)))
    return {
        "expression": label,
        "onset_s": bounds_s[first],
        "apex_s": bounds_s[at_peak[np.searchsorted(at_peak, first)]],
        "offset_s": bounds_s[bounds[1:]],
        "duration_s": np.diff(bounds_s[bounds]),
        "mean_confidence": np.add.reduceat(own_p * weight, first) / np.add.reduceat(weight, first),
        "peak_confidence": peak,
        **certainty.of_events(p, certain, weight, first, label),
    }


def hysteresis(p: Float64, settings: EventSettings) -> tuple[Int64, Int64]:
    """Find which expression is held in each row, as runs of equal expressions.

    The first row holds its most probable expression. From row to row the held expression stays. It ends when its
    probability is below `hold`, or when the most probable one has reached `enter` and is above it. Then the most
    probable one is held.

    Args:
        p: float64 (n, C), probabilities; n is at least 1.
        settings: `enter` and `hold`.

    Returns:
        int64 (k,) first row of each run, and int64 (k,) its expression.
    """
    held, now = np.empty(len(p), np.int64), -1
    for i, (row, top) in enumerate(zip(p.tolist(), p.argmax(axis=1).tolist(), strict=True)):
        if now < 0 or row[now] < settings.hold or (row[top] >= settings.enter and row[top] > row[now]):
            now = top
        held[i] = now
    first = np.flatnonzero(np.diff(held, prepend=-1))
    return first, held[first]


def merge_short(
    first: Int64, label: Int64, mass: Float64, bounds_s: Float64, min_duration_s: float
) -> tuple[Int64, Int64]:
    """Merge events that are too short into a neighbour, the shortest first (of equals the earliest).

    A short event takes the label of the neighbour whose expression is the more probable in it on average, of equals
    the earlier. Neighbours with one label are one event. A lone event stays however short it is.

    Args:
        first: int64 (k,), first row of each event, rising from 0.
        label: int64 (k,), expression of each event; neighbours differ.
        mass: float64 (n, C), probability times duration of each row.
        bounds_s: float64 (n + 1,), where each row begins and the last one ends.
        min_duration_s: Least duration of an event.

    Returns:
        `first` and `label` of the events that are left.
    """
    n = len(mass)
    # Events by their first row, and by the row where they end.
    name = dict(zip(first.tolist(), label.tolist(), strict=True))
    end = dict(zip(first.tolist(), [*first[1:].tolist(), n], strict=True))
    begin = {stop: start for start, stop in end.items()}

    def duration_s(start: int, stop: int) -> float:
        # Rounded: the difference of two sixth decimals is not 0.2 even where it should be.
        return round(float(bounds_s[stop] - bounds_s[start]), TIME_DECIMALS)

    queue = [(duration_s(*event), *event) for event in end.items()]
    heapify(queue)
    while queue and queue[0][0] < min_duration_s:
        _, start, stop = heappop(queue)
        # An event that was joined to another since is not there any more, or has grown and was queued again.
        if end.get(start) != stop or stop - start == n:
            continue
        inside, before = mass[start:stop].sum(axis=0), begin.get(start)
        name[start] = max((name[event] for event in (before, stop) if event in name), key=inside.__getitem__)
        for left, right in ((start, stop), (before, start)):
            if left is not None and right in name and name[left] == name[right]:
                del name[right]
                end[left] = end.pop(right)
                begin[end[left]] = start = left
        heappush(queue, (duration_s(start, end[start]), start, end[start]))
    kept = np.array(sorted(name))
    return kept, np.array([name[start] for start in kept.tolist()])
