"""Preparation of a dataset: read, check, open, split, extract; problems are found before the extraction if possible."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

import pandas as pd

from fervideo import atomic, cells
from fervideo.errors import DatasetError
from fervideo.segments import Extraction
from fervideo.sequence import INPUTS
from fervideo.settings import TrainingSettings
from fervideo.training import datasets, frame_labels, splits
from fervideo.training.features import Sample, load, open_videos
from fervideo.training.manifest import SPLITS, Clip, Manifest, Problem, check, label_problem, ordered, votes
from fervideo.training.preview import Preview

_LOG = logging.getLogger("fervideo")

#: Use of the rows: training and a test, the same for each fold, or the evaluation of an existing model.
Purpose = Literal["train", "folds", "evaluate"]


@dataclass(frozen=True)
class Prepared:
    """A dataset that is ready to learn from.

    Attributes:
        manifest: Its sound rows, with splits where they were asked for.
        labels: The labels, in the order of their numbers.
        samples: One for each row.
        skipped: Problems of rows that were left out.
        settings: The run's settings, with the frame rate that the dataset defines for its images.
        left_out: Number of rows that are not evaluated because they are of other splits.
    """

    manifest: Manifest
    labels: tuple[str, ...]
    samples: list[Sample]
    skipped: list[Problem]
    settings: TrainingSettings
    left_out: int = 0

    def of(self, split: str, clips: Sequence[Clip] | None = None) -> list[Sample]:
        """Return the samples of a split, by the manifest's rows or by the same rows with other splits."""
        pairs = zip(self.samples, clips or self.manifest.clips, strict=True)
        return [replace(sample, clip=clip) for sample, clip in pairs if clip.split == split]


@contextmanager
def prepared(
    dataset: Path,
    settings: TrainingSettings,
    name: str | None,
    known: tuple[str, ...] | None,
    purpose: Purpose,
    begin: Callable[[], None] | None,
    *,
    skip: bool,
    progress: bool,
    model: Path | None = None,
    split: str | None = None,
    inputs: Sequence[str] = INPUTS,
    show: Callable[[Preview], None] | None = None,
) -> Iterator[Prepared]:
    """Read, check, open, split and extract a dataset.

    Args:
        dataset: Folder or table.
        settings: The run's settings.
        name: Name of the format; None to recognise it.
        known: Labels of a model to begin with, or to evaluate.
        purpose: Use of the rows.
        begin: Function to call when the rows are sound, before the extraction.
        skip: Whether rows with problems are left out.
        progress: Whether to show progress on stderr.
        model: Path of that model's weights; clips that it was trained on do not test it.
        split: Split to evaluate it on, as in `runs.evaluate_run`.
        inputs: Names of the measures that the model reads, or will read.
        show: Function that shows the dataset to the user before any video is opened.

    Raises:
        DatasetError: The dataset cannot be used as it is; `problems` lists the reasons.
    """
    sides = _sides_of(model)
    manifest, problems, left_out = _read(dataset, name, known, purpose, sides, split)
    shown: Sequence[str] = ()
    if show is not None:
        preview = _preview(manifest, problems, purpose, settings, sides, known or ())
        shown = preview.uses
        show(preview)
    if manifest.image_fps and "image_fps" not in settings.video.model_fields_set:
        settings = settings.model_copy(
            update={"video": settings.video.model_copy(update={"image_fps": manifest.image_fps})}
        )
    with atomic.scratch_folder() as scratch:
        bad = {problem.origin for problem in problems}
        openable = [clip for clip in manifest.clips if clip.origin not in bad]
        opened, unreadable = open_videos(openable, settings, None if settings.run.cache else scratch, progress=progress)
        problems += [*unreadable, *_beyond(openable, opened)]
        sound = manifest.sound(problems, skip=True)
        try:
            clips, unfit, notes = _fit_for(purpose, sound, settings, sides, known or ())
        except DatasetError as error:
            raise DatasetError(error.subject, error.reason, error.remedy, tuple(map(str, problems))) from error
        # Raises all problems at once, unless they may be left out.
        clips = replace(manifest, clips=clips).sound([*problems, *unfit], skip=skip).clips
        found = {label for clip in clips for label in (clip.label, *_voted(clip), *frame_labels.names_in(clip))}
        labels = (
            known
            if known is not None and purpose == "evaluate"
            else (*(known or ()), *ordered(found - set(known or ())))
        )
        # Videos that cannot be opened may have changed the uses of labels since they were shown.
        for note in notes:
            if note not in shown:
                _LOG.warning("%s", note)
        if begin is not None:
            begin()
        samples, damaged = load(clips, opened, labels, settings, inputs, progress=progress)
        problems += [*unfit, *damaged]
        whole = replace(manifest, clips=clips).sound(damaged, skip=skip)
        kept = {clip.origin for clip in whole.clips}
        samples = [sample for sample in samples if sample.clip.origin in kept]
        yield Prepared(whole, labels, samples, problems, settings, left_out)


