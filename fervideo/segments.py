"""One segment of a video becomes a shard in the store: the unit of work, in any process and on any machine.

A segment is extracted from scratch, wherever that happens, so a clip's features are the same whatever the number of
workers. torch takes a second to import, so it is imported where it is used: by the classifier, which may work in a
thread of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from fervideo import boxes, cache, crops, faces, measures, models, video
from fervideo.errors import DamagedVideo
from fervideo.landmarks import N_LANDMARKS
from fervideo.records import CROP_PX, THUMBNAIL_SHAPE, FaceObservations, FeatureShard, Float32, Int64, UInt8
from fervideo.settings import Settings

_Result = TypeVar("_Result")


class Stopwatch:
    """Add up the seconds that stages take."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        # Not a process's own clock: a batch carries the watch from one process to another.
        self._began_s = time.time()

    @property
    def total_s(self) -> float:
        """Seconds since the start."""
        return time.time() - self._began_s

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.add({stage: time.perf_counter() - started})

    def add(self, seconds: dict[str, float]) -> None:
        for stage, amount in seconds.items():
            self.seconds[stage] = self.seconds.get(stage, 0.0) + amount


@dataclass(frozen=True)
class SegmentTask:
    """Say all there is to say about one segment's extraction, to any process.

    Attributes:
        source: The opened video.
        frame: int64 (n,), which of the segment's frames to look at.
        segment: Number of the segment.
        settings: The run's.
        max_faces: Faces to look for in each frame.
        store: Where the shard goes.
    """

    source: video.Video
    frame: Int64
    segment: int
    settings: Settings
    max_faces: int
    store: cache.Cache


class _AtOnce(Executor):
    """Run what is submitted there and then."""

    def submit(self, fn: Callable[..., _Result], /, *args: Any, **kwargs: Any) -> Future[_Result]:
        future: Future[_Result] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def extract_segment(task: SegmentTask, *, alone: bool = False) -> dict[str, float]:
    """Extract one segment and put its shard into the store.

    Args:
        task: What to extract.
        alone: Whether no other process needs the cores, so that faces are classified in a thread beside the search for
            the next.

    Returns:
        Seconds per stage.

    Raises:
        OutputError: The store cannot be written.
    """
    watch = Stopwatch()
    frame, time_s, thumbnails, seen_in, landmarks, damage = [], [], [], [], [], ""
    windows = video.windows(task.source, task.frame)
    with (
        faces.open_landmarker(task.settings.faces, task.max_faces) as landmarker,
        crops.one_thread(),
        ThreadPoolExecutor(1) if alone else _AtOnce() as classifier,
    ):
        # Of no faces: the classifier is loaded, if in a thread of its own while the first faces are looked for.
        classified = [classifier.submit(_classify, task.settings, [], [], watch)]
        while True:
            try:
                with watch("decode"):
                    window = next(windows, None)
            except DamagedVideo as error:
                damage = error.reason
                break
            if window is None:
                break
            frame.append(window.frame)
            time_s.append(window.time_s)
            found, cut = [], []
            for image, index in zip(window.frames, window.frame, strict=True):
                with watch("landmarks"):
                    found.append(landmarker.find(image))
                with watch("crops"):
                    thumbnails.append(crops.thumbnail(image))
                    cut += [crops.face_crop(image, face) for face in found[-1]]
                seen_in += [index] * len(found[-1])
            classified.append(classifier.submit(_classify, task.settings, cut, found, watch))
            landmarks += found
    embedding, logits = (
        np.concatenate(parts) for parts in zip(*(future.result() for future in classified), strict=True)
    )
    points = _joined(landmarks)
    with watch("measures"):
        measured = measures.measure(points)
    observations = FaceObservations(
        np.array(seen_in, np.int64), boxes.around(points), points, embedding, logits, measured
    )
    shard = FeatureShard(
        task.segment,
        np.concatenate([*frame, np.empty(0, np.int64)]),
        np.concatenate([*time_s, np.empty(0, np.float64)]),
        np.array(thumbnails, np.uint8).reshape(-1, *THUMBNAIL_SHAPE),
        observations,
        damage,
    )
    with watch("store"):
        task.store.put(shard)
    return watch.seconds


def _classify(
    settings: Settings, cut: list[UInt8], landmarks: list[Float32], watch: Stopwatch
) -> tuple[Float32, Float32]:
    """Return embeddings (M, D) and logits (M, C) of M crops and of the landmarks of the frames that they were cut from."""
    from fervideo.classifiers.cnn import resolve_device

    with watch("embedding"):
        classify = models.of(settings.classifier, resolve_device(settings.run.device))
        return classify(np.array(cut, np.uint8).reshape(-1, CROP_PX, CROP_PX), _joined(landmarks))


def _joined(landmarks: list[Float32]) -> Float32:
    """Join the landmarks of some frames' faces: float32 (M, N_LANDMARKS, 3)."""
    return np.concatenate([*landmarks, np.empty((0, N_LANDMARKS, 3), np.float32)])
