"""Extraction of a clip in segments: the unit of work, in any process and on any machine.

A segment is extracted from scratch, wherever that happens, so a clip's features are the same for any number of workers.
Its faces need the frames' pixels and a landmarker; predictions for them need the faces' crops or landmarks alone. So
another classifier looks for no faces again, and one that reads landmarks decodes nothing.

torch takes a second to import, so it is imported at the point of use: by the classifier, which may work in its own
thread.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, TypeVar

import numpy as np
from tqdm import tqdm

from fervideo import classifiers, crops, observe, video, workers
from fervideo.cache import Cache
from fervideo.classifiers import FrameWeights
from fervideo.errors import OutputError
from fervideo.faces import upside_down
from fervideo.faces.count import count_faces
from fervideo.landmarks import N_LANDMARKS
from fervideo.models import Models
from fervideo.records import (
    AUTO_FACES,
    CROP_PX,
    SEGMENT_FRAMES,
    THUMBNAIL_SHAPE,
    DetectedFaces,
    FeatureShard,
    Float32,
    FramePredictions,
    Int64,
    SegmentFaces,
    UInt8,
)
from fervideo.settings import FaceSettings, Settings
from fervideo.stopwatch import Stopwatch

_Result = TypeVar("_Result")
_NO_CROPS = np.empty((0, CROP_PX, CROP_PX), np.uint8)
_NO_LANDMARKS = np.empty((0, N_LANDMARKS, 3), np.float32)
#: Frames in which the faces of a clip are counted: one for each second, at least and at most.
_COUNTED = 4, 8
#: Faces' frames that are classified together, and frames that are decoded ahead.
_BATCH, _AHEAD = 32, 4
#: A worker process pays for its start (about 2 s) when it has this many segments to do.
_WORTH_A_WORKER = 4


@dataclass(frozen=True, kw_only=True)
class SegmentTask:
    """One segment's extraction, as any process can do it.

    Attributes:
        source: The opened video.
        frame: int64 (n,), which of the segment's frames to analyse.
        segment: Number of the segment.
        faces: How faces are found.
        max_faces: Faces to look for in each frame; 0 where the store has the segment's faces.
        classifier: Weights of the frame classifier.
        store: Cache of the clip, to which results go.
    """

    source: video.Video
    frame: Int64
    segment: int
    faces: FaceSettings
    max_faces: int
    classifier: FrameWeights
    store: Cache


class _AtOnce(Executor):
    """An executor that runs each task when it is submitted."""

    def submit(self, fn: Callable[..., _Result], /, *args: Any, **kwargs: Any) -> Future[_Result]:
        future: Future[_Result] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def read_segment(store: Cache, segment: int) -> FeatureShard | None:
    """Read a segment's features from a store, and measure its faces; None where it lacks a part of them."""
    shard, predictions = store.faces(segment), store.predictions(segment)
    if shard is None or predictions is None or len(predictions) != len(shard.faces):
        return None
    size_px = shard.size_px[np.searchsorted(shard.frame, shard.faces.frame)]
    # Measures are those of the picture that was looked at; positions are those of the whole one.
    measured = observe.observations(shard.faces, predictions, size_px)
    return FeatureShard(
        segment=segment,
        frame=shard.frame,
        time_s=shard.time_s,
        sound=shard.sound,
        thumbnail=shard.thumbnail,
        observations=measured.moved(shard.corner_px),
        look=shard.faces.look,
        confirmation=shard.faces.confirmation,
        damage=shard.damage,
        size_px=shard.size_px,
    )


def extract_segment(task: SegmentTask, *, alone: bool = False) -> dict[str, float]:
    """Extract the part of one segment that the store lacks.

    Args:
        task: The segment.
        alone: Whether no other process needs the cores, so that faces are classified in a thread beside the search for
            the next.

    Returns:
        Seconds per stage.

    Raises:
        OutputError: The store cannot be written.
    """
    watch = Stopwatch()
    shard, predictions = task.store.faces(task.segment), None
    if shard is None and task.max_faces:
        found, predictions = _find_faces(task, watch, alone)
        with watch("store"):
            task.store.put_faces(found)
            # Landmarks are rounded in the store, and the same ones must be read now and later.
            shard = task.store.faces(task.segment) if predictions is None else found
    elif shard is not None and task.classifier.reads == "crops":
        predictions = _predict_from_frames(task, shard, watch)
    if shard is not None:
        if predictions is None:
            predictions = _predict(task.classifier, _NO_CROPS, shard.faces.landmarks_px, watch)
        with watch("store"):
            task.store.put_predictions(task.segment, predictions)
    return watch.seconds


