"""Synchrony of two faces: windowed cross-lagged correlation, its peaks, and its size against surrogates.

As in Boker et al. 2002 a window of the one course is correlated with windows of the other at every lag. As in SUSY the
surrogates shuffle segments of the second course, as long as a window, and run through the same computation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from fervideo.errors import UsageError
from fervideo.outputs.found import find
from fervideo.records import Bool, Float64, Int64
from fervideo.study import bins, faces, results
from fervideo.study.clock import CLOCK, Clocks
from fervideo.study.plan import seen_in

#: Largest correlation that Fisher's z is computed of; at 1 it is infinite.
_MOST_R = 0.999999
#: Numbers from 1e-7 to 1e7 whose product is finite and above 0.
_FACTORS = 32
#: Least variance of a window that changes, as a share of that of the course.
_LEAST_VARIANCE = 1e-8


@dataclass(frozen=True, kw_only=True)
class Windows:
    """How to compute synchrony.

    Attributes:
        columns: The columns to compare.
        window_s: Length of a window.
        lag_s: Largest lag, either way.
        step_s: From the start of a window to that of the next.
        hz: Bins per second.
        surrogates: Number of surrogates; 0 for none.
        seed: Seed of the shuffling.
        min_quality: Least `quality` of a frame that counts.
        min_good: Least share of a window in which both faces are seen.
        clock: Table with anchors of another clock for the first clip; None without.
    """

    columns: Sequence[str] = ("smile", "p_happiness")
    window_s: float = 5.0
    lag_s: float = 2.0
    step_s: float = 1.0
    hz: float = 10.0
    surrogates: int = 500
    seed: int = 0
    min_quality: float = 0.0
    min_good: float = 0.8
    clock: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Face:
    """One face of one clip.

    Attributes:
        name: Its name in the tables.
        path: The `.timeline.csv` of the clip.
        rule: Rule that chooses the face.
    """

    name: str
    path: Path
    rule: str = "longest"


@dataclass(frozen=True, kw_only=True)
class Synchrony:
    """Synchrony of two faces.

    Attributes:
        windows: A row per column and window of the first face, which begins at `time_s`. `r` is the correlation at lag
            0, `peak_r` the largest over the lags, and `lag_s` how far the second face is behind the first there. A
            largest value at the largest lag is no peak: its lag and `leader` are unknown.
        summary: A row per column, with the settings; see `_summary`.
    """

    windows: pd.DataFrame
    summary: pd.DataFrame


class _Layout(NamedTuple):
    """Windows, lags and blocks, in bins; a block is the largest part that windows and steps are multiples of.

    Attributes:
        block: Bins of a block.
        per_window: Blocks of a window.
        per_step: Blocks from window to window.
        lags: int64 (L,), the lags.
        n_blocks: Blocks of the first course that have both courses at every lag.
    """

    block: int
    per_window: int
    per_step: int
    lags: Int64
    n_blocks: int

    @property
    def window(self) -> int:
        """Bins of a window."""
        return self.block * self.per_window


def synchrony(one: Face, other: Face, how: Windows) -> Synchrony:
    """Compute the synchrony of two faces, of one clip or of two clips that began at the same time.

    Args:
        one: The first face.
        other: The second face.
        how: How to compute it.

    Raises:
        UsageError: A window, a column or a face is not possible, or no window has both faces.
    """
    if not 0 < how.hz < np.inf:
        raise UsageError(f"hz {how.hz:g}", "is no rate", "give bins per second, such as 10")
    courses = [_course(face, how) for face in (one, other)]
    n = min(len(course) for course in courses)
    layout = _layout(n, how)
    random = np.random.default_rng(how.seed)
    windows, rows = [], []
    for name in how.columns:
        first, second = (course[name].to_numpy(float)[:n] for course in courses)
        r, good = correlations(first, second, layout, how.min_good)
        if not np.isfinite(r).any():
            reason = f"no window has {how.min_good:.0%} bins with both faces and a change of {name}"
            raise UsageError(f"{one.name}, {other.name}", reason, "lower --min-good, or take other columns")
        windows.append(_window_rows(name, r, good, layout, how, (one.name, other.name)))
        rows.append({"measure": name, **_summary(r, windows[-1], first, second, layout, how, random, one.name)})
    settings = {"one": one.name, "other": other.name}
    table = pd.concat(windows, ignore_index=True)
    if how.clock is not None:
        (clip,) = find([one.path])
        clock = Clocks.read(how.clock, [clip]).of(clip.stem)
        table[CLOCK] = clock.of(table["time_s"].to_numpy(float))
    return Synchrony(windows=table, summary=pd.DataFrame(rows).assign(**settings))


def _course(face: Face, how: Windows) -> pd.DataFrame:
    """Return the course of a face in bins; a bin that is seen for less than a half has no values."""
    wanted = [*results.KEYS, *how.columns, *(["quality"] if how.min_quality > 0 else [])]
    there = results.header(face.path)
    if lacking := [name for name in how.columns if name not in there]:
        raise results.no_column(lacking[0], f"is not in {face.path}", there)
    frames = results.read(face.path, "frames", wanted)
    (found,) = find([face.path])
    chosen = faces.choose(seen_in(found, face.rule), face.rule).faces
    if len(chosen) != 1:
        raise UsageError(f"face {face.rule}", f"is not one face of {face.path}", "give the number of a face in it")
    binned = bins.resample(faces.take(frames, chosen), 1 / how.hz, "mean", how.min_quality, how.columns)
    values = binned[list(how.columns)].where(binned[bins.GOOD] >= 0.5)
    at = np.round(binned["time_s"].to_numpy(float) * how.hz).astype(int)
    return values.set_index(at).reindex(np.arange(at[-1] + 1))


def _layout(n: int, how: Windows) -> _Layout:
    """Lay out windows, lags and blocks over n bins.

    Raises:
        UsageError: They are no whole numbers of bins, or do not fit into the course.
    """
    exact = {"window": how.window_s * how.hz, "lag": how.lag_s * how.hz, "step": how.step_s * how.hz}
    for name, value in exact.items():
        if not np.isfinite(value) or abs(value - round(value)) > 1e-6 or value < (0 if name == "lag" else 1):
            seconds = f"{name} {value / how.hz:g}"
            raise UsageError(seconds, f"is no whole number of bins at {how.hz:g} Hz", "round it")
    window, lag, step = (round(value) for value in exact.values())
    if window < 3:
        raise UsageError(f"window {how.window_s:g}", "has fewer than 3 bins", "give a longer window or more --hz")
    block = int(np.gcd(window, step))
    n_blocks = (n - 2 * lag) // block
    if n_blocks < window // block:
        have = f"the shorter course lasts {n / how.hz:g} s"
        raise UsageError(f"window {how.window_s:g}", f"does not fit with its lags: {have}", "shorten window or lag")
    return _Layout(block, window // block, step // block, np.arange(-lag, lag + 1), n_blocks)


class _Scaled(NamedTuple):
    """A course around its mean in its deviations, so that sums of squares keep their digits.

    Attributes:
        values: float64 (n,), 0 where nothing is seen.
        seen: bool (n,).
    """

    values: Float64
    seen: Bool

    @staticmethod
    def of(course: Float64) -> _Scaled:
        """Scale a course, float64 (n,), NaN where nothing is seen."""
        seen = np.isfinite(course)
        known = course[seen]
        if not len(known) or known.std() == 0:
            return _Scaled(np.zeros(len(course)), seen)
        return _Scaled(np.where(seen, (course - known.mean()) / known.std(), 0.0), seen)

    def part(self, first: int, size: int) -> _Scaled:
        return _Scaled(self.values[first : first + size], self.seen[first : first + size])

    def shuffled(self, layout: _Layout, random: np.random.Generator) -> _Scaled:
        """Shuffle segments, each as long as a window; the rest at the end stays."""
        size = layout.window
        n = len(self.values) // size
        order = random.permutation(n)
        return _Scaled(*(_reordered(each, order, size) for each in self))


def _reordered(course: npt.NDArray[Any], order: Int64, size: int) -> npt.NDArray[Any]:
    n = len(order) * size
    return np.concatenate([course[:n].reshape(-1, size)[order].ravel(), course[n:]])


def correlations(one: Float64, other: Float64, layout: _Layout, min_good: float) -> tuple[Float64, Float64]:
    """Correlate each window of a course with those of another at every lag.

    Args:
        one: float64 (n,), NaN where nothing is seen.
        other: float64 (n,), likewise.
        layout: Windows and lags.
        min_good: Least share of a window in which both are seen.

    Returns:
        float64 (L, W), correlations over the bins that both have; NaN where these are too few or do not change. And
        float64 (W,), the share of the window in which both are seen at lag 0.
    """
    rows = list(_by_lag(_Scaled.of(one), _Scaled.of(other), layout, min_good))
    return np.stack([r for r, _ in rows]), rows[int(layout.lags[-1])][1]


def _by_lag(one: _Scaled, other: _Scaled, layout: _Layout, min_good: float) -> Iterator[tuple[Float64, Float64]]:
    """Yield correlations and shares, float64 (W,) each, lag by lag: so few at once stay in the processor's cache."""
    a = one.part(int(layout.lags[-1]), layout.n_blocks * layout.block)
    yield from (
        _of_whole(a, other, layout) if a.seen.all() and other.seen.all() else _of_gaps(a, other, layout, min_good)
    )


