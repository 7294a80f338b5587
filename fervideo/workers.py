"""Worker processes that run one task each, so that a crash or a hang fails the task that caused it and no other.

Every worker is an executor of its own: an executor that loses a process gives up all its tasks, and this one has only
one. loky's processes start afresh, without threads that a fork would break, and without the caller's main script.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from types import TracebackType
from typing import Any, Generic, NamedTuple, TypeVar

from loky import ProcessPoolExecutor
from loky.backend import resource_tracker
from loky.process_executor import BrokenProcessPool

#: By what a task is named.
Key = TypeVar("Key")
#: How often a task is tried whose process dies: it may have been killed for no fault of its own.
_TRIES = 2
#: loky would take the networks that a worker loads with its second task for a leak, and replace the worker.
_ENVIRONMENT = {"LOKY_MAX_MEMORY_LEAK_SIZE": "1e15"}
#: Drops warnings that begin so.
_QUIET = "ignore:resource_tracker"


class WorkerDied(Exception):
    """The process that ran a task is gone: killed, out of memory, or crashed in native code."""


class WorkerHung(Exception):
    """A task took longer than it may, and its process was killed."""


class _Running(NamedTuple, Generic[Key]):
    key: Key
    call: tuple[Any, ...]
    executor: ProcessPoolExecutor
    since_s: float
    tries_left: int


class Pool(Generic[Key]):
    """Keep warm worker processes; a context manager that kills them at the end.

    Args:
        size: Most tasks at once.
        timeout_s: Longest time that a task may take; None for any.
    """

    def __init__(self, size: int, timeout_s: float | None = None) -> None:
        self.size = size
        self._timeout_s = timeout_s
        self._idle: list[ProcessPoolExecutor] = []
        self._running: dict[Future[Any], _Running[Key]] = {}
        _start_tracker()

    def __enter__(self) -> Pool[Key]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for executor in [*self._idle, *(running.executor for running in self._running.values())]:
            executor.shutdown(wait=True, kill_workers=True)
        self._idle.clear()
        self._running.clear()

    @property
    def free(self) -> int:
        """How many more tasks may be submitted now."""
        return self.size - len(self._running)

    @property
    def busy(self) -> bool:
        """Whether a task is running."""
        return bool(self._running)

    def submit(self, key: Key, function: Callable[..., Any], *args: Any) -> None:
        """Start a task in a worker; there must be a free one.

        Args:
            key: By what `wait` names it.
            function: Importable by its name in a fresh process.
            args: What can be pickled.
        """
        self._start(key, (function, *args), _TRIES)

    def _start(self, key: Key, call: tuple[Any, ...], tries: int) -> None:
        executor = (
            self._idle.pop()
            if self._idle
            else ProcessPoolExecutor(1, initializer=_serve, initargs=(os.getpid(),), env=_ENVIRONMENT)
        )
        try:
            future = executor.submit(*call)
        except BrokenProcessPool:
            # The process was killed while it was idle.
            executor.shutdown(wait=False, kill_workers=True)
            self._start(key, call, tries)
        else:
            self._running[future] = _Running(key, call, executor, time.monotonic(), tries - 1)

    def wait(self, patience_s: float | None = None) -> list[tuple[Key, Future[Any]]]:
        """Wait until a task is over.

        Args:
            patience_s: Come back after this time, even if with nothing.

        Returns:
            Key and future of each task that is over; none where one is tried again. A future's result raises what the
            task raised, or WorkerDied or WorkerHung.
        """
        limits = [patience_s] if patience_s is not None else []
        if self._timeout_s is not None and self._running:
            first = min(running.since_s for running in self._running.values())
            limits.append(max(first + self._timeout_s - time.monotonic(), 0))
        done, _ = wait(self._running, min(limits, default=None), FIRST_COMPLETED)
        over = []
        for future in done:
            running = self._running.pop(future)
            if isinstance(future.exception(), BrokenProcessPool):
                running.executor.shutdown(wait=False, kill_workers=True)
                if running.tries_left:
                    self._start(running.key, running.call, running.tries_left)
                else:
                    over.append((running.key, _failed(WorkerDied())))
            else:
                self._idle.append(running.executor)
                over.append((running.key, future))
        return over + self._kill_overdue()

    def _kill_overdue(self) -> list[tuple[Key, Future[Any]]]:
        if self._timeout_s is None:
            return []
        now = time.monotonic()
        overdue = [future for future, running in self._running.items() if now - running.since_s >= self._timeout_s]
        over = []
        for future in overdue:
            running = self._running.pop(future)
            running.executor.shutdown(wait=False, kill_workers=True)
            over.append((running.key, _failed(WorkerHung())))
        return over


def _start_tracker() -> None:
    """Start loky's tracker of semaphores, if it does not run yet, so that it tidies in silence.

    A process that is killed cannot always sign its semaphores off; the tracker removes them, and would warn on the
    terminal.
    """
    before = os.environ.get("PYTHONWARNINGS")
    os.environ["PYTHONWARNINGS"] = f"{before},{_QUIET}" if before else _QUIET
    try:
        resource_tracker.ensure_running()
    finally:
        if before is None:
            del os.environ["PYTHONWARNINGS"]
        else:
            os.environ["PYTHONWARNINGS"] = before


def _failed(error: Exception) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_exception(error)
    return future


def _serve(parent: int) -> None:
    """Prepare a worker process: it goes when its parent does, however that ends, and leaves Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Python's warnings still reach the terminal; what native code has to say at every start does not.
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
    with open(os.devnull, "w") as sink:
        os.dup2(sink.fileno(), 2)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    # On Windows the parent's number outlives the parent, and its pipes break instead.
    if os.name == "posix":
        threading.Thread(target=watch, daemon=True).start()
