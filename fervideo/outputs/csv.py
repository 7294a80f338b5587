"""Timelines as CSV: three tables and the record of the run, which round-trip to the last digit and letter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from fervideo import atomic, cells, columns
from fervideo.columns import Column
from fervideo.errors import UsageError
from fervideo.outputs import run
from fervideo.outputs.saving import Files
from fervideo.timeline.record import Timeline
from fervideo.timeline.tables import dtypes

_SUFFIXES = dict(zip(("timeline", "events", "summary", "run"), run.SUFFIXES, strict=True))
#: Its files: the record comes last.
FILES = {name: f"*{suffix}" for name, suffix in _SUFFIXES.items()}


def write(timeline: Timeline, files: Files) -> None:
    """Write a timeline's tables and its run.json.

    Raises:
        OSError: A file cannot be written.
    """
    to_csv(timeline.frames, files.parts["timeline"])
    to_csv(timeline.events, files.parts["events"])
    to_csv(timeline.summary, files.parts["summary"])
    run.write(timeline.provenance, files.parts["run"])


def read(path: Path) -> Timeline:
    """Read a saved timeline back, equal to the one that was saved.

    Args:
        path: Any one of its four files; the others lie beside it.

    Raises:
        UsageError: A file is missing, or is not one that `write` wrote.
    """
    suffix = next((suffix for suffix in run.SUFFIXES if path.name.endswith(suffix)), None)
    if suffix is None:
        raise UsageError(
            path, "is not named like a timeline", "give the .timeline.csv or .run.json that fervideo wrote"
        )
    stem = path.name.removesuffix(suffix)
    paths = {name: path.with_name(f"{stem}{ending}") for name, ending in _SUFFIXES.items()}
    info, labels, record = run.read(paths["run"])
    wanted = columns.of_run(labels, record["settings"].get("measures", {}))
    return Timeline(
        info=info,
        labels=labels,
        frames=_read_table(paths["timeline"], wanted["frames"]),
        events=_read_table(paths["events"], wanted["events"]),
        summary=_read_table(paths["summary"], wanted["summary"]),
        provenance=record,
    )


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV, all of it or nothing.

    Raises:
        OutputError: The file cannot be written.
    """
    with atomic.written(path) as temporary:
        to_csv(table, temporary)


def to_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table as pandas would, in a third of the time: few of a column's rounded values differ."""
    names = [str(name) for name in table]
    table = guarded(table)
    columns_of = [_cells(table[name]) for name in names]
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(",".join(map(_quoted, names)) + "\n")
        file.writelines(",".join(row) + "\n" for row in zip(*columns_of, strict=True))


def _cells(values: pd.Series[Any]) -> list[str]:
    """Return the texts of a column; missing values are empty."""
    codes, different = pd.factorize(values, use_na_sentinel=True)
    # `str` of a float is the shortest text that reads back as the same number. The last text is that of code -1.
    texts = [_quoted(str(value)) for value in different.tolist()] + [""]
    return [texts[code] for code in codes.tolist()]


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',"\r\n') else text


def guarded(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose texts can go into cells: see `cells.guarded`."""
    return _with_text(table, cells.guarded)


def unguarded(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with the texts that `guarded` was given."""
    return _with_text(table, cells.unguarded)


def _with_text(table: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    """Return a table with a change of all its text; missing cells stay."""
    changed: dict[str, pd.Series[str]] = {}
    for name, column in table.items():
        if not pd.api.types.is_string_dtype(column.dtype):
            continue
        # A long table has few texts: labels, and the name of its video.
        texts = {text: change(text) for text in column.unique() if isinstance(text, str)}
        if any(text != new for text, new in texts.items()):
            changed[str(name)] = column.map(texts).astype(column.dtype)
    return table.assign(**changed)


def _read_table(path: Path, wanted: Sequence[Column]) -> pd.DataFrame:
    """Read a table with its columns in order and in their dtypes; columns newer than the file are empty."""
    names = columns.names(wanted)
    try:
        # A video may well be called "NA": nothing but an empty field is missing.
        table = pd.read_csv(
            path,
            usecols=lambda name: name in names,
            dtype=dtypes(wanted),
            keep_default_na=False,
            na_values=[""],
            float_precision="round_trip",
        )
        missing = [name for name in names if name not in table]
        if unknown := [name for name in missing if not columns.is_newer(name)]:
            raise ValueError(f"it lacks {', '.join(unknown)}")
        dtype_of = dtypes(wanted)
        return unguarded(table.reindex(columns=names).astype({name: dtype_of[name] for name in missing}))
    except (OSError, ValueError) as error:
        raise UsageError(
            path,
            f"cannot be read as a timeline ({str(error).strip()})",
            "the four files that fervideo wrote belong together",
        ) from error