def _of_whole(a: _Scaled, b: _Scaled, layout: _Layout) -> Iterator[tuple[Float64, Float64]]:
    """Yield as `_by_lag` for courses without gaps: a part of a course is in many pairs, and its sums are made once."""
    (mean_a, scale_a), (mean_b, scale_b) = (_moments(each.values, layout.window) for each in (a, b))
    step = layout.per_step * layout.block
    n = (layout.n_blocks - layout.per_window) // layout.per_step + 1
    mean_a, scale_a, share = mean_a[: n * step : step] * layout.window, scale_a[: n * step : step], np.ones(n)
    for lag in range(len(layout.lags)):
        own = slice(lag, lag + (n - 1) * step + 1, step)
        yield (_sums(a.values, b.values, lag, layout) - mean_a * mean_b[own]) * (scale_a * scale_b[own]), share


def _moments(course: Float64, n: int) -> tuple[Float64, Float64]:
    """Return of every window of n bins of a course its mean and 1 / root of its sum of squares around it.

    Returns:
        float64 (len - n + 1,) each; the second is NaN where the course does not change.
    """
    total, squares = (_moving(each, n) for each in (course, course**2))
    variance = squares - total**2 / n
    return total / n, 1 / np.sqrt(np.where(variance > _LEAST_VARIANCE * n, variance, np.nan))


