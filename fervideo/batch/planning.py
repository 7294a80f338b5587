"""A dry run: the work that a batch would do, and its duration."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from fervideo.batch import tables, tasks
from fervideo.batch.folder import Clip
from fervideo.batch.records import Options, PlannedClip
from fervideo.batch.setup import Batch
from fervideo.errors import FervideoError
from fervideo.segments import Extraction
from fervideo.settings import Settings
from fervideo.workers import Pool


def plan(
    folders: Sequence[Path], output: Path, settings: Settings, options: Options
) -> tuple[list[PlannedClip], float]:
    """Find out what `run` would do, and how long that would take.

    Args:
        folders: Folders of videos.
        output: The output folder.
        settings: Settings of all clips.
        options: How the batch would be run.

    Returns:
        One record per clip, and the seconds, 0 where nothing is left. The speed is that of the last batch into this
        folder; if there was none, one segment is extracted to measure it.

    Raises:
        UsageError: A folder or an option is not possible.
        WeightsError: Weights are missing or broken, or the sequence model does not fit the frame classifier.
    """
    batch = Batch.of(folders, output, settings, options)
    planned: dict[Clip, PlannedClip] = {}
    to_measure: Extraction | None = None
    with batch.cache_root() as cache_root:
        for clip, opened in _open_all(batch, cache_root):
            planned[clip], extraction = _planned(batch, clip, opened)
            to_measure = to_measure or extraction
        left = sum(clip.frames_left for clip in planned.values())
        speed = tables.measured_frames_per_s(batch.paths["batch"])
        if left and not speed and to_measure is not None:
            speed = tasks.frames_per_s(to_measure) * batch.n_workers
    return [planned[clip] for clip in batch.clips], left / speed if left else 0.0


def _open_all(batch: Batch, cache_root: Path | str) -> Iterator[tuple[Clip, Future[Any]]]:
    """Open all clips in worker processes, in any order; each future has the result of `tasks.open_clip`."""
    queue = deque(batch.clips)
    with Pool[Clip](batch.n_workers) as pool:
        while queue or pool.busy:
            while queue and pool.free:
                clip = queue.popleft()
                arguments = (
                    clip,
                    batch.settings,
                    batch.models,
                    cache_root,
                    batch.fingerprint(clip),
                    batch.options.overwrite,
                )
                pool.submit(clip, tasks.open_clip, *arguments)
            yield from pool.wait()


def _planned(batch: Batch, clip: Clip, opened: Future[Extraction | None]) -> tuple[PlannedClip, Extraction | None]:
    """Return the work that is left for a clip, and its extraction where something is left."""
    try:
        extraction = opened.result()
    except FervideoError as error:
        return PlannedClip(name=clip.name, state=error.reason), None
    except Exception as error:  # of any kind: it concerns this clip alone
        return PlannedClip(name=clip.name, state=f"cannot be opened ({type(error).__name__})"), None
    if extraction is None:
        state = "failed before" if batch.earlier[clip].failure else "done"
        return PlannedClip(name=clip.name, state=state), None
    missing = list(extraction.segments) if batch.options.fresh else extraction.missing
    begun = "begun" if len(missing) < len(extraction.segments) else "new"
    planned = PlannedClip(
        name=clip.name,
        state=begun if missing else "extracted",
        duration_s=extraction.source.info.duration_s,
        frames_left=sum(len(extraction.segments[segment]) for segment in missing),
    )
    return planned, extraction if missing else None
