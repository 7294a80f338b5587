"""Files in the making: written aside, put in place whole, and named by their process, so that what a killed one left can be told."""

from __future__ import annotations

import os
import platform
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fervideo.errors import OutputError

#: From another machine, what was begun longer ago than this is taken for abandoned.
_SILENT_S = 600


def me() -> str:
    """Name this process among those of all machines that may share a folder."""
    return f"{os.getpid()}@{platform.node()}"


def is_gone(owner: str, since_s: float) -> bool:
    """Tell whether a process is gone, for sure or most likely.

    Args:
        owner: What `me` returned there; anything else is judged by the time alone.
        since_s: When it began, in seconds since 1970.
    """
    pid, _, node = owner.partition("@")
    if node != platform.node() or os.name != "posix" or not pid.isdecimal():
        return time.time() - since_s > _SILENT_S
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False  # it is another user's
    return False


@contextmanager
def draft(path: Path, remedy: str = "choose a folder that you may write to") -> Iterator[Path]:
    """Provide a place to write a file to, from where it is put in its own: it is there in full or not at all.

    Args:
        path: Where the file is to be; its folder is made.
        remedy: What to do where it cannot be written.

    Raises:
        OutputError: It cannot be written.
    """
    aside = path.with_name(f"{prefix()}{uuid.uuid4().hex[:8]}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path.parent)
        yield aside
        aside.replace(path)
    except OSError as error:
        raise OutputError(path, f"cannot be written ({error.strerror or error})", remedy) from error
    finally:
        with suppress(OSError):
            aside.unlink(missing_ok=True)


def prefix() -> str:
    """Return how the names of this process's drafts begin; no more `-` may follow."""
    return f".fervideo-{me()}-"


def sweep(folder: Path) -> None:
    """Remove the drafts, files and folders, of processes that were killed."""
    for left in folder.glob(".fervideo-*@*-*"):
        with suppress(OSError):
            if is_gone(left.name.removeprefix(".fervideo-").rpartition("-")[0], left.stat().st_mtime):
                if left.is_dir():
                    shutil.rmtree(left)
                else:
                    left.unlink()
