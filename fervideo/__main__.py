"""The program: `fervideo`, and `python -m fervideo`."""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import NoReturn

#: Exit code after Ctrl-C, as shells have it.
_INTERRUPTED = 130


def main() -> int:
    """Run the command line; Ctrl-C, once or more often, leaves no traceback."""
    may_be_interrupted = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if may_be_interrupted:
        # Until there is anything to tidy up, Ctrl-C just ends the process.
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    from fervideo import cli

    if may_be_interrupted:
        signal.signal(signal.SIGINT, _interrupt)
    code = cli.main()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return code


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    """Begin to tidy up after the first Ctrl-C; the second one ends the process at once, which loses nothing either."""
    signal.signal(signal.SIGINT, _end)
    while frame is not None:
        # A library that is interrupted while it loads may end in an error of any kind.
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            os.write(2, b"fervideo: interrupted; finished segments are kept\n")
            _end(number, frame)
        frame = frame.f_back
    raise KeyboardInterrupt


def _end(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001  (as signals call it)
    os._exit(_INTERRUPTED)


if __name__ == "__main__":
    raise SystemExit(main())
