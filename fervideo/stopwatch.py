"""Seconds that the stages of a run take."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

_Item = TypeVar("_Item")


class Stopwatch:
    """Seconds that stages take, added up."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        # Not a process's own clock: a batch carries the watch from one process to another.
        self._began_s = time.time()

    @property
    def total_s(self) -> float:
        """Seconds since the start; 0 where the clock has been set back since."""
        return max(time.time() - self._began_s, 0.0)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.add({stage: time.perf_counter() - started})

    def add(self, seconds: dict[str, float]) -> None:
        for stage, amount in seconds.items():
            self.seconds[stage] = self.seconds.get(stage, 0.0) + amount

    def waiting(self, stage: str, items: Iterator[_Item]) -> Iterator[_Item]:
        """Yield items, and add up the time to wait for each; None ends them."""
        while True:
            with self(stage):
                item = next(items, None)
            if item is None:
                return
            yield item
