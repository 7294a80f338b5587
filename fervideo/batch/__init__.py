"""Many videos: find them, run all their segments, keep count of what is done and of what failed.

folder.py    which clips there are, and where the results of each go
tasks.py     what a worker process does: open a clip, finish a clip (a segment is the pipeline's own task)
schedule.py  which task comes next, and what becomes of a clip whose task fails
cluster.py   the same tasks on a Ray cluster
tables.py    what is known of each clip: records beside its results, and the tables over all clips
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fervideo import cache, pipeline
from fervideo.batch import tables, tasks
from fervideo.batch.folder import Clip, find, shard
from fervideo.batch.schedule import Engine, Outcome, Schedule, Step
from fervideo.errors import FervideoError, OutputError, UsageError, counted
from fervideo.settings import Settings
from fervideo.workers import Pool


@dataclass(frozen=True)
class Options:
    """Say how a batch is run; nothing here changes a result.

    Attributes:
        glob: What file names must match; None for the suffixes of videos.
        recursive: Whether to look into folders below.
        engine: `local` or `ray`.
        address: Of the Ray cluster.
        retry_failed: Whether clips that failed before are tried again.
        fresh: Whether everything is done anew.
        timeout_min: Longest time for one piece of work: opening a clip, a segment, finishing a clip.
        on_error: `continue` with the other clips, or `stop`.
        shard: `i/n` for the i-th of n shares of the clips; None for all.
        overwrite: Whether results of other videos may be replaced.
    """

    glob: str | None = None
    recursive: bool = True
    engine: str = "local"
    address: str = "auto"
    retry_failed: bool = False
    fresh: bool = False
    timeout_min: float = 30.0
    on_error: str = "continue"
    shard: str | None = None
    overwrite: bool = False


@dataclass(frozen=True)
class Report:
    """Say how a batch came out.

    Attributes:
        clips: How many there are.
        done: How many have results now.
        skipped: How many of these had them before.
        failures: Clip name to what went wrong.
        seconds: How long it took.
        frames_per_s: Frames extracted in that time.
        paths: Of `clips`, `failures` and `batch`.
    """

    clips: int
    done: int
    skipped: int
    failures: dict[str, tables.Failure]
    seconds: float
    frames_per_s: float
    paths: dict[str, Path]


@dataclass(frozen=True)
class Prospect:
    """Say what a batch would do with a clip.

    Attributes:
        name: Its path below the input folder.
        state: `done`, `failed before`, `new`, `begun`, `extracted`, or why it cannot be opened.
        duration_s: Its length; 0 where it was not looked at.
        frames_left: Frames to extract.
    """

    name: str
    state: str
    duration_s: float = 0.0
    frames_left: int = 0


def run(
    folders: Sequence[Path], output: Path, settings: Settings, options: Options, *, progress: bool = False
) -> Report:
    """Analyse all videos in folders; what an earlier batch has done is not done again.

    Args:
        folders: Where the videos are.
        output: Where results go.
        settings: For all clips.
        options: How to run.
        progress: Whether to show progress bars on stderr, where that is a terminal.

    Raises:
        UsageError: A folder, an option or the cluster's address is not possible.
        WeightsError: The sequence model does not fit the frame CNN.
        OutputError: The cache or the output folder cannot be written, or is full; what is stored stays.
    """
    clips = shard(find(folders, output, options.glob, recursive=options.recursive), options.shard)
    pipeline.check(settings)
    known = {} if options.fresh else _known(clips, settings, retry_failed=options.retry_failed)
    began = time.perf_counter()
    with _place(settings) as place, _engine(settings, options, place, output) as engine:
        work = Schedule(
            clips,
            settings,
            engine,
            place,
            known=known,
            fresh=options.fresh,
            overwrite=options.overwrite,
            stop_on_error=options.on_error == "stop",
            progress=progress,
        )
        try:
            work.run()
        except (OutputError, KeyboardInterrupt) as error:
            with suppress(OutputError):
                _report(clips, work.outcome, output, settings, options, time.perf_counter() - began)
            if isinstance(error, OutputError):
                raise work.out_of_room(error) from error
            raise
    return _report(clips, work.outcome, output, settings, options, time.perf_counter() - began)


def plan(folders: Sequence[Path], output: Path, settings: Settings, options: Options) -> tuple[list[Prospect], float]:
    """Tell what `run` would do, and how long that would take.

    Returns:
        One prospect per clip, and the seconds: from the speed of the last batch into this folder, else from one segment
        that is extracted to measure it; 0 where nothing is left.

    Raises:
        UsageError: A folder, an option or the cluster's address is not possible.
    """
    clips = shard(find(folders, output, options.glob, recursive=options.recursive), options.shard)
    known = {} if options.fresh else _known(clips, settings, retry_failed=options.retry_failed)
    prospects: dict[Clip, Prospect] = {}
    to_measure: pipeline.Extraction | None = None
    with _place(settings) as place, Pool[Step](_n_workers(settings)) as engine:
        queue = list(reversed(clips))
        while queue or engine.busy:
            while queue and engine.free:
                clip = queue.pop()
                fingerprint = known[clip].fingerprint if clip in known else ""
                arguments = (clip, settings, place, fingerprint, options.overwrite)
                engine.submit(Step("open", clip), tasks.look_at, *arguments)
            for step, future in engine.wait():
                failed = step.clip in known and known[step.clip].failure is not None
                prospects[step.clip], extraction = _prospect(
                    step.clip, future, failed_before=failed, fresh=options.fresh
                )
                to_measure = to_measure or extraction
        left = sum(prospect.frames_left for prospect in prospects.values())
        speed = tables.measured_frames_per_s(output / _names(options)["batch"])
        if left and not speed and to_measure is not None:
            speed = tasks.frames_per_s(to_measure) * _n_workers(settings)
    return [prospects[clip] for clip in clips], left / speed if left else 0.0


def describe(report: Report) -> str:
    """Write what came out for the terminal."""
    line = f"{report.done} of {report.clips} clips done ({report.skipped} before), {len(report.failures)} with failures"
    line += f", in {_span(report.seconds)}"
    if report.frames_per_s:
        line += f", {report.frames_per_s:.0f} frames/s"
    return "\n".join([line, *(f"wrote {path}" for path in report.paths.values())])


def describe_plan(prospects: Sequence[Prospect], seconds: float) -> str:
    """Write what would be done for the terminal: one line per clip and a last one for all."""
    lines = []
    for prospect in prospects:
        length = _span(prospect.duration_s) if prospect.duration_s else ""
        lines.append(f"{length:>9}  {prospect.state:<10}  {prospect.name}")
    left = [prospect for prospect in prospects if prospect.duration_s]
    total = (
        f"{len(left)} of {len(prospects)} clips to do, {_span(sum(prospect.duration_s for prospect in left))} of video"
    )
    frames = sum(prospect.frames_left for prospect in left)
    return "\n".join([*lines, f"{total}, {counted(frames, 'frame')} to extract: about {_span(seconds)}"])


def _span(seconds: float) -> str:
    """Write a length of time as h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def _prospect(
    clip: Clip, future: Future[Any], *, failed_before: bool, fresh: bool
) -> tuple[Prospect, pipeline.Extraction | None]:
    try:
        extraction: pipeline.Extraction | None = future.result()
    except FervideoError as error:
        return Prospect(clip.name, error.reason), None
    except Exception as error:  # whatever it is, it is this clip's alone
        return Prospect(clip.name, f"cannot be opened ({type(error).__name__})"), None
    if extraction is None:
        return Prospect(clip.name, "failed before" if failed_before else "done"), None
    missing = list(extraction.segments) if fresh else extraction.missing
    begun = "begun" if len(missing) < len(extraction.segments) else "new"
    left = sum(len(extraction.segments[segment]) for segment in missing)
    info = extraction.source.info
    return Prospect(
        clip.name, begun if missing else "extracted", info.duration_s, left
    ), extraction if missing else None


