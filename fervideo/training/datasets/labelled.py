"""Folders named by labels, as people sort clips themselves: `<label>/<clip>` and `<split>/<label>/<clip>`.

Any folder of folders looks like that. So they are recognised only if most of the labels are expressions; labels of
one's own must be asked for.
"""

from __future__ import annotations

from pathlib import Path

from fervideo.records import EXPRESSIONS
from fervideo.training.datasets.files import clips_in, entries, folders, has_images, is_clip, is_image
from fervideo.training.datasets.generic import named
from fervideo.training.manifest import SPLITS, Clip, Manifest, canonical, canonical_split, ordered


def _label_folders(parent: Path) -> list[Path]:
    """Return the folders that contain clips."""
    return [folder for folder in folders(parent) if any(map(is_clip, entries(folder)))]


def _split_folders(root: Path) -> dict[Path, str]:
    """Return the folders named by splits, such as `train` and `val`, that contain labels."""
    sides = {folder: canonical_split(folder.name) for folder in folders(root)}
    return {folder: split for folder, split in sides.items() if split in SPLITS and _label_folders(folder)}


def kind_of(root: Path) -> str:
    """Return the layout that folders have, of any labels: `splits` or `folder`."""
    return "splits" if len(set(_split_folders(root).values())) > 1 else "folder"


def labels_of(root: Path) -> tuple[str, ...]:
    """Return the labels that folders would have; none if they contain no clips."""
    parents = _split_folders(root) if kind_of(root) == "splits" else [root]
    return ordered(canonical(folder.name) for parent in parents for folder in _label_folders(parent))


def photographs_of(root: Path) -> list[Path]:
    """Find folders of images that are named by expressions: photographs rather than the frames of clips."""
    near = [*folders(root), *(inner for folder in folders(root) for inner in folders(folder))]
    return [folder for folder in near if canonical(folder.name) in EXPRESSIONS and has_images(folder)]


def _are_expressions(labels: tuple[str, ...]) -> bool:
    return 2 * sum(label in EXPRESSIONS for label in labels) > len(labels)


def is_splits(root: Path) -> bool:
    return kind_of(root) == "splits" and _are_expressions(labels_of(root))


def splits(root: Path) -> Manifest:
    """Read `<split>/<label>/<clip>`, as CAER has it: train, validation (or val, dev) and test.

    Other folders with labels in them are a problem: their clips would be missing.
    """
    found = Manifest(root, "splits")
    sides = _split_folders(root)
    for folder in folders(root):
        if folder in sides:
            _add(found, folder, sides[folder])
        elif _label_folders(folder):
            found.add_problem(folder, f"is none of {', '.join(SPLITS)}, and has clips in it: name it by a split")
    return named(found)


def is_folder(root: Path) -> bool:
    return kind_of(root) == "folder" and _are_expressions(labels_of(root))


def folder(root: Path) -> Manifest:
    """Read `<label>/<clip>`, which is also a clip's name."""
    found = Manifest(root, "folder")
    _add(found, root, "")
    return named(found)


def _add(found: Manifest, parent: Path, split: str) -> None:
    """Add the clips of a folder of labels."""
    for folder in folders(parent):
        clips = clips_in(folder)
        for path in clips:
            found.clips.append(Clip(clip="", path=path, label=canonical(folder.name), split=split, origin=str(path)))
        if not clips and canonical(folder.name) in EXPRESSIONS and any(map(is_image, entries(folder))):
            found.add_problem(folder, "has photographs, and a clip needs a folder of its own; see fervideo compare")
