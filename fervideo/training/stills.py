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
    """

    images: Sequence[UInt8 | Path]
    label: Int64

    def __post_init__(self) -> None:
        check_array(self, "label", np.int64, (len(self.images),))


def read(path: Path, split: str | None = None, renamed: Mapping[str, str] | None = None) -> Stills:
    """Read a dataset.

    An archive is an .npz with `images` uint8 (N, height, width), `votes` (N, len(VOTES)) and `split` (0 train, 1
    validation, 2 test). Its images without a majority are left out.

    Args:
        path: An archive, or a folder that contains a folder of images for each expression.
        split: Split of an archive; None for `test`.
        renamed: Meaning of a folder's labels: an expression, or LEFT_OUT.

    Raises:
        UsageError: There is no such dataset, it is made in another way, or has labels of unknown meaning.
    """
    if path.is_dir():
        if split is not None:
            raise UsageError(
                f"--split {split}", "a folder of images has no splits", "leave it out, or give the folder of one split"
            )
        return _read_folder(path, renamed or {})
    if renamed:
        raise UsageError("--map", "an archive has no labels to rename", "leave it out")
    return _read_archive(path, SPLITS.index(split or "test"))


def _read_archive(path: Path, split: int) -> Stills:
    remedy = "give an .npz with images uint8 (N, height, width), votes (N, 10) and split (N,), or a folder of images"
    try:
        with np.load(path) as data:
            arrays = {name: data[name] for name in ("images", "votes", "split", "vote_names") if name in data}
    except FileNotFoundError:
        raise UsageError(path, "does not exist", remedy) from None
    except (OSError, ValueError, TypeError, KeyError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise UsageError(path, f"cannot be read as an archive ({error})", remedy) from error
    if missing := {"images", "votes", "split"} - set(arrays):
        raise UsageError(path, f"lacks {', '.join(sorted(missing))}", remedy)
    images, votes, splits = (arrays[name] for name in ("images", "votes", "split"))
    n = len(images)
    is_picture = (
        images.dtype == np.uint8 and images.shape[3:] in ((), (3,)) and len(images.shape) > 2 and all(images.shape[1:3])
    )
    is_counted = votes.shape == (n, len(VOTES)) and votes.dtype.kind in "uif"
    if not is_picture or not is_counted or splits.shape != (n,) or splits.dtype.kind not in "ui":
        shapes = ", ".join(f"{name} {arrays[name].dtype} {arrays[name].shape}" for name in ("images", "votes", "split"))
        raise UsageError(path, f"holds {shapes}", remedy)
    names = tuple(map(str, arrays.get("vote_names", VOTES)))
    if names != VOTES:
        raise UsageError(path, f"its votes are for {', '.join(names)}", f"order them as {', '.join(VOTES)}")
    majority, _ = majority_rule(votes)
    rows = np.flatnonzero((splits == split) & (majority >= 0))
    if not len(rows):
        raise UsageError(
            path, f"has no image with a majority in its {SPLITS[split]} split", "choose another with --split"
        )
    return Stills(list(images[rows]), majority[rows])


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
    renamed = {name.strip().lower(): meaning.strip().lower() for name, meaning in renamed.items()}
    for name, meaning in renamed.items():
        if meaning not in (*EXPRESSIONS, LEFT_OUT):
            raise UsageError(
                f"--map {name}={meaning}", "is no expression", f"give one of {', '.join(EXPRESSIONS)}, or {LEFT_OUT}"
            )
    known = {name: name for name in EXPRESSIONS} | renamed
    names = {folder: folder.name.strip().lower() for folder in folders}
    if unknown := sorted({folder.name for folder, name in names.items() if name not in known}):
        mapped = {name: canonical(name) for name in unknown}
        options = " ".join(
            f"'{name}={meaning if meaning in EXPRESSIONS else LEFT_OUT}'" for name, meaning in mapped.items()
        )
        remedy = f"give their meanings ({LEFT_OUT}: leave out), such as --map {options}"
        raise UsageError(root, f"has unknown labels: {', '.join(unknown)}", remedy)
    if absent := sorted(set(renamed) - set(names.values())):
        raise UsageError(
            f"--map {absent[0]}={renamed[absent[0]]}", f"{root} has no folder {absent[0]}", "check the spelling"
        )
    kept = {folder: known[names[folder]] for folder in folders if known[names[folder]] != LEFT_OUT}
    images = [path for folder in kept for path in folders[folder]]
    label = [EXPRESSIONS.index(meaning) for folder, meaning in kept.items() for _ in folders[folder]]
    if not images:
        raise UsageError(root, "has no images left", f"map a label to something else than {LEFT_OUT}")
    return Stills(images, np.array(label, np.int64))


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