def _of_gaps(a: _Scaled, b: _Scaled, layout: _Layout, min_good: float) -> Iterator[tuple[Float64, Float64]]:
    """Yield as `_by_lag`: each pair of windows has its own bins that both faces are seen in."""
    have_a, have_b = a.seen.astype(np.float64), b.seen.astype(np.float64)
    squares_a, squares_b = a.values**2, b.values**2
    for lag in range(len(layout.lags)):
        pairs = (have_a, have_b), (a.values, have_b), (have_a, b.values), (squares_a, have_b), (have_a, squares_b)
        count, sum_a, sum_b, variance_a, variance_b = (_sums(one, other, lag, layout) for one, other in pairs)
        with np.errstate(invalid="ignore", divide="ignore"):
            variance_a, variance_b = variance_a - sum_a**2 / count, variance_b - sum_b**2 / count
            r = (_sums(a.values, b.values, lag, layout) - sum_a * sum_b / count) / np.sqrt(variance_a * variance_b)
            least = _LEAST_VARIANCE * count
            usable = (count >= min_good * layout.window) & (variance_a > least) & (variance_b > least)
        yield np.where(usable, r, np.nan), count / layout.window


def _sums(one: Float64, other: Float64, lag: int, layout: _Layout) -> Float64:
    """Sum products over windows at a lag: float64 (W,); `other` begins as many bins before `one` as there are lags."""
    blocks, lagged = (each.reshape(-1, layout.block) for each in (one, other[lag : lag + len(one)]))
    return _moving(np.einsum("kb,kb->k", blocks, lagged), layout.per_window)[:: layout.per_step]


def _moving(values: Float64, n: int) -> Float64:
    """Sum every n successive values: float64 (len - n + 1,)."""
    sums = np.zeros(len(values) + 1)
    np.cumsum(values, out=sums[1:])
    over: Float64 = sums[n:] - sums[:-n]
    return over


