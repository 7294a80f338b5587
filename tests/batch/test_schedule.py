"""Clips whose tasks fail: each fails alone, and the reason is recorded."""

import os
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from batches import SPARSE

from fervideo import cache, pipeline
from fervideo.batch import tables
from fervideo.batch.records import Options
from fervideo.batch.schedule import Schedule
from fervideo.batch.setup import Batch
from fervideo.batch.tasks import TaskId
from fervideo.workers import Pool


class Saboteur(Pool[TaskId]):
    """A pool in which the segments of some clips crash or hang the process that works on them."""

    def __init__(self, sabotage: dict[str, tuple[Any, ...]], timeout_s: float) -> None:
        super().__init__(2, timeout_s)
        self.sabotage = sabotage

    def submit(self, key: TaskId, function: Any, *args: Any) -> None:
        if key.stage == "extract":
            function, *args = self.sabotage.get(key.clip.stem, (function, *args))
        super().submit(key, function, *args)


class Inline:
    """An engine that does each task at once, in this process."""

    size = 1

    def __init__(self) -> None:
        self._over: list[tuple[TaskId, Future[Any]]] = []

    @property
    def free(self) -> int:
        return 1 - len(self._over)

    @property
    def busy(self) -> bool:
        return bool(self._over)

    def submit(self, key: TaskId, function: Any, /, *args: Any) -> None:
        future = Future[Any]()
        future.set_result(function(*args))
        self._over.append((key, future))

    def wait(self, patience_s: float | None = None) -> list[tuple[TaskId, Future[Any]]]:
        over, self._over = self._over, []
        return over


def test_waiting_for_another_batch_is_reported_once(
    folder: Path, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    batch = Batch.of([folder / "b"], tmp_path / "out", SPARSE, Options(glob="clip.mp4"))
    store = pipeline.open_clip(folder / "b" / "clip.mp4", SPARSE, batch.models).store
    store.folder.mkdir(parents=True)
    lock = store.folder / "00000.lock"
    lock.write_text("1.2@elsewhere")
    waits = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 25:
            lock.unlink()

    monkeypatch.setattr(time, "sleep", sleep)
    schedule = Schedule(batch, Inline(), cache.root())
    schedule.run()
    assert [clip.stem for clip in schedule.outcome.done] == ["clip"]
    assert [record.getMessage() for record in caplog.records] == ["another batch has locked 1 segment; waiting for it"]


def write_and_abort() -> None:
    os.write(2, b"decoder.c: no such codec\ndecoder.c: giving up\n")
    os.abort()


def write_and_hang() -> None:
    os.write(2, b"decoder.c: waiting\n")
    time.sleep(300)


def test_a_clip_that_breaks_its_worker_fails_alone(folder: Path, tmp_path: Path, own_cache: Path):
    names = ("aborts", "fine", "hangs", "raises")
    (tmp_path / "in").mkdir()
    for number, name in enumerate(names):
        # An empty box at the end of an MP4 means nothing, but makes another content.
        content = (folder / "b" / "clip.mp4").read_bytes() + b"\0\0\0\x08free" * number
        (tmp_path / "in" / f"{name}.mp4").write_bytes(content)
    batch = Batch.of([tmp_path / "in"], tmp_path / "out", SPARSE, Options())
    sabotage = {"aborts": (write_and_abort,), "hangs": (write_and_hang,), "raises": (int, "x")}
    with Saboteur(sabotage, timeout_s=25) as engine:
        schedule = Schedule(batch, engine, cache.root())
        schedule.run()
    assert [clip.stem for clip in schedule.outcome.done] == ["fine"]
    failures = {clip.stem: failure for clip, failure in schedule.outcome.failures.items()}
    assert {stem: failure.stage for stem, failure in failures.items()} == dict.fromkeys(
        ("aborts", "hangs", "raises"), "extract"
    )
    for stem, reason in {"aborts": "died at segment 0", "hangs": "took longer", "raises": "ValueError"}.items():
        assert reason in failures[stem].error
    assert failures["aborts"].error.endswith('; it last wrote: "decoder.c: no such codec | decoder.c: giving up"')
    assert failures["hangs"].error.endswith('; it last wrote: "decoder.c: waiting"')
    recorded = [tables.known(clip, batch.identity) for clip in batch.clips]
    assert [record and record.failure for record in recorded] == [failures.get(clip.stem) for clip in batch.clips]
