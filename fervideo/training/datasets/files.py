"""What the readers share: clips in folders, rows of tables, numbers in cells."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from pathlib import Path

from fervideo.training.manifest import Manifest
from fervideo.video.images import SUFFIXES as IMAGE_SUFFIXES

VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".flv", ".mpg", ".mpeg", ".wmv", ".m4v", ".mts", ".ts", ".3gp")


def is_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES and not path.name.startswith(".") and path.is_file()


def has_images(folder: Path) -> bool:
    return folder.is_dir() and any(path.suffix.lower() in IMAGE_SUFFIXES for path in folder.iterdir())


def under(root: Path, pattern: str) -> list[Path]:
    """Find what fits a pattern in a folder or up to two folders below: deeper there may be a million images."""
    return sorted(path for depth in ("", "*/", "*/*/") for path in root.glob(depth + pattern)) if root.is_dir() else []


def folders(parent: Path) -> list[Path]:
    """Return the folders in a folder, by name; none where it is no folder."""
    return sorted(path for path in parent.iterdir() if path.is_dir() and not path.name.startswith(".")) if parent.is_dir() else []


def clips_in(folder: Path) -> list[Path]:
    """Return the clips in a folder, by name: video files and folders of images; none where it is no folder."""
    return sorted(path for path in folder.iterdir() if is_video(path) or has_images(path)) if folder.is_dir() else []


def clip_named(folder: Path, name: str) -> Path:
    """Find a clip by its name, whatever its suffix; where there is none, return the path where it should be."""
    path = folder / name
    if path.exists():
        return path
    return next((path.with_name(path.name + suffix) for suffix in VIDEO_SUFFIXES if path.with_name(path.name + suffix).exists()), path)


def text_of(path: Path, found: Manifest, encoding: str = "utf-8-sig") -> str:
    """Read a text file; one that cannot be read is a problem, and empty."""
    try:
        return path.read_text(encoding=encoding)
    except (OSError, UnicodeDecodeError) as error:
        found.add_problem(path, f"cannot be read ({error})")
        return ""


def table_rows(path: Path, found: Manifest, delimiter: str | None = None) -> Iterator[tuple[str, dict[str, str]]]:
    """Read the rows of a table with a header.

    Args:
        path: The file, UTF-8.
        found: Where it goes if the file cannot be read.
        delimiter: What stands between cells; None for a tab in .tsv and .txt, else a comma.

    Yields:
        Where a row stands, as `file:row`, and its cells by column, without blanks around them.
    """
    delimiter = delimiter or ("\t" if path.suffix.lower() in (".tsv", ".txt") else ",")
    reader = csv.DictReader(io.StringIO(text_of(path, found), newline=""), delimiter=delimiter)
    for row in reader:
        cells = {(key or "").strip(): value.strip() for key, value in row.items() if isinstance(value, str)}
        if any(cells.values()):
            yield f"{path}:{reader.line_num}", cells


def header(path: Path) -> list[str]:
    """Return the columns of a table by its first line, in lower case; empty where the file is none."""
    if path.suffix.lower() not in (".csv", ".tsv", ".txt") or not path.is_file():
        return []
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        line = file.readline(10_000)
    delimiter = "\t" if "\t" in line else ","
    return [cell.strip().lower() for cell in next(csv.reader([line], delimiter=delimiter), [])]


def seconds(text: str) -> float:
    """Read a time: seconds, `hh:mm:ss.fff`, or empty for NaN.

    Raises:
        ValueError: It is none; says so.
    """
    if not text:
        return math.nan
    try:
        parts = [float(part) for part in text.replace(",", ".").split(":")]
    except ValueError:
        parts = []
    if not 1 <= len(parts) <= 3 or not all(map(math.isfinite, parts)):
        raise ValueError(f"{text!r} is no time in seconds")
    return float(sum(part * 60.0**place for place, part in enumerate(reversed(parts))))
