"""The timelines in folders of results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from fervideo.errors import UsageError
from fervideo.outputs import run


class Found(NamedTuple):
    """A saved timeline.

    Attributes:
        path: One of its files.
        folder: The folder in which it was looked for.
        stem: First part of its files' names below that folder, with `/`.
    """

    path: Path
    folder: Path
    stem: str


def find(sources: Sequence[Path]) -> list[Found]:
    """Find saved timelines, ordered by name; hidden files and folders are left out.

    Args:
        sources: Files of timelines, and folders that contain some, also in folders below.

    Raises:
        UsageError: A source does not exist, or a folder contains no timeline.
    """
    found: dict[Path, Found] = {}
    for source in sources:
        if source.is_dir():
            records = [path for path in sorted(source.rglob(f"*{run.SUFFIX}")) if not _is_hidden(path, source)]
            if not records:
                reason = f"contains no timeline (looked for *{run.SUFFIX})"
                raise UsageError(source, reason, "give results of `fervideo timeline` or `fervideo batch`")
            of_source = [Found(path, source, _stem(path.relative_to(source).as_posix())) for path in records]
        elif source.exists():
            of_source = [Found(source, source.parent, _stem(source.name))]
        else:
            raise UsageError(source, "does not exist", "give a folder of results, or a .timeline.csv")
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
