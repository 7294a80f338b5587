"""What a worker process does for a batch. Each task stands alone: it may run anywhere, and again."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from fervideo import pipeline, video
from fervideo.batch.folder import Clip
from fervideo.cache import Cache
from fervideo.models import Models
from fervideo.segments import Extraction, SegmentTask, extract_segment
from fervideo.settings import Settings


class Done(NamedTuple):
    """Say how a clip came out.

    Attributes:
        damage: Why its results end before the clip does; empty where they do not.
        n_frames: Frames in its results.
    """

    damage: str
    n_frames: int


def open_clip(
    clip: Clip, settings: Settings, chosen: Models, place: Path | str | None, known: str, fresh: bool
) -> Extraction | None:
    """Look at a video, unless its content is known already.

    Args:
        clip: The video.
        settings: The batch's.
        chosen: The batch's models.
        place: The cache folder or URL.
        known: Fingerprint of the content that needs no work; empty for none.
        fresh: Whether everything is going to be extracted, whatever is stored.

    Returns:
        The extraction, ready to go; None where the content is known.

    Raises:
        VideoError: The video cannot be read at all.
    """
    extraction = look_at(clip, settings, chosen, place, known)
    if extraction is None:
        return None
    if fresh or extraction.missing_faces:
        # Counted here, once, and carried along: every segment's task needs the number.
        _ = extraction.max_faces
    return extraction


def look_at(clip: Clip, settings: Settings, chosen: Models, place: Path | str | None, known: str) -> Extraction | None:
    """Look at a video without preparing to extract anything; as `open_clip` otherwise."""
    if known and video.fingerprint(clip.path) == known:
        return None
    return pipeline.open_clip(clip.path, settings, chosen, place)


def finish_clip(clip: Clip, extraction: Extraction, hits: int) -> Done:
    """Turn a clip's shards into its results, and write them.

    Raises:
        OutputError: The results cannot be written.
    """
    timeline = pipeline.finish(extraction, hits)
    timeline.save(clip.folder, clip.stem)
    return Done(timeline.damage, int(timeline.provenance["frames_decoded"]))


def extract_from(source: video.Video, task: SegmentTask) -> dict[str, float]:
    """Extract a segment of a video that travels by itself, since it is the same for all of a clip's segments."""
    return extract_segment(replace(task, source=source))


def extract_apart(
    source: video.Video, task: SegmentTask, stored: dict[str, bytes]
) -> tuple[dict[str, float], dict[str, bytes]]:
    """Extract a segment where the cache cannot be reached: its file goes back as bytes.

    Returns:
        Seconds per stage, and what `cache.Cache.adopt` takes.
    """
    with TemporaryDirectory(prefix="fervideo-") as scratch:
        store = Cache(name="clip", base=Path(scratch), classifier=task.classifier.key)
        store.adopt(task.segment, stored)
        seconds = extract_segment(replace(task, source=source, store=store))
        return seconds, store.contents(task.segment)


def frames_per_s(extraction: Extraction) -> float:
    """Measure how fast one process extracts, with the first segment that is missing; it is not kept."""
    task = extraction.task(next(iter(extraction.missing), 0))
    began = time.perf_counter()
    extract_apart(task.source, task, task.store.contents(task.segment))
    return len(task.frame) / (time.perf_counter() - began)
