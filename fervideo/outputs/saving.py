"""Files that appear together: all of a timeline's files in one format, or none of them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from fervideo import atomic
from fervideo.errors import OutputError

#: Remedy for files that are there already.
FREE_REMEDY = "choose another folder with -o, or use --overwrite"


class Files(NamedTuple):
    """Files of a timeline on their way.

    Attributes:
        folder: Folder of all the files.
        stem: First part of their names below it, which may begin with folders.
        parts: Temporary files to write, by name.
    """

    folder: Path
    stem: str
    parts: Mapping[str, Path]

    @property
    def parent(self) -> Path:
        """The folder in which the files lie at last."""
        return (self.folder / self.stem).parent


def check_free(paths: Mapping[str, Path]) -> None:
    """Check that files are not there yet: people edit exports, so that even an earlier one of the same video stays.

    Args:
        paths: The files by name.

    Raises:
        OutputError: One is there.
    """
    found = next((path for path in paths.values() if path.exists()), None)
    if found is not None:
        raise OutputError(found, "is there already", FREE_REMEDY)


@contextmanager
def together(folder: Path, paths: Mapping[str, Path]) -> Iterator[dict[str, Path]]:
    """Provide temporary files, one for each path, which come to these paths together at the end.

    Args:
        folder: Folder of all the files; made if it is missing.
        paths: The files by name, in the order in which they replace earlier ones.

    Raises:
        OutputError: They cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        atomic.remove_abandoned(folder)
        # A hidden folder on the same file system. After any error it is removed with its contents, except after a kill.
        with tempfile.TemporaryDirectory(prefix=atomic.temporary_prefix(), dir=folder) as partial:
            parts = {name: Path(partial, name) for name in paths}
            yield parts
            for name in _order(paths):
                paths[name].parent.mkdir(parents=True, exist_ok=True)
                parts[name].replace(paths[name])
    except OSError as error:
        raise OutputError(
            folder, f"cannot be written ({error.strerror or error})", "choose a folder that you may write to"
        ) from error


def _order(paths: Mapping[str, Path]) -> list[str]:
    """Return in which order files come to their names, so that a kill in between is survived.

    New files begin with the last, the record, by which the next run knows them for its own. If files are replaced it
    comes last, so that it never names settings that a table beside it was not made with.
    """
    order = list(paths)
    return order if any(path.exists() for path in paths.values()) else order[::-1]
