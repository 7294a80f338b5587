"""All clips in one tidy table, with the columns of the study's design, a clip at a time so that memory stays low."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from fervideo import atomic, cells
from fervideo.errors import OutputError, UsageError
from fervideo.outputs.csv import guarded
from fervideo.study import faces, results
from fervideo.study.design import Matched
from fervideo.study.plan import Plan, Selection


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """The outcome of gathering.

    Attributes:
        path: The file.
        clips: Clips in it.
        rows: Rows in it.
        missing: Clips of the design that have no results.
    """

    path: Path
    clips: int
    rows: int
    missing: tuple[str, ...]


def load_results(
    folder: Path | str,
    design: Path | str | None = None,
    table: str = "frames",
    face: str = "all",
    columns: Sequence[str] | None = None,
    min_coverage: float = faces.MIN_COVERAGE,
) -> pd.DataFrame:
    """Load the results of all clips in a folder as one table.

    Args:
        folder: Folder that `fervideo batch` or `timeline` wrote, or the `.timeline.csv` of one clip.
        design: CSV with a row per clip: a column `clip` (or `path`, `video`, `file`), and participant, condition and
            so on, which become columns of the table. A column `face` chooses the face of each row.
        table: `frames`, `events` or `summary`.
        face: `all`, `longest`, `largest`, `left`, `right`, or the number or the name of a face.
        columns: Columns to load, `p` for all probabilities, or `all`. By default frames have expression, probabilities
            and valence, and other tables all columns.
        min_coverage: A face that is seen in a smaller share of the frames is left out as false.

    Returns:
        A column `clip`, those of the design as text, then those of the table. A frame that shows no chosen face keeps
        a row with status `no_face`. The log lists clips of the design without results, and results without a row.

    Raises:
        UsageError: There are no results; a file, a column or a face is not possible.
        DatasetError: The design fits the results in more than one way.
    """
    chosen = Selection(
        design=None if design is None else Path(design),
        table=table,
        face=face,
        columns=columns,
        min_coverage=min_coverage,
    )
    plan = Plan.of(Path(folder), chosen)
    tables = [plan.loaded(matched) for matched in plan.study.clips]
    plan.report_false_faces()
    return pd.concat(tables, ignore_index=True)


def gather(folder: Path, output: Path, chosen: Selection) -> Gathered:
    """Write the results of all clips in a folder as one table, a clip at a time.

    Args:
        folder: As in `load_results`.
        output: The file: `.csv`, or `.parquet` with a group of rows per clip.
        chosen: The clips, faces and columns.

    Raises:
        UsageError: As in `load_results`; or the file's name has another end, or Parquet lacks its library.
        DatasetError: The design fits the results in more than one way.
        OutputError: The file cannot be written.
    """
    write = {".csv": _write_csv, ".parquet": _write_parquet}.get(output.suffix.lower())
    if write is None:
        raise UsageError(output, "is neither .csv nor .parquet", "name the file for example study.csv")
    if output.is_dir():
        raise OutputError(output, "is a folder", "name a file")
    plan = Plan.of(folder, chosen)
    with atomic.written(output) as temporary:
        rows = write(plan, temporary)
    plan.report_false_faces()
    return Gathered(path=output, clips=len(plan.study.clips), rows=rows, missing=plan.study.missing)


def _write_csv(plan: Plan, path: Path) -> int:
    """Write CSV: cells as they stand in the files of the clips; return the number of rows."""
    n_rows = 0
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(map(cells.guarded, plan.header))
        for matched in plan.study.clips:
            lines = _copied(plan, matched) if plan.chosen.table == "frames" and plan.clocks is None else None
            if lines is None:
                table = plan.loaded(matched)
                guarded(table).to_csv(file, index=False, header=False, lineterminator="\n")
                n_rows += len(table)
            else:
                file.writelines(lines)
                n_rows += len(lines)
    return n_rows


def _copied(plan: Plan, matched: Matched) -> list[str] | None:
    """Return the lines of a clip as text, which is four times as fast as numbers that are read and written again.

    Returns:
        None where cells are quoted, since they may contain commas and line breaks.
    """
    path = matched.result.table("frames")
    kept = plan.faces(matched)
    try:
        lines = path.read_text(encoding="utf-8").rstrip("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise results.unreadable(path, error) from error
    there = results.header(path)
    if any('"' in line for line in lines):
        return None
    if lines[-1].count(",") != len(there) - 1:
        raise results.unreadable(path, ValueError("its last row is cut off"))
    rows, is_blank = np.arange(len(lines) - 1), np.zeros(len(lines) - 1, np.bool_)
    if kept is not None:
        rows, is_blank = faces.rows_of(results.read(path, "frames", ["frame", "face", "status"]), kept)
    return _picked([lines[row + 1] for row in rows.tolist()], is_blank, there, plan.names, _prefix(matched))


def _picked(
    lines: list[str], is_blank: npt.NDArray[np.bool_], there: Sequence[str], names: Sequence[str], prefix: str
) -> list[str]:
    """Pick cells of lines.

    Args:
        lines: The rows of a table, without line breaks.
        is_blank: bool (n,), whether a row is to stand for a frame without a face.
        there: Columns of the table.
        names: Columns to pick, at least two; one that is not there is empty.
        prefix: Cells before them, with a comma at the end.
    """
    # A column that is not there is the empty cell after the last one.
    end = "" if set(names) <= set(there) else ","
    get = itemgetter(*(there.index(name) if name in there else len(there) for name in names))
    picked = [f"{prefix}{','.join(get(f'{line}{end}'.split(',')))}\n" for line in lines]
    for row in np.flatnonzero(is_blank).tolist():
        own = zip(names, get(f"{lines[row]}{end}".split(",")), strict=True)
        kept = ("no_face" if name == "status" else cell if name in faces.TIMES else "" for name, cell in own)
        picked[row] = f"{prefix}{','.join(kept)}\n"
    return picked


def _prefix(matched: Matched) -> str:
    """Return the cells of a clip's name and facts as CSV, with a comma at the end."""
    row = pd.DataFrame([[matched.result.stem, *matched.facts.values()]])
    return guarded(row).to_csv(index=False, header=False, lineterminator="\n").removesuffix("\n") + ","


def _write_parquet(plan: Plan, path: Path) -> int:
    """Write Parquet, a group of rows for each clip; return the number of rows.

    Raises:
        UsageError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        remedy = "install it with pip install 'fervideo[export]', or write .csv"
        raise UsageError("Parquet", "needs the library pyarrow", remedy) from error
    kinds = {"float": pa.float64(), "int": pa.int64(), "number": pa.int64(), "text": pa.string()}
    known = {column.name: kinds[column.dtype] for column in results.known(plan.chosen.table)}
    # Columns that the package does not know, such as p_ of other labels, are numbers.
    types = [known.get(name, pa.float64()) if name in plan.names else pa.string() for name in plan.header]
    if plan.clocks is not None and not plan.clocks.has_dates:
        types[-1] = pa.float64()
    schema, n_rows = pa.schema(list(zip(plan.header, types, strict=True))), 0
    with parquet.ParquetWriter(path, schema) as writer:
        for matched in plan.study.clips:
            table = plan.loaded(matched)
            writer.write_table(pa.Table.from_pandas(table, schema=schema, preserve_index=False))
            n_rows += len(table)
    return n_rows
