"""Progress where stderr is no terminal: a line now and then, for logs and pipes. On a terminal tqdm shows a bar."""

from __future__ import annotations

import sys
from time import monotonic

#: Seconds between two lines.
_EVERY_S = 10.0


class Lines:
    """The lines of one piece of work, such as `fervideo: extracting, 120 of 480`; none on a terminal.

    Args:
        title: Name of the work.
        total: Number of its steps.
        shown: Whether progress is to be shown at all.
    """

    def __init__(self, title: str, total: int, *, shown: bool) -> None:
        self.title, self.total, self.done = title, total, 0
        self.shown = shown and not sys.stderr.isatty()
        self.last_s = monotonic()

    def update(self, more: str = "") -> None:
        """Count a step, and write a line if the last one is long ago; `more` follows the numbers."""
        self.done += 1
        if self.shown and (now_s := monotonic()) - self.last_s >= _EVERY_S:
            self.last_s = now_s
            rest = f", {more}" if more else ""
            print(f"fervideo: {self.title}, {self.done} of {self.total}{rest}", file=sys.stderr, flush=True)
