"""The one form of a dataset: a row per clip, the labels it uses, and every problem that its files have."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from fervideo.errors import DatasetError
from fervideo.records import EXPRESSIONS, Float32

#: What the published datasets call the eight expressions.
_ALIASES = {
    **dict.fromkeys(("happy", "joy", "joyful", "hap", "amusement"), "happiness"),
    **dict.fromkeys(("sad", "sorrow"), "sadness"),
    **dict.fromkeys(("angry", "ang"), "anger"),
    **dict.fromkeys(("surprised", "surprize"), "surprise"),
    **dict.fromkeys(("disgusted", "dis"), "disgust"),
    **dict.fromkeys(("fearful", "afraid", "scared"), "fear"),
    **dict.fromkeys(("contemptuous",), "contempt"),
}
#: Labels that say that there is nothing to learn: rows and frames with them are left out.
UNLABELLED = ("", "-1", "-1.0", "nan", "unknown", "no_face")
SPLITS = ("train", "validation", "test")
_SPLIT_ALIASES = {
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "dev": "validation",
    "testing": "test",
}
#: What a git-lfs pointer begins with, where the video itself was not fetched.
_LFS = b"version https://git-lfs"


class Clip(NamedTuple):
    """Describe one labelled clip, or one labelled stretch of a clip.

    Attributes:
        clip: Its name, different for every row.
        path: The video file, or a folder of images.
        subject: Who is seen; empty where nobody knows, and then the video counts as a subject.
        label: What the clip shows as a whole; empty where unknown.
        label_votes: How many saw what, as `anger:3|neutral:7`; empty where there were no votes.
        split: `train`, `validation`, `test`, or empty.
        fold: Name of the fold in which it is tested, or empty.
        start_s: Where the stretch begins; NaN for the whole clip.
        end_s: Where it ends, itself not in it; NaN for the whole clip.
        frame_labels: A file with labels per frame; `interval` where the label holds in every frame; `synthetic` where
            frame labels are to be made up: the first frame neutral, the last third as the clip; or empty.
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
        """Who must not be on two sides of a split: the subject, or else the video."""
        return self.subject or str(self.path)


#: Columns of a manifest as a table.
COLUMNS = Clip._fields[:-1]


class Problem(NamedTuple):
    """Say what is wrong with a row, or with a file; `origin` is that of the row."""

    origin: str
    reason: str

    def __str__(self) -> str:
        return f"{self.origin}: {self.reason}"


@dataclass(frozen=True)
class Manifest:
    """Hold a dataset as read.

    Attributes:
        root: Where it is.
        format: Which reader read it.
        clips: Its rows.
        problems: What is wrong with its files; rows at fault are still among `clips` if they could be made.
        labels: What its labels can be, where that is known beforehand.
        image_fps: Frame rate of its image folders, where that is known.
    """

    root: Path
    format: str
    clips: list[Clip] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    labels: tuple[str, ...] = ()
    image_fps: float | None = None

    def add_problem(self, origin: object, reason: str) -> None:
        self.problems.append(Problem(str(origin), reason))

    def sound(self, problems: Iterable[Problem], *, skip: bool) -> Manifest:
        """Return the manifest without the rows that have problems.

        Args:
            problems: Those to count.
            skip: Whether they may be left out at all.

        Raises:
            DatasetError: There are problems and they may not be left out, or nothing is left.
        """
        problems = list(problems)
        if problems and not skip:
            shown = tuple(map(str, problems))
            count = "1 problem" if len(shown) == 1 else f"{len(shown)} problems"
            raise DatasetError(
                self.root,
                f"{count}, the first in {shown[0]}",
                "mend them, or leave them out with --on-error skip",
                shown,
            )
        bad = {problem.origin for problem in problems}
        kept = [clip for clip in self.clips if clip.origin not in bad]
        if not kept:
            raise DatasetError(self.root, "no usable clip is left", "see the problems", tuple(map(str, problems)))
        return replace(self, clips=kept)


def canonical(label: object) -> str:
    """Return a label as it is spelt here: lower case, and EXPRESSIONS by their own names; empty for what says nothing."""
    text = "_".join(str(label).strip().lower().split())
    return "" if text in UNLABELLED else _ALIASES.get(text, text)


def canonical_split(split: object) -> str:
    """Return a split as it is spelt here; an unknown one as it stands."""
    text = str(split).strip().lower()
    return _SPLIT_ALIASES.get(text, text)


def votes(text: str) -> dict[str, float]:
    """Read `anger:3|neutral:7`, no vote as empty; votes that say nothing, like `unknown:2`, are left out, as such labels are.

    Raises:
        ValueError: It is written in another way.
    """
    counted: dict[str, float] = {}
    try:
        for pair in filter(None, text.split("|")):
            name, _, number = pair.rpartition(":")
            if not name.strip() or not 0 <= float(number) < math.inf:
                raise ValueError
            # One label may come under several names.
            counted[canonical(name)] = counted.get(canonical(name), 0.0) + float(number)
    except ValueError:
        counted = {}
    if text and not any(counted.values()):
        raise ValueError(f"label_votes {text!r} are not votes like anger:3|neutral:7")
    return {name: number for name, number in counted.items() if name and number}


def written_votes(counted: dict[str, float]) -> str:
    """Write votes as `votes` reads them, none at 0."""
    return "|".join(f"{name}:{number:g}" for name, number in counted.items() if number)


def target(clip: Clip, labels: tuple[str, ...]) -> Float32:
    """Return a clip's distribution over labels, float32 (C,): its votes, or else its label; all 0 where it has neither."""
    counted = votes(clip.label_votes) or ({clip.label: 1.0} if clip.label else {})
    shares = np.array([counted.get(name, 0.0) for name in labels], np.float32)
    shares /= max(float(shares.sum()), 1e-9)
    return shares


def label_of(clip: Clip, labels: tuple[str, ...]) -> int:
    """Return the number of the label that a clip shows: its own, or else the only winner of its votes; -1 where neither is known."""
    counted = votes(clip.label_votes)
    winners = [name for name, number in counted.items() if number == max(counted.values())]
    name = clip.label if clip.label in labels else winners[0] if len(winners) == 1 else ""
    return labels.index(name) if name in labels else -1


def ordered(names: Iterable[str]) -> tuple[str, ...]:
    """Put labels in order: EXPRESSIONS as they are everywhere, then others by name."""
    found = set(names) - {""}
    return (*(name for name in EXPRESSIONS if name in found), *sorted(found - set(EXPRESSIONS)))


def check(manifest: Manifest) -> list[Problem]:
    """Find what is wrong with the rows by themselves; what frame labels and videos hold is checked elsewhere."""
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
    """Say why a label cannot be: it is none of the known ones, or where all may be, nearly one of EXPRESSIONS; empty if it can."""
    if not name or name in (known or EXPRESSIONS):
        return ""
    near = difflib.get_close_matches(name, known or EXPRESSIONS, 1, 0.6 if known else 0.8)
    if near:
        return f"unknown label {name!r}; did you mean {near[0]}?"
    return f"unknown label {name!r}; known: {', '.join(known)}" if known else ""


def to_table(clips: Iterable[Clip]) -> pd.DataFrame:
    """Return the rows as a table of COLUMNS."""
    return pd.DataFrame([clip[:-1] for clip in clips], columns=list(COLUMNS)).astype({"path": str})
