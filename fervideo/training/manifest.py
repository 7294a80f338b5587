"""The one form of a dataset: a row per clip, the labels it uses, and every problem that its files have."""

from __future__ import annotations

import difflib
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from fervideo.errors import DatasetError
from fervideo.records import EXPRESSIONS, Float32

#: Names of the eight expressions in published datasets.
_ALIASES = {
    **dict.fromkeys(("happy", "joy", "joyful", "hap", "amusement"), "happiness"),
    **dict.fromkeys(("sad", "sorrow"), "sadness"),
    **dict.fromkeys(("angry", "ang"), "anger"),
    **dict.fromkeys(("surprised", "surprize"), "surprise"),
    **dict.fromkeys(("disgusted", "dis"), "disgust"),
    **dict.fromkeys(("fearful", "afraid", "scared"), "fear"),
    **dict.fromkeys(("contemptuous",), "contempt"),
}
#: Labels that mean that there is none: rows and frames with them are left out.
UNLABELLED = ("", "-1", "-1.0", "nan", "na", "n/a", "none", "null", "unknown", "no_face")
SPLITS = ("train", "validation", "test")
_SPLIT_ALIASES = {
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "dev": "validation",
    "testing": "test",
}
#: First bytes of a git-lfs pointer, which stands for a video that was not fetched.
_LFS = b"version https://git-lfs"


class Clip(NamedTuple):
    """One labelled clip, or one labelled stretch of a clip.

    Attributes:
        clip: Its name, different for every row.
        path: The video file, or a folder of images.
        subject: The person; empty where unknown, and then the video counts as a subject.
        label: Label of the clip as a whole; empty where unknown.
        label_votes: Votes of raters, as `anger:3|neutral:7`; empty without votes.
        split: `train`, `validation`, `test`, or empty.
        fold: Name of the fold in which it is tested, or empty.
        start_s: Start of the stretch; NaN for the whole clip.
        end_s: End of the stretch, which does not belong to it; NaN for the whole clip.
        frame_labels: A file with labels per frame, `interval` where the label holds in every frame, `synthetic`, or
            empty. Synthetic labels are made up: neutral in the first tenth, the clip's label in the last third.
        origin: File and row that it was read from, for messages; different for every row.
    """

    clip: str
    path: Path
    subject: str = ""
    label: str = ""
    label_votes: str = ""
    split: str = ""
    fold: str = ""
    start_s: float = math.nan
    end_s: float = math.nan
    frame_labels: str = ""
    origin: str = ""

    @property
    def group(self) -> str:
        """Return the subject, or else the video: it must not be in two splits."""
        return self.subject or str(self.path)


#: Columns of a manifest as a table.
COLUMNS = Clip._fields[:-1]


class Problem(NamedTuple):
    """A fault of a row or of a file.

    Attributes:
        origin: The row's, or the file.
        reason: The fault.
    """

    origin: str
    reason: str

    def __str__(self) -> str:
        return f"{self.origin}: {self.reason}"


@dataclass(frozen=True)
class Manifest:
    """A dataset as read.

    Attributes:
        root: Its folder or file.
        format: Name of its layout, one of datasets.FORMATS.
        clips: Its rows.
        problems: Faults of its files; a faulty row is still among `clips` if it could be read.
        labels: Its possible labels; empty where they are not known beforehand.
        image_fps: Frame rate of its image folders, where that is known.
        left_out: Reasons for which its layout leaves clips out, each with the number of clips.
        notes: Facts that its user should know, a sentence each.
    """

    root: Path
    format: str
    clips: list[Clip] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    labels: tuple[str, ...] = ()
    image_fps: float | None = None
    left_out: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def add_problem(self, origin: object, reason: str) -> None:
        self.problems.append(Problem(str(origin), reason))

    def sound(self, problems: Iterable[Problem], *, skip: bool) -> Manifest:
        """Return the manifest without the rows that have problems.

        Args:
            problems: The problems that count.
            skip: Whether rows with problems may be left out.

        Raises:
            DatasetError: There are problems and their rows may not be left out, or no row is left.
        """
        problems = list(problems)
        if problems and not skip:
            lines = tuple(map(str, problems))
            count = "1 problem" if len(lines) == 1 else f"{len(lines)} problems"
            reason, remedy = f"{count}, the first in {lines[0]}", "mend them, or leave them out with --on-error skip"
            raise DatasetError(self.root, reason, remedy, lines)
        bad = {problem.origin for problem in problems}
        kept = [clip for clip in self.clips if clip.origin not in bad]
        if not kept:
            raise DatasetError(self.root, "no usable clip is left", "see the problems", tuple(map(str, problems)))
        return replace(self, clips=kept)


def canonical(label: object) -> str:
    """Return a label in lower case, and EXPRESSIONS by their own names; empty for one of UNLABELLED."""
    text = "_".join(str(label).strip().lower().split())
    return "" if text in UNLABELLED else _ALIASES.get(text, text)


