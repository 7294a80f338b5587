"""The one way through the house: a video becomes shards, shards become tracks, tracks become a timeline.

Features always pass through the cache, on disk or in a temporary folder, so a first and a second run compute the same
from there on. What needs torch imports it at the point of use: see `segments.py`.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from fervideo import cache, checkpoint, faces, models, timeline, tracking, video, workers
from fervideo.errors import DamagedVideo, FervideoError, OutputError, WeightsError
from fervideo.records import (
    SEGMENT_FRAMES,
    ClipExpressions,
    ClipFeatures,
    FeatureShard,
    Int64,
    UInt8,
)
from fervideo.segments import SegmentTask, Stopwatch, extract_segment
from fervideo.settings import Settings, chosen
from fervideo.timeline import Timeline

if TYPE_CHECKING:
    from fervideo.sequence import SequenceLSTM

#: The sequence model that goes with the package's frame CNN, and the one that goes with any other frame classifier.
SEQUENCE_WEIGHTS = checkpoint.SHIPPED / "sequence.safetensors"
SMOOTHER_WEIGHTS = checkpoint.SHIPPED / "smoother.safetensors"
#: Frames that are looked at to tell how many faces a clip shows.
_SPREAD = 8
#: A worker process pays for its start (about 2 s) when it has this many segments to do.
_WORTH_A_WORKER = 4


@dataclass(frozen=True)
class Extraction:
    """Turn a video into shards, as far as the store does not hold them.

    Attributes:
        source: The opened video.
        settings: The run's.
        store: Where the shards go.
        watch: Adds up seconds per stage.
    """

    source: video.Video
    settings: Settings
    store: cache.Cache
    watch: Stopwatch

    @cached_property
    def segments(self) -> dict[int, Int64]:
        """Which frames of which segments are to be looked at."""
        frame = video.select(self.source.time_s, self.settings.video.sample_fps)
        number = frame // SEGMENT_FRAMES
        return {int(segment): frame[number == segment] for segment in np.unique(number)}

    @cached_property
    def max_faces(self) -> int:
        """How many faces to look for in each frame."""
        wanted = self.settings.faces.max_faces
        if wanted != "auto":
            return wanted
        with self.watch("count_faces"):
            return faces.count_faces(self._spread(), self.settings.faces)

    def _spread(self) -> Iterator[UInt8]:
        """Decode some frames spread over the clip, at places that are cheap to reach."""
        for index in video.spread(self.source, _SPREAD):
            try:
                yield from (window.frames[0] for window in video.windows(self.source, np.array([index])))
            except DamagedVideo:
                return

    @property
    def missing(self) -> list[int]:
        """The segments that the store lacks."""
        return [segment for segment in self.segments if not self.store.has(segment)]

    def task(self, segment: int) -> SegmentTask:
        return SegmentTask(self.source, self.segments[segment], segment, self.settings, self.max_faces, self.store)

    def run(self, *, progress: bool) -> int:
        """Extract the segments that the store lacks.

        Returns:
            How many it had.

        Raises:
            FervideoError: A worker process died.
            OutputError: The store cannot be written.
        """
        tasks = [self.task(segment) for segment in self.missing]
        total, left = sum(map(len, self.segments.values())), sum(len(task.frame) for task in tasks)
        # None: tqdm shows nothing where stderr is no terminal.
        hidden = None if progress and tasks else True
        with (
            self.watch("extract"),
            tqdm(total=total, initial=total - left, unit=" frames", disable=hidden, dynamic_ncols=True) as bar,
        ):
            for task, seconds in _run_all(tasks, self.settings.run.workers):
                bar.update(len(task.frame))
                self.watch.add({f"extract.{stage}": amount for stage, amount in seconds.items()})
        return len(self.segments) - len(tasks)

    def shards(self) -> Iterator[FeatureShard]:
        """Read the shards back in order; one that turns out to be damaged is extracted again."""
        for segment in self.segments:
            shard = self.store.get(segment)
            if shard is None:
                extract_segment(self.task(segment))
                shard = self.store.get(segment)
            if shard is None:
                raise OutputError(
                    self.store.folder, "what is written cannot be read back", "check the disk, or use --no-cache"
                )
            yield shard


def analyze(
    path: Path | str,
    settings: Settings | Mapping[str, Any] | None = None,
    *,
    progress: bool = False,
    **options: Any,
) -> Timeline:
    """Find the expressions of the faces in a video, frame by frame.

    Args:
        path: The video.
        settings: Settings, or the values that differ from the defaults: {"section.key": value} or nested.
        progress: Whether to show a progress bar on stderr, where that is a terminal.
        options: The command's options, such as `faces=2, smooth=0.2, sample_fps=10, config="fast"`.

    Returns:
        The timeline. A video that is damaged in the middle gives the part before the damage; `Timeline.damage` says
        why.

    Raises:
        VideoError: The video cannot be read at all.
        WeightsError: Weights are missing or broken, or the sequence model does not fit the frame classifier.
        UsageError: A setting or an option is not possible, or `cuda` is asked for where there is none.
        OutputError: The cache cannot be written.
    """
    wanted = chosen(settings, options)
    check(wanted)
    with TemporaryDirectory(prefix="fervideo-") as scratch:
        extraction = open_clip(Path(path), wanted, None if wanted.run.cache else Path(scratch))
        return finish(extraction, extraction.run(progress=progress))


def check(settings: Settings) -> None:
    """Tell before the long work what would keep a run from its end.

    Raises:
        WeightsError: Weights are missing or broken, or the sequence model does not fit the frame classifier.
        UsageError: `cuda` is asked for where there is none.
    """
    weights(settings)
    if settings.run.device == "cuda":
        from fervideo.classifiers.cnn import resolve_device

        resolve_device(settings.run.device)


def open_clip(path: Path, settings: Settings, place: Path | str | None = None) -> Extraction:
    """Look at a video file, and at what is known of it already.

    Args:
        path: The video.
        settings: The run's.
        place: The folder or URL of the cache, if not the user's.

    Raises:
        VideoError: The video cannot be read at all.
    """
    watch = Stopwatch()
    with watch("probe"):
        source = video.probe(path, settings.video)
    store = cache.Cache.of_clip(source.info.fingerprint, settings, models.digest(settings.classifier), place)
    return Extraction(source, settings, store, watch)


def finish(extraction: Extraction, hits: int) -> Timeline:
    """Join a clip's shards into tracks and its tracks into a timeline.

    Args:
        extraction: All of whose segments are stored; those that are not are extracted here.
        hits: How many were stored before the run.

    Raises:
        WeightsError: Weights are missing or broken, or the sequence model does not fit the frame classifier.
        OutputError: The cache cannot be written.
    """
    settings, watch = extraction.settings, extraction.watch
    extraction.store.touch()
    with watch("tracking"):
        features = ClipFeatures(extraction.source.info, *tracking.join(extraction.shards(), settings.tracking))
    with watch("sequence"):
        expressions = _expressions(extraction, features)
    seconds = watch.total_s
    provenance = {
        "versions": versions(),
        "weights": weights(settings),
        "device": expressions.device,
        "frames_decoded": len(features.frame),
        "cache": {"segments": len(extraction.segments), "hits": hits},
        "seconds": {stage: round(amount, 3) for stage, amount in watch.seconds.items()} | {"total": round(seconds, 3)},
        "frames_per_s": round(len(features.frame) / seconds, 1),
    }
    return timeline.build(features, expressions.tracks, settings, provenance, expressions.labels)


def _expressions(extraction: Extraction, features: ClipFeatures) -> ClipExpressions:
    """Return what the sequence model says of a clip, or said in an earlier run."""
    settings = extraction.settings
    digest = weights(settings)["sequence"]
    known = extraction.store.recall(settings, digest)
    if known is None:
        from fervideo import sequence
        from fervideo.classifiers.cnn import one_thread

        model = sequence_model(settings)
        # On many threads the sums would depend on the machine, and where processes compete, threads wait for one
        # another.
        with one_thread():
            tracks = sequence.run(model, features, settings.sequence, settings.tracking.max_gap_s)
        known = ClipExpressions(tuple(tracks), model.labels, model.centre.device.type)
        extraction.store.keep(settings, digest, known)
    return known


def versions() -> dict[str, str]:
    """Return the versions of everything that a result depends on."""
    names = ("fervideo", "torch", "mediapipe", "decord", "av", "opencv-contrib-python", "numpy", "scipy", "pandas")
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {"python": platform.python_version(), **found}


def weights(settings: Settings) -> dict[str, str]:
    """Return the digests of the weights that a run works with.

    Raises:
        WeightsError: Weights are missing or broken, or the sequence model does not fit the frame classifier.
    """
    frame = models.digest(settings.classifier)
    return {"frame": frame, "sequence": _sequence_digest(*checkpoint.stamped(sequence_path(settings)), frame)}


def sequence_path(settings: Settings) -> Path:
    """Return the path of the run's sequence model.

    Raises:
        WeightsError: There is neither such a file nor such a folder.
    """
    if settings.sequence.model == "default":
        is_ours = models.weights_path(settings.classifier) == models.CNN_WEIGHTS
        return SEQUENCE_WEIGHTS if is_ours else SMOOTHER_WEIGHTS
    path = Path(settings.sequence.model).expanduser()
    if not path.exists():
        reason = "no model found (looked for this file, and for model.safetensors in this folder)"
        raise WeightsError(path, reason, "give the folder that `fervideo train` wrote, or a .safetensors file")
    # The folder that `fervideo train` wrote stands for the model in it.
    return path / "model.safetensors" if path.is_dir() else path


def sequence_model(settings: Settings) -> SequenceLSTM:
    """Return the run's sequence model.

    Raises:
        WeightsError: Weights are missing or broken, or it does not fit the frame classifier.
        UsageError: `cuda` is asked for where there is none.
    """
    from fervideo.classifiers.cnn import resolve_device

    frame = models.digest(settings.classifier)
    return _sequence_model(*checkpoint.stamped(sequence_path(settings)), frame, resolve_device(settings.run.device))


def _run_all(tasks: list[SegmentTask], wanted: int) -> Iterator[tuple[SegmentTask, dict[str, float]]]:
    """Run tasks here or in worker processes, and yield each as it is done."""
    n_workers = min(wanted or min(os.cpu_count() or 1, len(tasks) // _WORTH_A_WORKER), len(tasks))
    if n_workers <= 1:
        for task in tasks:
            yield task, extract_segment(task, alone=True)
        return
    queue, left = deque(tasks), {task.segment: task for task in tasks}
    with workers.Pool[int](n_workers) as pool:
        while left:
            while queue and pool.free:
                pool.submit(queue[0].segment, extract_segment, queue.popleft())
            for segment, future in pool.wait():
                try:
                    yield left.pop(segment), future.result()
                except workers.WorkerDied as error:
                    remedy = "run again with --workers 1; finished segments are kept"
                    raise FervideoError(
                        tasks[0].source.info.path, "worker processes die, out of memory perhaps", remedy
                    ) from error


@lru_cache(maxsize=1)
def _sequence_model(path: Path, stamp: int, frame: str, device: str) -> SequenceLSTM:  # noqa: ARG001  (part of the key)
    from fervideo import sequence

    return sequence.load(path, frame, device)


@lru_cache
def _sequence_digest(path: Path, stamp: int, frame: str) -> str:  # noqa: ARG001
    """Check and read a file once for as long as it stays the same."""
    return checkpoint.read_sequence_model(path, frame).digest
