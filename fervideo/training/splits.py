"""Splits: official where there are any, else drawn by subject, and never one subject in two splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from functools import lru_cache

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import StratifiedGroupKFold

from fervideo.errors import DatasetError, counted
from fervideo.records import Int64
from fervideo.settings import TrainSettings
from fervideo.training.frame_labels import most_frequent, names_in
from fervideo.training.manifest import Clip, Manifest, Problem, ordered, votes


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
        tested = list(_drawn(clips, manifest, settings, spare=True) == 0)
        clips = [clip._replace(split="test" if test else "train") for clip, test in zip(clips, tested, strict=True)]
    # A dataset with splits may have clips without one: they are trained on.
    clips = [clip._replace(split=clip.split or "train") for clip in clips]
    for missing in ("test", "validation"):
        if not any(clip.split == missing for clip in clips):
            left = [row for row, clip in enumerate(clips) if clip.split == "train"]
            drawn = _drawn([clips[row] for row in left], manifest, settings, spare=True)
            for row, number in zip(left, drawn, strict=True):
                clips[row] = clips[row]._replace(split=missing if number == 0 else "train")
    return clips


def _drawn(clips: Sequence[Clip], manifest: Manifest, settings: TrainSettings, *, spare: bool = False) -> Int64:
    """Deal subjects into folds with about the same labels in each.

    Args:
        clips: The rows.
        manifest: Their dataset.
        settings: `seed` and `folds` count.
        spare: Whether fold 0 is taken from the training, and must leave a clip of each label there.

    Returns:
        int64 (n,), the number of each row's fold.

    Raises:
        DatasetError: There are too few subjects.
    """
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
    # Labels rarer than the number of folds cannot be in each: they are dealt like the commonest.
    count = Counter(names)
    names = [name if count[name] >= n_folds else count.most_common(1)[0][0] for name in names]
    number = np.array(_dealt(tuple(groups.tolist()), tuple(names), n_folds, settings.seed))
    return _spread(clips, groups, number, spare=spare)


@lru_cache(maxsize=64)
def _dealt(groups: tuple[int, ...], names: tuple[str, ...], n_folds: int, seed: int) -> tuple[int, ...]:
    """Return the fold of each row; kept, since ten thousand groups take seconds, and a run asks several times."""
    number = np.zeros(len(groups), np.int64)
    dealer = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    for fold, (_, rows) in enumerate(dealer.split(groups, names, groups)):
        number[rows] = fold
    return tuple(number.tolist())


def _spread(clips: Sequence[Clip], groups: Int64, number: Int64, *, spare: bool) -> Int64:
    """Exchange subjects so that no fold has all clips of a label, and with `spare` not fold 0 its only subject."""
    rows_of: dict[str, list[int]] = {}
    for row, clip in enumerate(clips):
        for name in _names(clip):
            rows_of.setdefault(name, []).append(row)
    members = {name: np.unique(groups[rows]).tolist() for name, rows in rows_of.items()}
    rare = {group for found in members.values() if len(found) < 3 for group in found}
    for name in sorted(rows_of, key=lambda name: (len(members[name]), name)):
        folds = np.unique(number[rows_of[name]])
        if len(folds) > 1 or (len(members[name]) == 1 and not (spare and folds[0] == 0)):
            continue
        here, there = folds[0], (folds[0] + 1) % (number.max() + 1)
        # Another subject comes in, so that the fold stays about as large.
        others = [group for group in np.unique(groups[number == there]).tolist() if group not in rare]
        if others or (number[groups != members[name][0]] == here).any():
            number[np.isin(groups, others[:1])] = here
            number[groups == members[name][0]] = there
    return number


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


def _names(clip: Clip) -> set[str]:
    """Return the labels that a row teaches: its frames' and its own, or else the winners of its votes."""
    counted_votes = {} if clip.label else votes(clip.label_votes)
    winners = {name for name, number in counted_votes.items() if number == max(counted_votes.values())}
    return (names_in(clip) | winners | {clip.label}) - {""}


def check(clips: Sequence[Clip]) -> list[Problem]:
    """Find subjects and videos in two splits; each row concerned is a problem."""
    sides: dict[str, set[str]] = {}
    for clip in clips:
        for group in {clip.group, str(clip.path)}:
            sides.setdefault(group, set()).add(clip.split)
    torn = [
        (clip, next((group for group in (clip.group, str(clip.path)) if len(sides[group]) > 1), None)) for clip in clips
    ]
    return [
        Problem(clip.origin, f"subject {group} is in {' and '.join(sorted(sides[group]))}")
        for clip, group in torn
        if group
    ]


def check_learnable(manifest: Manifest, clips: Sequence[Clip], fold: str = "") -> None:
    """Check that there are two labels to learn to distinguish.

    Args:
        manifest: The dataset.
        clips: Its rows with splits.
        fold: Name of the fold that is tested, for the message.

    Raises:
        DatasetError: All clips to train on have the same label.
    """
    names = ordered(name for clip in clips if clip.split == "train" for name in _names(clip))
    if len(names) < 2:
        which = f"to train on in fold {fold}" if fold else "to train on"
        reason = f"all clips {which} have the label {names[0]!r}" if names else "there is no clip to train on"
        remedy = "label other expressions, too, of several people"
        raise DatasetError(manifest.root, f"nothing to learn: {reason}", remedy)


def notes(each: Sequence[Sequence[Clip]], known: Collection[str] = ()) -> list[str]:
    """Describe the use of labels that cannot stand in all splits, a line for each.

    Args:
        each: The same rows with splits, once for each training: a single one, or a cross-validation's.
        known: Labels of a model to begin with.
    """
    names = [_names(clip) for clip in each[0]] if each else []
    lines = []
    for name in ordered(set().union(*names)):
        rows = [row for row, own in enumerate(names) if name in own]
        sides = [{clips[row].split for row in rows} for clips in each]
        if use := _use_of_folds(sides) if len(each) > 1 else _use(sides[0], name in known):
            people = counted(len({each[0][row].group for row in rows}), "subject")
            lines.append(f"label {name!r} ({counted(len(rows), 'clip')} of {people}): {use}")
    return lines


def _use(sides: set[str], known: bool) -> str:
    """Describe the use of a label by the splits that have it; empty if all have it."""
    if "train" not in sides:
        learnt = "known from the model to begin with" if known else "not trained on"
        scored = "scored" if known and "test" in sides else "not scored"
        return f"{learnt}, {scored}"
    if "test" not in sides:
        return "trained on, not scored: no clip of it is in test"
    return "" if "validation" in sides else "trained on and scored; no clip of it helps to choose the epoch"


def _use_of_folds(sides: Sequence[set[str]]) -> str:
    """Describe the use of a label in a cross-validation; empty if each fold trains on it."""
    untrained = sum("train" not in side for side in sides)
    if not untrained:
        return ""
    return f"not scored in {counted(untrained, 'fold')} of {len(sides)}, in which no clip of it is left to train on"
