"""Courses around events: bins of equal width from the event on, against a baseline, one row per trial and measure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from fervideo.errors import UsageError
from fervideo.outputs.found import find
from fervideo.records import Float64
from fervideo.study import bins, curves, faces, results
from fervideo.study import design as designs
from fervideo.study.clock import CLOCK, Clock, Clocks
from fervideo.study.coded import PERSON
from fervideo.study.design import Index, Matched
from fervideo.study.plan import CLIP, seen_in

#: Columns of a table of events that have the time of the event, the first of them that is there.
TIMES = ("onset_s", "time_s", "onset", "time")
#: Columns that are taken unless others are asked for, as far as results have them.
COLUMNS = ("smile", "p_happiness", "valence")
_TRIAL = "trial"
#: Columns of the tables after the facts of clips and events.
_VALUES = ("t", "measure", "value", bins.GOOD, "dropped", *curves.SUMS)


@dataclass(frozen=True, kw_only=True)
class Epoching:
    """How to cut courses around events.

    Attributes:
        columns: The columns of values; empty for the default.
        window_s: Start and end of the window, from the event.
        baseline_s: Start and end of the baseline, whose mean is subtracted; None for none.
        hz: Bins per second.
        by: Column of the events or of the design by which curves are drawn apart; empty for one curve.
        above: Value above which time counts; None for half of a trial's peak.
        face: Rule that chooses the face.
        design: Table with a row per clip; None without.
        min_coverage: As in `plan.Selection`.
        min_quality: Least `quality` of a frame that counts.
        min_good: Least share of good frames in the window, and in the baseline, of a trial that is kept.
        clock: Table with anchors of another clock, in which events may stand; None without.
    """

    columns: Sequence[str] = ()
    window_s: tuple[float, float] = (-1.0, 5.0)
    baseline_s: tuple[float, float] | None = (-1.0, 0.0)
    hz: float = 10.0
    by: str = ""
    above: float | None = None
    face: str = "longest"
    design: Path | None = None
    min_coverage: float = faces.MIN_COVERAGE
    min_quality: float = 0.0
    min_good: float = 0.5
    clock: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Epochs:
    """Courses around events.

    Attributes:
        table: A row per measure and bin of each trial that is kept. It has facts of clip and event, `t` (start of the
            bin from the event, in seconds), `measure`, `value` (less the baseline) and `good`.
        trials: A row per trial and measure: `good`, `dropped` (empty, `window` or `baseline`: the part with too few
            good frames) and the sums of `curves.SUMS`.
        curves: Means over people with 95 % intervals: `measure`, `t`, `people`, `mean`, `low`, `high`.
    """

    table: pd.DataFrame
    trials: pd.DataFrame
    curves: pd.DataFrame

    @property
    def n_dropped(self) -> int:
        """Trials that were dropped."""
        one = self.trials["measure"] == self.trials["measure"].iloc[0]
        return int((self.trials.loc[one, "dropped"] != "").sum())

    @property
    def n_trials(self) -> int:
        """Trials, those that were dropped included."""
        return int((self.trials["measure"] == self.trials["measure"].iloc[0]).sum())


class _Event(NamedTuple):
    """One event of one clip: its time in the clip, and its facts."""

    time_s: float
    facts: Mapping[str, str]


class _Grid(NamedTuple):
    """Bins around an event.

    Attributes:
        first: Index of the first bin, counted from the event.
        n: Number of bins.
        t: float64 (n,), starts of the bins, from the event.
        is_window: bool (n,), whether a bin is in the window.
        is_baseline: bool (n,), whether it is in the baseline.
    """

    first: int
    n: int
    t: Float64
    is_window: np.ndarray[tuple[int], np.dtype[np.bool_]]
    is_baseline: np.ndarray[tuple[int], np.dtype[np.bool_]]


def epochs(folder: Path, events: Path, how: Epoching) -> Epochs:
    """Cut the courses of all clips around events.

    Args:
        folder: Folder of results, or the `.timeline.csv` of one clip.
        events: CSV with a row per event: the time in seconds (`onset_s` or `time_s`), and other columns, which become
            facts of the trial. A column `clip` or `participant` names the clips that have the event; without one all
            clips have it.
        how: How to cut.

    Raises:
        UsageError: A window, a column or an event is not possible, or no trial is left.
        DatasetError: The design fits the results in more than one way.
    """
    grid = _grid(how)
    study = designs.join(find([folder]), how.design)
    clocks = None if how.clock is None else Clocks.read(how.clock, [each.result for each in study.clips])
    of_clip = _events(events, study.clips, clocks)
    names = _columns(study.clips, how.columns)
    facts_of = {*study.facts, *(name for own in of_clip for event in own for name in event.facts)}
    if clash := sorted(facts_of & {*_VALUES}):
        raise UsageError(events, f"or the design has a column {clash[0]}, as the tables have", "rename it")
    kept, sums = list[_Trial](), list[dict[str, Any]]()
    for matched, own in zip(study.clips, of_clip, strict=True):
        for number, trial in enumerate(_trials(matched, own, grid, names, how) if own else (), 1):
            facts = {PERSON: matched.result.stem, **matched.facts, CLIP: matched.result.stem, _TRIAL: str(number)}
            trial = trial._replace(facts={**facts, **trial.facts})
            rows = _sums(trial, grid, names, how)
            sums += rows
            kept += [trial] if not rows[0]["dropped"] else []
    if not kept:
        share = f"{how.min_good:.0%}"
        raise UsageError(events, f"no trial has {share} good frames", "check the times, or lower --min-good")
    table, trials = _long(kept, grid, names), _ordered(pd.DataFrame(sums))
    if how.by and how.by not in table:
        raise UsageError(f"by {how.by}", "is a column of neither events nor design", f"has {', '.join(table.columns)}")
    return Epochs(table=table, trials=trials, curves=curves.over_people(table, how.by, PERSON))


class _Trial(NamedTuple):
    """The course around one event.

    Attributes:
        facts: Facts of the clip and the event.
        good: float64 (n,), share of each bin of the grid that good frames fill.
        values: float64 (C, n), values of the columns, less the baseline; NaN where nothing is seen.
    """

    facts: Mapping[str, str]
    good: Float64
    values: Float64


def _grid(how: Epoching) -> _Grid:
    """Return the bins of the window and the baseline.

    Raises:
        UsageError: They do not fit the rate, or are no stretches of time.
    """
    if not 0 < how.hz < np.inf:
        raise UsageError(f"hz {how.hz:g}", "is no rate", "give bins per second, such as 10")
    spans = {"window": how.window_s} | ({"baseline": how.baseline_s} if how.baseline_s else {})
    at = {}
    for name, (begin_s, end_s) in spans.items():
        edges = np.array([begin_s, end_s]) * how.hz
        if not begin_s < end_s or not np.isfinite(edges).all():
            raise UsageError(f"{name} {begin_s:g}:{end_s:g}", "is no stretch of time", "give for example -1:5")
        if np.abs(edges - np.round(edges)).max() > 1e-6:
            raise UsageError(
                f"{name} {begin_s:g}:{end_s:g}", f"is no whole number of bins at {how.hz:g} Hz", "round it"
            )
        at[name] = np.round(edges).astype(int)
    if how.window_s[1] <= 0:
        raise UsageError(f"window {how.window_s[0]:g}:{how.window_s[1]:g}", "ends before the event", "end it after 0")
    first, end = (int(f([edges[side] for edges in at.values()])) for side, f in ((0, min), (1, max)))
    index = np.arange(first, end)
    inside = {name: (index >= edges[0]) & (index < edges[1]) for name, edges in at.items()}
    none = np.zeros(len(index), np.bool_)
    t = np.round(index / how.hz, 6)
    return _Grid(first, len(index), t, inside["window"], inside.get("baseline", none))


def _events(path: Path, clips: Sequence[Matched], clocks: Clocks | None) -> list[list[_Event]]:
    """Read the events of each clip, in the order of the table.

    Raises:
        UsageError: The table lacks times, a time is no number, or no clip has an event.
    """
    table = designs.read_table(path)
    known = (*TIMES, *([] if clocks is None else [CLOCK]))
    when = next((name for name in known if name in table), None)
    if when is None:
        raise UsageError(path, f"has no column {', '.join(known)}", f"its columns are {', '.join(table.columns)}")
    key = next((name for name in (*designs.CLIP_COLUMNS, PERSON) if name in table), None)
    index = Index([each.result for each in {each.result.stem: each for each in clips}.values()])
    found: list[list[_Event]] = [[] for _ in clips]
    for number, row in enumerate(table.to_dict("records"), 2):
        facts = {str(name): str(value) for name, value in row.items() if name not in (when, key)}
        names = None if key in (None, PERSON) else {result.stem for result in index.find(row[key])}
        for at, matched in enumerate(clips):
            has_event = matched.facts.get(PERSON) == row[key] if key == PERSON else names is None
            if has_event or matched.result.stem in (names or ()):
                clock = None if clocks is None else clocks.of(matched.result.stem)
                found[at].append(_event(row, when, facts, clock, f"{path}:{number}"))
    if not any(found):
        raise UsageError(path, "has no event of a clip with results", f"check its column {key or when}")
    return found


def _event(row: Mapping[Any, str], when: str, facts: dict[str, str], clock: Clock | None, origin: str) -> _Event:
    """Read an event of one clip; with another clock, its reading is a fact of the event.

    Raises:
        UsageError: Its time is none.
    """
    try:
        if clock is not None and when == CLOCK:
            return _Event(clock.to_video(row[when]), {**facts, CLOCK: row[when]})
        time_s = float(row[when])
    except ValueError as error:
        reason = str(error) if when == CLOCK else f"{row[when]!r} is no time in seconds"
        raise UsageError(origin, reason, "mend the row") from None
    shown = {} if clock is None else {CLOCK: str(clock.of(np.array([time_s]))[0])}
    return _Event(time_s, {**facts, **shown})


def _columns(clips: Sequence[Matched], wanted: Sequence[str]) -> list[str]:
    """Return the columns of values."""
    found = [each.result for each in clips]
    if not wanted:
        there = set(results.selected(found, "frames", ["all"]))
        wanted = [name for name in COLUMNS if name in there] or ["p"]
    return [name for name in results.selected(found, "frames", wanted) if name not in results.KEYS]


def _trials(
    matched: Matched, events: Sequence[_Event], grid: _Grid, names: Sequence[str], how: Epoching
) -> Iterator[_Trial]:
    """Yield the course around each event of a clip."""
    result, rule = matched.result, matched.face or how.face
    if rule == "all":
        raise UsageError("face all", "is more than one face", "choose longest, largest, left, right, or a number")
    read = [*results.KEYS, *names, *(["quality"] if how.min_quality > 0 else [])]
    frames = results.read(result.table("frames"), "frames", list(dict.fromkeys(read)))
    chosen = faces.choose(seen_in(result, rule), rule, how.min_coverage).faces
    frames = faces.take(frames, chosen)
    if texts := [name for name in names if name in frames and not pd.api.types.is_numeric_dtype(frames[name])]:
        raise UsageError(f"column {texts[0]}", "is no column of numbers", "take p for the probabilities")
    time_s, bounds_s = bins.bounds(frames)
    frames = frames[bins.good(frames, how.min_quality)]
    frame = np.searchsorted(time_s, frames["time_s"].to_numpy(float))
    courses = [frames.get(name, pd.Series(np.nan, frames.index)).to_numpy(float, na_value=np.nan) for name in names]
    mean = bins.HOW["mean"]
    for event in events:
        edges_s = event.time_s + np.append(grid.t, grid.t[-1] + 1 / how.hz)
        # Frames that reach into the bins.
        first = int(np.searchsorted(bounds_s[frame + 1], edges_s[0], "right"))
        rows = slice(first, max(int(np.searchsorted(bounds_s[frame], edges_s[-1])), first))
        pieces = bins.cut(frame[rows], bounds_s, edges_s)
        good = np.bincount(pieces.bin, pieces.seconds, grid.n) * how.hz
        values = np.stack([bins.summed(course[rows], pieces, grid.n, mean) for course in courses])
        if grid.is_baseline.any():
            known = np.isfinite(values) & grid.is_baseline
            count = known.sum(axis=1, keepdims=True)
            total = np.where(known, values, 0.0).sum(axis=1, keepdims=True)
            values = values - np.where(count > 0, total / np.maximum(count, 1), np.nan)
        # Rounded, so that 10 % of a peak is that of the values in the table.
        yield _Trial(event.facts, good.clip(0, 1).round(4), values.round(6) + 0.0)


def _sums(trial: _Trial, grid: _Grid, names: Sequence[str], how: Epoching) -> list[dict[str, Any]]:
    """Return the row of each column of a trial; a trial with too few good frames has no sums."""
    window, dropped = grid.is_window, ""
    for name, inside in (("window", window), ("baseline", grid.is_baseline)):
        if inside.any() and trial.good[inside].mean() < how.min_good:
            dropped = dropped or name
    after = window & (grid.t >= 0)
    rows = []
    for name, value in zip(names, trial.values, strict=True):
        row = dict.fromkeys(curves.SUMS, np.nan)
        if not dropped:
            row = curves.sums(grid.t[after], value[after], 1 / how.hz, how.above)
        good = round(float(trial.good[window].mean()), 4)
        rows.append({**trial.facts, "measure": name, bins.GOOD: good, "dropped": dropped, **row})
    return rows


def _long(trials: Sequence[_Trial], grid: _Grid, names: Sequence[str]) -> pd.DataFrame:
    """Return the courses of trials as one table, a row per trial, column and bin of the window."""
    window = grid.is_window
    n, n_columns = int(window.sum()), len(names)
    facts = pd.DataFrame([trial.facts for trial in trials])
    table = facts.loc[np.repeat(np.arange(len(trials)), n * n_columns)].reset_index(drop=True)
    values = {
        "t": np.tile(grid.t[window], len(trials) * n_columns),
        "measure": np.tile(np.repeat(np.array(names, object), n), len(trials)),
        "value": np.concatenate([trial.values[:, window].ravel() for trial in trials]),
        bins.GOOD: np.concatenate([np.tile(trial.good[window], n_columns) for trial in trials]),
    }
    return pd.concat([table, pd.DataFrame(values)], axis=1)


def _ordered(table: pd.DataFrame) -> pd.DataFrame:
    """Put the facts before the values."""
    facts = [name for name in table if name not in _VALUES]
    return table[[*facts, *(name for name in _VALUES if name in table)]]
