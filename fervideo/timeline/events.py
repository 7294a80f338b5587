"""Find events in a course of probabilities: which expression is held when, and none that is too short."""

from __future__ import annotations

from heapq import heapify, heappop, heappush

import numpy as np

from fervideo.records import Float64, Int64
from fervideo.settings import EventSettings

#: Decimals of every time in seconds that is shown or written.
TIME_DECIMALS = 6


def hysteresis(p: Float64, settings: EventSettings) -> tuple[Int64, Int64]:
    """Find which expression is held in each row, as runs of equal expressions.

    The first row holds its most probable expression. From row to row the held expression stays, unless its probability
    is below `hold`, or the most probable one has reached `enter` and is above it: then the most probable one is held.

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
    """Merge events that are too short into a neighbour, the shortest first (of equals the earliest), until none is left.

    A short event takes the label of the neighbour whose expression is the more probable in it on average (of equals the
    earlier), and neighbours with one label are one event. A lone event stays however short it is.

    Args:
        first: int64 (k,), first row of each event, rising from 0.
        label: int64 (k,), expression of each event; neighbours differ.
        mass: float64 (n, C), probability times duration of each row.
        bounds_s: float64 (n + 1,), where each row begins and the last one ends.
        min_duration_s: What is shorter is too short.

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
