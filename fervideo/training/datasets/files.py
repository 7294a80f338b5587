"""Helpers of the readers: clips in folders, rows of tables, numbers in cells."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from fervideo import bounded
from fervideo.training.manifest import Manifest
from fervideo.video import IMAGE_SUFFIXES
from fervideo.video.files import VIDEO_SUFFIXES


def is_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES and not path.name.startswith(".") and path.is_file()


def has_images(folder: Path) -> bool:
    return folder.is_dir() and any(path.suffix.lower() in IMAGE_SUFFIXES for path in folder.iterdir())


def under(root: Path, pattern: str) -> list[Path]:
    """Find paths that match a pattern in a folder or up to two folders below; deeper there may be a million images."""
    return sorted(path for depth in ("", "*/", "*/*/") for path in root.glob(depth + pattern)) if root.is_dir() else []


def folders(parent: Path) -> list[Path]:
    """Return the folders in a folder, by name; none if it is no folder."""
    return (
        sorted(path for path in parent.iterdir() if path.is_dir() and not path.name.startswith("."))
        if parent.is_dir()
        else []
    )


def clips_in(folder: Path) -> list[Path]:
    """Return the clips in a folder, by name: video files and folders of images; none if it is no folder."""
    return sorted(path for path in folder.iterdir() if is_video(path) or has_images(path)) if folder.is_dir() else []


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
