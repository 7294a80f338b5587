"""JSON lines: an object for each row of a table, in a file for each table. Unknown values are null."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pandas as pd

from fervideo.outputs.saving import Files
from fervideo.outputs.tiers import printable
from fervideo.timeline.record import Timeline

FILES = {"timeline": "*.timeline.jsonl", "events": "*.events.jsonl", "summary": "*.summary.jsonl"}


def write(timeline: Timeline, files: Files) -> None:
    """Write the tables of a timeline.

    Raises:
        OSError: A file cannot be written.
    """
    tables = {"timeline": timeline.frames, "events": timeline.events, "summary": timeline.summary}
    for name, table in tables.items():
        with files.parts[name].open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{json.dumps(row, ensure_ascii=False, allow_nan=False)}\n" for row in records(table))


def records(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table as values of Python; None where one is unknown."""
    columns = [_values(table[name]) for name in table]
    for row in zip(*columns, strict=True):
        yield dict(zip(table.columns, row, strict=True))


def _values(column: pd.Series[Any]) -> list[Any]:
    values = column.astype(object).where(column.notna(), None).tolist()
    return values if pd.api.types.is_numeric_dtype(column) else [value and printable(value) for value in values]
