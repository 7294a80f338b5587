"""The results in folders: one record for each clip."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from fervideo.errors import UsageError
from fervideo.outputs import run

#: End of the file of each table.
TABLES = dict(zip(("frames", "events", "summary"), run.SUFFIXES, strict=False))
_REMEDY = "give the folder that `fervideo batch` or `timeline` wrote, or a .timeline.csv"


class Found(NamedTuple):
    """The results of one clip.

    Attributes:
        path: One of its files.
        folder: The folder in which it was looked for.
        stem: First part of its files' names below that folder, with `/`.
    """

    path: Path
    folder: Path
    stem: str

    def table(self, name: str) -> Path:
        """Return the path of one of its tables: `frames`, `events` or `summary`."""
        return self.folder / f"{self.stem}{TABLES[name]}"


def find(sources: Sequence[Path]) -> list[Found]:
    """Find results, ordered by name; hidden files and folders are left out.

    Args:
        sources: Files of timelines, and folders that contain some, also in folders below.

    Raises:
        UsageError: A source does not exist, or a folder contains no results.
    """
    found: dict[Path, Found] = {}
    for source in sources:
        if source.is_dir():
            end = TABLES["frames"]
            paths = [path for path in sorted(source.rglob(f"*{end}")) if not _is_hidden(path, source)]
            if not paths:
                raise UsageError(source, f"has no results (looked for *{end})", _REMEDY)
            of_source = [Found(path, source, _stem(path.relative_to(source).as_posix())) for path in paths]
        elif source.exists():
            of_source = [Found(source, source.parent, _stem(source.name))]
        else:
            raise UsageError(source, "does not exist", _REMEDY)
        for timeline in of_source:
            # A pattern of the shell may name all files of one timeline.
            found.setdefault((timeline.folder / timeline.stem).absolute(), timeline)
    return list(found.values())


def _is_hidden(path: Path, source: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(source).parts)


def _stem(name: str) -> str:
    """Return a name without the end that marks a file of a timeline."""
    suffix = next((suffix for suffix in run.SUFFIXES if name.endswith(suffix)), Path(name).suffix)
    return name.removesuffix(suffix)
