"""Video files as files: their suffixes, one list for batches and for training, and their fingerprint."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from fervideo.errors import VideoError

#: A video file's name ends with one of these, in any case; where clips differ in their suffix only, the first one wins.
VIDEO_SUFFIXES = (
    ".mp4",
    ".avi",
    ".mov",
    ".mkv",
    ".webm",
    ".flv",
    ".mpg",
    ".mpeg",
    ".wmv",
    ".m4v",
    ".mts",
    ".ts",
    ".3gp",
    ".m2ts",
    ".ogv",
    ".vob",
)
#: Suffixes of tables, which FFmpeg may take for subtitles or text.
_TABLES = (".csv", ".tsv", ".xlsx", ".parquet")


def fingerprint(path: Path) -> str:
    """Return the SHA-256 of a file's bytes.

    Raises:
        VideoError: It is no file that can be read, or it is empty.
    """
    if not path.exists():
        raise missing(path)
    if path.is_dir():
        raise VideoError(path, "is a folder, not a video file", "give a file")
    if path.suffix.lower() in _TABLES:
        raise VideoError(path, "is a table, not a video", "give the video; fervideo.read_timeline reads its timelines")
    try:
        with path.open("rb") as file:
            if not path.stat().st_size:
                raise VideoError(path, "is empty", "fetch or export the file again")
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise VideoError(path, f"cannot be opened ({error.strerror})", "check its permissions") from error


def state(path: Path) -> tuple[int, int]:
    """Return the size of a file or folder, and the time of its last change in nanoseconds; zeros if it is gone."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_size, found.st_mtime_ns


def missing(path: Path) -> VideoError:
    """Return the error for a path that does not exist; a path made of a URL has lost one of its slashes."""
    if remote := re.match(r"([a-z][a-z0-9+.-]+):/+(.*)", str(path), re.IGNORECASE):
        remedy = "fervideo reads files, not URLs: download it first"
        return VideoError(f"{remote[1]}://{remote[2]}", "is a URL", remedy)
    return VideoError(path, "does not exist", "check the path")
