"""Files of results, and the rule that no video's files replace another video's."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from fervideo.errors import OutputError


def check_free(folder: Path, stem: str, video: Path) -> None:
    """Check that results may be written without replacing those of another video.

    Args:
        folder: Folder of the results.
        stem: Start of their names.
        video: The video; its own results may be replaced, also if it was moved.

    Raises:
        OutputError: There are results of another video.
    """
    record = folder / f"{stem}.run.json"
    try:
        known = json.loads(record.read_bytes().decode("utf-8", "surrogateescape"))["video"]
        path, fingerprint = Path(known["path"]), str(known["fingerprint"])
        if path.resolve() == video.resolve() or _fingerprint(video) == fingerprint:
            return
    except (OSError, ValueError, KeyError, TypeError):
        return  # nothing there, or not ours, or a video that cannot be read
    reason = f"its results are those of another video, {path}"
    raise OutputError(record, reason, "choose another folder with -o, or replace them with --overwrite")


def _fingerprint(video: Path) -> str:
    with open(video, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
