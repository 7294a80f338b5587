"""Which task comes next, and what becomes of a clip whose task fails.

The parent process holds no frame and computes nothing: it opens clips a little ahead, hands out segments in the order
of the clips, and has a clip finished the moment its last segment is stored.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from tqdm import tqdm

from fervideo import cache, pipeline, video
from fervideo.batch import tables, tasks
from fervideo.batch.folder import Clip
from fervideo.batch.tables import Failure, Known
from fervideo.errors import FervideoError, OutputError, VideoError
from fervideo.segments import extract_segment
from fervideo.settings import Settings
from fervideo.workers import WorkerDied, WorkerHung

#: Seconds after which segments that another batch is at are looked at again.
_PATIENCE_S = 0.5
#: What a frame with one face takes in the cache (4.0 kB) and in the results (0.3 kB).
_BYTES_PER_FRAME = 4300
#: Most clips that are open at once, per worker.
_MOST_OPEN = 4


class Step(NamedTuple):
    """Name a task."""

    stage: Literal["open", "extract", "finish"]
    clip: Clip
    segment: int = -1


class Engine(Protocol):
    """Run tasks somewhere, each on its own: `workers.Pool`, or a cluster."""

    @property
    def size(self) -> int: ...

    @property
    def free(self) -> int: ...

    @property
    def busy(self) -> bool: ...

    def submit(self, key: Step, function: Callable[..., Any], /, *args: Any) -> None: ...

    def wait(self, patience_s: float | None = None) -> list[tuple[Step, Future[Any]]]: ...


@dataclass
class _Open:
    """Hold a clip that is being worked on: its extraction, how many segments were there, and which are not yet."""

    clip: Clip
    extraction: pipeline.Extraction
    hits: int
    left: set[int]


@dataclass
class Outcome:
    """Hold what became of the clips.

    Attributes:
        done: Those that have results, and whether this batch made them.
        failures: Those that have none, or whose results end early.
        n_frames: Frames extracted by this batch.
    """

    done: dict[Clip, bool] = field(default_factory=dict)
    failures: dict[Clip, Failure] = field(default_factory=dict)
    n_frames: int = 0


class Schedule:
    """Bring clips through their stages.

    Args:
        clips: In the order in which they are to be done.
        settings: For all of them.
        engine: Where tasks run.
        place: The cache folder or URL.
        known: What earlier batches found out, of clips whose content is to be left alone if it is still the same.
        fresh: Whether to forget what is stored of a clip.
        overwrite: Whether results of other videos may be replaced.
        stop_on_error: Whether to begin nothing more after the first failure.
        progress: Whether to show bars on stderr, where that is a terminal.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        settings: Settings,
        engine: Engine,
        place: Path | str,
        *,
        known: Mapping[Clip, Known],
        fresh: bool = False,
        overwrite: bool = False,
        stop_on_error: bool = False,
        progress: bool = False,
    ) -> None:
        self._settings, self._engine, self._place, self._fresh = settings, engine, place, fresh
        self._known, self._stop_on_error, self._overwrite = known, stop_on_error, overwrite
        self._identity = tables.identity(settings)
        self._clips = deque(clips)
        self._open: dict[Clip, _Open] = {}
        self._queue: deque[Step] = deque()
        self._complete: deque[Clip] = deque()
        self._claims: dict[Step, cache.Cache] = {}
        # None: tqdm shows nothing where stderr is no terminal.
        hidden = None if progress else True
        self._clip_bar = tqdm(total=len(clips), unit=" clips", disable=hidden, dynamic_ncols=True)
        self._frame_bar = tqdm(total=0, unit=" frames", disable=hidden, dynamic_ncols=True)
        self.outcome = Outcome()

    def run(self) -> None:
        """Work until nothing is left.

        Raises:
            OutputError: The cache or the output folder cannot be written; what is stored stays.
        """
        try:
            while self._submitted() or self._engine.busy or self._queue:
                if self._engine.busy:
                    # What another batch is at may be free by then.
                    for step, future in self._engine.wait(_PATIENCE_S if self._engine.free and self._queue else None):
                        self._over(step, future)
                else:
                    time.sleep(_PATIENCE_S)
        finally:
            for step in list(self._claims):
                self._release(step)
            self._clip_bar.close()
            self._frame_bar.close()

    def out_of_room(self, error: OutputError) -> OutputError:
        """Add to an error how much room the rest of the batch needs."""
        opened = [job.extraction.source.info for job in self._open.values()]
        left = sum(len(job.extraction.segments[segment]) for job in self._open.values() for segment in job.left)
        # Of clips that were not opened yet only the size is known.
        n_bytes = sum(info.path.stat().st_size for info in opened if info.path.exists()) or 1
        unopened = sum(clip.path.stat().st_size for clip in self._clips if clip.path.exists())
        left += round(unopened / n_bytes * sum(info.n_frames for info in opened))
        return OutputError(
            error.subject, error.reason, f"about {left * _BYTES_PER_FRAME / 1e9:.2f} GB more are needed; {error.remedy}"
        )

    def _submitted(self) -> bool:
        """Hand out tasks while there are free workers; tell whether there were any."""
        submitted = False
        while self._engine.free and (task := self._next()):
            self._engine.submit(*task)
            submitted = True
        return submitted

    def _next(self) -> tuple[Any, ...] | None:
        """Choose the next task: results first, then as many open clips as keep all workers busy, then segments."""
        if self._complete:
            clip = self._complete.popleft()
            job = self._open[clip]
            return Step("finish", clip), tasks.finish_clip, clip, job.extraction, job.hits, self._overwrite
        if len(self._queue) >= self._engine.size and (task := self._segment()):
            return task
        if self._clips and len(self._open) < _MOST_OPEN * self._engine.size:
            clip = self._clips.popleft()
            known = self._known[clip].fingerprint if clip in self._known else ""
            arguments = (clip, self._settings, self._place, known, self._fresh, self._overwrite)
            return Step("open", clip), tasks.open_clip, *arguments
        return self._segment()

    def _segment(self) -> tuple[Any, ...] | None:
        """Take the first segment that nobody else is at."""
        for _ in range(len(self._queue)):
            step = self._queue.popleft()
            job = self._open.get(step.clip)
            if job is None:
                continue  # its clip has failed
            store = job.extraction.store
            if store.has(step.segment):
                self._stored(step)
                if self._complete:
                    return self._next()
            elif store.claim(step.segment):
                self._claims[step] = store
                return step, extract_segment, job.extraction.task(step.segment)
            else:
                self._queue.append(step)
        return None

    def _over(self, step: Step, future: Future[Any]) -> None:
        """Take note of a task that is over."""
        self._release(step)
        if step.clip in self.outcome.failures:
            return
        try:
            result = future.result()
        except OutputError:
            raise
        except Exception as error:  # whatever it is, it is this clip's alone
            self._fail(step, error)
            return
        if step.stage == "open":
            self._opened(step.clip, result)
        elif step.stage == "extract":
            job = self._open[step.clip]
            job.extraction.watch.add({f"extract.{stage}": amount for stage, amount in result.items()})
            n_frames = len(job.extraction.segments[step.segment])
            self.outcome.n_frames += n_frames
            self._frame_bar.update(n_frames)
            self._stored(step)
        else:
            self._finished(step.clip, result)

    def _opened(self, clip: Clip, extraction: pipeline.Extraction | None) -> None:
        if extraction is None:
            self.outcome.done[clip] = False
            if failure := self._known[clip].failure:
                self.outcome.failures[clip] = failure
            self._clip_bar.update()
            return
        if self._fresh:
            extraction.store.drop()
        missing = extraction.missing
        self._open[clip] = _Open(clip, extraction, len(extraction.segments) - len(missing), set(missing))
        self._queue.extend(Step("extract", clip, segment) for segment in missing)
        self._frame_bar.total += sum(len(extraction.segments[segment]) for segment in missing)
        if not missing:
            self._complete.append(clip)

    def _stored(self, step: Step) -> None:
        job = self._open[step.clip]
        job.left.discard(step.segment)
        if not job.left:
            self._complete.append(step.clip)

    def _finished(self, clip: Clip, done: tasks.Done) -> None:
        job = self._open.pop(clip)
        self.outcome.done[clip] = True
        failure = tables.damaged(done.damage) if done.damage else None
        if failure:
            self.outcome.failures[clip] = failure
        tables.remember(clip, job.extraction.source.info.fingerprint, failure, self._identity)
        self._clip_bar.update()

    def _fail(self, step: Step, error: Exception) -> None:
        failure = _failure(step, error)
        self.outcome.failures[step.clip] = failure
        job = self._open.pop(step.clip, None)
        # The files of another video are not remembered: they may go, and the clip stays the same.
        if not isinstance(error, tasks.AnotherVideo):
            with suppress(VideoError):
                fingerprint = job.extraction.source.info.fingerprint if job else video.fingerprint(step.clip.path)
                tables.remember(step.clip, fingerprint, failure, self._identity)
        self._clip_bar.update()
        if self._stop_on_error:
            self._clips.clear()
            self._queue.clear()
            self._complete.clear()

    def _release(self, step: Step) -> None:
        if store := self._claims.pop(step, None):
            store.release(step.segment)


def _failure(step: Step, error: Exception) -> Failure:
    """Say in the table's words what went wrong."""
    if isinstance(error, FervideoError):
        return Failure(step.stage, error.reason, error.remedy)
    where = f"at segment {step.segment} " if step.segment >= 0 else ""
    if isinstance(error, WorkerDied):
        reason = f"the process that worked on it died {where}in every try, out of memory or in native code"
        return Failure(
            step.stage,
            reason,
            "free memory or use fewer --workers, and add --retry-failed; or convert the video to H.264",
        )
    if isinstance(error, WorkerHung):
        return Failure(
            step.stage, f"the work on it {where}took longer than it may", "raise --timeout, and add --retry-failed"
        )
    return Failure(
        step.stage,
        f"{type(error).__name__} {where}({error})",
        "report this, if you can with the video; the other clips are not affected",
    )
