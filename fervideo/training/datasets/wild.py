"""Datasets cut from films and the web: DFEW, FERV39k, MAFW, AFEW, Aff-Wild2.

Subjects are unknown, and official splits are kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from zipfile import BadZipFile

import pandas as pd

from fervideo.training.datasets.files import (
    clip_named,
    clips_in,
    folders,
    header,
    table_rows,
    text_of,
    under,
    whole_number,
)
from fervideo.training.manifest import Clip, Manifest, canonical, written_votes

_DFEW = ("happiness", "sadness", "neutral", "anger", "surprise", "disgust", "fear")
#: Folders of a clip's frames in copies of DFEW, those with all frames before those with 16.
_DFEW_FOLDERS = (
    "Clip/clip_224x224",
    "Clip/jpg_256",
    "clip_224x224",
    "jpg_256",
    "Clip/clip_224x224_16f",
    "clip_224x224_16f",
    "Clip/original",
)
_FERV39K = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
_MAFW = (*_FERV39K, "contempt", "anxiety", "helplessness", "disappointment")
_AFEW = _FERV39K


def _dfew_tables(root: Path) -> dict[str, list[tuple[str, Path]]]:
    """Find the split files: by `train` and `test`, pairs of fold and file."""
    found: dict[str, list[tuple[str, Path]]] = {"train": [], "test": []}
    for path in sorted(under(root, "*set_*.csv")):
        fold = re.fullmatch(r"(?:(train|test)_)?set_(\d+)", path.stem)
        split = fold and (fold[1] or re.match("train|test", path.parent.name))
        if fold and split:
            found[split if isinstance(split, str) else split[0]].append((fold[2], path))
    return found


def is_dfew(root: Path) -> bool:
    return any(
        {"video_name", "label"} <= set(header(path)) for tables in _dfew_tables(root).values() for _, path in tables
    )


def dfew(root: Path) -> Manifest:
    """Read `EmoLabel_DataSplit/train(single-labeled)/set_1.csv` and the like; a clip's fold is the one that tests it.

    Some copies lack folds: clips that no fold tests are trained on in all folds. A single fold is a split.

    Labels count from 1 in the original and from 0 in copies of other projects, which a label 0 reveals. The votes of
    raters in `annotation.xlsx`, if it is there, are soft labels.
    """
    found = Manifest(root, "dfew", labels=_DFEW)
    rows = {
        split: [(fold, *row) for fold, path in tables for row in table_rows(path, found)]
        for split, tables in _dfew_tables(root).items()
    }
    first = 0 if any(row.get("label") == "0" for split in rows.values() for _, _, row in split) else 1
    frames = next((root / folder for folder in _DFEW_FOLDERS if (root / folder).is_dir()), root / _DFEW_FOLDERS[0])
    folds, votes = len({fold for fold, _, _ in rows["test"]}), _dfew_votes(root, found)
    listed: set[str] = set()
    for split in ("test", "train"):
        for fold, origin, row in rows[split]:
            name, label = row.get("video_name", ""), row.get("label", "")
            clip = name.zfill(5)
            # A fold's training list contains the clips that the other folds test.
            if split == "train" and clip in listed:
                continue
            listed.add(clip)
            number = whole_number(label)
            if number is None or not first <= number < first + len(_DFEW):
                found.add_problem(origin, f"label {label!r} is none of {first} to {first + len(_DFEW) - 1}")
                continue
            path = clip_named(frames, clip)
            by_fold = split == "test" and folds > 1
            found.clips.append(
                Clip(
                    clip=clip,
                    path=path if path.exists() else clip_named(frames, name),
                    label=_DFEW[number - first],
                    label_votes=votes.get(clip, ""),
                    split="" if by_fold else split,
                    fold=fold if by_fold else "",
                    origin=origin,
                )
            )
    return found


def _dfew_votes(root: Path, found: Manifest) -> dict[str, str]:
    """Read the votes of raters by clip, from a sheet with a clip's number, then columns like `1happy`; else none."""
    votes: dict[str, str] = {}
    for path in under(root, "[Aa]nnotation.xlsx")[:1]:
        try:
            sheet = pd.read_excel(path, engine="openpyxl", dtype=object)
        except ImportError:
            found.add_problem(path, "holds votes, and openpyxl to read them is missing: pip install 'fervideo[xlsx]'")
            continue
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            found.add_problem(path, f"cannot be read ({error})")
            continue
        columns = {column: canonical(str(column).strip().lstrip("0123456789")) for column in sheet.columns}
        if {label for label in columns.values() if label in _DFEW} != set(_DFEW):
            found.add_problem(path, f"has no column for each of {', '.join(_DFEW)}")
            continue
        for number, (clip, row) in enumerate(zip(sheet.iloc[:, 0], sheet.to_dict("records"), strict=True), 2):
            try:
                counted = {label: float(row[column]) for column, label in columns.items() if label in _DFEW}
                votes[str(int(clip)).zfill(5)] = written_votes(counted)
            except (TypeError, ValueError, OverflowError) as error:
                found.add_problem(f"{path}:{number}", f"is no row of votes ({error})")
    return votes


