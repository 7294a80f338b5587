"""Atomic writes: a temporary file beside the target, renamed into place, so that readers see all of a file or nothing.

Temporary files carry the name of their process, so that those of a process that was killed can be recognised and
removed.
"""

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

#: Age in seconds from which a file of a process on another machine counts as abandoned.
_SILENT_S = 600


def process_name() -> str:
    """Return this process's name, unique among all machines that may share a folder."""
    return f"{os.getpid()}@{platform.node()}"


def is_gone(owner: str, since_s: float) -> bool:
    """Check whether a process is gone, for sure or most likely.

    Args:
        owner: Its `process_name`; anything else is judged by the time alone.
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
def written(path: Path, remedy: str = "choose a folder that you may write to") -> Iterator[Path]:
    """Provide a temporary file that replaces a path at the end: the file appears in full or not at all.

    Args:
        path: Path of the file; its folder is made.
        remedy: Advice in the error of a file that cannot be written.

    Raises:
        OutputError: It cannot be written.
    """
    temporary = path.with_name(f"{temporary_prefix()}{uuid.uuid4().hex[:8]}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_abandoned(path.parent)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise OutputError(path, f"cannot be written ({error.strerror or error})", remedy) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def temporary_prefix() -> str:
    """Return how the names of this process's temporary files begin; no more `-` may follow."""
    return f".fervideo-{process_name()}-"


def remove_abandoned(folder: Path) -> None:
    """Remove temporary files and folders of processes that were killed."""
    for left in folder.glob(".fervideo-*@*-*"):
        with suppress(OSError):
            if is_gone(left.name.removeprefix(".fervideo-").rpartition("-")[0], left.stat().st_mtime):
                if left.is_dir():
                    shutil.rmtree(left)
                else:
                    left.unlink()
