"""Worker processes that run one task each, so that a crash or a hang fails the task that caused it and no other.

Every worker is an executor of its own: an executor that loses a process gives up all its tasks, and this one has only
one. Processes of loky start afresh, without threads that a fork would break, and without the caller's main script.
"""

from __future__ import annotations

import logging
import multiprocessing.resource_tracker
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Generic, NamedTuple, TypeVar

from loky import ProcessPoolExecutor
from loky.backend import resource_tracker
from loky.process_executor import BrokenProcessPool
from tqdm import tqdm

from fervideo.errors import FervideoError
from fervideo.progress import Lines
from fervideo.stderr import Listener, redirect

_log = logging.getLogger("fervideo")

#: The identity of a task.
Key = TypeVar("Key")
#: How often a task is tried whose process dies: it may have been killed for no fault of its own.
_TRIES = 2
#: loky would take the networks that a worker loads with its second task for a leak, and replace the worker.
_ENVIRONMENT = {"LOKY_MAX_MEMORY_LEAK_SIZE": "1e15"}
#: Drops warnings that begin so.
_QUIET = "ignore:resource_tracker"


class WorkerError(Exception):
    """The end of a worker process in the middle of a task.

    Attributes:
        stderr: Last lines that its native code wrote to stderr; empty where there were none.
    """

    def __init__(self, stderr: str = "") -> None:
        super().__init__(stderr)
        self.stderr = stderr

    @property
    def quote(self) -> str:
        """The last lines, as they continue the sentence that reports the error."""
        return f'; it last wrote: "{self.stderr}"' if self.stderr else ""


class WorkerDied(WorkerError):
    """The process that ran a task is gone: killed, out of memory, or crashed in native code."""


class WorkerHung(WorkerError):
    """A task took longer than it may, and its process was killed."""


