"""Tables of frames in bins of equal width in true time: each frame counts for as long as it is on screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from fervideo.columns import SHARE_DECIMALS, TIME_DECIMALS
from fervideo.errors import UsageError
from fervideo.records import Float64, Int64
from fervideo.study.results import no_column

#: Columns that are no values: they are not averaged.
_KEYS = {"frame", "time_s", "media_time_s", "face", "status", "name", "clip"}
#: Column with the share of a bin in which the face is seen well.
GOOD = "good"
#: Slack for times that sums of binary fractions miss by a little.
_SLACK = 1e-9


class Pieces(NamedTuple):
    """Frames cut at the bounds of bins.

    Attributes:
        row: int64 (k,), the row of each piece in the table of one face.
        bin: int64 (k,), its bin, rising.
        seconds: float64 (k,), its duration.
    """

    row: Int64
    bin: Int64
    seconds: Float64


def _mean(values: Float64, pieces: Pieces, n: int) -> Float64:
    """Compute the mean of each bin, weighted by time."""
    total = np.bincount(pieces.bin, pieces.seconds, n)
    mean: Float64 = np.bincount(pieces.bin, values * pieces.seconds, n) / np.where(total > 0, total, np.nan)
    return mean


def _median(values: Float64, pieces: Pieces, n: int) -> Float64:
    """Compute the median of each bin, weighted by time: the least value that half of the time does not exceed."""
    order = np.lexsort((values, pieces.bin))
    bins, cumulated = pieces.bin[order], np.cumsum(pieces.seconds[order])
    first = np.flatnonzero(np.diff(bins, prepend=-1))
    before = np.append(0.0, cumulated)[first]
    end = np.append(cumulated[first[1:] - 1], cumulated[-1:])
    at = np.searchsorted(cumulated, before + (end - before) / 2 - _SLACK)
    found = np.full(n, np.nan)
    found[bins[first]] = values[order][at]
    return found


def _extreme(function: np.ufunc) -> Callable[[Float64, Pieces, int], Float64]:
    def compute(values: Float64, pieces: Pieces, n: int) -> Float64:
        found = np.full(n, np.nan)
        first = np.flatnonzero(np.diff(pieces.bin, prepend=-1))
        if len(first):
            found[pieces.bin[first]] = function.reduceat(values, first)
        return found

    return compute


#: Values of a bin from those of its frames, by name.
HOW: dict[str, Callable[[Float64, Pieces, int], Float64]] = {
    "mean": _mean,
    "median": _median,
    "min": _extreme(np.minimum),
    "max": _extreme(np.maximum),
}


def resample(
    frames: pd.DataFrame,
    step_s: float,
    how: str = "mean",
    min_quality: float = 0.0,
    columns: Sequence[str] | None = None,
    start_s: float = 0.0,
) -> pd.DataFrame:
    """Put the frames of each face into bins of equal width.

    A frame lasts until the next one, and counts in a bin for the time that it is on screen there. Only good frames
    count: those with status `ok`, and a quality of at least `min_quality`. Nothing is interpolated.

    Args:
        frames: The table of frames of one clip.
        step_s: Width of a bin in seconds.
        how: `mean` or `median`, weighted by time; `min` or `max`.
        min_quality: Least `quality` of a good frame.
        columns: The columns of values; None for all numbers, and `expression`.
        start_s: A time at which a bin begins.

    Returns:
        For each face all bins of the clip: `face`, `time_s` (start of the bin), `good` (share of the bin that good
        frames fill), and the values. `expression` is the one shown longest. Values are NaN in a bin without good
        frames.

    Raises:
        UsageError: A step, a quality or a way is not possible, or a column is missing.
    """
    if not 0 < step_s < np.inf:
        raise UsageError(f"step {step_s:g}", "is no width of bins", "give seconds above 0")
    if how not in HOW:
        raise UsageError(f"how {how}", "is no way to sum up", f"choose from {', '.join(HOW)}")
    numbers, texts = _values(frames, columns)
    time_s, bounds_s = bounds(frames)
    if len(time_s) == 0:
        return pd.DataFrame(columns=["face", "time_s", GOOD, *texts, *numbers])
    first = int(np.floor((bounds_s[0] - start_s) / step_s + _SLACK))
    n = max(int(np.ceil((bounds_s[-1] - start_s) / step_s - _SLACK)) - first, 1)
    edges_s = np.round(start_s + step_s * np.arange(first, first + n + 1), TIME_DECIMALS)
    is_good = good(frames, min_quality)
    parts = []
    for face in sorted(frames.loc[frames["status"] == "ok", "face"].dropna().unique()):
        rows = frames[is_good & (frames["face"] == face).fillna(False).to_numpy(bool)]
        pieces = cut(np.searchsorted(time_s, rows["time_s"].to_numpy()), bounds_s, edges_s)
        share = np.bincount(pieces.bin, pieces.seconds, n) / step_s
        part = {"face": int(face), "time_s": edges_s[:-1], GOOD: np.round(share.clip(0, 1), SHARE_DECIMALS)}
        for name in texts:
            part[name] = _longest(rows[name].to_numpy(object)[pieces.row], pieces, n)
        for name in numbers:
            part[name] = summed(rows[name].to_numpy(np.float64, na_value=np.nan), pieces, n, HOW[how])
        parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["face", "time_s", GOOD])


def good(frames: pd.DataFrame, min_quality: float = 0.0) -> npt.NDArray[np.bool_]:
    """Return whether each row shows a face well: bool (n,).

    Raises:
        UsageError: A quality is asked for, and the table has none.
    """
    is_ok = (frames["status"] == "ok").to_numpy(bool)
    if min_quality <= 0:
        return is_ok
    if "quality" not in frames or (is_ok.any() and frames.loc[is_ok, "quality"].isna().all()):
        reason = "cannot be applied, since these results have no column quality"
        raise UsageError(f"min_quality {min_quality:g}", reason, "analyse the videos again, or leave it out")
    quality = frames["quality"].to_numpy(np.float64, na_value=np.nan)
    return is_ok & (np.nan_to_num(quality, nan=-1.0) >= min_quality)


def _values(frames: pd.DataFrame, columns: Sequence[str] | None) -> tuple[list[str], list[str]]:
    """Return the names of the numeric columns and of the text columns to put into bins."""
    texts = [name for name in frames if name == "expression"]
    numbers = [str(name) for name in frames.select_dtypes("number") if name not in _KEYS]
    if columns is None:
        return numbers, texts
    if lacking := [name for name in columns if name not in {*numbers, *texts}]:
        raise no_column(lacking[0], "is no column of values", [*numbers, *texts])
    return [name for name in columns if name in numbers], [name for name in columns if name in texts]


def bounds(frames: pd.DataFrame) -> tuple[Float64, Float64]:
    """Return when frames begin, float64 (T,), and the same with the end of the last one, float64 (T + 1,).

    A clip that breaks off ends at its row `damaged`; the last frame of another lasts as long as the median one.
    """
    damaged = frames["status"] == "damaged"
    time_s = np.unique(frames.loc[~damaged, "time_s"].to_numpy(np.float64))
    if len(time_s) == 0:
        return time_s, time_s
    lasting_s = float(np.median(np.diff(time_s))) if len(time_s) > 1 else 0.0
    end_s = float(frames.loc[damaged, "time_s"].max()) if damaged.any() else time_s[-1] + lasting_s
    return time_s, np.append(time_s, max(end_s, time_s[-1]))


def end_s(frames: pd.DataFrame) -> float:
    """Return where the last frame of a clip ends; 0 without frames."""
    return float(bounds(frames)[1][-1]) if len(frames) else 0.0


def cut(frame: Int64, bounds_s: Float64, edges_s: Float64) -> Pieces:
    """Cut frames at the edges of bins.

    Args:
        frame: int64 (m,), rising: indices into the bounds, of frames that reach into the bins.
        bounds_s: float64 (T + 1,), where each frame begins and the last one ends.
        edges_s: float64 (n + 1,), edges of the bins.
    """
    begin_s, end_s = bounds_s[frame], bounds_s[frame + 1]
    first = np.maximum(np.searchsorted(edges_s, begin_s + _SLACK, "right") - 1, 0)
    # A frame that ends where a bin begins has no part in it.
    last = np.maximum(np.searchsorted(edges_s, end_s - _SLACK, "right") - 1, first)
    count = np.minimum(last, len(edges_s) - 2) - first + 1
    row = np.repeat(np.arange(len(frame)), count)
    bins = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)
    seconds = np.minimum(end_s[row], edges_s[bins + 1]) - np.maximum(begin_s[row], edges_s[bins])
    # Frames of one time last nothing, and are to count all the same where they are alone.
    return Pieces(row, bins, np.maximum(seconds, _SLACK))


def summed(values: Float64, pieces: Pieces, n: int, how: Callable[[Float64, Pieces, int], Float64]) -> Float64:
    """Sum up one column; a frame without a value does not count."""
    own = values[pieces.row]
    known = np.isfinite(own)
    if known.all():
        return how(own, pieces, n)
    return how(own[known], Pieces(pieces.row[known], pieces.bin[known], pieces.seconds[known]), n)


def _longest(words: npt.NDArray[np.object_], pieces: Pieces, n: int) -> npt.NDArray[np.object_]:
    """Return the word that is shown longest in each bin, of equals the one that comes first; NaN without any."""
    found = np.full(n, np.nan, object)
    known = pd.notna(words)
    if not known.any():
        return found
    code, names = pd.factorize(words[known])
    total = np.zeros((n, len(names)))
    np.add.at(total, (pieces.bin[known], code), pieces.seconds[known])
    best = total.argmax(axis=1)
    has = total.max(axis=1) > 0
    found[has] = np.asarray(names, object)[best[has]]
    return found