def _find_faces(task: SegmentTask, watch: Stopwatch, alone: bool) -> tuple[SegmentFaces, FramePredictions | None]:
    """Find the faces of a segment's frames, and classify their crops if the classifier reads crops."""
    thumbnails = np.zeros((len(task.frame), *THUMBNAIL_SHAPE), np.uint8)
    parts: list[DetectedFaces] = []
    lost: dict[int, str] = {}
    size_px = np.tile((task.source.info.width_px, task.source.info.height_px), (len(task.frame), 1))
    from_crops = task.classifier.reads == "crops"
    with (
        observe.opened(task.faces, task.max_faces) as observer,
        _helper(alone) as decoder,
        _helper(alone) as pool,
    ):
        # A prediction for no faces loads the classifier, if in its own thread while the first faces are looked for.
        jobs = [pool.submit(_predict, task.classifier, _NO_CROPS, _NO_LANDMARKS, watch)] if from_crops else []
        cut: list[UInt8] = []
        pictures = video.pictures(task.source, task.frame)
        pictures = watch.waiting("decode", _ahead(pictures, decoder) if alone else pictures)
        for row, (index, picture) in enumerate(pictures):
            if isinstance(picture, str):
                lost[index] = picture
                continue
            size_px[row] = picture.size_px
            with watch("faces"):
                found, crop = observer(picture, index)
                thumbnails[row] = crops.thumbnail(picture.at(picture.factor(found.box_px)))
            parts.append(found)
            cut.append(crop)
            if from_crops and len(cut) == _BATCH:
                jobs.append(pool.submit(_predict, task.classifier, np.concatenate(cut), _NO_LANDMARKS, watch))
                cut = []
        if from_crops and cut:
            jobs.append(pool.submit(_predict, task.classifier, np.concatenate(cut), _NO_LANDMARKS, watch))
    shard = SegmentFaces(
        segment=task.segment,
        frame=task.frame,
        time_s=task.source.time_s[task.frame],
        sound=~np.isin(task.frame, list(lost)),
        thumbnail=thumbnails,
        rotate_deg=task.source.rotate_deg,
        corner_px=task.source.corner_px,
        size_px=size_px,
        faces=DetectedFaces.concatenate(parts),
        damage=next(iter(lost.values()), ""),
    )
    return shard, FramePredictions.concatenate([job.result() for job in jobs]) if jobs else None


def _predict_from_frames(task: SegmentTask, shard: SegmentFaces, watch: Stopwatch) -> FramePredictions:
    """Decode the frames in which faces were found, cut the same crops again, and classify them."""
    found = shard.faces
    parts = [_predict(task.classifier, _NO_CROPS, _NO_LANDMARKS, watch)]
    cut = [_NO_CROPS]
    with crops.one_thread():
        for index, picture in watch.waiting("decode", video.pictures(task.source, np.unique(found.frame))):
            if isinstance(picture, str):
                continue
            shown = found.frame == index
            with watch("faces"):
                cut.append(observe.cut_out(picture, found.box_px[shown], found.alignment[shown]))
            if len(cut) == _BATCH:
                parts.append(_predict(task.classifier, np.concatenate(cut), _NO_LANDMARKS, watch))
                cut = [_NO_CROPS]
    parts.append(_predict(task.classifier, np.concatenate(cut), _NO_LANDMARKS, watch))
    return FramePredictions.concatenate(parts)


def _helper(alone: bool) -> Executor:
    """Return a thread of its own, or, where other processes need the cores, the present one."""
    return ThreadPoolExecutor(1) if alone else _AtOnce()


