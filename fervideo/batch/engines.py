"""Engines that run tasks: processes of this machine, or a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from fervideo.batch.setup import Batch
from fervideo.batch.tasks import TaskId
from fervideo.errors import UsageError
from fervideo.workers import Pool


class Engine(Protocol):
    """A runner of tasks, each on its own: `workers.Pool`, or a cluster."""

    @property
    def size(self) -> int: ...

    @property
    def free(self) -> int: ...

    @property
    def busy(self) -> bool: ...

    def submit(self, key: TaskId, function: Callable[..., Any], /, *args: Any) -> None: ...

    def wait(self, patience_s: float | None = None) -> list[tuple[TaskId, Future[Any]]]: ...


@contextmanager
def opened(batch: Batch, cache_root: Path | str) -> Iterator[Engine]:
    """Provide the engine that a batch's options name.

    Args:
        batch: The batch.
        cache_root: The cache's folder or URL.

    Raises:
        UsageError: There is no such engine, or no cluster at the address.
    """
    options = batch.options
    timeout_s = options.timeout_min * 60
    if options.engine == "local":
        with Pool[TaskId](batch.n_workers, timeout_s) as pool:
            yield pool
    elif options.engine == "ray":
        from fervideo.batch.cluster import connect

        with connect(options.address, batch.settings.run.workers, timeout_s, cache_root, batch.output) as cluster:
            yield cluster
    else:
        raise UsageError(f"--engine {options.engine}", "is unknown", "use local or ray")