def canonical_split(split: object) -> str:
    """Return a split as one of SPLITS; an unknown one as it stands."""
    text = str(split).strip().lower()
    return _SPLIT_ALIASES.get(text, text)


def votes(text: str) -> dict[str, float]:
    """Read votes such as `anger:3|neutral:7`.

    Args:
        text: The votes; empty without any.

    Returns:
        Votes by label, without those for no label, such as `unknown:2`.

    Raises:
        ValueError: The text has another form.
    """
    counted: dict[str, float] = {}
    try:
        for pair in filter(None, text.split("|")):
            name, _, number = pair.rpartition(":")
            if not name.strip() or not 0 <= float(number) < math.inf:
                raise ValueError
            # One label may have several names.
            counted[canonical(name)] = counted.get(canonical(name), 0.0) + float(number)
    except ValueError:
        counted = {}
    if text and not any(counted.values()):
        raise ValueError(f"label_votes {text!r} are not votes like anger:3|neutral:7")
    return {name: number for name, number in counted.items() if name and number}


def written_votes(counted: dict[str, float]) -> str:
    """Write votes as `votes` reads them, without those of 0."""
    return "|".join(f"{name}:{number:g}" for name, number in counted.items() if number)


def target(clip: Clip, labels: tuple[str, ...]) -> Float32:
    """Return a clip's distribution over labels, float32 (C,): of its votes, else its label; all 0 without either."""
    counted = votes(clip.label_votes) or ({clip.label: 1.0} if clip.label else {})
    shares = np.array([counted.get(name, 0.0) for name in labels], np.float32)
    shares /= max(float(shares.sum()), 1e-9)
    return shares


def label_of(clip: Clip, labels: tuple[str, ...]) -> int:
    """Return the number of a clip's label: its own, or else the only winner of its votes; -1 without either."""
    counted = votes(clip.label_votes)
    winners = [name for name, number in counted.items() if number == max(counted.values())]
    name = clip.label if clip.label in labels else winners[0] if len(winners) == 1 else ""
    return labels.index(name) if name in labels else -1


def ordered(names: Iterable[str]) -> tuple[str, ...]:
    """Return labels in order: EXPRESSIONS in their own, then others by name."""
    found = set(names) - {""}
    return (*(name for name in EXPRESSIONS if name in found), *sorted(found - set(EXPRESSIONS)))


def check(manifest: Manifest) -> list[Problem]:
    """Find the problems of rows by themselves; files of frame labels and videos are checked elsewhere."""
    problems = [*manifest.problems]
    first: dict[str, str] = {}
    for clip in manifest.clips:
        reasons = [
            reason
            for reason in (_path_problem(clip.path), _span_problem(clip), *_label_problems(clip, manifest))
            if reason
        ]
        if clip.clip in first:
            reasons.append(f"clip {clip.clip!r} stands in {first[clip.clip]} already")
        first.setdefault(clip.clip, clip.origin)
        if clip.split not in ("", *SPLITS):
            reasons.append(f"split {clip.split!r} is none of {', '.join(SPLITS)}")
        problems += [Problem(clip.origin, reason) for reason in reasons]
    return problems


def _path_problem(path: Path) -> str:
    if not path.exists():
        return f"{path} does not exist"
    if path.is_file():
        with path.open("rb") as file:
            if file.read(len(_LFS)) == _LFS:
                return f"{path} is a git-lfs pointer, not a video: run `git lfs pull` there"
    return ""


def _span_problem(clip: Clip) -> str:
    if clip.start_s < 0 or clip.end_s <= (0 if math.isnan(clip.start_s) else clip.start_s):
        return f"start_s {clip.start_s:g} and end_s {clip.end_s:g} are no stretch of time"
    return ""


def _label_problems(clip: Clip, manifest: Manifest) -> list[str]:
    try:
        names = [clip.label, *votes(clip.label_votes)]
    except ValueError as error:
        return [str(error)]
    if not any(names) and not clip.frame_labels:
        return ["has no label"]
    return [reason for name in names if (reason := label_problem(name, manifest.labels))]


def label_problem(name: str, known: tuple[str, ...]) -> str:
    """Return why a label is not possible; empty if it is.

    Args:
        name: The label.
        known: All possible labels; empty where any label is possible that is no misspelt one of EXPRESSIONS.
    """
    if not name or name in (known or EXPRESSIONS):
        return ""
    near = difflib.get_close_matches(name, known or EXPRESSIONS, 1, 0.6 if known else 0.8)
    if near:
        return f"unknown label {name!r}; did you mean {near[0]}?"
    return f"unknown label {name!r}; known: {', '.join(known)}" if known else ""


def to_table(clips: Iterable[Clip]) -> pd.DataFrame:
    """Return the rows as a table of COLUMNS."""
    return pd.DataFrame([clip[:-1] for clip in clips], columns=list(COLUMNS)).astype({"path": str})
