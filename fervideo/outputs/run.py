"""The record of a run, `<clip>.run.json`: its writer and reader, and the check whose files it marks."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fervideo import __version__, bounded
from fervideo.errors import OutputError, UsageError
from fervideo.outputs.saving import FREE_REMEDY
from fervideo.records import VideoInfo
from fervideo.timeline.record import SCHEMA

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
        UsageError: The file is missing, is not the record of a run, or is of a newer version of fervideo.
    """
    try:
        content = bounded.read(path, bounded.RECORD_BYTES)
    except (OSError, ValueError) as error:
        raise _no_record(path, error) from error
    return parsed(content, path)


def parsed(content: bytes, path: Path) -> tuple[VideoInfo, tuple[str, ...], dict[str, Any]]:
    """Read the record of a run from its bytes.

    Args:
        content: The record, JSON.
        path: The file that contains it, for messages.

    Returns:
        The video, the labels, and the whole record.

    Raises:
        UsageError: It is not the record of a run, or is of a newer version of fervideo.
    """
    try:
        record = _parsed(content)
        if (schema := record.get("schema", 1)) > SCHEMA:
            wrote = record.get("versions", {}).get("fervideo", "a newer version")
            reason = f"is of schema {schema}, written by fervideo {wrote}; fervideo {__version__} reads up to {SCHEMA}"
            raise UsageError(path, reason, "update fervideo, or analyse the video again")
        info = VideoInfo(**{**record["video"], "path": Path(record["video"]["path"])})
        return info, tuple(record["labels"]), record
    except (*_NOT_A_RECORD, AttributeError) as error:
        raise _no_record(path, error) from error


def _no_record(path: Path, error: Exception) -> UsageError:
    return UsageError(path, f"is not the record of a run ({error!r})", "the files of a timeline belong together")


def load(path: Path) -> dict[str, Any]:
    """Load the record of a run, without checks of its contents.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is not JSON.
    """
    return _parsed(bounded.read(path, bounded.RECORD_BYTES))


def _parsed(content: bytes) -> dict[str, Any]:
    record: dict[str, Any] = bounded.from_json(content.decode("utf-8", "surrogateescape"))
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
    found = [path for suffix in SUFFIXES if (path := folder / f"{stem}{suffix}").exists()]
    if not found:
        return
    path = folder / f"{stem}{SUFFIX}"
    try:
        owner, content = _owner(path)
    except _NOT_A_RECORD:
        reason = f"{found[0].name} is there already, and no {path.name} that can be read names its video"
        raise OutputError(folder, reason, FREE_REMEDY) from None
    # realpath, unlike resolve(), bears a loop of links.
    is_same_path = owner.is_absolute() and os.path.realpath(owner) == os.path.realpath(video)
    if not is_same_path and content != fingerprint():
        raise OutputError(folder, f"{path.name} is there already, of another video ({owner})", FREE_REMEDY)


def _owner(path: Path) -> tuple[Path, str]:
    """Return the path and the fingerprint of the video that a record belongs to."""
    record = load(path)
    video = record["video"]
    # Records of earlier versions have the path only as it was given, perhaps relative to an unknown folder.
    return Path(record["absolute_path"] if "absolute_path" in record else video["path"]), video["fingerprint"]
