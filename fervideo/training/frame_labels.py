"""Labels per frame: from a file, from an interval, or made up from a clip's label."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from fervideo.records import EXPRESSIONS, Float64, Int64
from fervideo.training.datasets.files import header, seconds, table_rows, text_of, whole_number
from fervideo.training.manifest import Clip, Manifest, Problem, canonical, label_problem

#: How a label is tied to a frame: by its index in the file, its time, or the number in its image's name.
KINDS = ("frame", "time_s", "number")


@dataclass(frozen=True)
class LabelFile:
    """The labels of a file.

    Attributes:
        kind: Meaning of `at`, one of KINDS; the label at a time holds until the next time.
        at: float64 (n,), rising: index, time in seconds, or number of each labelled frame.
        names: The label at each, empty where there is none.
        problems: Faults of the file.
    """

    kind: str
    at: Float64
    names: tuple[str, ...]
    problems: tuple[Problem, ...]

    def weights(self, start_s: float = math.nan, end_s: float = math.nan) -> Float64:
        """Return how long each label holds, in seconds where the file has times, else in frames.

        The file does not contain the end of its last label, which counts as long as the mean one without `end_s`.

        Args:
            start_s: Start of the stretch that counts; NaN for the first label.
            end_s: End of the stretch that counts; NaN where it is unknown.

        Returns:
            float64 (n,), 0 for a label outside the stretch.
        """
        if self.kind != "time_s" or not len(self.at):
            return np.ones(len(self.at))
        held_s = np.diff(self.at)
        start = self.at[0] if math.isnan(start_s) else start_s
        end = self.at[-1] + (held_s.mean() if len(held_s) else 1.0) if math.isnan(end_s) else end_s
        return np.diff(np.append(self.at, end).clip(start, end))


@lru_cache(maxsize=4096)
def read(path: Path) -> LabelFile:
    """Read `time_s,label` or `frame,label` with a header, or Aff-Wild2's lines of numbers below a line of names."""
    found = Manifest(path, "frames")
    columns = header(path)
    if columns and {canonical(name) for name in columns} <= {*EXPRESSIONS, "other"}:
        return _aff_wild2(path, found, columns)
    kind = "time_s" if "time_s" in columns else "frame"
    lacking = [
        name for name, there in (("label", "label" in columns), ("time_s or frame", kind in columns)) if not there
    ]
    if path.is_file() and lacking:
        found.add_problem(
            path, f"has no column {' and no column '.join(lacking)}; its columns: {', '.join(columns) or 'none'}"
        )
        return LabelFile(kind, np.empty(0), (), tuple(found.problems))
    at: list[float] = []
    names: list[str] = []
    for origin, row in table_rows(path, found):
        try:
            position = seconds(row.get(kind, ""))
        except ValueError as error:
            found.add_problem(origin, str(error))
            continue
        if math.isnan(position) or (at and position <= at[-1]):
            found.add_problem(origin, f"{kind} {row.get(kind, '')!r} does not follow the row before")
            continue
        at.append(position)
        names.append(canonical(row.get("label", "")))
    return LabelFile(kind, np.array(at, np.float64), tuple(names), tuple(found.problems))


def _aff_wild2(path: Path, found: Manifest, columns: list[str]) -> LabelFile:
    """Read a header with the labels' names, then on line i the label of image i, counted from 1; -1 is none."""
    known = [canonical(name) for name in columns]
    lines = text_of(path, found).splitlines()[1:]
    names = []
    for number, line in enumerate(lines, 2):
        text = line.strip()
        index = whole_number(text)
        if index is None or not -1 <= index < len(known):
            found.add_problem(f"{path}:{number}", f"{text!r} is no number from -1 to {len(known) - 1}")
        names.append(known[index] if index is not None and 0 <= index < len(known) else "")
    return LabelFile("number", np.arange(1, len(names) + 1, dtype=np.float64), tuple(names), tuple(found.problems))


def is_file(clip: Clip) -> bool:
    """Return whether a clip's frame labels are in a file."""
    return clip.frame_labels not in ("", "interval", "synthetic")


def names_in(clip: Clip) -> set[str]:
    """Return the labels of a clip's frames, without the clip's own label."""
    if clip.frame_labels == "synthetic":
        return {"neutral"}
    return set(read(Path(clip.frame_labels)).names) - {""} if is_file(clip) else set()


def most_frequent(clip: Clip) -> str:
    """Return the label that a clip's frames have for most of the time, the first by name if several do; else empty."""
    if not is_file(clip):
        return min(names_in(clip), default="")
    stored = read(Path(clip.frame_labels))
    total: dict[str, float] = {}
    for name, weight in zip(stored.names, stored.weights(clip.start_s, clip.end_s), strict=True):
        total[name] = total.get(name, 0.0) + float(weight)
    # Rounded, so that sums of the same durations in another order are equal.
    return min(total.keys() - {""}, key=lambda name: (-round(total[name], 6), name), default="")


def labelled_numbers(clip: Clip) -> Int64:
    """Return the numbers of the images that a clip's file labels, whether they exist or not; none for other files."""
    stored = read(Path(clip.frame_labels)) if is_file(clip) else None
    if stored is None or stored.kind != "number":
        return np.empty(0, np.int64)
    return stored.at[[bool(name) for name in stored.names]].astype(np.int64)


def check(manifest: Manifest) -> list[Problem]:
    """Find the problems of files with frame labels; each counts for its clip and names the line of the file."""
    problems = []
    for clip in filter(is_file, manifest.clips):
        stored = read(Path(clip.frame_labels))
        reasons = [f"{problem.origin}: {problem.reason}" for problem in stored.problems[:3]]
        reasons += [
            f"{clip.frame_labels}: {reason}"
            for name in sorted(names_in(clip))
            if (reason := label_problem(name, manifest.labels))
        ]
        if not reasons and not names_in(clip):
            reasons.append(f"{clip.frame_labels} labels no frame")
        problems += [Problem(clip.origin, reason) for reason in reasons]
    return problems


def truth(clip: Clip, labels: tuple[str, ...], frame: Int64, time_s: Float64, number: Int64) -> Int64:
    """Return the label of each frame of a clip, or of its stretch.

    Args:
        clip: The clip.
        labels: Names, in the order of the result's numbers.
        frame: int64 (T,), indices of the frames in the video.
        time_s: float64 (T,), their times on the clock of a player.
        number: int64 (T,), the numbers in the names of images; for videos the frames, counted from 1.

    Returns:
        int64 (T,): a label's number, or -1 where it is unknown.
    """
    index = {name: number for number, name in enumerate(labels)}
    unknown = np.full(len(frame), -1)
    if clip.frame_labels == "interval":
        return np.full(len(frame), index.get(clip.label, -1))
    if clip.frame_labels == "synthetic":
        unknown[: max(len(frame) // 10, 1)] = index.get("neutral", -1)
        unknown[-max(len(frame) // 3, 1) :] = index.get(clip.label, -1)
        return unknown
    if not is_file(clip):
        return unknown
    stored = read(Path(clip.frame_labels))
    values = np.append([index.get(name, -1) for name in stored.names], -1)
    if stored.kind == "time_s":
        # Containers round times; half a millisecond of slack allows for that.
        return np.asarray(values[np.searchsorted(stored.at, time_s + 5e-4, "right") - 1], np.int64)
    wanted = number if stored.kind == "number" else frame
    row = np.searchsorted(stored.at, wanted)
    exact = np.append(stored.at, np.nan)[row] == wanted
    return np.where(exact, values[np.minimum(row, len(stored.names))], -1).astype(np.int64)
