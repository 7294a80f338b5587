"""Exports of many timelines, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from fervideo import outputs
from fervideo.errors import FervideoError
from fervideo.outputs import saving
from fervideo.outputs.found import Found


def export(
    found: Sequence[Found], name: str, output: Path | None, hz: float | None, overwrite: bool
) -> Iterator[list[Path] | FervideoError]:
    """Export timelines, and join those of a folder in formats that have a file for it.

    Args:
        found: The timelines.
        name: The format, one of FORMATS.
        output: Folder of the files; None for the folders in which the timelines were looked for.
        hz: Frames per second to keep; None for all.
        overwrite: Whether files that are there may be replaced.

    Yields:
        For each timeline its files, or the error that it has; in the end the files that join them.

    Raises:
        UsageError: The format cannot be written.
        OutputError: A file that joins timelines is there already, or cannot be written.
    """
    chosen = outputs.check_format(name, hz)
    folders: dict[Path, dict[str, Path]] = {}
    for timeline in found:
        folders.setdefault(timeline.folder if output is None else output, {})[timeline.stem] = timeline.path
    joined = {folder: folder / chosen.joined for folder, own in folders.items() if chosen.join and len(own) > 1}
    if not overwrite:
        saving.check_free({str(folder): path for folder, path in joined.items()})
    for folder, own in folders.items():
        done: dict[str, Path] = {}
        for stem, path in own.items():
            try:
                paths = outputs.save(outputs.read_timeline(path), folder, stem, overwrite, name, hz)
            except FervideoError as error:
                yield error
            else:
                done[stem] = next(iter(paths.values()))
                yield list(paths.values())
        if chosen.join and folder in joined and done:
            chosen.join(done, joined[folder])
            yield [joined[folder]]
