"""Whose a file in the making is: its process is named in it, so that what a killed one left is told from what is being written."""

from __future__ import annotations

import os
import platform
import time

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
