"""The pool: what crashes or hangs fails alone, the others go on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from fervideo.workers import Pool, WorkerDied, WorkerHung


def run(pool: Pool[str], tasks: dict[str, tuple[Any, ...]]) -> dict[str, Any]:
    """Run all tasks; return what each gave, or the type of what it raised."""
    queue, results = list(tasks.items()), {}
    while queue or pool.busy:
        while queue and pool.free:
            key, call = queue.pop(0)
            pool.submit(key, *call)
        for key, future in pool.wait():
            error = future.exception()
            results[key] = type(error) if error else future.result()
    return results


def test_a_crash_a_hang_and_an_error_fail_their_own_task():
    tasks = {
        "first": (pow, 2, 3),
        "leaves": (os._exit, 3),
        "hangs": (time.sleep, 60),
        "aborts": (os.abort,),
        "raises": (int, "x"),
        "last": (pow, 3, 2),
    }
    with Pool[str](2, timeout_s=3) as pool:
        results = run(pool, tasks)
    died = WorkerDied
    assert results == {"first": 8, "leaves": died, "hangs": WorkerHung, "aborts": died, "raises": ValueError, "last": 9}


def die_once(mark: str) -> str:
    if not Path(mark).exists():
        Path(mark).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


def test_a_task_whose_process_is_killed_is_tried_again(tmp_path: Path):
    with Pool[str](1) as pool:
        assert run(pool, {"killed": (die_once, str(tmp_path / "mark"))}) == {"killed": "done"}


def test_a_process_that_is_killed_while_idle_is_replaced():
    with Pool[str](1) as pool:
        first = run(pool, {"who": (os.getpid,)})["who"]
        os.kill(first, signal.SIGKILL)
        assert run(pool, {"who": (os.getpid,)})["who"] != first


def test_processes_stay_warm_and_go_with_the_pool():
    with Pool[str](1) as pool:
        pids = {run(pool, {"who": (os.getpid,)})["who"] for _ in range(3)}
        assert len(pids) == 1
    with pytest.raises(ProcessLookupError):
        os.kill(pids.pop(), 0)


LEAVES_A_SEMAPHORE = """
import os
from loky.backend import resource_tracker
from fervideo.workers import Pool

before = dict(os.environ)
with Pool(1) as pool:
    assert dict(os.environ) == before
    pool.submit("task", pow, 2, 3)
    pool.wait()
    resource_tracker.register("/loky-left-behind", "semlock")
"""


def test_what_killed_processes_leave_is_tidied_in_silence():
    # The tracker writes after the process that it serves is gone; its end of the pipe is waited for, too.
    told = subprocess.run([sys.executable, "-c", LEAVES_A_SEMAPHORE], stderr=subprocess.PIPE, text=True, check=True)
    assert told.stderr == ""
