"""One clip's timeline: its tables, and the record of the run that made them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from fervideo.errors import counted
from fervideo.records import AUTO_FACES, VideoInfo
from fervideo.timeline.tables import name_of

if TYPE_CHECKING:
    from fervideo.report.canvas import Figure

#: The expression in the summary of a face whose confidence is below `sequence.uncertain_below`.
UNCERTAIN = "uncertain"
#: Version of the tables, in the record of the run. It rises only where older versions of fervideo cannot read them.
SCHEMA = 1
#: Shares of time that are too small to be shown in the terminal.
_SMALL_SHARE = 0.01
#: Shares of the summary that the terminal shows, by the words above them.
_BEHAVIOUR = {
    "towards_share": "looks at camera",
    "left_share": "left",
    "right_share": "right",
    "up_share": "up",
    "down_share": "down",
    "smile_share": "smiles",
    "speaking_share": "talks",
}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Timeline:
    """The expressions of all faces of a clip; `fervideo.columns` explains the columns of its tables.

    Attributes:
        info: The video.
        labels: The expressions, in the order of every `p_`, `clip_p_` and `time_` column.
        frames: One row per face per frame, by frame then face; a frame without a face has one row with empty `face`.
            `status` is `ok` (seen), `gap` (lost for a short while and bridged: no `raw_`, box or measures), `no_face`,
            or `damaged`: a frame that cannot be decoded, or a last row where a file ends early.
        events: One row per event, by face then onset; half-open [onset_s, offset_s), `apex_s` at the highest
            probability.
        summary: One row per face; one without face and expression where the clip shows none.
        provenance: The record of the run, as in run.json: `schema`, `status` (`complete` or `damaged`), `reason`,
            `video`, `absolute_path`, `labels`, `settings`, and the keys that the caller added.
    """

    info: VideoInfo
    labels: tuple[str, ...]
    frames: pd.DataFrame
    events: pd.DataFrame
    summary: pd.DataFrame
    provenance: dict[str, Any]

    @property
    def damage(self) -> str:
        """Which frames are missing, and why; empty where none are."""
        return str(self.provenance["reason"])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Timeline):
            return NotImplemented
        same_tables = all(getattr(self, name).equals(getattr(other, name)) for name in ("frames", "events", "summary"))
        return same_tables and (self.info, self.labels, self.provenance) == (other.info, other.labels, other.provenance)

    def __repr__(self) -> str:
        counts = {"face": self.summary["face"].count(), "row": len(self.frames), "event": len(self.events)}
        return f"Timeline({self.info.path.name}: {', '.join(counted(n, noun) for noun, n in counts.items())})"

    def save(
        self,
        folder: Path | str,
        stem: str | None = None,
        overwrite: bool = False,
        *,
        format: str = "csv",  # noqa: A002  (the word that readers look for)
        hz: float | None = None,
    ) -> dict[str, Path]:
        """Write the timeline, by default as three tables and run.json; no file is ever half-written.

        Args:
            folder: Folder for the files; made if it is missing.
            stem: First part of the files' names, before `.timeline.csv` and so on; by default the video's stem.
            overwrite: Whether files that are there may be replaced. CSV of the same video always is.
            format: One of `outputs.FORMATS`: csv, elan, boris, webvtt, textgrid, parquet, jsonl, xlsx, openface.
            hz: Frames per second to keep; None for all.

        Returns:
            The paths of the files by name: `timeline`, `events`, `summary` and `run` for CSV.

        Raises:
            UsageError: The format is unknown, lacks its library, or has no frames to thin out.
            OutputError: Files are there already, belong to another video, or cannot be written.
        """
        from fervideo import outputs

        return outputs.save(self, Path(folder), stem, overwrite, format, hz)

    def resample(self, step_s: float, how: str = "mean", min_quality: float = 0.0) -> pd.DataFrame:
        """Put the frames of each face into bins of equal width in true time, never across gaps.

        Args:
            step_s: Width of a bin in seconds.
            how: `mean` or `median`, weighted by time; `min` or `max`.
            min_quality: Least `quality` of a frame that counts.

        Returns:
            For each face all bins of the clip: `face`, `time_s` (start of the bin), `good` (share of the bin in which
            the face is seen well), and the values.

        Raises:
            UsageError: A step, a quality or a way is not possible.
        """
        from fervideo.study.bins import resample

        return resample(self.frames, step_s, how, min_quality)

    def between(self, start_s: float, end_s: float) -> Timeline:
        """Return the stretch [start_s, end_s), events cut to it; times stay those of the whole video.

        Raises:
            UsageError: The stretch contains no frame.
        """
        from fervideo.study.stretch import between

        return between(self, start_s, end_s)

    def select(self, face: str | int) -> Timeline:
        """Return the timeline of some faces; a frame that shows none of them keeps its time, as `no_face`.

        Args:
            face: `all`, `longest`, `largest`, `left`, `right`, or the number or the name of a face.

        Raises:
            UsageError: No face is like that.
        """
        from fervideo.study.stretch import select

        return select(self, face)

    def plot(
        self,
        path: Path | str | None = None,
        *,
        video: Path | str | None = None,
        frames: int | None = None,
        face: str | int = "all",
        width: str = "two",
    ) -> Figure:
        """Draw the timeline as a figure for a paper: probabilities, events, and perhaps faces along the axis.

        Args:
            path: The file to write, .png, .svg or .pdf; the same timeline gives the same bytes. None for none.
            video: The video, from which faces are taken; None for a figure without faces.
            frames: Number of faces along the axis; None for as many as the width can show well.
            face: Rule, number or name of the faces to draw, as for `select`.
            width: `one` column (85 mm) or `two` (180 mm).

        Returns:
            The figure of matplotlib, to change or to save.

        Raises:
            UsageError: A name, a width, a number or a face is not possible, or the video is another one.
            VideoError: The video cannot be read.
            OutputError: The file cannot be written.
        """
        from fervideo.report import canvas, footage

        if path is not None:
            canvas.check_path(Path(path))
        where = None if video is None else Path(video)
        name = self.info.path.stem
        figure = footage.plot([self], [name], where, face=str(face), n_pictures=frames, width=width)
        if path is not None:
            canvas.save(figure, Path(path))
        return figure


def describe(timeline: Timeline) -> str:
    """Return a short table for the terminal: per face its coverage, expressions and number of events."""
    lines = [("face", "coverage", "mostly", "share of time", "events")]
    expressions = timeline.events[timeline.events["kind"] == "expression"]
    for _, row in timeline.summary.dropna(subset=["face"]).iterrows():
        shares = sorted(((row[f"time_{name}"], name) for name in timeline.labels), key=lambda share: -share[0])
        shown = ", ".join(f"{name} {share:.0%}" for share, name in shares if share >= _SMALL_SHARE)
        n_events = int((expressions["face"] == row["face"]).sum())
        lines.append((_person(row), f"{row['coverage']:.0%}", row["expression"], shown, str(n_events)))
    texts = ["no face found"] if len(lines) == 1 else [*_aligned(lines), *_behaviour(timeline)]
    texts += _hints(timeline)
    if timeline.damage:
        texts.append(f"damaged: {timeline.damage}")
    texts += [f"note: {note}" for note in timeline.provenance.get("notes", ())]
    return "\n".join(texts)


def _aligned(lines: Sequence[tuple[str, ...]]) -> list[str]:
    """Return rows of cells as lines with columns below each other."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def _behaviour(timeline: Timeline) -> list[str]:
    """Return a table of gaze, blinks, smiles and talk, one row for each face whose eyes are seen."""
    rows = timeline.summary.dropna(subset=["face", "towards_share"])
    lines = [("face", *_BEHAVIOUR.values(), "blinks/min")]
    for _, row in rows.iterrows():
        shares = ("" if pd.isna(row[name]) else f"{row[name]:.0%}" for name in _BEHAVIOUR)
        lines.append((_person(row), *shares, f"{row['blinks_per_min']:.0f}"))
    return ["", *_aligned(lines), "left and right are the person's own; talks is judged by sight"] if len(rows) else []


def _person(row: pd.Series[Any]) -> str:
    """Return the number of a face, and its name if it has one."""
    return " ".join(filter(None, (str(row["face"]), name_of(row))))


def _hints(timeline: Timeline) -> list[str]:
    """Return a line for each face that may be an earlier one, for each picture of one, and for faces left out."""
    faces = timeline.summary.dropna(subset=["face"])
    again, still = faces.dropna(subset=["maybe_face"]), faces[faces["still"] == 1]
    lines = [f"face {row['face']} may be face {row['maybe_face']} again" for _, row in again.iterrows()]
    lines += [f"face {row['face']} never moves: perhaps a picture" for _, row in still.iterrows()]
    seen = timeline.provenance.get("faces_seen") or 0
    if seen > AUTO_FACES:
        lines.append(f"{seen} faces seen at once, {AUTO_FACES} analysed; --faces {seen} analyses all")
    return lines