def count(wanted: int, n_jobs: int, worth: int = 1) -> int:
    """Return how many worker processes to start.

    Args:
        wanted: The setting `run.workers`: a number of processes, or 0 for one per core as far as each has enough to do.
        n_jobs: Jobs; there are no more processes than these.
        worth: Jobs that pay for the start of a process where the setting is 0.
    """
    return min(wanted or min(os.cpu_count() or 1, n_jobs // worth), n_jobs)


def map_jobs(
    function: Callable[..., Any],
    jobs: Sequence[tuple[Any, ...]],
    n_workers: int,
    subject: object,
    *,
    remedy: str = "run again with --workers 1",
    yield_errors: bool = False,
    progress: bool = False,
) -> Iterator[tuple[int, Any]]:
    """Call a function with the arguments of each job, here or in worker processes, and yield results as they are done.

    Args:
        function: Importable by its name in a fresh process.
        jobs: Arguments, which can be pickled.
        n_workers: Processes; with fewer than 2 the jobs run in this one.
        subject: Names the work in the error of a process that died, and beside the progress bar.
        remedy: Advice to the reader about a process that died.
        yield_errors: Whether a FervideoError is yielded in the place of a result, rather than raised.
        progress: Whether to show a bar of jobs on stderr, or lines where that is no terminal.

    Yields:
        Number of the job, and its result.

    Raises:
        FervideoError: A job raised it, or the process that did it died twice.
    """
    hidden = None if progress and jobs else True  # None: no bar where stderr is no terminal
    lines = Lines(str(subject), len(jobs), shown=progress)
    with tqdm(total=len(jobs), desc=str(subject), disable=hidden, leave=False, dynamic_ncols=True) as bar:
        for number, finish in _finishers(function, jobs, n_workers):
            try:
                result = finish()
            except WorkerDied as error:
                reason = f"a worker process died twice at the same work, perhaps out of memory{error.quote}"
                result = FervideoError(subject, reason, remedy)
                if not yield_errors:
                    raise result from error
            except FervideoError as error:
                if not yield_errors:
                    raise
                result = error
            bar.update()
            lines.update()
            yield number, result


def _finishers(
    function: Callable[..., Any], jobs: Sequence[tuple[Any, ...]], n_workers: int
) -> Iterator[tuple[int, Callable[[], Any]]]:
    """Yield the number of each job, and a function that returns its result or raises its error."""
    queue = deque(enumerate(jobs))
    if n_workers <= 1:
        for number, job in queue:
            yield number, partial(function, *job)
        return
    with Pool[int](n_workers) as pool:
        while queue or pool.busy:
            while queue and pool.free:
                number, job = queue.popleft()
                pool.submit(number, function, *job)
            for number, future in pool.wait():
                yield number, future.result


class _Worker:
    """A worker process, in an executor of its own, and the listener to it."""

    def __init__(self) -> None:
        self.listener = Listener()
        arguments = (os.getpid(), _log.getEffectiveLevel(), *self.listener.worker_ends)
        self._executor = ProcessPoolExecutor(1, initializer=_serve, initargs=arguments, env=_ENVIRONMENT)

    def submit(self, call: tuple[Any, ...]) -> Future[Any]:
        """Start a task; the first one starts the process.

        Raises:
            BrokenProcessPool: The process was killed while it was idle.
        """
        self.listener.clear()
        with _spared_from_ctrl_c():
            future: Future[Any] = self._executor.submit(*call)
        self.listener.start()
        return future

    def kill(self, *, wait: bool = False) -> None:
        """End the process, if it still runs."""
        self._executor.shutdown(wait=wait, kill_workers=True)
        if wait:
            self.listener.join()


class _Running(NamedTuple, Generic[Key]):
    key: Key
    call: tuple[Any, ...]
    worker: _Worker
    since_s: float
    tries_left: int


class Pool(Generic[Key]):
    """Warm worker processes; a context manager that kills them at the end.

    Args:
        size: Most tasks at once.
        timeout_s: Longest time that a task may take; None for any.
    """

    def __init__(self, size: int, timeout_s: float | None = None) -> None:
        self.size = size
        self._timeout_s = timeout_s
        self._idle: list[_Worker] = []
        self._running: dict[Future[Any], _Running[Key]] = {}
        _start_tracker()

    def __enter__(self) -> Pool[Key]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in [*self._idle, *(running.worker for running in self._running.values())]:
            worker.kill(wait=True)
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
            key: Identifies the task in the result of `wait`.
            function: Importable by its name in a fresh process.
            args: Its arguments, which can be pickled.

        Raises:
            FervideoError: The system starts no process: /dev/shm, memory or a limit of files is full.
        """
        self._start(key, (function, *args), _TRIES)

    def _start(self, key: Key, call: tuple[Any, ...], tries: int) -> None:
        try:
            worker = self._idle.pop() if self._idle else _Worker()
            future = worker.submit(call)
        except OSError as error:
            remedy = "free room in /dev/shm, memory and files, or run again with --workers 1"
            reason = f"cannot be started ({error.strerror or error})"
            raise FervideoError("worker processes", reason, remedy) from error
        except BrokenProcessPool:
            # The process was killed while it was idle.
            worker.kill()
            self._start(key, call, tries)
        else:
            self._running[future] = _Running(
                key=key, call=call, worker=worker, since_s=time.monotonic(), tries_left=tries - 1
            )

    def wait(self, patience_s: float | None = None) -> list[tuple[Key, Future[Any]]]:
        """Wait until a task is over.

        Args:
            patience_s: Return after this time, even if no task is over.

        Returns:
            Key and future of each task that is over; none where one is tried again. A future's result raises the
            task's error, or WorkerDied or WorkerHung.
        """
        limits = [patience_s] if patience_s is not None else []
        if self._timeout_s is not None and self._running:
            first = min(running.since_s for running in self._running.values())
            limits.append(max(first + self._timeout_s - time.monotonic(), 0))
        done, _ = wait(self._running, min(limits, default=None), FIRST_COMPLETED)
        over = []
        for future in done:
            running = self._running.pop(future)
            if not isinstance(future.exception(), BrokenProcessPool):
                self._idle.append(running.worker)
                over.append((running.key, future))
                continue
            running.worker.kill()
            if running.tries_left:
                self._start(running.key, running.call, running.tries_left)
            else:
                over.append((running.key, _failed(WorkerDied(running.worker.listener.last_lines(ended=True)))))
        return over + self._kill_overdue()

    def _kill_overdue(self) -> list[tuple[Key, Future[Any]]]:
        if self._timeout_s is None:
            return []
        now = time.monotonic()
        overdue = [future for future, running in self._running.items() if now - running.since_s >= self._timeout_s]
        over = []
        for future in overdue:
            running = self._running.pop(future)
            stderr = running.worker.listener.last_lines()
            running.worker.kill()
            over.append((running.key, _failed(WorkerHung(stderr))))
        return over


@contextmanager
def _spared_from_ctrl_c() -> Iterator[None]:
    """Keep Ctrl-C from processes that start in the block, even before they can ignore it."""
    if os.name != "posix":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_tracker() -> None:
    """Start loky's tracker of semaphores, if it does not run yet, so that it tidies in silence.

    A process that is killed cannot always sign its semaphores off; the tracker removes them, and would warn on the
    terminal.
    """
    before = os.environ.get("PYTHONWARNINGS")
    os.environ["PYTHONWARNINGS"] = f"{before},{_QUIET}" if before else _QUIET
    try:
        with _spared_from_ctrl_c():
            resource_tracker.ensure_running()
            if os.name == "posix":
                # The standard library's, which loky starts beside it: its start lets Ctrl-C through again.
                multiprocessing.resource_tracker.ensure_running()
    finally:
        if before is None:
            del os.environ["PYTHONWARNINGS"]
        else:
            os.environ["PYTHONWARNINGS"] = before


def _failed(error: Exception) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_exception(error)
    return future


def _serve(parent: int, log_level: int, stderr: Connection, records: Connection) -> None:
    """Prepare a worker process: it ends when its parent does, however that ends, and leaves Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    redirect(stderr, records, log_level)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    # On Windows the parent's number outlives the parent, and its pipes break instead.
    if os.name == "posix":
        threading.Thread(target=watch, daemon=True).start()
