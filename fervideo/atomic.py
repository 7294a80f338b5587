"""Atomic writes: a temporary file beside the target, renamed into place, so that readers see all of a file or nothing.

Temporary files carry the name of their process, so that those of a process that was killed can be recognised and
removed.
"""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
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
    pid = os.getpid()
    return f"{pid}.{_state(pid)[1]}@{platform.node()}"


def is_gone(owner: str, since_s: float) -> bool:
    """Check whether a process is gone, for sure or most likely.

    Args:
        owner: Its `process_name`; anything else is judged by the time alone.
        since_s: When it began, in seconds since 1970.
    """
    process, _, node = owner.partition("@")
    pid, _, began = process.partition(".")
    if node != platform.node() or os.name != "posix" or not pid.isdecimal():
        # A clock that was set back makes files of the future.
        return abs(time.time() - since_s) > _SILENT_S
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False  # it is another user's
    state, same_began = _state(int(pid))
    return state == "Z" or began != same_began


def _state(pid: int) -> tuple[str, str]:
    """Return a process's state, `Z` for one that has ended, and when it began; two empty texts without /proc.

    A container that starts again gives out the same numbers again, so a number alone is no identity.
    """
    try:
        # The name before them, in brackets, may contain blanks.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return fields[0], fields[19]
    except (OSError, IndexError):
        return "", ""


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


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Provide a folder among the system's temporary ones; after a kill, the next one removes it."""
    remove_abandoned(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=temporary_prefix()) as folder:
        yield Path(folder)


def remove_abandoned(folder: Path) -> None:
    """Remove temporary files and folders of processes that were killed."""
    for left in folder.glob(".fervideo-*@*-*"):
        with suppress(OSError):
            if is_gone(left.name.removeprefix(".fervideo-").rpartition("-")[0], left.stat().st_mtime):
                if left.is_dir():
                    shutil.rmtree(left)
                else:
                    left.unlink()
