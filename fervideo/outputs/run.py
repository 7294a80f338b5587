"""The record of a run, `<clip>.run.json`: its writer and reader, and the check whose files it marks."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fervideo import bounded
from fervideo.errors import OutputError, UsageError
from fervideo.records import VideoInfo

#: End of its name.
SUFFIX = ".run.json"
#: Ends of the names of the files that a timeline is saved as.
SUFFIXES = (".timeline.csv", ".events.csv", ".summary.csv", SUFFIX)
#: Longest start of the names of results, in bytes: file systems take names of 255.
_LONGEST_STEM = 215
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
    record: dict[str, Any] = bounded.from_json(
        bounded.read(path, bounded.RECORD_BYTES).decode("utf-8", "surrogateescape")
    )
    return record


def stem_of(name: str) -> str:
    """Return the start of the names of a video's results: its own name, cut and marked where that is too long."""
    content = os.fsencode(name)
    if len(content) <= _LONGEST_STEM:
        return name
    mark = hashlib.sha256(content).hexdigest()[:8]
    return f"{os.fsdecode(content[: _LONGEST_STEM - 9]).encode('utf-8', 'ignore').decode()}~{mark}"


def check_free(folder: Path, stem: str, video: Path, fingerprint: Callable[[], str]) -> None:
    """Check that a video's results would replace no other video's.

    Results are the video's own if the record beside them has its path or its fingerprint. Files without a readable
    record belong to somebody else.

    Args:
        folder: Folder for the results; it need not exist.
        stem: Start of their names, before `.timeline.csv` and so on.
        video: Path of the video.
        fingerprint: Function that returns the video's fingerprint; called only where the paths differ.

    Raises:
        OutputError: Files of these names belong to another video.
    """
    remedy = "choose another folder with -o, or use --overwrite"
    found = [path for suffix in SUFFIXES if (path := folder / f"{stem}{suffix}").exists()]
    if not found:
        return
    path = folder / f"{stem}{SUFFIX}"
    try:
        owner, content = _owner(path)
    except _NOT_A_RECORD:
        reason = f"{found[0].name} is there already, and no {path.name} that can be read names its video"
        raise OutputError(folder, reason, remedy) from None
    # realpath, unlike resolve(), bears a loop of links.
    is_same_path = owner.is_absolute() and os.path.realpath(owner) == os.path.realpath(video)
    if not is_same_path and content != fingerprint():
        raise OutputError(folder, f"{path.name} is there already, of another video ({owner})", remedy)


def _owner(path: Path) -> tuple[Path, str]:
    """Return the path and the fingerprint of the video that a record belongs to."""
    record = load(path)
    video = record["video"]
    # Records of earlier versions have the path only as it was given, perhaps relative to an unknown folder.
    return Path(record["absolute_path"] if "absolute_path" in record else video["path"]), video["fingerprint"]
