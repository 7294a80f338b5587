"""Parquet: a folder for each table, so that the files of a batch are one dataset with a column `clip`.

The schema has unit, meaning and source of each column, and the record of the run. So a timeline reads back equal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from fervideo import columns
from fervideo.columns import Column
from fervideo.errors import UsageError
from fervideo.outputs import run
from fervideo.outputs.saving import Files
from fervideo.outputs.tiers import printable
from fervideo.timeline.record import Timeline
from fervideo.timeline.tables import dtypes

if TYPE_CHECKING:
    import pyarrow as pa

FILES = {table: f"{table}/*.parquet" for table in ("frames", "events", "summary")}
#: Key of the record of the run in the metadata of a schema.
_RECORD = b"fervideo"
_CLIP = Column(name="clip", dtype="text", meaning="name of the clip's results, below the folder of the export")


def write(timeline: Timeline, files: Files) -> None:
    """Write the tables of a timeline.

    Raises:
        OSError: A file cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet

    record = json.dumps(timeline.provenance, ensure_ascii=False).encode("utf-8", "surrogateescape")
    for name, wanted in _columns(timeline.labels, timeline.provenance).items():
        table = getattr(timeline, name)
        facts = [_known(table[name], wanted) for name in table]
        texts = [column.name for column in facts if column.dtype == "text"]
        # A file name may contain bytes that are not UTF-8.
        whole = table.assign(**{text: table[text].map(printable, na_action="ignore") for text in texts})
        whole[_CLIP.name] = printable(files.stem)
        schema = pa.schema([_field(column) for column in (*facts, _CLIP)], metadata={_RECORD: record})
        arrays = pa.Table.from_pandas(whole, schema, preserve_index=False).replace_schema_metadata(schema.metadata)
        pyarrow.parquet.write_table(arrays, files.parts[name])


def read(path: Path) -> Timeline:
    """Read a timeline back, equal to the one that was written.

    Args:
        path: Any one of its three files; the others lie in the folders beside its own.

    Raises:
        UsageError: pyarrow is not installed, or a file is missing or is not one that `write` wrote.
    """
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise UsageError(path, f"pyarrow cannot be imported ({error})", "pip install 'fervideo[export]'") from None
    root, below = _root(path)
    tables = {}
    for name in FILES:
        file = root / name / below
        try:
            tables[name] = pyarrow.parquet.ParquetFile(file).read()
        except (OSError, ValueError) as error:
            reason = f"cannot be read as a timeline ({str(error).strip()})"
            raise UsageError(file, reason, "frames, events and summary belong together") from error
    metadata = tables["frames"].schema.metadata or {}
    info, labels, record = run.parsed(metadata.get(_RECORD, b""), path)
    wanted = _columns(labels, record)
    return Timeline(
        info=info,
        labels=labels,
        provenance=record,
        **{name: _table(table, wanted[name], root / name / below) for name, table in tables.items()},
    )


def _root(path: Path) -> tuple[Path, Path]:
    """Return the folder of an export, and the path of a clip's file in each of its three folders."""
    found = [(parent.parent, path.relative_to(parent)) for parent in path.parents if parent.name in FILES]
    if not found:
        raise UsageError(path, f"lies in none of the folders {', '.join(FILES)}", "leave exported files where they are")
    # A folder of the batch may have one of these names, too.
    return next((each for each in found if all((each[0] / name / each[1]).is_file() for name in FILES)), found[0])


def _columns(labels: Sequence[str], record: Mapping[str, Any]) -> dict[str, tuple[Column, ...]]:
    return columns.of_run(labels, record["settings"].get("measures", {}))


def _known(values: pd.Series[Any], wanted: Sequence[Column]) -> Column:
    """Return the facts of a column; one that is not described here is a number or a text."""
    found = next((column for column in wanted if column.name == values.name), None)
    dtype: Literal["float", "text"] = "float" if pd.api.types.is_numeric_dtype(values) else "text"
    return found or Column(name=str(values.name), dtype=dtype, meaning="")


def _field(column: Column) -> pa.Field[Any]:
    import pyarrow as pa

    types = {"float": pa.float64(), "int": pa.int64(), "number": pa.int64(), "text": pa.string()}
    facts = {"unit": column.unit, "meaning": column.meaning, "source": column.source}
    return pa.field(column.name, types[column.dtype], metadata={key: text for key, text in facts.items() if text})


def _table(read: pa.Table, wanted: Sequence[Column], path: Path) -> pd.DataFrame:
    """Return a table with its columns in their order and dtypes; columns newer than the file are empty, at the end."""
    missing = [column.name for column in wanted if column.name not in read.column_names]
    if unknown := [name for name in missing if not columns.is_newer(name)]:
        raise UsageError(path, f"lacks {', '.join(unknown)}", "export the timeline again")
    found: pd.DataFrame = read.drop_columns([_CLIP.name]).to_pandas(integer_object_nulls=True)
    return found.reindex(columns=[*found.columns, *missing]).astype(dtypes(wanted))
