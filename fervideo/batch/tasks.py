"""What a worker process does for a batch. Each task stands alone: it may run anywhere, and again."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from fervideo import cache, outputs, pipeline, video
from fervideo.batch.folder import Clip
from fervideo.errors import FervideoError, OutputError
from fervideo.segments import SegmentTask, extract_segment
from fervideo.settings import Settings


class Done(NamedTuple):
    """Say how a clip came out.

    Attributes:
        damage: Why its results end before the clip does; empty where they do not.
        n_frames: Frames in its results.
    """

    damage: str
    n_frames: int


class AnotherVideo(FervideoError):
    """A clip that has the names of another video's results; it fails alone, as the folder is not at fault."""


def open_clip(
    clip: Clip, settings: Settings, place: Path | str | None, known: str, fresh: bool, overwrite: bool
) -> pipeline.Extraction | None:
    """Look at a video, unless its content is known already.

    Args:
        clip: The video.
        settings: The batch's.
        place: The cache folder or URL.
        known: Fingerprint of the content that needs no work; empty for none.
        fresh: Whether everything is going to be extracted, even if it is stored.
        overwrite: Whether results of another video may be replaced.

    Returns:
        The extraction, ready to go; None where the content is known.

    Raises:
        VideoError: The video cannot be read at all.
        AnotherVideo: Results of another video would be replaced.
    """
    extraction = look_at(clip, settings, place, known, overwrite)
    if extraction is None:
        return None
    if fresh or extraction.missing:
        # Counted here, once, and carried along: every segment's task needs the number.
        _ = extraction.max_faces
    return extraction


def look_at(
    clip: Clip, settings: Settings, place: Path | str | None, known: str, overwrite: bool
) -> pipeline.Extraction | None:
    """Look at a video without preparing to extract anything; as `open_clip` otherwise."""
    if known and video.fingerprint(clip.path) == known:
        return None
    _check_free(clip, overwrite)
    return pipeline.open_clip(clip.path, settings, place)


def _check_free(clip: Clip, overwrite: bool) -> None:
    """Check that no results of another video would be replaced.

    Raises:
        AnotherVideo: Some would.
    """
    if overwrite:
        return
    try:
        outputs.check_free(clip.folder, clip.stem, clip.path)
    except OutputError as error:
        raise AnotherVideo(error.subject, error.reason, error.remedy) from None


def finish_clip(clip: Clip, extraction: pipeline.Extraction, hits: int, overwrite: bool) -> Done:
    """Turn a clip's shards into its results, and write them.

    Raises:
        OutputError: The results cannot be written.
        AnotherVideo: Results of another video would be replaced.
    """
    timeline = pipeline.finish(extraction, hits)
    # Checked again: the results may have come since, or be out of reach of the process that opened the clip.
    _check_free(clip, overwrite)
    timeline.save(clip.folder, clip.stem, overwrite=True)
    return Done(timeline.damage, int(timeline.provenance["frames_decoded"]))


def extract_from(source: video.Video, task: SegmentTask) -> dict[str, float]:
    """Extract a segment of a video that travels by itself, since it is the same for all of a clip's segments."""
    return extract_segment(replace(task, source=source))


def extract_apart(source: video.Video, task: SegmentTask) -> tuple[dict[str, float], bytes]:
    """Extract a segment where the cache cannot be reached: its file goes back as bytes.

    Returns:
        Seconds per stage, and what `cache.Cache.adopt` takes.
    """
    with TemporaryDirectory(prefix="fervideo-") as scratch:
        store = cache.Cache("clip", Path(scratch))
        seconds = extract_segment(replace(task, source=source, store=store))
        return seconds, store.path(task.segment).read_bytes()


def frames_per_s(extraction: pipeline.Extraction) -> float:
    """Measure how fast one process extracts, with the first segment that is missing; it is not kept."""
    task = extraction.task(next(iter(extraction.missing), 0))
    began = time.perf_counter()
    extract_apart(task.source, task)
    return len(task.frame) / (time.perf_counter() - began)
