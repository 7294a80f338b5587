"""The batch itself: run all tasks, and write the files over all clips, however the batch ends."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from fervideo import pipeline
from fervideo.batch import engines, tables
from fervideo.batch.records import Options, Report
from fervideo.batch.schedule import Outcome, Schedule
from fervideo.batch.setup import Batch
from fervideo.errors import OutputError
from fervideo.settings import Settings


def run(
    folders: Sequence[Path], output: Path, settings: Settings, options: Options, *, progress: bool = False
) -> Report:
    """Analyse all videos in folders; work that an earlier batch has done is not done again.

    Args:
        folders: Folders of videos.
        output: The output folder.
        settings: Settings of all clips.
        options: How to run.
        progress: Whether to show progress bars on stderr, where that is a terminal.

    Raises:
        UsageError: A folder, an option or the cluster's address is not possible.
        WeightsError: Weights are missing or broken, or the sequence model does not fit the frame classifier.
        OutputError: The cache or the output folder cannot be written, or is full; stored files stay.
    """
    batch = Batch.of(folders, output, settings, options)
    began_s = time.perf_counter()
    with batch.cache_root() as cache_root, engines.opened(batch, cache_root) as engine:
        schedule = Schedule(batch, engine, cache_root, progress=progress)
        try:
            schedule.run()
        except (OutputError, KeyboardInterrupt) as error:
            with suppress(OutputError):
                _report(batch, schedule.outcome, time.perf_counter() - began_s)
            if isinstance(error, OutputError):
                raise schedule.out_of_room(error) from error
            raise
    return _report(batch, schedule.outcome, time.perf_counter() - began_s)


def _report(batch: Batch, outcome: Outcome, seconds: float) -> Report:
    """Write the files over all clips, and return their content in short."""
    failures = {clip: outcome.failures[clip] for clip in batch.clips if clip in outcome.failures}
    done = [
        clip
        for clip in batch.clips
        if clip in outcome.done and (clip not in failures or failures[clip].stage == "decode")
    ]
    report = Report(
        clips=len(batch.clips),
        done=len(done),
        skipped=sum(not outcome.done[clip] for clip in done),
        failures={clip.name: failure for clip, failure in failures.items()},
        seconds=seconds,
        frames_per_s=outcome.n_frames / seconds if seconds else 0.0,
        paths=batch.paths,
    )
    tables.write_clips(report.paths["clips"], done, failures)
    tables.write_events(report.paths["events"], done)
    tables.write_failures(report.paths["failures"], failures)
    _write_record(batch, report, outcome.n_frames)
    return report


def _write_record(batch: Batch, report: Report, n_frames: int) -> None:
    path = report.paths["batch"]
    # A batch that extracts nothing leaves the speed of an earlier batch as it is.
    speed = round(report.frames_per_s, 1) if n_frames else tables.measured_frames_per_s(path)
    record = {
        "versions": pipeline.versions(),
        "engine": batch.options.engine,
        "workers": batch.n_workers,
        "shard": batch.options.shard,
        **batch.identity,
        "clips": report.clips,
        "done": report.done,
        "skipped": report.skipped,
        "failed": len(report.failures),
        "frames": n_frames,
        "seconds": round(report.seconds, 3),
        "frames_per_s": speed,
    }
    tables.write_record(path, record)
