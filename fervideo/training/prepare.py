"""From a folder to samples: read, check, open, split, extract; every problem is known before anything is extracted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from fervideo.errors import DatasetError
from fervideo.settings import TrainingSettings
from fervideo.training import datasets, frame_labels, splits
from fervideo.training.features import Sample, load, open_videos
from fervideo.training.manifest import Clip, Manifest, Problem, check, label_problem, ordered, votes


@dataclass(frozen=True)
class Prepared:
    """Hold a dataset that is ready to be learnt from.

    Attributes:
        manifest: Its sound rows, with splits where they were asked for.
        labels: The labels, in the order of their numbers.
        samples: One for each row.
        skipped: What was wrong with rows that were left out.
        settings: The run's, with what the dataset says of itself.
    """

    manifest: Manifest
    labels: tuple[str, ...]
    samples: list[Sample]
    skipped: list[Problem]
    settings: TrainingSettings

    def of(self, split: str, clips: Sequence[Clip] | None = None) -> list[Sample]:
        """Return the samples of a split, as the manifest has it or as other rows in the same order have it."""
        pairs = zip(self.samples, clips or self.manifest.clips, strict=True)
        return [replace(sample, clip=clip) for sample, clip in pairs if clip.split == split]


@contextmanager
def prepared(
    dataset: Path,
    settings: TrainingSettings,
    name: str | None,
    known: tuple[str, ...] | None,
    *,
    skip: bool,
    progress: bool,
    split: bool = True,
    closed: bool = False,
    of: tuple[Path, str | None] | None = None,
) -> Iterator[Prepared]:
    """Read, check, open, split and extract a dataset; every problem is known before anything is extracted.

    Args:
        dataset: Folder or table.
        settings: The run's.
        name: Of the format.
        known: Labels of a model to begin with.
        skip: Whether rows with problems are left out.
        progress: Whether to show it.
        split: Whether rows are to have splits.
        closed: Whether labels beyond the known ones are problems.
        of: For an evaluation, the model and which split.
    """
    manifest = datasets.read(dataset, name)
    if manifest.image_fps and "image_fps" not in settings.video.model_fields_set:
        settings = settings.model_copy(update={"video": settings.video.model_copy(update={"image_fps": manifest.image_fps})})
    problems = [*check(manifest), *frame_labels.check(manifest)]
    if closed and known is not None:
        problems += _foreign_labels(manifest, known)
    if of is not None:
        manifest = _chosen(manifest, *of)
    with TemporaryDirectory(prefix="fervideo-") as scratch:
        bad = {problem.origin for problem in problems}
        openable = [clip for clip in manifest.clips if clip.origin not in bad]
        opened, unreadable = open_videos(openable, settings, None if settings.run.cache else Path(scratch), progress=progress)
        problems += unreadable
        sound = manifest.sound(problems, skip=True)
        clips = splits.assign(sound, settings.train) if split else sound.clips
        while split and (lacking := splits.check(clips)):
            problems += lacking
            bad = {problem.origin for problem in lacking}
            clips = [clip for clip in clips if clip.origin not in bad]
        # Says all that is wrong, unless that may be left out.
        clips = replace(manifest, clips=clips).sound(problems, skip=skip).clips
        found = {label for clip in clips for label in (clip.label, *_voted(clip), *frame_labels.names_in(clip))}
        labels = known if known is not None and closed else (*(known or ()), *ordered(found - set(known or ())))
        samples = load(clips, opened, labels, settings, progress=progress)
        yield Prepared(replace(manifest, clips=list(clips)), labels, samples, problems, settings)


def _voted(clip: Clip) -> set[str]:
    return set(votes(clip.label_votes)) if clip.label_votes else set()


def _foreign_labels(manifest: Manifest, known: tuple[str, ...]) -> list[Problem]:
    problems = []
    for clip in manifest.clips:
        foreign = sorted(({clip.label} | frame_labels.names_in(clip)) - {"", *known})
        if foreign and not any(label_problem(name, manifest.labels) for name in foreign):
            reason = f"label {', '.join(map(repr, foreign))} is unknown to the model, which knows {', '.join(known)}"
            problems.append(Problem(clip.origin, reason))
    return problems


def _chosen(manifest: Manifest, model: Path, split: str | None) -> Manifest:
    """Choose the rows of an evaluation."""
    clips = manifest.clips
    if split is not None and split != "all":
        clips = [clip for clip in clips if clip.split == split]
    elif split is None:
        listed = model.parent / "splits.csv"
        rows = pd.read_csv(listed, dtype=str, keep_default_na=False).to_dict("records") if listed.exists() else []
        learnt = {(Path(str(row["path"])).resolve(), row["clip"]) for row in rows if row["split"] != "test"}
        clips = [clip for clip in clips if (clip.path.resolve(), clip.clip) not in learnt]
        clips = [clip for clip in clips if clip.split == "test"] or clips
    if not clips:
        which = f"in split {split}" if split else "that the model was not trained on"
        raise DatasetError(manifest.root, f"has no clip {which}", "choose others with --split")
    return replace(manifest, clips=clips)
