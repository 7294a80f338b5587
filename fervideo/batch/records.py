"""The options of a batch, its report and its plan, with text of them for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fervideo.batch.tables import Failure
from fervideo.errors import counted


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of a batch: how it is run; nothing here changes a result.

    Attributes:
        glob: Pattern that file names must match; None for the suffixes of videos.
        recursive: Whether to search folders below, too.
        engine: `local` or `ray`.
        address: Address of the Ray cluster.
        retry_failed: Whether clips that failed before are tried again.
        fresh: Whether everything is done again.
        timeout_min: Longest time for one task: opening a clip, extracting a segment, finishing a clip.
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


@dataclass(frozen=True, kw_only=True)
class Report:
    """The outcome of a batch.

    Attributes:
        clips: Number of clips.
        done: Number of clips that have results now.
        skipped: Number of these that had them before.
        failures: Stage, error and remedy of each failure, by the name of the clip.
        seconds: Duration of the batch.
        frames_per_s: Frames extracted per second of the batch.
        paths: Files over all clips: `clips`, `events`, `failures` and `batch`.
    """

    clips: int
    done: int
    skipped: int
    failures: Mapping[str, Failure]
    seconds: float
    frames_per_s: float
    paths: Mapping[str, Path]


@dataclass(frozen=True, kw_only=True)
class PlannedClip:
    """The work that a batch would do for a clip.

    Attributes:
        name: Path below the input folder.
        state: `done`, `failed before`, `new`, `begun`, `extracted`, or why it cannot be opened.
        duration_s: Length of the clip; 0 where it was not opened.
        frames_left: Frames to extract.
    """

    name: str
    state: str
    duration_s: float = 0.0
    frames_left: int = 0


def describe(report: Report) -> str:
    """Return the outcome of a batch as text."""
    line = f"{report.done} of {report.clips} clips done ({report.skipped} before), {len(report.failures)} with failures"
    line += f", in {_span(report.seconds)}"
    if report.frames_per_s:
        line += f", {report.frames_per_s:.0f} frames/s"
    return "\n".join([line, *(f"wrote {path}" for path in report.paths.values())])


def describe_plan(planned: Sequence[PlannedClip], seconds: float) -> str:
    """Return a plan as text: one line per clip, and a last one for all.

    Args:
        planned: Clips, with the work that is left for each.
        seconds: Duration of all the work.
    """
    lines = []
    for clip in planned:
        length = _span(clip.duration_s) if clip.duration_s else ""
        lines.append(f"{length:>9}  {clip.state:<10}  {clip.name}")
    left = [clip for clip in planned if clip.duration_s]
    total = f"{len(left)} of {len(planned)} clips to do, {_span(sum(clip.duration_s for clip in left))} of video"
    frames = sum(clip.frames_left for clip in left)
    return "\n".join([*lines, f"{total}, {counted(frames, 'frame')} to extract: about {_span(seconds)}"])


def _span(seconds: float) -> str:
    """Return a length of time as h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
