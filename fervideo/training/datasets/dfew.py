"""DFEW: clips from films in five folds, with the votes of raters."""

from __future__ import annotations

import re
from pathlib import Path
from zipfile import BadZipFile

import pandas as pd

from fervideo.errors import counted
from fervideo.training.datasets.files import clip_among, header, table_rows, under, whole_number
from fervideo.training.manifest import Clip, Manifest, canonical, written_votes

_LABELS = ("happiness", "sadness", "neutral", "anger", "surprise", "disgust", "fear")
#: Folders of the clips in the two releases and in copies, those with all frames before those with 16.
_FOLDERS = ("clip_224x224", "jpg_256", "clip_224x224_avi", "single_label/data", "clip_224x224_16f", "original")
#: Names of a split file: `set_1` in a folder `train(single-labeled)`, `train_set_1`, `single_trainset_1`.
_TABLE = re.compile(r"(?:single_)?(?:(train|test)_?)?set_(\d+)")
#: Columns of the sheet of votes with a clip's number.
_NUMBER = ("order", "clip", "video_name")


def _tables(root: Path) -> dict[str, list[tuple[str, Path]]]:
    """Find the split files: by `train` and `test`, pairs of fold and file."""
    found: dict[str, list[tuple[str, Path]]] = {"train": [], "test": []}
    for path in sorted(under(root, "*set_*.csv")):
        name, of_folder = _TABLE.fullmatch(path.stem), re.match("train|test", path.parent.name)
        split = name and (name[1] or (of_folder and of_folder[0]))
        if name and split:
            found[split].append((name[2], path))
    return found


def is_dfew(root: Path) -> bool:
    return any({"video_name", "label"} <= set(header(path)) for tables in _tables(root).values() for _, path in tables)


def dfew(root: Path) -> Manifest:
    """Read `EmoLabel_DataSplit/train(single-labeled)/set_1.csv` and the like; a clip's fold is the one that tests it.

    The first release has `single_label/label/single_trainset_1.csv` and `single_label/data/00001/`. Some copies lack
    folds: clips that no fold tests are trained on in all folds. A single fold is a split.

    Labels count from 1 in the original and from 0 in copies of other projects, which a label 0 reveals. The votes of
    raters in `annotation.xlsx`, if it is there, are soft labels.
    """
    found = Manifest(root, "dfew", labels=_LABELS)
    rows = {
        split: [(fold, *row) for fold, path in tables for row in table_rows(path, found)]
        for split, tables in _tables(root).items()
    }
    first = 0 if any(row.get("label") == "0" for split in rows.values() for _, _, row in split) else 1
    frames = next((there for name in _FOLDERS if (there := under(root, name))), [root / "Clip" / _FOLDERS[0]])
    folds, votes = len({fold for fold, _, _ in rows["test"]}), _votes(root, found)
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
            if number is None or not first <= number < first + len(_LABELS):
                found.add_problem(origin, f"label {label!r} is none of {first} to {first + len(_LABELS) - 1}")
                continue
            path = clip_among(frames, clip)
            by_fold = split == "test" and folds > 1
            found.clips.append(
                Clip(
                    clip=clip,
                    path=path if path.exists() else clip_among(frames, name),
                    label=_LABELS[number - first],
                    label_votes=votes.get(clip, ""),
                    split="" if by_fold else split,
                    fold=fold if by_fold else "",
                    origin=origin,
                )
            )
    if votes:
        _check_votes(found)
    return found


def _votes(root: Path, found: Manifest) -> dict[str, str]:
    """Read the votes of raters by clip from a sheet with columns such as `1happy`, and the clip's number in `order`."""
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
        sheet.columns = [canonical(str(column).strip().lstrip("0123456789")) for column in sheet.columns]
        number = next((name for name in _NUMBER if name in sheet.columns), None)
        lacking = [*(name for name in _LABELS if name not in sheet.columns), *([] if number else [_NUMBER[0]])]
        if lacking:
            found.add_problem(path, f"has no column {', '.join(lacking)}; its columns: {', '.join(sheet.columns)}")
            continue
        for line, row in enumerate(sheet.to_dict("records"), 2):
            try:
                counted_votes = {label: float(row[label]) for label in _LABELS}
                votes[str(int(row[number])).zfill(5)] = written_votes(counted_votes)
            except (TypeError, ValueError, OverflowError) as error:
                found.add_problem(f"{path}:{line}", f"is no row of votes ({error})")
    return votes


def _check_votes(found: Manifest) -> None:
    """Leave votes out, with a problem, if hardly any clip has some: the sheet's numbers are not those of the clips."""
    voted = sum(bool(clip.label_votes) for clip in found.clips)
    if voted < len(found.clips) / 2:
        reason = f"the votes of annotation.xlsx are about {voted} of {counted(len(found.clips), 'listed clip')}"
        found.add_problem(found.root, f"{reason}, and are left out: check its column {_NUMBER[0]}, or move it away")
        found.clips[:] = [clip._replace(label_votes="") for clip in found.clips]
