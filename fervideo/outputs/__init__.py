"""Formats of timelines: one small file each, its reader beside its writer, and one table that lists them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fervideo.outputs import csv, run
from fervideo.outputs.csv import write_csv
from fervideo.outputs.run import check_free, stem_of
from fervideo.timeline.record import Timeline

__all__ = ["FORMATS", "Format", "check_free", "read_timeline", "stem_of", "write_csv"]


@dataclass(frozen=True, kw_only=True)
class Format:
    """One format that timelines are written in.

    Attributes:
        suffixes: Ends of the names of its files.
        write: Function that writes a timeline and returns the paths of the files by name. Its arguments are those of
            `csv.write`: timeline, folder, stem, overwrite.
        read: Function that reads a timeline from the path of any of its files; None where it cannot be read back.
    """

    suffixes: Sequence[str]
    write: Callable[[Timeline, Path, str | None, bool], dict[str, Path]]
    read: Callable[[Path], Timeline] | None = None


#: Every format, by name.
FORMATS: dict[str, Format] = {
    "csv": Format(suffixes=run.SUFFIXES, write=csv.write, read=csv.read),
}


def read_timeline(path: Path | str) -> Timeline:
    """Read a saved timeline back, equal to the one that was saved.

    Args:
        path: Any one of its files; the others lie beside it.

    Raises:
        UsageError: A file is missing, or is not one that fervideo wrote.
    """
    path = Path(path)
    for known in FORMATS.values():
        if known.read and path.name.endswith(tuple(known.suffixes)):
            return known.read(path)
    return csv.read(path)
