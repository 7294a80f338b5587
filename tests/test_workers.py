"""The pool and the jobs: a task that crashes or hangs fails alone, the others go on, and errors quote its output."""

import gc
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fervideo import workers
from fervideo.errors import FervideoError, VideoError
from fervideo.workers import Pool, WorkerDied, WorkerError, WorkerHung


def run(pool: Pool[str], tasks: dict[str, tuple[Any, ...]]) -> dict[str, Any]:
    """Run all tasks; return the result of each, or its error."""
    queue, results = list(tasks.items()), {}
    while queue or pool.busy:
        while queue and pool.free:
            key, call = queue.pop(0)
            pool.submit(key, *call)
        for key, future in pool.wait():
            results[key] = future.exception() or future.result()
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
        results = {key: type(it) if isinstance(it, Exception) else it for key, it in run(pool, tasks).items()}
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


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c_never_reaches_a_worker_not_even_while_it_starts():
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with Pool[str](1) as pool:
        assert signal.SIGINT in run(pool, {"mask": (signal.pthread_sigmask, signal.SIG_BLOCK, ())})["mask"]
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


def test_a_system_that_starts_no_process_is_one_error(monkeypatch: pytest.MonkeyPatch):
    def no_room(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(workers, "ProcessPoolExecutor", no_room)
    with pytest.raises(FervideoError, match=r"^worker processes: cannot be started \(No space left on device\); free"):
        list(workers.map_jobs(divide, [(6, 3), (6, 2)], 2, "dividing"))


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


def test_leftovers_of_killed_processes_are_tidied_in_silence():
    # The tracker writes after the process that it serves is gone; its end of the pipe is waited for, too.
    done = subprocess.run([sys.executable, "-c", LEAVES_A_SEMAPHORE], stderr=subprocess.PIPE, text=True, check=True)
    assert done.stderr == ""


def wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def write(content: bytes) -> None:
    while content:
        content = content[os.write(2, content) :]


def write_and_die(content: bytes) -> None:
    write(content)
    os.kill(os.getpid(), signal.SIGKILL)


def write_and_hang(content: bytes) -> None:
    write(content)
    time.sleep(60)


def test_a_worker_that_dies_is_quoted():
    with Pool[str](2) as pool:
        results = run(pool, {"first": (write_and_die, b"one\ntwo\n"), "second": (write_and_die, b"")})
    first, second = results["first"], results["second"]
    assert isinstance(first, WorkerDied)
    assert isinstance(second, WorkerDied)
    assert (first.stderr, first.quote) == ("one | two", '; it last wrote: "one | two"')
    assert (second.stderr, second.quote) == ("", "")


def test_a_worker_that_hangs_is_quoted():
    with Pool[str](1, timeout_s=4) as pool:
        error = run(pool, {"hangs": (write_and_hang, b"waiting for\nthe disk\n")})["hangs"]
    assert isinstance(error, WorkerHung)
    assert error.stderr == "waiting for | the disk"


def test_a_worker_is_not_quoted_with_an_earlier_task():
    with Pool[str](1, timeout_s=30) as pool:
        assert run(pool, {"fine": (write, b"a broken frame\n")}) == {"fine": None}
        (worker,) = pool._idle
        wait_for(lambda: worker.listener.last_lines() == "a broken frame")
        # The same process: a task that hangs is not tried again in another.
        error = run(pool, {"hangs": (time.sleep, 60)})["hangs"]
    assert isinstance(error, WorkerError)
    assert error.stderr == ""


def held() -> tuple[int, int]:
    """Count the threads and the open files of this process."""
    multiprocessing.active_children()  # forgets those that have ended
    gc.collect()
    return threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(sys.platform != "linux", reason="counts open files in /proc")
def test_much_stderr_takes_little_room_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with Pool[str](1) as pool:
        run(pool, {"before": (pow, 2, 3)})
    before = held()
    content = b"out of luck\n" * (10_000_000 // 12) + b"no more memory\n"
    with Pool[str](1) as pool:
        error = run(pool, {"much": (write_and_die, content)})["much"]
    assert isinstance(error, WorkerDied)
    assert error.stderr == "out of luck | " * 4 + "no more memory"
    # loky's own thread ends a little later.
    wait_for(lambda: held() == before)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory with /proc")
def test_a_listener_keeps_little_of_much():
    with Pool[str](1) as pool:
        assert run(pool, {"much": (write, bytes(10_000_000))}) == {"much": None}
        (worker,) = pool._idle
        assert len(worker.listener._kept) <= 1 << 16


PARENT = """
import os, sys, time
from fervideo.workers import Pool

with Pool(1) as pool:
    pool.submit("who", os.getpid)
    print(pool.wait()[0][1].result(), flush=True)
    pool.submit("endless", exec, "import os\\nwhile True: os.write(2, b'x' * 1000)")
    pool.wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks for a process in /proc")
def test_a_killed_parent_leaves_no_worker_and_no_file(tmp_path: Path):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, env=os.environ | {"TMPDIR": str(tmp_path)}
    )
    assert parent.stdout is not None
    worker = Path("/proc") / parent.stdout.readline().strip() / "exe"
    assert worker.exists()
    parent.kill()
    parent.communicate()
    wait_for(lambda: not worker.exists())
    assert list(tmp_path.iterdir()) == []


def complain(name: str) -> None:
    logging.getLogger(name).info("%s is whole", "it")
    logging.getLogger(name).warning("%s is damaged", "it")


def test_records_of_a_worker_reach_the_log_here(caplog: pytest.LogCaptureFixture):
    with Pool[str](1) as pool:
        run(pool, {"complains": (complain, "fervideo.cache")})
    assert caplog.record_tuples == [("fervideo.cache", logging.WARNING, "it is damaged")]


def test_records_of_a_worker_follow_the_level_here(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, "fervideo")
    with Pool[str](1) as pool:
        run(pool, {"complains": (complain, "fervideo")})
    assert [record.getMessage() for record in caplog.records] == ["it is whole", "it is damaged"]


LOGS = """
import logging
from fervideo.workers import Pool

with Pool(1) as pool:
    pool.submit("logs", exec, "import logging; logging.getLogger('fervideo').warning('it is damaged')")
    pool.wait()
"""


def test_without_a_handler_a_worker_s_warning_is_one_line_on_the_terminal():
    done = subprocess.run([sys.executable, "-c", LOGS], stderr=subprocess.PIPE, text=True, check=True)
    assert done.stderr == "it is damaged\n"


def divide(number: int, by: int) -> float:
    if not by:
        raise VideoError(number, "cannot be divided", "try another")
    return number / by


@pytest.mark.parametrize("n_workers", [1, 2])
def test_jobs_give_their_numbers_and_results(n_workers: int):
    jobs = [(number, 2) for number in range(5)]
    assert dict(workers.map_jobs(divide, jobs, n_workers, "dividing")) == {number: number / 2 for number in range(5)}
    assert list(workers.map_jobs(divide, [], n_workers, "dividing")) == []


@pytest.mark.parametrize("n_workers", [1, 2])
def test_an_error_of_a_job_is_raised_or_yielded(n_workers: int):
    jobs = [(6, 3), (6, 0), (6, 2)]
    results = dict(workers.map_jobs(divide, jobs, n_workers, "dividing", yield_errors=True))
    assert (results[0], str(results[1]), results[2]) == (2, "6: cannot be divided; try another", 3)
    with pytest.raises(VideoError, match="6: cannot be divided"):
        list(workers.map_jobs(divide, jobs, n_workers, "dividing"))
    with pytest.raises(TypeError):
        list(workers.map_jobs(divide, [(6, 3), (6, "x")], n_workers, "dividing", yield_errors=True))


def test_a_process_that_dies_is_one_error_with_its_last_lines():
    jobs = [(b"",), (b"no more\nmemory\n",)]
    message = (
        r"^writing: a worker process died twice at the same work, perhaps out of memory; "
        r'it last wrote: "no more \| memory"; run again with --workers 1$'
    )
    with pytest.raises(FervideoError, match=message):
        list(workers.map_jobs(write_and_die, jobs[1:], 2, "writing"))
    results = dict(workers.map_jobs(write_and_die, jobs, 2, "writing", remedy="buy memory", yield_errors=True))
    assert [type(results[number]) for number in (0, 1)] == [FervideoError] * 2
    assert str(results[0]).endswith("perhaps out of memory; buy memory")


def test_jobs_that_are_not_waited_for_are_ended():
    jobs = workers.map_jobs(time.sleep, [(0,), (60,)], 2, "sleeping")
    assert next(jobs) == (0, None)
    began = time.monotonic()
    jobs.close()
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("wanted", "n_jobs", "worth", "n_cores", "n_workers"),
    [(0, 100, 4, 8, 8), (0, 9, 4, 8, 2), (0, 3, 4, 8, 0), (3, 100, 4, 2, 3), (3, 2, 4, 8, 2), (0, 0, 1, 8, 0)],
)
def test_the_number_of_processes(
    monkeypatch: pytest.MonkeyPatch, wanted: int, n_jobs: int, worth: int, n_cores: int, n_workers: int
):
    monkeypatch.setattr(os, "cpu_count", lambda: n_cores)
    assert workers.count(wanted, n_jobs, worth) == n_workers