def _window_rows(
    name: str, r: Float64, good: Float64, layout: _Layout, how: Windows, faces_of: tuple[str, str]
) -> pd.DataFrame:
    """Return the row of each window."""
    lag = int(layout.lags[-1])
    filled = np.where(np.isfinite(r), r, -np.inf)
    # The largest value; of equals that of the smallest lag.
    order = np.argsort(np.abs(layout.lags), kind="stable")
    best = order[filled[order].argmax(axis=0)]
    peak = np.take_along_axis(r, best[None], axis=0)[0]
    lag_s = layout.lags[best] / how.hz
    is_peak = np.isfinite(peak) & ((np.abs(layout.lags[best]) < lag) | (lag == 0))
    leader = np.select([~is_peak, lag_s > 0, lag_s < 0], ["", *faces_of], "both")
    starts = lag + np.arange(r.shape[1]) * layout.per_step * layout.block
    return pd.DataFrame(
        {
            "measure": name,
            "time_s": np.round(starts / how.hz, 6),
            bins.GOOD: good.round(4),
            "r": r[lag].round(4),
            "peak_r": peak.round(4),
            "lag_s": np.where(is_peak, lag_s.round(6) + 0.0, np.nan),
            "leader": leader,
        }
    )


def _summary(
    r: Float64,
    windows: pd.DataFrame,
    one: Float64,
    other: Float64,
    layout: _Layout,
    how: Windows,
    random: np.random.Generator,
    leader: str,
) -> dict[str, object]:
    """Sum up the windows of one column.

    Returns:
        `windows`, their number. `peak_r` is the mean of their peaks, `lag_s` the median lag. `one_leads` is the share
        of windows with a lag in which the first face leads. `z` is the mean of Fisher's z over windows and lags,
        `abs_z` that of its amount. Each of the two has the mean and the standard deviation over surrogates, and the
        effect size: the distance from that mean in those deviations.
    """
    lagged = windows[windows["lag_s"].notna() & (windows["lag_s"] != 0)]
    row: dict[str, object] = {
        "windows": int(np.isfinite(r).any(axis=0).sum()),
        "peak_r": round(float(windows["peak_r"].mean()), 4),
        "lag_s": round(float(windows["lag_s"].median()), 4),
        "one_leads": round(float((lagged["leader"] == leader).mean()), 4) if len(lagged) else np.nan,
    }
    real = _mean_z(r)
    first, second = _Scaled.of(one), _Scaled.of(other)
    drawn = np.array(
        [
            _mean_z(r for r, _ in _by_lag(first, second.shuffled(layout, random), layout, how.min_good))
            for _ in range(how.surrogates)
        ]
    ).reshape(-1, 2)
    for at, name in enumerate(("z", "abs_z")):
        own = drawn[np.isfinite(drawn[:, at]), at]
        mean, sd = (own.mean(), own.std(ddof=1)) if len(own) > 1 else (np.nan, np.nan)
        effect = (real[at] - mean) / sd if sd > 0 else np.nan
        values = {name: real[at], f"surrogate_{name}": mean, f"surrogate_{name}_sd": sd, f"effect_size_{name}": effect}
        row |= {key: round(float(value), 4) for key, value in values.items()}
    return row | {"surrogates": how.surrogates, "seed": how.seed}


def _mean_z(rows: Iterable[Float64]) -> tuple[float, float]:
    """Return the mean of Fisher's z and of its amount over correlations, lag by lag; NaN without any."""
    n, total, amount = 0, 0.0, 0.0
    for r in rows:
        r = np.clip(r[np.isfinite(r)], -_MOST_R, _MOST_R)
        ratio = (1 + r) / (1 - r)
        n, total, amount = n + len(r), total + _sum_of_logs(ratio), amount + _sum_of_logs(np.maximum(ratio, 1 / ratio))
    # z is half of the ratio's logarithm.
    return (total / n / 2, amount / n / 2) if n else (float("nan"), float("nan"))


def _sum_of_logs(values: Float64) -> float:
    """Sum logarithms as those of products, since most of the time would go into them: float64 (n,), 1e-7 to 1e7."""
    filled = np.ones(-(-len(values) // _FACTORS) * _FACTORS)
    filled[: len(values)] = values
    return float(np.log(filled.reshape(_FACTORS, -1).prod(axis=0)).sum())
