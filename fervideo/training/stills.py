"""Labelled photographs of single faces: an archive like FER+'s, or a folder of images for each expression."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fervideo import crops, observe, video
from fervideo.errors import UsageError, VideoError
from fervideo.faces import enlarged
from fervideo.landmarks import N_LANDMARKS
from fervideo.pictures import Picture
from fervideo.records import CROP_PX, EXPRESSIONS, Float32, Float64, Int64, UInt8
from fervideo.settings import FaceSettings
from fervideo.shaped import Shaped, check_array
from fervideo.training.manifest import SPLITS, canonical

#: The columns of an archive's `votes`, in order.
VOTES = (*EXPRESSIONS, "unknown", "NF")
#: Given for an expression: the folder is left out.
LEFT_OUT = "none"
_UNSEEN = np.full((N_LANDMARKS, 3), np.nan, np.float32)


@dataclass(frozen=True, repr=False)
class Stills(Shaped):
    """Labelled photographs of one face each.

    Attributes:
        images: Pictures uint8 (height, width) grey or (height, width, 3) RGB, or paths of picture files.
        label: int64 (N,), expression of each, as an index into EXPRESSIONS.
        known: Number of images that were left out, since they equal an image of the archive's train split.
    """

    images: Sequence[UInt8 | Path]
    label: Int64
    known: int = 0

    def __post_init__(self) -> None:
        check_array(self, "label", np.int64, (len(self.images),))


def read(path: Path, split: str | None = None, renamed: Mapping[str, str] | None = None) -> Stills:
    """Read a dataset.

    An archive is an .npz with `images` uint8 (N, height, width) and `split` (0 train, 1 validation, 2 test). It has
    either `votes` (N, len(VOTES)), and images without a majority are left out; or `label` (N,), and `label_names`.
    Images of validation and test that equal one of train, pixel for pixel, are left out, too.

    Args:
        path: An archive, or a folder that contains a folder of images for each expression.
        split: Split of an archive; None for the last that it has.
        renamed: Meaning of labels: an expression, or LEFT_OUT.

    Raises:
        UsageError: There is no such dataset, it is made in another way, or has labels of unknown meaning.
    """
    if not path.is_dir():
        return _read_archive(path, split, renamed or {})
    if split is not None:
        remedy = "leave it out, or give the folder of one split"
        raise UsageError(f"--split {split}", "a folder of images has no splits", remedy)
    return _read_folder(path, renamed or {})


def _read_archive(path: Path, split: str | None, renamed: Mapping[str, str]) -> Stills:
    arrays = _arrays(path)
    has_votes = "votes" in arrays
    names = EXPRESSIONS if has_votes else tuple(map(str, arrays["label_names"]))
    label = majority_rule(arrays["votes"])[0] if has_votes else arrays["label"].astype(np.int64)
    splits = arrays["split"]
    wanted = SPLITS.index(split) if split else min(int(splits.max(initial=0)), len(SPLITS) - 1)
    rows = np.flatnonzero((splits == wanted) & (label >= 0))
    if not len(rows):
        remedy = "choose another with --split"
        raise UsageError(path, f"has no image with a clear label in its {SPLITS[wanted]} split", remedy)
    used = np.unique(label[label >= 0])
    meanings = _meanings(path, [names[number] for number in used], renamed)
    number = np.array([EXPRESSIONS.index(name) if name != LEFT_OUT else -1 for name in meanings], np.int64)
    label, images = number[np.searchsorted(used, label[rows])], arrays["images"]
    learned = {image.tobytes() for image in images[splits == 0]} if wanted else set()
    is_known = np.array([images[row].tobytes() in learned for row in rows], bool)
    kept = (label >= 0) & ~is_known
    if not kept.any():
        raise UsageError(path, f"has no image left in its {SPLITS[wanted]} split", "choose another with --split")
    return Stills(list(images[rows[kept]]), label[kept], int((is_known & (label >= 0)).sum()))


def _arrays(path: Path) -> dict[str, np.ndarray[Any, np.dtype[Any]]]:
    """Read and check the arrays of an archive: `images`, `split`, and `votes` or `label` with `label_names`."""
    remedy = (
        "give an .npz with images uint8 (N, height, width), split (N,), and votes (N, 10) or label (N,) with "
        "label_names, or a folder of images"
    )
    known = ("images", "split", "votes", "vote_names", "label", "label_names")
    try:
        with np.load(path) as data:
            arrays = {name: data[name] for name in known if name in data}
    except FileNotFoundError:
        raise UsageError(path, "does not exist", remedy) from None
    except (OSError, ValueError, TypeError, KeyError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise UsageError(path, f"cannot be read as an archive ({error})", remedy) from error
    truth = ("label", "label_names") if "label" in arrays and "votes" not in arrays else ("votes",)
    if missing := {"images", "split", *truth} - set(arrays):
        raise UsageError(path, f"lacks {', '.join(sorted(missing))}", remedy)
    images, splits = arrays["images"], arrays["split"]
    n = len(images)
    is_picture = (
        images.dtype == np.uint8 and images.shape[3:] in ((), (3,)) and len(images.shape) > 2 and all(images.shape[1:3])
    )
    is_split = splits.shape == (n,) and splits.dtype.kind in "ui"
    if not (is_picture and is_split and _is_truth(arrays, n, truth[0])):
        seen = ", ".join(f"{name} {arrays[name].dtype} {arrays[name].shape}" for name in ("images", *truth, "split"))
        raise UsageError(path, f"holds {seen}", remedy)
    names = tuple(map(str, arrays.get("vote_names", VOTES)))
    if names != VOTES:
        raise UsageError(path, f"its votes are for {', '.join(names)}", f"order them as {', '.join(VOTES)}")
    return arrays


def _is_truth(arrays: Mapping[str, np.ndarray[Any, np.dtype[Any]]], n: int, kind: str) -> bool:
    """Check the votes or the labels of n images."""
    found = arrays[kind]
    if kind == "votes":
        return found.shape == (n, len(VOTES)) and found.dtype.kind in "uif"
    n_names = arrays["label_names"].size if arrays["label_names"].ndim == 1 else 0
    return found.shape == (n,) and found.dtype.kind in "ui" and bool((found < n_names).all())


def _read_folder(root: Path, renamed: Mapping[str, str]) -> Stills:
    # An empty folder is an expression without images.
    folders = {
        folder: video.image_files(folder)
        for folder in sorted(root.iterdir())
        if folder.is_dir() and any(folder.iterdir())
    }
    if not folders:
        raise UsageError(
            root, "holds no folders with images in them", "put images into folders named by their expressions"
        )
    if without := [folder.name for folder, files in folders.items() if not files]:
        remedy = f"put images ({', '.join(video.IMAGE_SUFFIXES)}) directly into it, or move it away"
        raise UsageError(root / without[0], "holds no images", remedy)
    meanings = _meanings(root, [folder.name for folder in folders], renamed)
    kept = {folder: name for folder, name in zip(folders, meanings, strict=True) if name != LEFT_OUT}
    images = [path for folder in kept for path in folders[folder]]
    label = [EXPRESSIONS.index(meaning) for folder, meaning in kept.items() for _ in folders[folder]]
    if not images:
        raise UsageError(root, "has no images left", f"map a label to something else than {LEFT_OUT}")
    return Stills(images, np.array(label, np.int64))


def _meanings(path: Path, labels: Sequence[str], renamed: Mapping[str, str]) -> list[str]:
    """Return the meaning of each label of a dataset: an expression, or LEFT_OUT.

    Raises:
        UsageError: A label has no meaning, or a new meaning is none or is for a label that is not there.
    """
    renamed = {name.strip().lower(): meaning.strip().lower() for name, meaning in renamed.items()}
    for name, meaning in renamed.items():
        if meaning not in (*EXPRESSIONS, LEFT_OUT):
            remedy = f"give one of {', '.join(EXPRESSIONS)}, or {LEFT_OUT}"
            raise UsageError(f"--map {name}={meaning}", "is no expression", remedy)
    known = {name: name for name in EXPRESSIONS} | renamed
    names = [label.strip().lower() for label in labels]
    if unknown := sorted({label for label, name in zip(labels, names, strict=True) if name not in known}):
        mapped = {name: canonical(name) for name in unknown}
        options = " ".join(
            f"'{name}={meaning if meaning in EXPRESSIONS else LEFT_OUT}'" for name, meaning in mapped.items()
        )
        remedy = f"give their meanings ({LEFT_OUT}: leave out), such as --map {options}"
        raise UsageError(path, f"has unknown labels: {', '.join(unknown)}", remedy)
    if absent := sorted(set(renamed) - set(names)):
        option = f"--map {absent[0]}={renamed[absent[0]]}"
        raise UsageError(option, f"{path} has no label {absent[0]}", "check the spelling")
    return [known[name] for name in names]


def majority_rule(votes: np.ndarray[Any, np.dtype[Any]]) -> tuple[Int64, Float32]:
    """Apply the majority rule of Microsoft's FER+ code (Barsoum et al. 2016).

    Single votes are zeroed. The winner needs more than half of the remaining votes; `unknown` and `NF` winners are
    dropped.

    Args:
        votes: (N, len(VOTES)), counts.

    Returns:
        The majority's expression, int64 (N,), -1 where dropped, and the distribution over EXPRESSIONS, float32 (N, 8),
        all 0 where nobody saw an expression.
    """
    kept: Float64 = np.where(votes > 1, votes, 0).astype(np.float64)
    winner = kept.argmax(1)
    clear = kept.max(1) > 0.5 * kept.sum(1)
    majority = np.where(clear & (winner < len(EXPRESSIONS)), winner, -1)
    expressions = kept[:, : len(EXPRESSIONS)]
    return majority, (expressions / np.maximum(expressions.sum(1, keepdims=True), 1)).astype(np.float32)


def look(images: Sequence[UInt8 | Path]) -> tuple[UInt8, Float32, list[str]]:
    """Cut the face out of each photograph.

    Returns:
        Crops uint8 (n, CROP_PX, CROP_PX) and landmarks float32 (n, N_LANDMARKS, 3) of the photographs that can be read,
        and problems of the others. Without a face, the crop is of the whole picture, and landmarks are NaN.
    """
    cut, landmarks, problems = [], [], []
    with observe.opened(FaceSettings(), 1, find=enlarged.find) as observer:
        for source in images:
            try:
                image = video.read_image(source) if isinstance(source, Path) else source
            except VideoError as error:
                problems.append(f"{error.subject}: {error.reason}")
                continue
            found, crop = observer(Picture.of(image))
            cut.append(crop[0] if len(crop) else crops.crop(image, crops.whole_image(*image.shape[:2])))
            landmarks.append(found.landmarks_px[0] if len(found) else _UNSEEN)
    points = np.array(landmarks, np.float32).reshape(-1, N_LANDMARKS, 3)
    return np.array(cut, np.uint8).reshape(-1, CROP_PX, CROP_PX), points, problems
