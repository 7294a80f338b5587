"""Stderr of native code: kept off the terminal, so that an error can quote its last lines.

In this process, `held_back` keeps it for as long as a call takes. A worker process writes into a pipe all its life; a
`Listener` in the parent process reads the pipe, and keeps the last 64 kB.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, Pipe, wait

_log = logging.getLogger("fervideo")

#: Lines that an error quotes, and their greatest length in characters.
_N_LINES, _LINE_LENGTH = 5, 200
#: Bytes of a worker's stderr that are kept: many times more than is quoted.
_KEPT_BYTES = 1 << 16
#: Most bytes that are read at once: the capacity of a pipe.
_READ_BYTES = 1 << 16
#: Seconds within which a process that has ended has been read to its end.
_END_S = 2.0
#: mediapipe's libraries write such lines at every start, whether or not anything is wrong.
_CHATTER = re.compile(r"(INFO|WARNING): |[IW]\d{4} ")
#: Whether a `Listener` in another process reads this process's stderr.
_is_listened_to = False


def last_lines(content: bytes) -> str:
    """Return the last lines that were written to stderr, without information and warnings of native libraries.

    Args:
        content: Bytes as they were written; the first line may be cut.

    Returns:
        At most 5 lines of at most 200 characters each, joined by ` | `; empty where nothing was written.
    """
    lines = [_printable(line) for line in content.decode("utf-8", "replace").splitlines()]
    kept = [line for line in lines if line and not _CHATTER.match(line)]
    return " | ".join(kept[-_N_LINES:])


def _printable(line: str) -> str:
    """Return a line without control characters and needless blanks, cut to the length that is quoted."""
    text = "".join(character for character in " ".join(line.split()) if character.isprintable())
    return text if len(text) <= _LINE_LENGTH else f"{text[: _LINE_LENGTH - 1]}…"


@contextmanager
def held_back() -> Iterator[None]:
    """Keep native stderr off the terminal; an exception that leaves the block gets its last lines as a note.

    In a worker process nothing changes: its stderr is kept all the time, and must be there when the process is killed.
    """
    if _is_listened_to:
        yield
        return
    reading, writing = _lossy_pipe()
    terminal = os.dup(2)
    try:
        os.dup2(writing, 2)
        yield
    except Exception as error:
        if lines := last_lines(_content(reading)):
            error.add_note(f"native code wrote: {lines}")
        raise
    finally:
        os.dup2(terminal, 2)
        for end in (terminal, reading, writing):
            os.close(end)


def _lossy_pipe() -> tuple[int, int]:
    """Open a pipe that takes 64 kB and loses the rest, since nobody reads while native code writes."""
    if os.name != "posix":
        return os.open(os.devnull, os.O_RDONLY), os.open(os.devnull, os.O_WRONLY)
    ends = os.pipe()
    for end in ends:
        os.set_blocking(end, False)
    return ends


def _content(end: int) -> bytes:
    """Read the bytes that are in a pipe now."""
    try:
        return os.read(end, _READ_BYTES)
    except BlockingIOError:
        return b""


class Listener:
    """A thread that reads one worker process: its log records go to this process's loggers, its stderr is kept.

    The thread ends with the worker process. It takes no more than 64 kB, however much the worker writes.

    Attributes:
        worker_ends: Arguments of `redirect` in the worker.
    """

    def __init__(self) -> None:
        self._stderr, stderr_end = Pipe(duplex=False)
        self._records, records_end = Pipe(duplex=False)
        self.worker_ends = (stderr_end, records_end)
        self._kept = b""
        self._thread = threading.Thread(target=self._listen, name="fervideo-listener", daemon=True)

    def start(self) -> None:
        """Listen to a worker process that has been started; may be called again."""
        if self._thread.ident is None:
            # The pipes end with the worker's copies of these.
            for end in self.worker_ends:
                end.close()
            self._thread.start()

    def clear(self) -> None:
        """Forget the stderr of tasks that are over."""
        self._kept = b""

    def last_lines(self, *, ended: bool = False) -> str:
        """Return the last lines of the worker's stderr.

        Args:
            ended: Whether the process has ended, so that all it wrote is waited for.
        """
        if ended:
            self.join()
        return last_lines(self._kept)

    def join(self) -> None:
        """Wait until all that an ended process wrote has been read, but not long for a child that it leaves behind."""
        if self._thread.ident is not None:
            self._thread.join(_END_S)

    def _listen(self) -> None:
        heard: list[Connection] = [self._stderr, self._records]
        while heard:
            ready = wait(heard)
            for end in [end for end in heard if end in ready]:
                try:
                    self._read(end)
                except (EOFError, OSError):
                    heard.remove(end)
                    end.close()

    def _read(self, end: Connection) -> None:
        if end is self._records:
            name, level, message = end.recv()
            logging.getLogger(name).log(level, "%s", message)
        elif chunk := os.read(end.fileno(), _READ_BYTES):
            self._kept = (self._kept + chunk)[-_KEPT_BYTES:]
        else:
            raise EOFError


def redirect(stderr: Connection, records: Connection, level: int) -> None:
    """Send this process's native stderr and its log records to the `Listener` of its parent.

    Args:
        stderr: First of `Listener.worker_ends`.
        records: Second of `Listener.worker_ends`.
        level: Least level of log records that are sent.
    """
    global _is_listened_to
    # Python's warnings still reach the terminal; native code's chatter at every start does not.
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
    if os.name == "posix":
        os.dup2(stderr.fileno(), 2)
    else:
        # A pipe has no file descriptor there.
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
    stderr.close()
    _is_listened_to = True
    _log.addHandler(_Sender(records))
    _log.setLevel(level)


class _Sender(logging.Handler):
    """A handler that sends records to the parent process."""

    def __init__(self, end: Connection) -> None:
        super().__init__()
        self._end = end

    def emit(self, record: logging.LogRecord) -> None:
        # Without a parent there is nobody to send it to, and this process ends within a second.
        with suppress(OSError):
            self._end.send((record.name, record.levelno, record.getMessage()))
