"""Splits: official where there are any, else drawn by subject, and never one subject in two splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import StratifiedGroupKFold

from fervideo.errors import DatasetError
from fervideo.records import Int64
from fervideo.settings import TrainSettings
from fervideo.training.frame_labels import most_frequent, names_in
from fervideo.training.manifest import SPLITS, Clip, Manifest, Problem


def folds(manifest: Manifest, settings: TrainSettings) -> list[str]:
    """Return the names of the dataset's own folds, numbers in order; without any, of those to draw."""
    own = {clip.fold for clip in manifest.clips if clip.fold}
    drawn = min(settings.folds, len(np.unique(_together(manifest.clips))))
    names = own or {str(number + 1) for number in range(drawn)}
    return sorted(names, key=lambda name: (len(name), name))


def assign(manifest: Manifest, settings: TrainSettings, fold: str | None = None) -> list[Clip]:
    """Assign a split to every clip.

    The test split is the fold, else the dataset's own, else drawn. The validation split is the dataset's own, else
    drawn from the remaining clips, so that it is never the test split.

    Args:
        manifest: Sound rows.
        settings: `seed`, `folds` and `fold` count.
        fold: Name of the fold that is tested; None for `settings.fold` where a dataset has folds.

    Raises:
        DatasetError: There is no such fold, or there are too few subjects.
    """
    clips = manifest.clips
    own = {clip.fold for clip in clips if clip.fold}
    if own or fold is not None:
        wanted = fold or settings.fold
        names = folds(manifest, settings)
        if wanted not in names:
            raise DatasetError(manifest.root, f"has no fold {wanted}", f"its folds are {', '.join(names)}")
        tested = (
            [clip.fold == wanted for clip in clips]
            if own
            else list(_drawn(clips, manifest, settings) == names.index(wanted))
        )
        kept = [clip.split if clip.split == "validation" else "train" for clip in clips]
        clips = [
            clip._replace(split="test" if test else split)
            for clip, test, split in zip(clips, tested, kept, strict=True)
        ]
    elif not any(clip.split for clip in clips):
        tested = list(_drawn(clips, manifest, settings) == 0)
        clips = [clip._replace(split="test" if test else "train") for clip, test in zip(clips, tested, strict=True)]
    # A dataset with splits may have clips without one: they are trained on.
    clips = [clip._replace(split=clip.split or "train") for clip in clips]
    for missing in ("test", "validation"):
        if not any(clip.split == missing for clip in clips):
            left = [row for row, clip in enumerate(clips) if clip.split == "train"]
            for row, number in zip(left, _drawn([clips[row] for row in left], manifest, settings), strict=True):
                clips[row] = clips[row]._replace(split=missing if number == 0 else "train")
    return clips


def _drawn(clips: Sequence[Clip], manifest: Manifest, settings: TrainSettings) -> Int64:
    """Deal subjects into folds with about the same labels in each: int64 (n,)."""
    groups = _together(clips)
    n_groups = len(np.unique(groups))
    n_folds = min(settings.folds, n_groups)
    if n_folds < 2:
        who = "subject" if any(clip.subject for clip in clips) else "video"
        raise DatasetError(
            manifest.root, f"has {n_groups} {who} to draw a split from", "give splits in a manifest, or more subjects"
        )
    # A clip without a label of its own is dealt by the label that most of its frames have.
    names = [clip.label or most_frequent(clip) for clip in clips]
    # Labels rarer than the number of folds cannot be in each: they are dealt like the commonest. `check` lists them.
    count = Counter(names)
    names = [name if count[name] >= n_folds else count.most_common(1)[0][0] for name in names]
    return np.array(_dealt(tuple(groups.tolist()), tuple(names), n_folds, settings.seed))


@lru_cache(maxsize=64)
def _dealt(groups: tuple[int, ...], names: tuple[str, ...], n_folds: int, seed: int) -> tuple[int, ...]:
    """Return the fold of each row; kept, since ten thousand groups take seconds, and a run asks several times."""
    number = np.zeros(len(groups), np.int64)
    dealer = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    for fold, (_, rows) in enumerate(dealer.split(groups, names, groups)):
        number[rows] = fold
    return tuple(number.tolist())


def _together(clips: Sequence[Clip]) -> Int64:
    """Return a number for each group of clips that must stay in one split: a subject, or subjects who share a video.

    Returns:
        int64 (n,), the number of each clip's group.
    """
    nodes: dict[str, int] = {}
    links = [[nodes.setdefault(key, len(nodes)) for key in (clip.group, str(clip.path))] for clip in clips]
    ends = np.array(links, np.int64).reshape(-1, 2)
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(len(nodes), len(nodes)))
    return np.asarray(connected_components(graph, directed=False)[1][ends[:, 0]], np.int64)


def check(clips: Sequence[Clip], splits: Sequence[str] = SPLITS) -> list[Problem]:
    """Find subjects in two splits, and labels that one of the splits lacks; each row concerned is a problem."""
    problems = []
    sides: dict[str, set[str]] = {}
    holds: dict[str, set[str]] = {split: set() for split in splits}
    for clip in clips:
        for group in {clip.group, str(clip.path)}:
            sides.setdefault(group, set()).add(clip.split)
        holds.setdefault(clip.split, set()).update(names_in(clip) | {clip.label} - {""})
    for clip in clips:
        torn = next((group for group in (clip.group, str(clip.path)) if len(sides[group]) > 1), None)
        if torn:
            problems.append(Problem(clip.origin, f"subject {torn} is in {' and '.join(sorted(sides[torn]))}"))
        for name in sorted(names_in(clip) | {clip.label} - {""}):
            lacking = [split for split in splits if name not in holds[split]]
            if lacking:
                problems.append(Problem(clip.origin, f"label {name!r} has no clip in split {' and '.join(lacking)}"))
    return problems
