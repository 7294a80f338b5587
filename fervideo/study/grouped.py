"""Tables that the commands on studies wrote, read again as mean courses over people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from fervideo.errors import UsageError
from fervideo.outputs.csv import unguarded
from fervideo.study import bins, curves
from fervideo.study.coded import PERSON
from fervideo.study.epochs import COLUMNS
from fervideo.study.plan import CLIP

#: Least share of a bin that good frames fill.
_LEAST_GOOD = 0.5
_EPOCHS, _GATHERED = {"measure", "t", "value"}, {CLIP, "frame", "time_s", "face", "status"}


def read(path: Path) -> pd.DataFrame:
    """Read a table that a command on studies wrote.

    Raises:
        UsageError: It cannot be read, or is empty.
    """
    try:
        if path.suffix.lower() == ".parquet":
            table = pd.read_parquet(path)
        else:
            # A condition may well be called "NA": nothing but an empty field is missing.
            table = unguarded(pd.read_csv(path, keep_default_na=False, na_values=[""]))
    except ImportError as error:
        remedy = "install it with pip install 'fervideo[export]', or give .csv"
        raise UsageError(path, "needs the library pyarrow", remedy) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error).strip()
        remedy = "give a table that a fervideo command wrote"
        raise UsageError(path, f"cannot be read as a table ({reason})", remedy) from error
    if table.empty:
        raise UsageError(path, "has no row", "run the command that wrote it again")
    return table


def over_people(table: pd.DataFrame, path: Path, by: str, wanted: Sequence[str], bin_s: float) -> pd.DataFrame:
    """Compute mean courses over people from trials, or from a gathered table of frames.

    Args:
        table: `epochs.csv`, or frames of many clips as `gather` joins them.
        path: Its path, for messages.
        by: Column by which people are grouped; empty for none.
        wanted: Columns of values of a gathered table; empty for the usual ones.
        bin_s: Width of its bins, in seconds.

    Returns:
        As `curves.over_people`.

    Raises:
        UsageError: It is neither, or lacks a column.
    """
    if by and by not in table:
        raise UsageError(f"by {by}", f"is no column of {path}", f"its columns are {', '.join(map(str, table))}")
    if set(table) >= _GATHERED:
        table = _trials(table, path, by, wanted, bin_s)
    elif not set(table) >= _EPOCHS:
        reason = "is neither a timeline nor a table of epochs, agree or gather"
        raise UsageError(path, reason, "give .timeline.csv, curves.csv, epochs.csv, confusion.csv, or a gathered table")
    return curves.over_people(table, by, PERSON if PERSON in table else CLIP)


def _trials(table: pd.DataFrame, path: Path, by: str, wanted: Sequence[str], bin_s: float) -> pd.DataFrame:
    """Return the course of each clip in bins, a row per measure and bin."""
    wanted = wanted or [name for name in COLUMNS if name in table]
    if not wanted:
        raise UsageError(path, f"has none of the columns {', '.join(COLUMNS)}", "choose others with --columns")
    facts = [name for name in dict.fromkeys((PERSON, by)) if name in table]
    parts = []
    for clip, frames in table.groupby(CLIP, sort=False):
        binned = bins.resample(frames.astype({"face": "Int64"}), bin_s, columns=wanted)
        own = binned[binned[bins.GOOD] >= _LEAST_GOOD]
        if own.empty:
            continue
        long = own.melt(["time_s"], wanted, "measure", "value").rename(columns={"time_s": "t"})
        parts.append(long.assign(**{CLIP: clip}, **{name: frames[name].iloc[0] for name in facts}))
    if not parts:
        raise UsageError(path, "has no bin with enough good frames", "choose wider bins, or other clips or faces")
    return pd.concat(parts, ignore_index=True)
