"""The design of a study: a table with a row per clip, joined to the results by path or name."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from fervideo import bounded
from fervideo.errors import DatasetError, UsageError, counted
from fervideo.outputs.found import Found

#: Columns of a design that name the clip; the first of them that the table has is read.
CLIP_COLUMNS = ("clip", "path", "video", "file")
#: Column of a design that chooses the face of its row.
_FACE = "face"


class Matched(NamedTuple):
    """A clip's results, and the row of the design that they belong to.

    Attributes:
        result: The results.
        facts: Values of the design's other columns.
        face: Rule that the design gives for the face; empty without one.
    """

    result: Found
    facts: Mapping[str, str]
    face: str = ""


class Study(NamedTuple):
    """Results joined to a design.

    Attributes:
        clips: The results, in the order of the design.
        facts: Names of the design's columns that go into tables.
        missing: Clips of the design that have no results.
        unlisted: Results that the design does not list; they are left out.
    """

    clips: list[Matched]
    facts: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unlisted: tuple[str, ...] = ()


def read_table(path: Path, needed: Sequence[str] = ()) -> pd.DataFrame:
    """Read a small table of the user's: CSV with commas, semicolons or tabs, every cell as text.

    Args:
        path: The file, UTF-8.
        needed: Columns that it must have.

    Raises:
        UsageError: It cannot be read, is empty, or lacks a column.
    """
    try:
        text = bounded.read(path, bounded.TABLE_BYTES).decode("utf-8-sig")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(path, f"cannot be read as a table ({reason})", "give a CSV file in UTF-8") from error
    # Excel writes semicolons in countries where the comma is the decimal sign.
    delimiter = max("\t;,", key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header, rows = [cell.strip() for cell in next(reader, [])], list[list[str]]()
    for row in reader:
        cells = [cell.strip() for cell in row]
        if any(cells[len(header) :]):
            raise UsageError(f"{path}:{reader.line_num}", "has more cells than the header", "quote cells with commas")
        if any(cells):
            rows.append([*cells, *[""] * len(header)][: len(header)])
    if lacking := [name for name in needed if name not in header]:
        remedy = f"its columns are {', '.join(header) or 'none'}"
        raise UsageError(path, f"has no column {' and no column '.join(lacking)}", remedy)
    return pd.DataFrame(rows, columns=header, dtype=str)


def join(found: Sequence[Found], design: Path | None) -> Study:
    """Join results to the rows of a design.

    A row names its clip by the path or the name of the video, with or without folders and suffix. Two rows may name
    one clip if a column `face` chooses another face in each.

    Args:
        found: The results.
        design: The table; None for no design.

    Raises:
        UsageError: The table cannot be read, or has no column that names clips.
        DatasetError: A row fits several results as well, or a clip stands in several rows.
    """
    if design is None:
        return Study([Matched(result, {}) for result in found])
    table = read_table(design)
    key = clip_column(table, design)
    facts = tuple(str(name) for name in table if name not in (key, _FACE, "clip"))
    index = Index(found)
    clips, missing, problems = list[Matched](), list[str](), list[str]()
    row_of: dict[tuple[str, str], int] = {}
    for number, row in enumerate(table.to_dict("records"), 2):
        if not row[key]:
            continue
        fitting = index.find(row[key])
        if not fitting:
            missing.append(row[key])
        elif len(fitting) > 1:
            names = ", ".join(result.stem for result in fitting[:3])
            problems.append(f"{design}:{number}: {row[key]} fits {counted(len(fitting), 'result')} ({names})")
        else:
            result, face = fitting[0], row.get(_FACE, "")
            if (before := row_of.setdefault((result.stem, face), number)) != number:
                problems.append(f"{design}:{number}: {row[key]} stands in row {before} already")
            clips.append(Matched(result, {name: str(row[name]) for name in facts}, face))
    if problems:
        remedy = "give paths with folders; two faces of one clip need a column face"
        count = counted(len(problems), "problem")
        raise DatasetError(design, f"{count}, the first in {problems[0]}", remedy, tuple(problems))
    if not clips:
        example = f"{found[0].stem}" if found else "none"
        raise UsageError(design, "names none of the clips", f"its column {key} must name clips such as {example}")
    listed = {matched.result.stem for matched in clips}
    return Study(clips, facts, tuple(missing), tuple(each.stem for each in found if each.stem not in listed))


def clip_column(table: pd.DataFrame, path: Path) -> str:
    """Return the column that names the clips.

    Raises:
        UsageError: There is none.
    """
    for wanted in CLIP_COLUMNS:
        for name in table:
            if str(name).lower() == wanted:
                return str(name)
    has = ", ".join(table.columns)
    raise UsageError(path, f"has no column that names clips ({', '.join(CLIP_COLUMNS)})", f"its columns are {has}")


class Index:
    """Results by the ends of their paths.

    Args:
        found: The results.
    """

    def __init__(self, found: Sequence[Found]) -> None:
        self._by_stem: dict[str, list[tuple[tuple[str, ...], Found]]] = {}
        for result in found:
            parts = tuple(result.stem.split("/"))
            self._by_stem.setdefault(parts[-1], []).append((parts, result))

    def find(self, key: str) -> list[Found]:
        """Return the results whose path has the most folders in common with a name, from its end; several if equal.

        Args:
            key: Path or name of a video, with or without its suffix, or of its results.
        """
        parts = [part for part in key.replace("\\", "/").split("/") if part not in ("", ".")]
        if not parts:
            return []
        for last in dict.fromkeys((parts[-1], parts[-1].rpartition(".")[0])):
            wanted = (*parts[:-1], last)
            scored = [
                (min(len(own), len(wanted)), result)
                for own, result in self._by_stem.get(last, [])
                if all(a == b for a, b in zip(reversed(own), reversed(wanted), strict=False))
            ]
            if scored:
                best = max(score for score, _ in scored)
                return [result for score, result in scored if score == best]
        return []
