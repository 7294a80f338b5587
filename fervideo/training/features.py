"""Samples of clips: the features that `fervideo timeline` extracts, from the cache where possible, with labels.

A clip's face is the one seen longest of several; in a frame without it, the one seen next longest stands in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from fervideo import damage, models, pipeline, tracking, video, workers
from fervideo.errors import FervideoError
from fervideo.records import (
    MODEL_RATE_HZ,
    ClipFeatures,
    Float32,
    Float64,
    Int64,
)
from fervideo.segments import Extraction, extract_segment
from fervideo.sequence.course import INPUTS, Course, n_features
from fervideo.settings import TrainingSettings
from fervideo.shaped import Shaped, check_array
from fervideo.training.frame_labels import labelled_numbers, truth
from fervideo.training.manifest import Clip, Problem, label_of, target

#: Jobs that pay for the start of a worker process, where the settings leave the number of processes open.
WORTH_A_WORKER = 2


@dataclass(frozen=True, repr=False)
class Sample(Shaped):
    """The features and labels of a clip.

    Attributes:
        clip: Its row in the manifest.
        start_s: Time of the course's first step, on the clock of a player, as all times here.
        course: float32 (S, F), as the sequence model reads it; S is 0 where no face was found.
        target: float32 (C,), distribution over labels, from votes where there are any; all 0 where unknown.
        label: Number of the clip's label; -1 where unknown, or where votes are tied.
        step_label: int64 (S,), label of each step; -1 where unknown.
        time_s: float64 (T,), times of the clip's frames.
        frame_label: int64 (T,), label of each frame; -1 where unknown.
        seen: Share of the frames in which a face was found.
    """

    clip: Clip
    start_s: float
    course: Float32
    target: Float32
    label: int
    step_label: Int64
    time_s: Float64
    frame_label: Int64
    seen: float

    def __post_init__(self) -> None:
        check_array(self, "course", np.float32, (None, None))
        check_array(self, "target", np.float32, (None,))
        check_array(self, "step_label", np.int64, (len(self.course),))
        check_array(self, "time_s", np.float64, (None,))
        check_array(self, "frame_label", np.int64, (len(self.time_s),))

    @property
    def step_time_s(self) -> Float64:
        return self.start_s + np.arange(len(self.course)) / MODEL_RATE_HZ


def load(
    clips: Sequence[Clip],
    opened: dict[Path, Extraction],
    labels: tuple[str, ...],
    settings: TrainingSettings,
    inputs: Sequence[str],
    *,
    progress: bool,
) -> tuple[list[Sample], list[Problem]]:
    """Extract the segments that the cache lacks, and make samples.

    Args:
        clips: Sound rows.
        opened: Their videos, from `open_videos`.
        labels: Names of the labels, in the order of their numbers.
        settings: The run's settings.
        inputs: Names of the measures that the model reads.
        progress: Whether to show progress on stderr.

    Returns:
        Samples in the order of the rows, and problems of rows whose videos proved damaged while they were decoded.

    Raises:
        FervideoError: Extraction is impossible: the cache cannot be written, a worker died.
    """
    by_path: dict[Path, list[int]] = {}
    for row, clip in enumerate(clips):
        by_path.setdefault(clip.path, []).append(row)
    _extract([opened[path] for path in by_path], settings, progress)
    samples: dict[int, Sample] = {}
    problems = []
    for path, rows in tqdm(by_path.items(), "tracks", unit=" clips", disable=None if progress else True, leave=False):
        extraction = opened[path]
        joined = tracking.join(extraction.shards(), settings.tracking, extraction.stretch_s)
        features = ClipFeatures(extraction.upright.info, *joined)
        samples |= {row: sample(clips[row], features, labels, inputs) for row in rows}
        if reason := features.damage or video.changed(extraction.source):
            problems += [Problem(clips[row].origin, f"{path} is damaged: {reason}") for row in rows]
    return [samples[row] for row in range(len(clips))], problems


def open_videos(
    clips: Sequence[Clip], settings: TrainingSettings, cache: Path | None = None, *, progress: bool
) -> tuple[dict[Path, Extraction], list[Problem]]:
    """Open every video once.

    Args:
        clips: Rows.
        settings: The run's settings.
        cache: Folder of the cache, if not the user's.
        progress: As in `load`.

    Returns:
        Opened videos by path, and problems: a video that cannot be read, or is damaged, is one of all its rows.
    """
    paths = list(dict.fromkeys(clip.path for clip in clips))
    chosen = models.resolve(settings)
    jobs = [(path, settings, chosen, cache) for path in paths]
    opened, reasons = {}, {}
    n_workers = workers.count(settings.run.workers, len(jobs), WORTH_A_WORKER)
    for number, result in workers.map_jobs(
        pipeline.open_clip, jobs, n_workers, "opening", yield_errors=True, progress=progress
    ):
        if isinstance(result, FervideoError):
            reasons[paths[number]] = f"{result.subject}: {result.reason}"
        elif reason := _known_damage(result.source):
            reasons[paths[number]] = f"{paths[number]} is damaged: {reason}"
        else:
            opened[paths[number]] = result
    return opened, [Problem(clip.origin, reasons[clip.path]) for clip in clips if clip.path in reasons]


def _known_damage(source: video.Video) -> str:
    """Return the damage that is known before a video is decoded; empty without any."""
    info = source.info
    return damage.describe(source.time_s, source.sound, video.DAMAGED) or info.holes or info.ends_early


def _extract(extractions: Sequence[Extraction], settings: TrainingSettings, progress: bool) -> None:
    """Extract the segments that the cache lacks, of all clips side by side."""
    lacking = [extraction for extraction in extractions if extraction.missing]
    n_workers = workers.count(settings.run.workers, len(lacking), WORTH_A_WORKER)
    jobs = [(extraction,) for extraction in lacking]
    counted = dict(workers.map_jobs(_counted, jobs, n_workers, "counting faces", progress=progress))
    tasks = [(counted[number].task(segment),) for number in range(len(jobs)) for segment in counted[number].missing]
    n_workers = workers.count(settings.run.workers, len(tasks), WORTH_A_WORKER)
    for _ in workers.map_jobs(extract_segment, tasks, n_workers, "extracting", progress=progress):
        pass


def _counted(extraction: Extraction) -> Extraction:
    """Return an extraction that knows how many faces to look for, if it has to look for any."""
    if extraction.missing_faces:
        _ = extraction.upright, extraction.max_faces
    return extraction


def sample(clip: Clip, features: ClipFeatures, labels: tuple[str, ...], inputs: Sequence[str] = INPUTS) -> Sample:
    """Cut a clip's stretch out of its features, and add labels."""
    # People label in a player, so all times of labels are on its clock.
    media_s = features.time_s + features.info.media_start_s
    inside = np.ones(len(media_s), bool)
    if not np.isnan(clip.start_s):
        inside &= media_s >= clip.start_s
    if not np.isnan(clip.end_s):
        inside &= media_s < clip.end_s
    frame, time_s = features.frame[inside], media_s[inside]
    label_time_s, frame_label = _labelled(clip, labels, frame, time_s)
    # Rows are ordered by frame, then track, and track 0 is seen longest.
    found, rows = np.unique(features.observations.frame, return_index=True)
    kept = np.isin(found, frame)
    detections = features.observations.take(rows[kept])
    if len(detections):
        course = Course.of(detections, media_s[np.searchsorted(features.frame, detections.frame)], inputs)
        start_s, steps = course.start_s, course.features
        step_label = frame_label[nearest(label_time_s, course.time_s)]
    else:
        width = n_features(inputs, detections.embedding.shape[1]) + 1
        start_s, steps, step_label = 0.0, np.empty((0, width), np.float32), np.empty(0, np.int64)
    return Sample(
        clip=clip,
        start_s=start_s,
        course=steps,
        target=target(clip, labels),
        label=label_of(clip, labels),
        step_label=step_label,
        time_s=label_time_s,
        frame_label=frame_label,
        seen=len(detections) / max(len(frame), 1),
    )


def _labelled(clip: Clip, labels: tuple[str, ...], frame: Int64, time_s: Float64) -> tuple[Float64, Int64]:
    """Return times and labels of a clip's frames, and of images that are missing but have labels of their own."""
    if not clip.path.is_dir():
        return time_s, truth(clip, labels, frame, time_s, frame + 1)
    number = video.image_numbers(clip.path)[frame]
    every = np.union1d(number, labelled_numbers(clip))
    if len(every) == len(number) or len(number) < 2:
        return time_s, truth(clip, labels, frame, time_s, number)
    step_s = (time_s[-1] - time_s[0]) / (number[-1] - number[0])
    return time_s[0] + (every - number[0]) * step_s, truth(clip, labels, every, time_s, every)


def nearest(sorted_values: Float64, wanted: Float64) -> Int64:
    """Return the index of the sorted value that is nearest to each wanted one."""
    right = np.searchsorted(sorted_values, wanted).clip(1, max(len(sorted_values) - 1, 1))
    left_is_nearer = wanted - sorted_values[right - 1] <= np.abs(
        sorted_values[np.minimum(right, len(sorted_values) - 1)] - wanted
    )
    return np.where(left_is_nearer, right - 1, np.minimum(right, len(sorted_values) - 1))
