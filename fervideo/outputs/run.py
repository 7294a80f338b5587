"""The record of a run, `<clip>.run.json`: its writer and reader, and the check whose files it marks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fervideo.errors import OutputError, UsageError
from fervideo.records import VideoInfo

#: End of its name.
SUFFIX = ".run.json"
#: Ends of the names of the files that a timeline is saved as.
SUFFIXES = (".timeline.csv", ".events.csv", ".summary.csv", SUFFIX)
#: Errors of a file that is missing or is not the record of a run.
_NOT_A_RECORD = (OSError, ValueError, KeyError, TypeError)


def write(record: Mapping[str, Any], path: Path) -> None:
    """Write the record of a run.

    Raises:
        OSError: The file cannot be written.
    """
    # Bytes of a file name that are not UTF-8 go out as they came in.
    path.write_bytes(json.dumps(record, indent=2, ensure_ascii=False).encode("utf-8", "surrogateescape"))


def read(path: Path) -> tuple[VideoInfo, tuple[str, ...], dict[str, Any]]:
    """Read the record of a run.

    Returns:
        The video, the labels, and the whole record.

    Raises:
        UsageError: The file is missing or is not the record of a run.
    """
    try:
        record = load(path)
        info = VideoInfo(**{**record["video"], "path": Path(record["video"]["path"])})
        return info, tuple(record["labels"]), record
    except _NOT_A_RECORD as error:
        raise UsageError(
            path, f"is not the record of a run ({error!r})", "the four files of a timeline belong together"
        ) from error


def load(path: Path) -> dict[str, Any]:
    """Load the record of a run, without checks of its contents.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is not JSON.
    """
    record: dict[str, Any] = json.loads(path.read_bytes().decode("utf-8", "surrogateescape"))
    return record


def check_free(folder: Path, stem: str, video: Path) -> None:
    """Check that results may be written without replacing those of another video.

    Args:
        folder: Folder of the results.
        stem: Start of their names.
        video: The video; its own results may be replaced, also if it was moved.

    Raises:
        OutputError: There are results of another video.
    """
    path = folder / f"{stem}{SUFFIX}"
    try:
        known = load(path)["video"]
        owner, fingerprint = Path(known["path"]), str(known["fingerprint"])
        if owner.resolve() == video.resolve() or _fingerprint(video) == fingerprint:
            return
    except _NOT_A_RECORD:
        return  # nothing there, or not ours, or a video that cannot be read
    reason = f"its results are those of another video, {owner}"
    raise OutputError(path, reason, "choose another folder with -o, or replace them with --overwrite")


def _fingerprint(video: Path) -> str:
    with open(video, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
