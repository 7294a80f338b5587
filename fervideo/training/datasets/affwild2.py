"""Aff-Wild2: long videos from the web with a label for each frame, as the ABAW challenges hand them out."""

from __future__ import annotations

from pathlib import Path

from fervideo.errors import DatasetError
from fervideo.training.datasets.files import clip_among, entries, folders, has_images, is_video, under
from fervideo.training.manifest import Clip, Manifest

#: Folders of labels: ABAW 6 and 8; 3 and 5; 1 and 2.
_CHALLENGES = ("EXPR_Recognition_Challenge", "EXPR_Classification_Challenge", "EXPR_Set")
#: Names of the splits in them. Validation is the test split: the labels of the real one are not public.
_SPLITS = {"Train_Set": "train", "Training_Set": "train", "Validation_Set": "test"}
#: Ends of the names of two people in one video.
_PEOPLE = ("_left", "_right")


def _challenges(root: Path) -> list[Path]:
    return [path for name in _CHALLENGES for path in under(root, name) if path.is_dir()]


def is_aff_wild2(root: Path) -> bool:
    return bool(_challenges(root))


def aff_wild2(root: Path) -> Manifest:
    """Read `EXPR_Recognition_Challenge/Train_Set/<video>.txt`, frames in `cropped_aligned/<video>` or `<video>.mp4`.

    Line i of a file is about image i, or about frame i of a raw video, counted from 1. `<video>_left` and
    `<video>_right` are two people of one video, who stay in one split. A raw video does not show which face is meant
    by them, so they need the crops.

    Raises:
        DatasetError: There are labels of several challenges.
    """
    found = Manifest(root, "aff-wild2", image_fps=30.0)
    challenges = _challenges(root)
    if len(challenges) > 1:
        names = " and ".join(str(path) for path in challenges)
        raise DatasetError(root, f"holds labels of several challenges: {names}", "move all of them away except one")
    crops = [path for path in under(root, "cropped_aligned*") if path.is_dir()]
    raw = {path.stem: path for folder in (root, *folders(root)) for path in filter(is_video, entries(folder))}
    for challenge in challenges:
        for side in folders(challenge):
            for labels in entries(side, "*.txt") if side.name in _SPLITS else []:
                _add(found, labels, _SPLITS[side.name], crops, raw)
    return found


def _add(found: Manifest, labels: Path, split: str, crops: list[Path], raw: dict[str, Path]) -> None:
    """Add the clip of a file of labels."""
    name = labels.stem
    video = name.removesuffix("_left").removesuffix("_right")
    path = clip_among(crops or [found.root / "cropped_aligned"], name)
    if not has_images(path) and name.endswith(_PEOPLE) and name not in raw and video in raw:
        found.left_out["people of a raw video that shows two, since it does not show which is meant"] += 1
        return
    found.clips.append(
        Clip(
            clip=name,
            path=path if has_images(path) else raw.get(name, path),
            subject=video,
            split=split,
            frame_labels=str(labels),
            origin=str(labels),
        )
    )
