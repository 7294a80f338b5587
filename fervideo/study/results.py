"""The tables of results, column by column."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from fervideo import columns
from fervideo.columns import Column
from fervideo.errors import UsageError, nearest
from fervideo.outputs.csv import unguarded
from fervideo.outputs.found import TABLES, Found
from fervideo.timeline.tables import dtypes

#: Columns of each table that are read unless others are asked for: these, and all probabilities.
_DEFAULT = {"frames": ("expression", "confidence", "valence")}
#: Columns of the table of frames that every selection has.
KEYS = ("frame", "time_s", "face", "status")


def known(table: str) -> tuple[Column, ...]:
    """Return the columns of a table, for the labels of the package's model.

    Raises:
        UsageError: No table of a clip has this name.
    """
    if table not in TABLES:
        raise UsageError(f"table {table}", "is no table of a clip", f"choose from {', '.join(TABLES)}")
    return columns.TABLES[table].columns()


def header(path: Path) -> list[str]:
    """Return the names of a table's columns.

    Raises:
        UsageError: The file cannot be read.
    """
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return next(csv.reader([file.readline()]), [])
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(path, error) from error


def selected(found: Iterable[Found], table: str, wanted: Sequence[str] | None) -> list[str]:
    """Return the columns to read from some results, in the order of their tables.

    Args:
        found: The results; a column need not be in all of them.
        table: `frames`, `events` or `summary`.
        wanted: Names of columns, `p` for all probabilities, or `all`; None for the default of the table.

    Raises:
        UsageError: No result has a column of such a name.
    """
    names = list(dict.fromkeys(name for result in found for name in header(result.table(table))))
    p_columns = [name for name in names if name.startswith("p_")]
    keys = [name for name in KEYS if name in names] if table == "frames" else ["face"]
    if wanted is None:
        # Tables of other programs have columns of their own.
        usual = [name for name in _DEFAULT.get(table, ()) if name in names]
        wanted = [*usual, "p"] if usual else ["all"]
    if "all" in wanted:
        return names
    chosen = {*keys}
    for name in wanted:
        if name not in names and name != "p":
            raise no_column(name, f"is in no table of {table} of these results", names)
        chosen |= set(p_columns) if name == "p" else {name}
    return [name for name in names if name in chosen]


def no_column(name: str, reason: str, names: Iterable[str]) -> UsageError:
    """Return the error of a column that is not there, with the nearest one of `names`."""
    near = nearest(name, names)
    remedy = f"did you mean {near}?" if near else "`fervideo describe` lists all columns"
    if name.endswith(columns.REL):
        remedy = "analyse the videos with --baseline first"
    return UsageError(f"column {name}", reason, remedy)


def read(path: Path, table: str, names: Sequence[str] | None = None) -> pd.DataFrame:
    """Read one table of a clip, its values equal to those that were saved.

    Args:
        path: The file.
        table: `frames`, `events` or `summary`.
        names: The columns to read, in this order; those that the file lacks are left out. None for all.

    Raises:
        UsageError: The file cannot be read.
    """
    there = header(path)
    names = there if names is None else [name for name in names if name in there]
    try:
        read_in = pd.read_csv(
            path,
            usecols=names,
            dtype={name: dtype for name, dtype in dtypes(known(table)).items() if name in names},
            # A name may well be "NA": nothing but an empty field is missing.
            keep_default_na=False,
            na_values=[""],
            # Exact for numbers with so few digits, and twice as fast as round_trip.
            float_precision="high",
        )
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error
    return unguarded(read_in[names])


def unreadable(path: Path, error: Exception) -> UsageError:
    """Return the error of a file that cannot be read."""
    reason = getattr(error, "strerror", None) or str(error).strip()
    return UsageError(path, f"cannot be read ({reason})", "analyse the clip again, or remove its files")