def _read(
    dataset: Path,
    name: str | None,
    known: tuple[str, ...] | None,
    purpose: Purpose,
    sides: dict[Path, str],
    split: str | None,
) -> tuple[Manifest, list[Problem], int]:
    """Read a dataset's rows; for an evaluation only those of its split.

    Returns:
        The rows, their problems, and the number of rows of other splits.
    """
    manifest = datasets.read(dataset, name)
    every = {clip.origin for clip in manifest.clips}
    if purpose == "evaluate":
        manifest = _chosen(manifest, sides, split)
    others = every - {clip.origin for clip in manifest.clips}
    problems = [*check(manifest), *frame_labels.check(manifest)]
    if purpose == "evaluate" and known is not None:
        problems += _foreign_labels(manifest, known)
    # Problems of rows of other splits do not matter.
    return manifest, [problem for problem in problems if problem.origin not in others], len(others)


def previewed(
    dataset: Path,
    settings: TrainingSettings,
    name: str | None,
    known: tuple[str, ...] | None,
    purpose: Purpose,
    *,
    model: Path | None = None,
    split: str | None = None,
) -> Preview:
    """Read and check a dataset as `prepared` does, without opening a video."""
    sides = _sides_of(model)
    manifest, problems, _ = _read(dataset, name, known, purpose, sides, split)
    return _preview(manifest, problems, purpose, settings, sides, known or ())


def _preview(
    manifest: Manifest,
    problems: list[Problem],
    purpose: Purpose,
    settings: TrainingSettings,
    sides: dict[Path, str],
    known: Sequence[str],
) -> Preview:
    """Return a dataset as it would be used if all of its videos can be opened."""
    bad = {problem.origin for problem in problems}
    sound = replace(manifest, clips=[clip for clip in manifest.clips if clip.origin not in bad])
    try:
        clips, unfit, notes = _fit_for(purpose, sound, settings, sides, known)
        folds = _folds(replace(sound, clips=clips), settings) if purpose == "folds" else {}
    except DatasetError as error:
        return Preview(sound, problems, unfit=f"{error.reason}; {error.remedy}")
    own = {clip.split for clip in sound.clips} | ({"test"} if any(clip.fold for clip in sound.clips) else set())
    drawn = [split for split in SPLITS[1:] if purpose == "train" and split not in own]
    return Preview(sound, [*problems, *unfit], clips, drawn, folds, uses=notes)


def _folds(manifest: Manifest, settings: TrainingSettings) -> dict[str, int]:
    """Return the number of rows that each fold tests."""
    each = {fold: splits.assign(manifest, settings.train, fold) for fold in splits.folds(manifest, settings.train)}
    return {fold: sum(clip.split == "test" for clip in clips) for fold, clips in each.items()}


class _Fitting(NamedTuple):
    """The rows that fit their use.

    Attributes:
        clips: The rows, with splits if they are trained on once.
        problems: Problems of the others.
        notes: Labels that cannot stand in all splits, and their use.
    """

    clips: list[Clip]
    problems: list[Problem]
    notes: list[str]


