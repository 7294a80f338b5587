"""A batch's tasks on a Ray cluster, with the interface of `workers.Pool`.

Workers read the videos themselves, by the paths that the driver sees. If all nodes see the cache, segments never pass
through the driver; else a segment's files come back as bytes. If they do not see the output folder either, clips are
finished by processes on the driver's machine.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from fervideo.batch import tasks
from fervideo.batch.folder import Clip
from fervideo.batch.tasks import TaskId
from fervideo.errors import UsageError
from fervideo.segments import SegmentTask
from fervideo.workers import Pool, WorkerDied, WorkerHung

#: Longest time that is waited for a cluster to respond.
_RESPONSE_S = 10.0
#: How often a task is tried whose process or node is lost.
_TRIES = 4
#: Tasks submitted to the cluster per core: one that runs, and one that may start at once.
_AHEAD = 2
#: Clips that are finished on the driver's machine at once.
_LOCAL = 2
#: How long the cluster, or the local processes, are waited for while both are busy.
_TICK_S = 0.1


class _Running(NamedTuple):
    key: TaskId
    task: SegmentTask | None
    since_s: float


class Cluster:
    """A Ray cluster, and local processes for tasks that need the driver's disk.

    Args:
        size: Most tasks at once; 0 for as many as keep the cluster busy.
        timeout_s: Longest time that a task may take, its wait for a core included.
        common_cache: Whether all nodes see the driver's cache.
        common_output: Whether they see its output folder.
        local: Runs tasks that cannot run on the cluster.
    """

    def __init__(
        self, size: int, timeout_s: float, *, common_cache: bool, common_output: bool, local: Pool[TaskId]
    ) -> None:
        self._limit, self._timeout_s, self._local = size, timeout_s, local
        self._common_cache, self._finishes = common_cache, common_cache and common_output
        self._running: dict[Any, _Running] = {}
        self._clip: Clip | None = None
        self._source: Any = None

    @property
    def size(self) -> int:
        """Most tasks at once; nodes come and go."""
        import ray

        return self._limit or max(int(ray.cluster_resources().get("CPU", 1)) * _AHEAD, 1)

    @property
    def free(self) -> int:
        """How many more tasks may be submitted now."""
        return self.size - len(self._running) if self._local.free else 0

    @property
    def busy(self) -> bool:
        """Whether a task is running."""
        return bool(self._running) or self._local.busy

    def submit(self, key: TaskId, function: Callable[..., Any], /, *args: Any) -> None:
        """Start a task; as `workers.Pool.submit`."""
        import ray

        if key.stage == "finish" and not self._finishes:
            self._local.submit(key, function, *args)
            return
        task: SegmentTask | None = None
        if key.stage == "extract":
            function, task = tasks.extract_from if self._common_cache else tasks.extract_apart, args[0]
            if self._clip != key.clip:
                # Once per clip and node, not per segment: an hour of video takes 3 MB.
                self._clip, self._source = key.clip, ray.put(args[0].source)
            args = self._source, replace(args[0], source=None)
            if not self._common_cache:
                # Nodes that do not see the cache get the segment's faces, if they are stored here.
                args = (*args, task.store.contents(task.segment))
        remote = ray.remote(num_cpus=1, max_retries=_TRIES - 1)(function)
        self._running[remote.remote(*args)] = _Running(key=key, task=task, since_s=time.monotonic())

    def wait(self, patience_s: float | None = None) -> list[tuple[TaskId, Future[Any]]]:
        """Wait until a task is over; as `workers.Pool.wait`."""
        began = time.monotonic()
        while self.busy and (patience_s is None or time.monotonic() - began < patience_s):
            over = [*self._arrived(), *(self._local.wait(_TICK_S) if self._local.busy else ())]
            if over:
                return over
        return []

    def _arrived(self) -> Iterator[tuple[TaskId, Future[Any]]]:
        """Take from the cluster the tasks that are over, within a tick."""
        import ray

        ready = ray.wait(list(self._running), timeout=_TICK_S)[0] if self._running else []
        overdue = [
            ref for ref, running in self._running.items() if time.monotonic() - running.since_s > self._timeout_s
        ]
        for ref in dict.fromkeys([*ready, *overdue]):
            running, future = self._running.pop(ref), Future[Any]()
            try:
                if ref not in ready:
                    ray.cancel(ref, force=True)
                    raise WorkerHung
                result = ray.get(ref)
                if running.task and not self._common_cache:
                    result, contents = result
                    running.task.store.adopt(running.key.segment, contents)
                future.set_result(result)
            except ray.exceptions.RayTaskError as error:
                future.set_exception(error.cause)
            except ray.exceptions.RayError:
                future.set_exception(WorkerDied())
            except Exception as error:  # the task's own, or the driver's disk is full
                future.set_exception(error)
            yield running.key, future


@contextmanager
def connect(address: str, size: int, timeout_s: float, cache_root: Path | str, output: Path) -> Iterator[Cluster]:
    """Connect to a cluster.

    Args:
        address: `auto` for the cluster that this machine belongs to, or its head as `host:port`.
        size: Most tasks at once; 0 for as many as keep the cluster busy.
        timeout_s: Longest time that a task may take.
        cache_root: The cache's folder, or a URL, which every node is taken to reach.
        output: The output folder.

    Raises:
        UsageError: Ray is not installed, or no cluster responds at the address.
    """
    try:
        import ray
    except ImportError:
        raise UsageError("--engine ray", "Ray is not installed", "pip install 'fervideo[ray]'") from None
    mine = not ray.is_initialized()
    if mine:
        _check(address)
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    try:
        with Pool[TaskId](_LOCAL, timeout_s) as local:
            common = isinstance(cache_root, str) or _all_see(cache_root)
            yield Cluster(size, timeout_s, common_cache=common, common_output=_all_see(output), local=local)
    finally:
        if mine:
            ray.shutdown()


def _check(address: str) -> None:
    """Check that a cluster responds, in a process that can be ended: Ray itself would go on trying for minutes.

    Raises:
        UsageError: It does not.
    """
    remedy = "start one with `ray start --head`, and give its address or run on one of its machines"
    option = [] if address == "auto" else ["--address", address]
    command = [sys.executable, "-c", "from ray.scripts.scripts import main; main()", "health-check", *option]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_RESPONSE_S)
    except subprocess.TimeoutExpired:
        raise UsageError(
            f"--address {address}", f"no Ray cluster responds within {_RESPONSE_S:.0f} s", remedy
        ) from None
    if done.returncode != 0:
        raise UsageError(f"--address {address}", "no Ray cluster responds", remedy)


def _all_see(folder: Path) -> bool:
    """Check whether every node sees a file that is written into a folder here."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    mark = folder / f".fervideo-{uuid.uuid4().hex}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        mark.touch()
        look = ray.remote(num_cpus=0)(Path.exists)
        nodes = [node["NodeID"] for node in ray.nodes() if node["Alive"]]
        asked = [
            look.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)).remote(mark)
            for node in nodes
        ]
        return all(ray.get(asked, timeout=4 * _RESPONSE_S))
    except ray.exceptions.RayError:
        return False
    finally:
        mark.unlink(missing_ok=True)
