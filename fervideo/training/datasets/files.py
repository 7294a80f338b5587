"""Helpers of the readers: clips in folders, rows of tables, numbers in cells."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from fervideo import bounded
from fervideo.training.manifest import Manifest
from fervideo.video import IMAGE_SUFFIXES
from fervideo.video.files import VIDEO_SUFFIXES


def _is_kept(name: str) -> bool:
    """Return whether a name is the dataset's own; archives made on a Mac add `__MACOSX` and `._clip.mp4`."""
    return not name.startswith(".") and name != "__MACOSX"


def entries(folder: Path, pattern: str = "*") -> list[Path]:
    """Return the files and folders in a folder that match a pattern, by name; none if it is no folder."""
    return sorted(path for path in folder.glob(pattern) if _is_kept(path.name)) if folder.is_dir() else []


def is_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES and _is_kept(path.name) and path.is_file()


def is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and _is_kept(path.name)


def has_images(folder: Path) -> bool:
    return folder.is_dir() and any(is_image(path) for path in folder.iterdir())


def under(root: Path, pattern: str) -> list[Path]:
    """Find paths that match a pattern in a folder or up to two folders below; deeper there may be a million images.

    Returns:
        Paths by name, those in the folder itself before those below.
    """
    found = [sorted(root.glob(depth + pattern)) for depth in ("", "*/", "*/*/")] if root.is_dir() else []
    return [path for level in found for path in level if all(map(_is_kept, path.relative_to(root).parts))]


def folders(parent: Path) -> list[Path]:
    """Return the folders in a folder, by name; none if it is no folder."""
    return [path for path in entries(parent) if path.is_dir()]


def is_clip(path: Path) -> bool:
    """Return whether a path is a video file or a folder of images."""
    return is_video(path) or has_images(path)


def clips_in(folder: Path) -> list[Path]:
    """Return the clips in a folder, by name; none if it is no folder."""
    return [path for path in entries(folder) if is_clip(path)]


def clip_named(folder: Path, name: str) -> Path:
    """Find a clip by its name, with any suffix; without such a clip, return the path that was expected."""
    path = folder / name
    if path.exists():
        return path
    return next(
        (
            path.with_name(path.name + suffix)
            for suffix in VIDEO_SUFFIXES
            if path.with_name(path.name + suffix).exists()
        ),
        path,
    )


def clip_among(folders: Sequence[Path], name: str) -> Path:
    """Find a clip by its name in several folders; without such a clip, return the path expected in the first one."""
    found = (path for folder in folders if (path := clip_named(folder, name)).exists())
    return next(found, folders[0] / name)


def path_in(folder: Path, text: str) -> Path:
    """Return the path that a table in a folder contains; tables made on Windows have backslashes in it."""
    path = folder / text
    return folder / text.replace("\\", "/") if "\\" in text and not path.exists() else path


def names_of(paths: Iterable[Path], root: Path) -> dict[Path, str]:
    """Return names of clips: their paths from a folder, without a video's suffix where the name stays unique."""
    whole = {path: path.relative_to(root) if path.is_relative_to(root) else path for path in paths}
    cut = {
        path: name.with_suffix("") if name.suffix.lower() in VIDEO_SUFFIXES else name for path, name in whole.items()
    }
    count = Counter(cut.values())
    return {path: (name if count[name] == 1 else whole[path]).as_posix() for path, name in cut.items()}


def text_of(path: Path, found: Manifest, encoding: str = "utf-8-sig") -> str:
    """Read a text file; a file that cannot be read is a problem, and its text empty."""
    try:
        # As a file in text mode: all ends of lines are one.
        return bounded.read(path, bounded.TABLE_BYTES).decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
    except (OSError, ValueError) as error:
        found.add_problem(path, f"cannot be read ({error})")
        return ""


def table_rows(path: Path, found: Manifest, *needed: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Read the rows of a table with a header.

    Args:
        path: The file, UTF-8.
        found: The manifest that lists the problems of the file.
        needed: Columns for which every row must have a cell, even an empty one; a shorter row is a problem.

    Yields:
        A row's origin, as `file:row`, and its cells by column as in `header`, without blanks around them. Cells after
        the end of the row are empty.
    """
    text = text_of(path, found)
    reader = rows_of(path, io.StringIO(text, newline=""), _delimiter(text.partition("\n")[0]), found)
    _, first = next(reader, (0, []))
    columns = _columns(first)
    for number, row in reader:
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        origin = f"{path}:{number}"
        lacking = [name for name in columns[len(cells) :] if name in needed]
        if lacking:
            found.add_problem(origin, f"ends before its {' and '.join(lacking)}")
        else:
            yield origin, dict.fromkeys(columns, "") | dict(zip(columns, cells, strict=False))


def rows_of(path: Path, lines: Iterable[str], delimiter: str, found: Manifest) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a table with the numbers of their lines; a table that breaks off is a problem."""
    try:
        yield from bounded.rows(lines, delimiter)
    except ValueError as error:
        found.add_problem(path, f"cannot be read any further ({error})")


def first_lines(path: Path, most: int) -> list[str]:
    """Return the first lines of a text file, each cut to 10,000 characters; none of another file."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        return [file.readline(10_000) for _ in range(most)]


def whole_number(text: str) -> int | None:
    """Return a whole number of at most nine digits; None for other text."""
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdecimal() and len(digits) < 10 else None


def header(path: Path) -> list[str]:
    """Return the columns of a table from its first line, in lower case; empty for another file."""
    if path.suffix.lower() not in (".csv", ".tsv", ".txt"):
        return []
    line = "".join(first_lines(path, 1))
    return _columns(next(csv.reader([line], delimiter=_delimiter(line)), []))


def _delimiter(first_line: str) -> str:
    # Excel writes semicolons in countries where the comma is the decimal sign.
    return max("\t;,", key=first_line.count)


def _columns(cells: list[str]) -> list[str]:
    return [cell.strip().lower() for cell in cells]


def seconds(text: str) -> float:
    """Read a time: seconds, `hh:mm:ss.fff`, or empty for NaN.

    Raises:
        ValueError: The text is no time.
    """
    if not text:
        return math.nan
    try:
        parts = [float(part) for part in text.replace(",", ".").split(":")]
    except ValueError:
        parts = []
    total = float(sum(part * 60.0**power for power, part in enumerate(reversed(parts))))
    if not 1 <= len(parts) <= 3 or not math.isfinite(total):
        raise ValueError(f"{text!r} is no time in seconds")
    return total
