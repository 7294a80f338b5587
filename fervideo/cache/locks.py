"""Locks between processes: a file that names its owner; one whose owner is gone does not count."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from fervideo import atomic

#: A lock that has been empty for so many seconds stays so.
_MOMENT_S = 10


def acquire(path: Path) -> bool:
    """Take a lock for this process.

    Returns:
        False where another process has it. One that is dead, or on another machine and silent for long, does not count.

    Raises:
        OSError: The folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if _is_stale(path):
        release(path)
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(atomic.process_name())
    except FileExistsError:
        return False
    return True


def release(path: Path) -> None:
    """Give a lock back."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _is_stale(path: Path) -> bool:
    """Check whether a lock's owner is gone; an empty one is a moment old, or its owner was killed at that moment."""
    try:
        owner, since_s = path.read_text(encoding="utf-8", errors="replace"), path.stat().st_mtime
    except OSError:
        return False
    return atomic.is_gone(owner, since_s) if owner else abs(time.time() - since_s) > _MOMENT_S
