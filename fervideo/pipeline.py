"""The way from a video to a timeline: segments, then tracks, then expressions, then tables.

Features always pass through the cache, on disk or in a temporary folder. So a first and a second run compute the same
from there on. Parts that need torch import it at the point of use: see `segments.py`.
"""

from __future__ import annotations

import importlib.metadata
import logging
import math
import platform
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from fervideo import atomic, models, sequence, timeline, tracking, video
from fervideo.cache import Cache
from fervideo.errors import VideoError
from fervideo.models import Models
from fervideo.outputs import baseline
from fervideo.records import ClipExpressions, ClipFeatures, VideoInfo
from fervideo.segments import Extraction
from fervideo.sequence import load
from fervideo.settings import Settings, chosen
from fervideo.stopwatch import Stopwatch
from fervideo.study.naming import named
from fervideo.timeline import Timeline
from fervideo.timeline.baseline import relative

_log = logging.getLogger("fervideo")


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
        The timeline. Frames that cannot be decoded have rows with the status `damaged`; `Timeline.damage` lists them.

    Raises:
        VideoError: The video cannot be read at all.
        WeightsError: Weights are missing or broken, or the sequence model does not fit the frame classifier.
        UsageError: A setting or an option is not possible, or `cuda` is asked for where there is none.
        OutputError: The cache cannot be written.
    """
    wanted = chosen(settings, options)
    run_models = models.resolve(wanted)
    with atomic.scratch_folder() as scratch:
        extraction = open_clip(Path(path), wanted, run_models, None if wanted.run.cache else scratch)
        return finish(extraction, extraction.run(progress=progress))


def open_clip(path: Path, settings: Settings, run_models: Models, base: Path | str | None = None) -> Extraction:
    """Open a video, and find its segments in the cache.

    Args:
        path: The video.
        settings: The run's.
        run_models: The run's models.
        base: The folder or URL of the cache, if not the user's.

    Raises:
        VideoError: The video cannot be read at all, or lacks the part that the settings choose.
    """
    baseline.read(settings.measures.baseline)  # a file that cannot be read is better known now than after the work
    watch = Stopwatch()
    with watch("probe"):
        source = video.probe(path, settings.video)
    weights = run_models.frame.key, run_models.sequence.digest
    store = Cache.of_clip(source.info.fingerprint, settings, *weights, base)
    extraction = Extraction(source=source, settings=settings, models=run_models, store=store, watch=watch)
    if not extraction.segments:
        reason = f"has no frame from {_shown_s(extraction)}; its last is at {source.time_s[-1]:g} s"
        raise VideoError(path, reason, "choose another --from or --to")
    return extraction


def _shown_s(extraction: Extraction) -> str:
    start_s, end_s = extraction.stretch_s
    return f"{start_s:g} s on" if math.isinf(end_s) else f"{start_s:g} to {end_s:g} s"


def _info_of_part(extraction: Extraction) -> VideoInfo:
    """Return the facts of a video; a part of it that ends before the file does lacks nothing at its end."""
    info = extraction.upright.info
    ends_before = extraction.stretch_s[1] <= extraction.source.time_s[-1]
    return replace(info, ends_early="") if ends_before else info


def finish(extraction: Extraction, hits: int) -> Timeline:
    """Join a clip's shards into tracks and its tracks into a timeline.

    Args:
        extraction: All of whose segments are stored; those that are not are extracted here.
        hits: How many were stored before the run.

    Raises:
        WeightsError: Weights are missing or broken, or the sequence model does not fit the frame classifier.
        UsageError: The clip lacks a face that is to have a name, or a good frame for a baseline.
        OutputError: The cache cannot be written.
    """
    settings, watch = extraction.settings, extraction.watch
    extraction.store.touch()
    if extraction.upright.rotate_deg and settings.video.rotate == "auto":
        path = extraction.source.info.path
        _log.warning("%s: its faces stand on their heads, so it is turned by 180 degrees; --rotate 0 leaves it", path)
    with watch("tracking"):
        joined = tracking.join(extraction.shards(), settings.tracking, extraction.stretch_s)
        features = ClipFeatures(_info_of_part(extraction), *joined)
    if change := video.changed(extraction.source):
        features = replace(features, info=replace(features.info, ends_early=change))
    with watch("sequence"):
        expressions = _expressions(extraction, features)
    seconds = watch.total_s
    provenance = {
        "versions": versions(),
        "weights": extraction.models.digests,
        "device": expressions.device,
        "notes": list(extraction.source.notes),
        "frames_decoded": int(features.sound.sum()),
        "faces_seen": extraction.faces_seen,
        "cache": {"segments": len(extraction.segments), "hits": hits},
        "seconds": {stage: round(amount, 3) for stage, amount in watch.seconds.items()} | {"total": round(seconds, 3)},
        "frames_per_s": round(len(features.frame) / seconds, 1) if seconds else 0.0,
    }
    if extraction.is_part:
        # As in a stretch of a timeline that is cut out later.
        start_s, end_s = extraction.stretch_s
        provenance["between_s"] = [start_s, min(end_s, features.info.duration_s)]
    found = timeline.build(features, expressions.tracks, settings, provenance, expressions.labels)
    if settings.measures.names is not None:
        found = named(found, settings.measures.names)
    how = settings.measures.baseline
    return found if how is None else relative(found, how, baseline.read(how), baseline.digest(how))


def _expressions(extraction: Extraction, features: ClipFeatures) -> ClipExpressions:
    """Return the sequence model's predictions for a clip, from an earlier run if they are stored."""
    known = extraction.store.expressions()
    if known is None:
        settings, model = extraction.settings, load.loaded(extraction.models.sequence)
        known = sequence.predict_clip(model, features, settings.sequence, settings.tracking.max_gap_s)
        extraction.store.put_expressions(known)
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
