"""Sums of a course after an event, and mean courses over people with their intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from fervideo.records import Float64

#: Sums of a trial, in the order of their columns.
SUMS = ("mean", "peak", "latency_s", "area", "rise_s", "above_s")


def sums(t: Float64, value: Float64, step_s: float, above: float | None = None) -> dict[str, float]:
    """Sum up the course after an event.

    Args:
        t: float64 (n,), starts of the bins from the event on.
        value: float64 (n,), less the baseline; NaN where nothing is seen.
        step_s: Width of a bin.
        above: Value above which time counts; None for half of the peak.

    Returns:
        SUMS by name. `peak` is the largest value, `latency_s` its time. `area` are the values above 0 times their
        durations. `rise_s` is the time from the last bin of at most 10 % of the peak to the first one of at least
        90 %. `above_s` is the time with at least `above`. NaN where a sum is unknown, as a rise to a peak below 0.
    """
    known = np.isfinite(value)
    if not known.any():
        return dict.fromkeys(SUMS, float("nan"))
    at = int(np.nanargmax(value))
    peak = float(value[at])
    least = above if above is not None else peak / 2 if peak > 0 else np.nan
    return {
        "mean": round(float(value[known].mean()), 6),
        "peak": round(peak, 6),
        "latency_s": float(t[at]),
        "area": round(float(value[known].clip(min=0).sum() * step_s), 6),
        "rise_s": _rise_s(t, value, at),
        "above_s": round(float((value[known] >= least).sum() * step_s), 6) if np.isfinite(least) else float("nan"),
    }


def _rise_s(t: Float64, value: Float64, at: int) -> float:
    """Return the time from 10 to 90 % of a peak; NaN where the course does not begin so low, or has a gap."""
    low = np.flatnonzero(value[:at] <= 0.1 * value[at])
    if value[at] <= 0 or not len(low):
        return float("nan")
    first = int(low[-1])
    last = first + int(np.flatnonzero(value[first : at + 1] >= 0.9 * value[at])[0])
    return round(float(t[last] - t[first]), 6) if np.isfinite(value[first:last]).all() else float("nan")


def over_people(table: pd.DataFrame, by: str, person: str) -> pd.DataFrame:
    """Compute mean courses over people, each person being the mean of their trials.

    Args:
        table: A row per trial, measure and bin, with `t`, `measure` and `value`.
        by: Column by which curves are drawn apart; empty for none.
        person: Column with the person.

    Returns:
        `by`, `measure`, `t`, `people`, `mean`, and the ends of its 95 % interval by Student's t, `low` and `high`; NaN
        for fewer than two people.
    """
    keys = [*([by] if by else []), "measure", "t"]
    people = table.groupby([*keys, person], sort=False)["value"].mean().dropna().reset_index()
    rows = people.groupby(keys, sort=False)["value"].agg(["count", "mean", "std"]).reset_index()
    half = stdtrit(np.maximum(rows["count"] - 1, 1), 0.975) * rows["std"] / np.sqrt(rows["count"])
    rows = rows.assign(low=rows["mean"] - half, high=rows["mean"] + half).drop(columns="std")
    return rows.rename(columns={"count": "people"}).round({"mean": 6, "low": 6, "high": 6})