def _ahead(items: Iterator[_Result], helper: Executor) -> Iterator[_Result]:
    """Yield items that a helper computes a few ahead."""
    waiting = deque(helper.submit(next, items, None) for _ in range(_AHEAD))
    while (item := waiting.popleft().result()) is not None:
        waiting.append(helper.submit(next, items, None))
        yield item


def _predict(classifier: FrameWeights, cut: UInt8, landmarks_px: Float32, watch: Stopwatch) -> FramePredictions:
    with watch("classify"):
        return classifiers.loaded(classifier).predict(cut, landmarks_px)


@dataclass(frozen=True, kw_only=True)
class Extraction:
    """A clip on its way: its video, and the shards that the store has or lacks.

    Attributes:
        source: The opened video.
        settings: The run's.
        models: Weights that the run works with.
        store: Cache of the clip, to which shards go.
        watch: Seconds per stage.
    """

    source: video.Video
    settings: Settings
    models: Models
    store: Cache
    watch: Stopwatch

    @cached_property
    def segments(self) -> dict[int, Int64]:
        """Frames to extract, int64 (n,), by the number of their segment: all segments that the stretch touches."""
        frame = video.select(self.source.time_s, self.settings.video.sample_fps)
        parts = enumerate(video.cut(frame, self.source.entry, SEGMENT_FRAMES))
        time_s, (start_s, end_s) = self.source.time_s, self.stretch_s
        return {n: part for n, part in parts if ((start_s <= time_s[part]) & (time_s[part] < end_s)).any()}

    @property
    def stretch_s(self) -> tuple[float, float]:
        """The part of the video to analyse, from a time to before another."""
        from_s, to_s = self.settings.video.from_s, self.settings.video.to_s
        return from_s or 0.0, math.inf if to_s is None else to_s

    @property
    def is_part(self) -> bool:
        return self.stretch_s != (0.0, math.inf)

    @cached_property
    def upright(self) -> video.Video:
        """The video, turned if its faces stand on their heads."""
        turn = self._known_turn
        return self.source.rotated(self._look[0] if turn is None else turn)

    @cached_property
    def max_faces(self) -> int:
        """Faces to look for in each frame."""
        if self.settings.faces.max_faces != "auto":
            return self.settings.faces.max_faces
        seen = self.store.faces_seen()
        return min(self._look[1] if seen is None else seen, AUTO_FACES)

    @cached_property
    def _look(self) -> tuple[int, int]:
        """The turn in degrees that puts faces upright, and their number, from a few frames, each decoded once."""
        turn, faces = self._known_turn, self._known_faces
        with self.watch("first_look"):
            pictures = video.samples(self.source, int(np.clip(self.source.info.duration_s, *_COUNTED)))
            sampled = list(pictures) if faces is None else []
            if turn is None:
                turn = 180 if upside_down(sampled or pictures) else 0
            if faces is None:
                faces = count_faces((picture.turned(turn) for picture in sampled), self.settings.faces)
                self.store.put_faces_seen(faces)
        return turn, faces

    @property
    def _known_turn(self) -> int | None:
        if self.settings.video.rotate != "auto":
            return 0
        stored = self.store.faces(next(iter(self.segments)))
        return None if stored is None else stored.rotate_deg

    @property
    def _known_faces(self) -> int | None:
        wanted = self.settings.faces.max_faces
        return self.store.faces_seen() if wanted == "auto" else wanted

    @property
    def faces_seen(self) -> int | None:
        """Faces that the clip shows at once; None where they were not counted."""
        return self.store.faces_seen() if self.settings.faces.max_faces == "auto" else None

    @property
    def missing(self) -> list[int]:
        """Segments whose faces or predictions the store lacks."""
        return [segment for segment in self.segments if not self.store.has(segment)]

    @property
    def missing_faces(self) -> bool:
        """Whether there are segments whose faces are yet to be found."""
        return not all(self.store.has_faces(segment) for segment in self.segments)

    def task(self, segment: int) -> SegmentTask:
        return SegmentTask(
            source=self.upright,
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
                    self.store.folder, "written files cannot be read back", "check the disk, or use --no-cache"
                )
            yield shard
