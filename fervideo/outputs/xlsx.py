"""An Excel workbook: a sheet for each table, one that explains the columns, and one with the record of the run.

Numbers are numbers, texts are never formulas, and unknown values are empty cells.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from fervideo import columns
from fervideo.errors import UsageError
from fervideo.outputs import jsonl
from fervideo.outputs.saving import Files
from fervideo.outputs.tiers import printable
from fervideo.timeline.record import Timeline

if TYPE_CHECKING:
    from openpyxl import Workbook

FILES = {"workbook": "*.xlsx"}
#: Rows of a sheet below its header, and characters of a cell.
_MOST_ROWS, _MOST_CHARACTERS = 2**20 - 1, 32_767


def write(timeline: Timeline, files: Files) -> None:
    """Write the tables of a timeline.

    Raises:
        UsageError: It has more frames than a sheet has rows.
        OSError: The file cannot be written.
    """
    from openpyxl import Workbook

    if len(timeline.frames) > _MOST_ROWS:
        reason = f"has {len(timeline.frames)} rows of frames, and a sheet of Excel at most {_MOST_ROWS}"
        raise UsageError(timeline.info.path, reason, "thin them out with --hz, or take another format")
    book = Workbook(write_only=True)
    for name, table in (("frames", timeline.frames), ("events", timeline.events), ("summary", timeline.summary)):
        _sheet(book, name, list(table.columns), (list(row.values()) for row in jsonl.records(table)))
    tables = columns.of_run(timeline.labels, timeline.provenance["settings"].get("measures", {}))
    explained = [
        [table, column.name, column.unit or None, column.meaning] for table, own in tables.items() for column in own
    ]
    _sheet(book, "columns", ["table", "column", "unit", "meaning"], explained)
    _sheet(book, "run", ["key", "value"], [[key, _plain(value)] for key, value in timeline.provenance.items()])
    book.save(files.parts["workbook"])


def _sheet(book: Workbook, name: str, header: list[str], rows: Iterable[list[Any]]) -> None:
    """Add a sheet whose header stays in view."""
    from openpyxl.cell import WriteOnlyCell

    sheet = book.create_sheet(name)
    sheet.freeze_panes = "A2"

    def cell(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        text = printable(value)[:_MOST_CHARACTERS]
        if not text.startswith("="):
            return text
        written = WriteOnlyCell(sheet, text)
        written.data_type = "s"
        return written

    sheet.append(header)
    for row in rows:
        sheet.append([cell(value) for value in row])


def _plain(value: Any) -> Any:
    """Return a value that a cell can contain; a structure becomes JSON."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