def _fit_for(
    purpose: Purpose, sound: Manifest, settings: TrainingSettings, sides: dict[Path, str], known: Sequence[str] = ()
) -> _Fitting:
    """Assign splits to rows that are trained on, and drop unfit rows until the others fit.

    Raises:
        DatasetError: No splits can be made, or all clips to train on have the same label.
    """
    clips = splits.assign(sound, settings.train) if purpose == "train" else sound.clips
    problems: list[Problem] = []
    while True:
        each = _assigned(purpose, replace(sound, clips=clips), settings)
        unfit = _unfit(each.values(), sides)
        if not unfit:
            break
        problems += unfit
        bad = {problem.origin for problem in unfit}
        clips = [clip for clip in clips if clip.origin not in bad]
    for fold, rows in each.items():
        splits.check_learnable(sound, rows, fold)
    return _Fitting(clips, problems, splits.notes(list(each.values()), known))


def _assigned(purpose: Purpose, manifest: Manifest, settings: TrainingSettings) -> dict[str, list[Clip]]:
    """Return the rows with splits, once for each training by the name of its fold; none for an evaluation."""
    if purpose == "evaluate" or not manifest.clips:
        return {}
    if purpose == "train":
        return {"": manifest.clips}
    folds = splits.folds(manifest, settings.train)
    return {fold: splits.assign(manifest, settings.train, fold) for fold in folds}


def _unfit(each: Iterable[Sequence[Clip]], sides: dict[Path, str]) -> list[Problem]:
    """Find rows that are on two sides; a problem of several folds is listed once."""
    found = (problem for clips in each for problem in (*splits.check(clips), *_learnt_before(clips, sides)))
    return list(dict.fromkeys(found))


def _sides_of(model: Path | None) -> dict[Path, str]:
    """Read the split of each video in a model's run, from splits.csv beside its weights; empty without that file."""
    listed = model.parent / "splits.csv" if model is not None else None
    if listed is None or not listed.exists():
        return {}
    rows = pd.read_csv(listed, dtype=str, keep_default_na=False).to_dict("records")
    return {Path(cells.unguarded(str(row["path"]))).resolve(): str(row["split"]) for row in rows}


def _learnt_before(clips: Sequence[Clip], sides: dict[Path, str]) -> list[Problem]:
    """Find clips of the test split that the model to begin with was trained on or chosen by."""
    return [
        Problem(clip.origin, f"is in test, and the model to begin with had it in {side}")
        for clip in clips
        if clip.split == "test" and (side := sides.get(clip.path.resolve(), "test")) != "test"
    ]


def _beyond(clips: Sequence[Clip], opened: Mapping[Path, Extraction]) -> list[Problem]:
    """Find stretches that begin after the end of their video."""
    problems = []
    for clip in clips:
        info = opened[clip.path].source.info if clip.path in opened else None
        end_s = info.media_start_s + info.duration_s if info else math.inf
        if clip.start_s >= end_s:
            problems.append(
                Problem(clip.origin, f"begins at {clip.start_s:g} s, and {clip.path} ends at {end_s:.2f} s")
            )
    return problems


def _voted(clip: Clip) -> set[str]:
    try:
        return set(votes(clip.label_votes))
    except ValueError:
        # A problem of the row, which `check` lists.
        return set()


def _foreign_labels(manifest: Manifest, known: tuple[str, ...]) -> list[Problem]:
    problems = []
    for clip in manifest.clips:
        foreign = sorted(({clip.label} | _voted(clip) | frame_labels.names_in(clip)) - {"", *known})
        if foreign and not any(label_problem(name, manifest.labels) for name in foreign):
            reason = f"label {', '.join(map(repr, foreign))} is unknown to the model, which knows {', '.join(known)}"
            problems.append(Problem(clip.origin, reason))
    return problems


def _chosen(manifest: Manifest, sides: dict[Path, str], split: str | None) -> Manifest:
    """Choose the rows of an evaluation; the splits of the model's run take precedence over those of the dataset."""
    clips = [clip._replace(split=sides.get(clip.path.resolve(), clip.split)) for clip in manifest.clips]
    if split is None:
        unseen = [clip for clip in clips if sides.get(clip.path.resolve(), "test") == "test"]
        clips = [clip for clip in unseen if clip.split == "test"] or unseen
    elif split != "all":
        clips = [clip for clip in clips if clip.split == split]
    if not clips:
        which = f"in split {split}" if split else "that the model was not trained on"
        raise DatasetError(manifest.root, f"has no clip {which}", "choose others with --split")
    return replace(manifest, clips=clips)
