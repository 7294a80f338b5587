"""The order of a batch's tasks, and the outcome of a clip whose task fails.

The parent process holds no frame and computes nothing. It has clips opened a little ahead, and submits segments in the
order of the clips. It has a clip finished the moment its last segment is stored.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from fervideo import video
from fervideo.batch import tables, tasks
from fervideo.batch.engines import Engine
from fervideo.batch.folder import Clip
from fervideo.batch.setup import Batch
from fervideo.batch.tables import Failure
from fervideo.batch.tasks import TaskId
from fervideo.cache import Cache
from fervideo.errors import FervideoError, OutputError, VideoError, counted
from fervideo.segments import Extraction, extract_segment
from fervideo.workers import WorkerDied, WorkerHung

_log = logging.getLogger("fervideo")

#: Seconds after which segments that another batch has locked are tried again.
_PATIENCE_S = 0.5
#: Seconds of waiting for them after which that is reported.
_LONG_S = 10.0
#: Bytes of a frame with one face in the cache (4.0 kB) and in the results (0.3 kB).
_BYTES_PER_FRAME = 4300
#: Most clips that are open at once, per worker.
_MOST_OPEN = 4


class _Task(NamedTuple):
    """A task as an engine takes it: its name, its function and its arguments."""

    key: TaskId
    function: Callable[..., Any]
    arguments: tuple[Any, ...]


@dataclass(kw_only=True)
class _OpenClip:
    """A clip in work.

    Attributes:
        extraction: Its extraction.
        hits: Segments that were stored before the batch.
        left: Segments that are not stored yet.
    """

    extraction: Extraction
    hits: int
    left: set[int]


@dataclass
class Outcome:
    """The outcome of all clips.

    Attributes:
        done: Clips that have results, and whether this batch made them.
        failures: Clips that have no results, or that lack frames, and why.
        n_frames: Frames extracted by this batch.
    """

    done: dict[Clip, bool] = field(default_factory=dict)
    failures: dict[Clip, Failure] = field(default_factory=dict)
    n_frames: int = 0


class Schedule:
    """The way of all clips through their stages.

    Args:
        batch: The clips, and how they are analysed.
        engine: Runs tasks.
        cache_root: The cache's folder or URL.
        progress: Whether to show bars on stderr, where that is a terminal.
    """

    def __init__(self, batch: Batch, engine: Engine, cache_root: Path | str, *, progress: bool = False) -> None:
        self._batch, self._engine, self._cache_root = batch, engine, cache_root
        self._identity = batch.identity
        self._clips = deque(batch.clips)
        self._open: dict[Clip, _OpenClip] = {}
        self._queue: deque[TaskId] = deque()
        self._complete: deque[Clip] = deque()
        self._locked: dict[TaskId, Cache] = {}
        # None: tqdm shows nothing where stderr is no terminal.
        hidden = None if progress else True
        self._clip_bar = tqdm(total=len(batch.clips), unit=" clips", disable=hidden, dynamic_ncols=True)
        self._frame_bar = tqdm(total=0, unit=" frames", disable=hidden, dynamic_ncols=True)
        self.outcome = Outcome()

    def run(self) -> None:
        """Work until nothing is left.

        Raises:
            OutputError: The cache or the output folder cannot be written; stored files stay.
        """
        waited_s = 0.0
        try:
            while self._submit() or self._engine.busy or self._queue:
                if self._engine.busy:
                    # A segment that another batch has locked may be free by then.
                    for key, future in self._engine.wait(_PATIENCE_S if self._engine.free and self._queue else None):
                        self._take(key, future)
                else:
                    time.sleep(_PATIENCE_S)
                    waited_s += _PATIENCE_S
                    if waited_s == _LONG_S:
                        _log.warning(
                            "another batch has locked %s; waiting for it", counted(len(self._queue), "segment")
                        )
        finally:
            for key in list(self._locked):
                self._unlock(key)
            self._clip_bar.close()
            self._frame_bar.close()

    def out_of_room(self, error: OutputError) -> OutputError:
        """Return an error with the room that the rest of the batch needs."""
        opened = [job.extraction.source.info for job in self._open.values()]
        left = sum(len(job.extraction.segments[segment]) for job in self._open.values() for segment in job.left)
        # A clip that is not open yet is estimated by its size.
        n_bytes = sum(info.path.stat().st_size for info in opened if info.path.exists()) or 1
        unopened = sum(clip.path.stat().st_size for clip in self._clips if clip.path.exists())
        left += round(unopened / n_bytes * sum(info.n_frames for info in opened))
        needed = f"about {left * _BYTES_PER_FRAME / 1e9:.2f} GB more are needed"
        return OutputError(error.subject, error.reason, f"{needed}; {error.remedy}")

    def _submit(self) -> bool:
        """Submit tasks while there are free workers; return whether there were any."""
        submitted = False
        while self._engine.free and (task := self._next()):
            self._engine.submit(task.key, task.function, *task.arguments)
            submitted = True
        return submitted

    def _next(self) -> _Task | None:
        """Choose the next task: results first, then as many open clips as keep all workers busy, then segments."""
        if self._complete:
            clip = self._complete.popleft()
            job = self._open[clip]
            arguments = (clip, job.extraction, job.hits, self._batch.options.overwrite)
            return _Task(TaskId(stage="finish", clip=clip), tasks.finish_clip, arguments)
        if len(self._queue) >= self._engine.size and (task := self._segment()):
            return task
        if self._clips and len(self._open) < _MOST_OPEN * self._engine.size:
            clip, batch = self._clips.popleft(), self._batch
            known = batch.fingerprint(clip)
            opening = (clip, batch.settings, batch.models, self._cache_root, known, batch.options.overwrite)
            return _Task(TaskId(stage="open", clip=clip), tasks.prepare_clip, (*opening, batch.options.fresh))
        return self._segment()

    def _segment(self) -> _Task | None:
        """Choose the first segment that no other batch has locked."""
        for _ in range(len(self._queue)):
            key = self._queue.popleft()
            job = self._open.get(key.clip)
            if job is None:
                continue  # its clip has failed
            store = job.extraction.store
            if store.has(key.segment):
                self._stored(key)
                if self._complete:
                    return self._next()
            elif store.lock(key.segment):
                self._locked[key] = store
                return _Task(key, extract_segment, (job.extraction.task(key.segment),))
            else:
                self._queue.append(key)
        return None

    def _take(self, key: TaskId, future: Future[Any]) -> None:
        """Take the result of a task that is over."""
        self._unlock(key)
        if key.clip in self.outcome.failures:
            return
        try:
            result = future.result()
        except OutputError:
            raise
        except Exception as error:  # of any kind: it concerns this clip alone
            self._fail(key, error)
            return
        if key.stage == "open":
            self._opened(key.clip, result)
        elif key.stage == "extract":
            self._extracted(key, result)
        else:
            self._finished(key.clip, result)

    def _opened(self, clip: Clip, extraction: Extraction | None) -> None:
        if extraction is None:
            self.outcome.done[clip] = False
            if failure := self._batch.earlier[clip].failure:
                self.outcome.failures[clip] = failure
            self._clip_bar.update()
            return
        if self._batch.options.fresh:
            extraction.store.drop()
        missing = extraction.missing
        hits = len(extraction.segments) - len(missing)
        self._open[clip] = _OpenClip(extraction=extraction, hits=hits, left=set(missing))
        self._queue.extend(TaskId(stage="extract", clip=clip, segment=segment) for segment in missing)
        self._frame_bar.total += sum(len(extraction.segments[segment]) for segment in missing)
        if not missing:
            self._complete.append(clip)

    def _extracted(self, key: TaskId, seconds: dict[str, float]) -> None:
        extraction = self._open[key.clip].extraction
        extraction.watch.add({f"extract.{stage}": amount for stage, amount in seconds.items()})
        n_frames = len(extraction.segments[key.segment])
        self.outcome.n_frames += n_frames
        self._frame_bar.update(n_frames)
        self._stored(key)

    def _stored(self, key: TaskId) -> None:
        job = self._open[key.clip]
        job.left.discard(key.segment)
        if not job.left:
            self._complete.append(key.clip)

    def _finished(self, clip: Clip, damage: str) -> None:
        job = self._open.pop(clip)
        self.outcome.done[clip] = True
        failure = tables.damaged(damage) if damage else None
        if failure:
            self.outcome.failures[clip] = failure
        tables.remember(clip, job.extraction.source.info.fingerprint, failure, self._identity)
        self._clip_bar.update()

    def _fail(self, key: TaskId, error: Exception) -> None:
        failure = _failure(key, error)
        self.outcome.failures[key.clip] = failure
        job = self._open.pop(key.clip, None)
        # Files of another video are no fault of the clip: once they are gone, it is to be done.
        if not isinstance(error, tasks.AnotherVideo):
            with suppress(VideoError):
                fingerprint = job.extraction.source.info.fingerprint if job else video.fingerprint(key.clip.path)
                tables.remember(key.clip, fingerprint, failure, self._identity)
        self._clip_bar.update()
        if self._batch.options.on_error == "stop":
            self._clips.clear()
            self._queue.clear()
            self._complete.clear()

    def _unlock(self, key: TaskId) -> None:
        if store := self._locked.pop(key, None):
            store.unlock(key.segment)


def _failure(key: TaskId, error: Exception) -> Failure:
    """Return an error of a task as the failure of its clip."""
    at = f" at segment {key.segment}" if key.segment >= 0 else ""
    if isinstance(error, FervideoError):
        reason, remedy = error.reason, error.remedy
    elif isinstance(error, WorkerDied):
        reason = f"the process that worked on it died{at} in every try, out of memory or in native code{error.quote}"
        remedy = "free memory or use fewer --workers, and add --retry-failed; or convert the video to H.264"
    elif isinstance(error, WorkerHung):
        reason = f"the work on it{at} took longer than --timeout allows{error.quote}"
        remedy = "raise --timeout, and add --retry-failed"
    else:
        reason = f"{type(error).__name__}{at} ({error})"
        remedy = "report this, if you can with the video; the other clips are not affected"
    return Failure(stage=key.stage, error=reason, remedy=remedy)