def is_ferv39k(root: Path) -> bool:
    return (root / "4_setups").is_dir()


def ferv39k(root: Path) -> Manifest:
    """Read `4_setups/All_scenes/{train,test}_All.csv`, lines `Interview/Happy/0118 Happy` without a header."""
    found = Manifest(root, "ferv39k", labels=_FERV39K)
    for split in ("train", "test"):
        table = root / "4_setups" / "All_scenes" / f"{split}_All.csv"
        for origin, (name, label) in _pairs(table, found):
            path = root / "2_ClipsforFaceCrop" / name
            found.clips.append(Clip(clip=name, path=path, label=canonical(label), split=split, origin=origin))
    return found


def _pairs(table: Path, found: Manifest) -> Iterable[tuple[str, tuple[str, str]]]:
    """Read lines of a name, a space, and a label."""
    for number, line in enumerate(text_of(table, found).splitlines(), 1):
        name, blank, label = line.strip().rpartition(" ")
        if blank and name.strip():
            yield f"{table}:{number}", (name.strip(), label)
        elif line.strip():
            found.add_problem(f"{table}:{number}", f"{line.strip()!r} is not a name, a space and a label")


def is_mafw(root: Path) -> bool:
    return (root / "Train & Test Set" / "single").is_dir()


def mafw(root: Path) -> Manifest:
    """Read `Train & Test Set/single/no_caption/set_*/test.txt`, lines `00025.mp4 anger`.

    A clip's fold is the one that tests it. Lists with captions are tables in another encoding, and are not needed.
    """
    found = Manifest(root, "mafw", labels=_MAFW)
    sets = folders(root / "Train & Test Set" / "single" / "no_caption")
    for folder in sets:
        for split in ("test",) if len(sets) > 1 else ("train", "test"):
            for origin, (name, label) in _pairs(folder / f"{split}.txt", found):
                clip = Path(name).stem
                path = root / "data" / "clips" / name
                found.clips.append(
                    Clip(
                        clip=clip,
                        path=path if path.exists() else clip_named(root / "data" / "frames", clip),
                        label=canonical(label),
                        split="" if len(sets) > 1 else split,
                        fold=folder.name.removeprefix("set_") if len(sets) > 1 else "",
                        origin=origin,
                    )
                )
    return found


def _afew_sides(root: Path) -> dict[str, Path]:
    """Find the folders of AFEW's splits, which copies spell in many ways."""
    sides = {}
    for folder in folders(root):
        name = folder.name.lower().replace("_afew", "").replace("afew_", "")
        if name in ("train", "val"):
            # Its test set has no public labels, so published results are those on the validation set.
            sides["train" if name == "train" else "test"] = folder
    return sides


def is_afew(root: Path) -> bool:
    sides = _afew_sides(root)
    return len(sides) == 2 and any(canonical(folder.name) in _AFEW for folder in folders(sides["train"]))


def afew(root: Path) -> Manifest:
    """Read `Train_AFEW/Angry/000046280.avi` and `Val_AFEW`, which is the test split: the real one has no labels."""
    found = Manifest(root, "afew", labels=_AFEW)
    for split, side in _afew_sides(root).items():
        for folder in folders(side):
            for path in clips_in(folder):
                found.clips.append(
                    Clip(
                        clip=f"{side.name}/{path.stem}",
                        path=path,
                        label=canonical(folder.name),
                        split=split,
                        origin=str(path),
                    )
                )
    return found


def is_aff_wild2(root: Path) -> bool:
    return any(under(root, "EXPR_Recognition_Challenge"))


def aff_wild2(root: Path) -> Manifest:
    """Read `EXPR_Recognition_Challenge/{Train_Set,Validation_Set}/<video>.txt`, frames in `cropped_aligned*/<video>`.

    `<video>_left` and `<video>_right` are two persons of one video, which stay in one split. Validation_Set is the test
    split: the real one has no labels.
    """
    found = Manifest(root, "aff-wild2", image_fps=30.0)
    challenge = next(iter(under(root, "EXPR_Recognition_Challenge")), root)
    crops = [*sorted(root.glob("cropped_aligned*")), root / "cropped_aligned"]
    for split, folder in (("train", "Train_Set"), ("test", "Validation_Set")):
        for labels in sorted((challenge / folder).glob("*.txt")):
            path = next(
                (crop / labels.stem for crop in crops if (crop / labels.stem).is_dir()), crops[-1] / labels.stem
            )
            found.clips.append(
                Clip(
                    clip=labels.stem,
                    path=path,
                    subject=labels.stem.removesuffix("_left").removesuffix("_right"),
                    split=split,
                    frame_labels=str(labels),
                    origin=str(labels),
                )
            )
    return found
