"""The work of a worker process for a batch. Each task stands alone: it may run anywhere, and again."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from fervideo import atomic, outputs, pipeline, video
from fervideo.batch.folder import Clip
from fervideo.cache import Cache
from fervideo.errors import FervideoError, OutputError
from fervideo.models import Models
from fervideo.segments import Extraction, SegmentTask, extract_segment
from fervideo.settings import Settings

Stage = Literal["open", "extract", "finish"]


@dataclass(frozen=True, kw_only=True)
class TaskId:
    """The identity of a task.

    Attributes:
        stage: Kind of work: `open`, `extract` or `finish`.
        clip: The clip.
        segment: Number of the segment at stage `extract`, else -1.
    """

    stage: Stage
    clip: Clip
    segment: int = -1


class AnotherVideo(FervideoError):
    """A clip whose results have the names of another video's; it fails alone, since the folder is not at fault."""


def open_clip(
    clip: Clip, settings: Settings, models: Models, cache_root: Path | str, fingerprint: str, overwrite: bool
) -> Extraction | None:
    """Open a video, unless its content needs no work.

    Args:
        clip: The video.
        settings: The batch's.
        models: The batch's.
        cache_root: The cache's folder or URL.
        fingerprint: Fingerprint of the content that needs no work; empty for none.
        overwrite: Whether results of another video may be replaced.

    Returns:
        The extraction; None where the content needs no work.

    Raises:
        VideoError: The video cannot be read at all.
        AnotherVideo: Results of another video would be replaced.
    """
    if fingerprint and video.fingerprint(clip.path) == fingerprint:
        return None
    _check_free(clip, overwrite)
    return pipeline.open_clip(clip.path, settings, models, cache_root)


def prepare_clip(
    clip: Clip,
    settings: Settings,
    models: Models,
    cache_root: Path | str,
    fingerprint: str,
    overwrite: bool,
    fresh: bool,
) -> Extraction | None:
    """Open a video, and count its faces if faces are to be found in it; as `open_clip` otherwise.

    Args:
        clip: The video.
        settings: The batch's.
        models: The batch's.
        cache_root: The cache's folder or URL.
        fingerprint: Fingerprint of the content that needs no work; empty for none.
        overwrite: Whether results of another video may be replaced.
        fresh: Whether everything is going to be extracted, stored or not.

    Returns:
        The extraction, ready for its segments; None where the content needs no work.

    Raises:
        VideoError: The video cannot be read at all.
        AnotherVideo: Results of another video would be replaced.
    """
    extraction = open_clip(clip, settings, models, cache_root, fingerprint, overwrite)
    if extraction is not None and (fresh or extraction.missing_faces):
        # Found here, once, and carried along: every segment's task needs them.
        _ = extraction.upright, extraction.max_faces
    return extraction


def finish_clip(clip: Clip, extraction: Extraction, hits: int, overwrite: bool) -> str:
    """Turn a clip's shards into its results, and write them.

    Args:
        clip: The video.
        extraction: Its extraction, with all segments stored.
        hits: How many segments were stored before the batch.
        overwrite: Whether results of another video may be replaced.

    Returns:
        Which frames of the clip are missing, and why; empty where none are.

    Raises:
        OutputError: The results cannot be written.
        AnotherVideo: Results of another video would be replaced.
    """
    timeline = pipeline.finish(extraction, hits)
    # Checked again: other results may have come since, or be out of reach of the process that opened the clip.
    _check_free(clip, overwrite)
    timeline.save(clip.folder, clip.stem, overwrite=True)
    return timeline.damage


def _check_free(clip: Clip, overwrite: bool) -> None:
    """Check that no results of another video would be replaced.

    Raises:
        AnotherVideo: Some would.
    """
    if overwrite:
        return
    try:
        outputs.check_free(clip.folder, clip.stem, clip.path, lambda: video.fingerprint(clip.path))
    except OutputError as error:
        raise AnotherVideo(error.subject, error.reason, error.remedy) from None


def extract_from(source: video.Video, task: SegmentTask) -> dict[str, float]:
    """Extract a segment of a video that travels by itself, since it is the same for all of a clip's segments."""
    return extract_segment(replace(task, source=source))


def extract_apart(
    source: video.Video, task: SegmentTask, stored: dict[str, bytes]
) -> tuple[dict[str, float], dict[str, bytes]]:
    """Extract a segment where the cache cannot be reached: its files come and go as bytes.

    Args:
        source: The video, which travels by itself.
        task: The segment.
        stored: The segment's files that the cache has, by name.

    Returns:
        Seconds per stage, and files for `cache.Cache.adopt`.
    """
    with atomic.scratch_folder() as scratch:
        store = Cache(name="clip", base=scratch, classifier=task.classifier.key)
        store.adopt(task.segment, stored)
        seconds = extract_segment(replace(task, source=source, store=store))
        return seconds, store.contents(task.segment)


def frames_per_s(extraction: Extraction) -> float:
    """Measure how fast one process extracts, with the first segment that is missing; it is not kept."""
    task = extraction.task(next(iter(extraction.missing), 0))
    began = time.perf_counter()
    extract_apart(task.source, task, task.store.contents(task.segment))
    return len(task.frame) / (time.perf_counter() - began)
