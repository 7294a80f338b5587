"""The command line: parse, call one function of the library, print.

    table.py         every command, in one literal table
    parser.py        one line for bad usage, with the nearest name
    options.py       options that several commands take
    analysis.py ...  the commands, a file for each group

Exit codes: 0 done, 1 done in part (a damaged clip, or some of many failed), 2 nothing done (bad usage or input).
"""

from __future__ import annotations

import argparse
import atexit
import gc
import io
import logging
import os
import select
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from fervideo.cli import table
from fervideo.errors import FervideoError

_LOG = logging.getLogger("fervideo")
#: Exit codes as shells have them, 128 and the number of the signal.
_INTERRUPTED, _PIPE_CLOSED = 130, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    # A command is short: looking for garbage while modules load would take a tenth of that time. And its threads should
    # not wait for one another for longer than a frame takes, as they do where one of them imports torch.
    gc.set_threshold(100_000)
    # At the end the process goes, garbage and all: to look for it then takes a fifth of a cached run.
    atexit.register(gc.freeze)
    sys.setswitchinterval(5e-4)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A name of a file, or a sign such as °, that the terminal's encoding lacks. stderr does so by itself.
        sys.stdout.reconfigure(errors="backslashreplace")
    words = list(sys.argv[1:] if argv is None else argv)
    if not words:
        print(table.parser("").format_help(), file=sys.stderr, end="")
        return 2
    debug = "--debug" in words
    with _logging(debug=debug):
        return _run(words, debug=debug)


def _run(words: Sequence[str], *, debug: bool) -> int:
    args = argparse.Namespace()
    try:
        args = table.parse(words)
        code: int = args.run(args)
        sys.stdout.flush()
        return code
    except FervideoError as error:
        if debug:
            raise
        _LOG.error("%s", error)
        return 2
    except BrokenPipeError:
        if not _stdout_is_closed():
            raise
        return _PIPE_CLOSED
    except OSError as error:
        if debug:
            raise
        return _report_os_error(error)
    except KeyboardInterrupt:
        if debug:
            raise
        kept = getattr(args, "interrupted", "finished segments are kept, the same command goes on from there")
        _LOG.error("interrupted; %s", kept)
        return _INTERRUPTED


def _report_os_error(error: OSError) -> int:
    """Report an error of the system that no room expects, such as a full disk behind stdout; return the exit code."""
    try:
        sys.stdout.flush()
    except OSError:
        _discard_stdout()
    remedy = "free room, files or memory, and run again; --debug shows where it happened"
    _LOG.error("%s: %s; %s", error.filename or "stdout or a temporary file", error.strerror or error, remedy)
    return 2


def _stdout_is_closed() -> bool:
    """Check whether the reader of stdout has gone, as `head` goes; if so, discard the rest."""
    try:
        number = sys.stdout.fileno()
    except OSError:
        return False
    poll = select.poll()
    poll.register(number, select.POLLOUT)
    if not any(event & select.POLLERR for _, event in poll.poll(0)):
        return False
    _discard_stdout()
    return True


def _discard_stdout() -> None:
    """Send the rest of stdout nowhere, so that Python's last flush succeeds."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _OneLine(logging.Formatter):
    """Messages of one line each, which begin with the program's name."""

    def format(self, record: logging.LogRecord) -> str:
        return " ".join(f"fervideo: {record.getMessage()}".split())


@contextmanager
def _logging(*, debug: bool) -> Iterator[None]:
    """Print the library's warnings to stderr for the time of a command; with `--debug` all that it logs."""
    handler, level = logging.StreamHandler(sys.stderr), _LOG.level
    handler.setFormatter(_OneLine())
    _LOG.addHandler(handler)
    _LOG.setLevel(logging.DEBUG if debug else logging.WARNING)
    try:
        yield
    finally:
        _LOG.removeHandler(handler)
        _LOG.setLevel(level)
