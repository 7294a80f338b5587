"""The way from a video to a timeline: segments, then tracks, then expressions, then tables.

Features always pass through the cache, on disk or in a temporary folder, so a first and a second run compute the same from
there on. Parts that need torch import it at the point of use: see `segments.py`.
"""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from tqdm import tqdm

from fervideo import faces, models, timeline, tracking, video, workers
from fervideo.cache import Cache
from fervideo.errors import DamagedVideo, OutputError
from fervideo.models import Models
from fervideo.records import (
    SEGMENT_FRAMES,
    ClipExpressions,
    ClipFeatures,
    FeatureShard,
    Int64,
    UInt8,
)
from fervideo.segments import SegmentTask, Stopwatch, extract_segment, read_segment
from fervideo.settings import Settings
from fervideo.timeline import Timeline

#: Frames in which the faces of a clip are counted.
_SPREAD = 8
#: A worker process pays for its start (about 2 s) when it has this many segments to do.
_WORTH_A_WORKER = 4


@dataclass(frozen=True, kw_only=True)
class Extraction:
    """A clip on its way: its video, and the shards that the store has or lacks.

    Attributes:
        source: The opened video.
        settings: The run's.
        models: Weights that the run works with.
        store: Where shards go.
        watch: Seconds per stage.
    """

    source: video.Video
    settings: Settings
    models: Models
    store: Cache
    watch: Stopwatch

    @cached_property
    def segments(self) -> dict[int, Int64]:
        """Frames to analyse, int64 (n,), by the number of their segment."""
        frame = video.select(self.source.time_s, self.settings.video.sample_fps)
        number = frame // SEGMENT_FRAMES
        return {int(segment): frame[number == segment] for segment in np.unique(number)}

    @cached_property
    def max_faces(self) -> int:
        """Faces to look for in each frame."""
        wanted = self.settings.faces.max_faces
        if wanted != "auto":
            return wanted
        with self.watch("count_faces"):
            return faces.count_faces(self._spread(), self.settings.faces)

    def _spread(self) -> Iterator[UInt8]:
        """Decode some frames spread over the clip that are cheap to reach."""
        for index in video.spread(self.source, _SPREAD):
            try:
                yield from (window.frames[0] for window in video.windows(self.source, np.array([index])))
            except DamagedVideo:
                return

    @property
    def missing(self) -> list[int]:
        """Segments of which the store lacks faces or predictions."""
        return [segment for segment in self.segments if not self.store.has(segment)]

    @property
    def missing_faces(self) -> bool:
        """Whether there are segments whose faces are yet to be found."""
        return not all(self.store.has_faces(segment) for segment in self.segments)

    def task(self, segment: int) -> SegmentTask:
        return SegmentTask(
            source=self.source,
            frame=self.segments[segment],
            segment=segment,
            faces=self.settings.faces,
            # Counting faces decodes some frames: not for a segment whose faces are known.
            max_faces=0 if self.store.has_faces(segment) else self.max_faces,
            classifier=self.models.frame,
            store=self.store,
        )

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
        n_workers = workers.count(self.settings.run.workers, len(tasks), _WORTH_A_WORKER)
        results = workers.map_jobs(
            partial(extract_segment, alone=n_workers <= 1),
            [(task,) for task in tasks],
            n_workers,
            self.source.info.path,
            remedy="run again with --workers 1; finished segments are kept",
        )
        # None: tqdm shows nothing where stderr is no terminal.
        hidden = None if progress and tasks else True
        with (
            self.watch("extract"),
            tqdm(total=total, initial=total - left, unit=" frames", disable=hidden, dynamic_ncols=True) as bar,
        ):
            for number, seconds in results:
                bar.update(len(tasks[number].frame))
                self.watch.add({f"extract.{stage}": amount for stage, amount in seconds.items()})
        return len(self.segments) - len(tasks)

    def shards(self) -> Iterator[FeatureShard]:
        """Read the shards back in order; one that turns out to be damaged is extracted again."""
        for segment in self.segments:
            shard = read_segment(self.store, segment)
            if shard is None:
                extract_segment(self.task(segment))
                shard = read_segment(self.store, segment)
            if shard is None:
                raise OutputError(
                    self.store.folder, "what is written cannot be read back", "check the disk, or use --no-cache"
                )
            yield shard


def analyze(path: Path | str, settings: Settings | None = None, *, progress: bool = False) -> Timeline:
    """Find what the faces in a video express, frame by frame.

    Args:
        path: The video.
        settings: What differs from the defaults.
        progress: Whether to show a progress bar on stderr, where that is a terminal.

    Returns:
        The timeline. A video that is damaged in the middle gives the part before the damage; `Timeline.damage` says
        why.

    Raises:
        VideoError: The video cannot be read at all.
        WeightsError: Weights are missing or broken, or the sequence model does not fit the frame classifier.
        UsageError: `cuda` is asked for where there is none.
        OutputError: The cache cannot be written.
    """
    settings = settings or Settings()
    chosen = models.resolve(settings)
    with TemporaryDirectory(prefix="fervideo-") as scratch:
        extraction = open_clip(Path(path), settings, chosen, None if settings.run.cache else Path(scratch))
        return finish(extraction, extraction.run(progress=progress))


def open_clip(path: Path, settings: Settings, chosen: Models, base: Path | str | None = None) -> Extraction:
    """Open a video, and find what is stored of it.

    Args:
        path: The video.
        settings: The run's.
        chosen: The run's models.
        base: The folder or URL of the cache, if not the user's.

    Raises:
        VideoError: The video cannot be read at all.
    """
    watch = Stopwatch()
    with watch("probe"):
        source = video.probe(path, settings.video)
    store = Cache.of_clip(source.info.fingerprint, settings, chosen.frame.key, base)
    return Extraction(source=source, settings=settings, models=chosen, store=store, watch=watch)


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
        "weights": extraction.models.digests,
        "device": expressions.device,
        "frames_decoded": len(features.frame),
        "cache": {"segments": len(extraction.segments), "hits": hits},
        "seconds": {stage: round(amount, 3) for stage, amount in watch.seconds.items()} | {"total": round(seconds, 3)},
        "frames_per_s": round(len(features.frame) / seconds, 1),
    }
    return timeline.build(features, expressions.tracks, settings, provenance, expressions.labels)


def _expressions(extraction: Extraction, features: ClipFeatures) -> ClipExpressions:
    """Return the sequence model's predictions for a clip, from an earlier run if they are stored."""
    settings, chosen, store = extraction.settings, extraction.models, extraction.store
    known = store.expressions(settings, chosen.sequence.digest)
    if known is None:
        from fervideo import sequence
        from fervideo.classifiers.nets import one_thread

        model = models.sequence_model(chosen)
        # On many threads sums would depend on the machine, and where processes compete, threads wait for one another.
        with one_thread():
            tracks = sequence.run(model, features, settings.sequence, settings.tracking.max_gap_s)
        known = ClipExpressions(tracks=tuple(tracks), labels=model.labels, device=model.centre.device.type)
        store.put_expressions(settings, chosen.sequence.digest, known)
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
