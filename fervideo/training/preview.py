"""A dataset at a glance, before any video is opened: its layout, labels, clips, people and splits."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fervideo.errors import counted
from fervideo.training.frame_labels import is_file, names_in
from fervideo.training.manifest import SPLITS, Clip, Manifest, Problem, label_of, ordered, votes


@dataclass(frozen=True)
class Preview:
    """A dataset as it would be used.

    Attributes:
        manifest: Its rows without problems of their own.
        problems: Problems that were found so far; videos are opened later.
        clips: The rows that fit their use, with splits if the run trains.
        drawn: Splits that are drawn, since the dataset has none.
        folds: Number of rows that each fold tests; empty where there are no folds.
        unfit: Reason for which no splits can be made; empty where they can.
        uses: Labels that cannot stand in all splits, and their use, a sentence for each.
    """

    manifest: Manifest
    problems: Sequence[Problem]
    clips: Sequence[Clip] = ()
    drawn: Sequence[str] = ()
    folds: Mapping[str, int] = field(default_factory=dict)
    unfit: str = ""
    uses: Sequence[str] = ()

    def describe(self) -> str:
        """Return a line for each fact."""
        found = self.manifest
        lines = [
            ("format", f"{found.format}: {found.root}"),
            ("labels", _labels(found)),
            ("clips", _people(found.clips) + self._unknown_subjects()),
            *self._splits(),
            *(("left out", f"{reason}: {n}") for reason, n in found.left_out.items()),
            *(("note", note) for note in (*found.notes, *self.uses)),
        ]
        if self.problems:
            lines.append(("problems", str(len(self.problems))))
        return "\n".join(f"{name:<9} {text}" for name, text in lines)

    def _unknown_subjects(self) -> str:
        unknown = sum(not clip.subject for clip in self.manifest.clips)
        return f"; {unknown} without a subject, their videos count as subjects" if unknown else ""

    def _splits(self) -> list[tuple[str, str]]:
        if self.unfit:
            return [("splits", f"none: {self.unfit}")]
        if self.folds:
            tested = ", ".join(f"{name} ({number})" for name, number in self.folds.items())
            return [("folds", f"{len(self.folds)}, rows that each one tests: {tested}")]
        parts = {split: [clip for clip in self.clips if clip.split == split] for split in SPLITS}
        texts = [
            f"{split}{' (drawn)' if split in self.drawn else ''} {_people(own)}" for split, own in parts.items() if own
        ]
        return [("splits", "; ".join(texts))] if texts else []


def _labels(found: Manifest) -> str:
    """Return the labels with their numbers of rows, or of files that contain them."""
    count: Counter[str] = Counter()
    for clip in found.clips:
        count.update(names_in(clip) if is_file(clip) else {_label(clip, found.labels)} - {""})
    unclear = sum(not is_file(clip) and not _label(clip, found.labels) for clip in found.clips)
    names = [f"{name} {count[name]}" for name in ordered(count)]
    return ", ".join([*names, *([f"without a single winner {unclear}"] if unclear else [])]) or "none"


def _label(clip: Clip, known: tuple[str, ...]) -> str:
    """Return a clip's label, or the winner of its votes; empty without either."""
    names = known or tuple({clip.label, *votes(clip.label_votes)} - {""})
    at = label_of(clip, names)
    return names[at] if at >= 0 else ""


def _people(clips: Sequence[Clip]) -> str:
    """Return how many clips or stretches there are, of how many videos and people, where these are known."""
    stretches = sum(not math.isnan(clip.start_s) for clip in clips)
    noun = "interval" if clips and stretches == len(clips) else "row" if stretches else "clip"
    subjects, videos = {clip.subject for clip in clips} - {""}, {clip.path for clip in clips}
    kinds = [counted(len(videos), "video")] if stretches else []
    kinds += [counted(len(subjects), "subject")] if subjects else []
    return " of ".join([counted(len(clips), noun), *([", ".join(kinds)] if kinds else [])])