def _known(clips: Sequence[Clip], settings: Settings, *, retry_failed: bool) -> dict[Clip, tables.Known]:
    """Read what earlier batches found out about clips."""
    wanted = tables.identity(settings)
    found = {clip: known for clip in clips if (known := tables.known(clip, wanted))}
    if not retry_failed:
        return found
    return {clip: known for clip, known in found.items() if known.failure is None or known.failure.stage == "decode"}


def _n_workers(settings: Settings) -> int:
    return settings.run.workers or os.cpu_count() or 1


@contextmanager
def _place(settings: Settings) -> Iterator[Path | str]:
    """Provide the cache folder or URL: without a cache segments pass through one that goes with the batch."""
    if settings.run.cache:
        yield cache.chosen()
        return
    with TemporaryDirectory(prefix="fervideo-") as scratch:
        yield Path(scratch)


@contextmanager
def _engine(settings: Settings, options: Options, place: Path | str, output: Path) -> Iterator[Engine]:
    timeout_s = options.timeout_min * 60
    if options.engine == "local":
        with Pool[Step](_n_workers(settings), timeout_s) as pool:
            yield pool
    elif options.engine == "ray":
        from fervideo.batch.cluster import connect

        with connect(options.address, settings.run.workers, timeout_s, place, output) as cluster:
            yield cluster
    else:
        raise UsageError(f"--engine {options.engine}", "is unknown", "use local or ray")


def _names(options: Options) -> dict[str, str]:
    """Name the files over all clips; a shard has its own."""
    part = f".{options.shard.replace('/', '-of-')}" if options.shard else ""
    return {"clips": f"clips{part}.csv", "failures": f"failures{part}.csv", "batch": f"batch{part}.json"}


def _report(
    clips: Sequence[Clip], outcome: Outcome, output: Path, settings: Settings, options: Options, seconds: float
) -> Report:
    """Write the files over all clips."""
    done = [clip for clip in clips if clip in outcome.done]
    failures = {clip: outcome.failures[clip] for clip in clips if clip in outcome.failures}
    done = [clip for clip in done if clip not in failures or failures[clip].stage == "decode"]
    paths = {name: output / file for name, file in _names(options).items()}
    report = Report(
        clips=len(clips),
        done=len(done),
        skipped=sum(not outcome.done[clip] for clip in done),
        failures={clip.name: failure for clip, failure in failures.items()},
        seconds=seconds,
        frames_per_s=outcome.n_frames / seconds if seconds else 0.0,
        paths=paths,
    )
    tables.write_clips(paths["clips"], done, failures)
    tables.write_failures(paths["failures"], failures)
    record = {
        "versions": pipeline.versions(),
        "engine": options.engine,
        "workers": _n_workers(settings),
        "shard": options.shard,
        **tables.identity(settings),
        "clips": report.clips,
        "done": report.done,
        "skipped": report.skipped,
        "failed": len(failures),
        "frames": outcome.n_frames,
        "seconds": round(seconds, 3),
        "frames_per_s": round(report.frames_per_s, 1),
    }
    if outcome.n_frames == 0:
        # Nothing was measured: what an earlier batch measured stays good.
        record["frames_per_s"] = tables.measured_frames_per_s(paths["batch"])
    tables.write_record(paths["batch"], record)
    return report
