"""Datasets cut from films and the web, with lists or folders for labels: FERV39k, MAFW, AFEW, MELD.

Subjects are unknown, and official splits are kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from fervideo.training.datasets.files import clip_among, clips_in, folders, table_rows, text_of, under
from fervideo.training.manifest import Clip, Manifest, canonical, canonical_split

_FERV39K = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
_MAFW = (*_FERV39K, "contempt", "anxiety", "helplessness", "disappointment")
_AFEW = _FERV39K
_MELD = _FERV39K
#: Folders of MELD's clips by split: its tables are named by the keys.
_MELD_FOLDERS = {"train": "train_splits", "dev": "dev_splits_complete", "test": "output_repeated_splits_test"}
#: A clip of MELD that is missing as published, and one that is broken.
_MELD_MISSING, _MELD_BROKEN = ("dev", "dia110_utt7"), ("train", "dia125_utt3")


def is_ferv39k(root: Path) -> bool:
    return bool(under(root, "4_setups/All_scenes"))


def ferv39k(root: Path) -> Manifest:
    """Read `4_setups/All_scenes/{train,test}_All.csv`, lines `Interview/Happy/0118 Happy` without a header."""
    found = Manifest(root, "ferv39k", labels=_FERV39K)
    lists = next(iter(under(root, "4_setups/All_scenes")), root / "4_setups" / "All_scenes")
    # An archive in parts unpacks into several folders of that name.
    crops = under(root, "2_ClipsforFaceCrop") or [root / "2_ClipsforFaceCrop"]
    for split in ("train", "test"):
        for origin, (name, label) in _pairs(lists / f"{split}_All.csv", found):
            path = clip_among(crops, name)
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


_MAFW_LISTS = "Train & Test Set/single/no_caption"


def is_mafw(root: Path) -> bool:
    return bool(under(root, _MAFW_LISTS))


def mafw(root: Path) -> Manifest:
    """Read `Train & Test Set/single/no_caption/set_*/test.txt`, lines `00025.mp4 anger`.

    A clip's fold is the one that tests it. Lists with captions are tables in another encoding, and are not needed.
    """
    found = Manifest(root, "mafw", labels=_MAFW)
    sets = folders(next(iter(under(root, _MAFW_LISTS)), root / _MAFW_LISTS))
    # Videos, or else their frames; archives repeat the name of the folder.
    clips = [
        path for name in ("clips", "frames") for pattern in (name, f"{name}/{name}") for path in under(root, pattern)
    ]
    clips = [path for path in clips if path.is_dir()] or [root / "data" / "clips"]
    for folder in sets:
        for split in ("test",) if len(sets) > 1 else ("train", "test"):
            for origin, (name, label) in _pairs(folder / f"{split}.txt", found):
                clip = Path(name).stem
                path = clip_among(clips, name)
                found.clips.append(
                    Clip(
                        clip=clip,
                        path=path if path.exists() else clip_among(clips, clip),
                        label=canonical(label),
                        split="" if len(sets) > 1 else split,
                        fold=folder.name.removeprefix("set_") if len(sets) > 1 else "",
                        origin=origin,
                    )
                )
    return found


def _afew_sides(root: Path) -> dict[str, Path]:
    """Find the folders of AFEW's splits, which copies spell in many ways; plain `train` and `val` are anybody's."""
    # Its test set has no public labels, so published results are those on the validation set.
    known = {"train_afew": "train", "afew_train": "train", "val_afew": "test", "afew_val": "test"}
    return {known[name]: folder for folder in folders(root) if (name := folder.name.lower()) in known}


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


def _meld_tables(root: Path) -> dict[str, Path]:
    found = {split: under(root, f"{split}_sent_emo.csv") for split in _MELD_FOLDERS}
    return {split: paths[0] for split, paths in found.items() if paths}


def is_meld(root: Path) -> bool:
    return bool(_meld_tables(root))


def meld(root: Path) -> Manifest:
    """Read `train_sent_emo.csv` and the like, with a row for each clip `train_splits/dia0_utt0.mp4`.

    Speakers are no subjects: they are the same six people in all splits, and others in the picture.
    """
    found = Manifest(root, "meld", labels=_MELD)
    found.notes.append("several people are in the picture, and the speaker is not marked: the face seen longest counts")
    for side, table in _meld_tables(root).items():
        clips = under(root, _MELD_FOLDERS[side]) or [root / _MELD_FOLDERS[side]]
        for origin, row in table_rows(table, found, "emotion", "dialogue_id", "utterance_id"):
            name = f"dia{row.get('dialogue_id', '')}_utt{row.get('utterance_id', '')}"
            # In the test split some clips were cut anew, under another name.
            path = clip_among(clips, f"final_videos_test{name}")
            path = path if path.exists() else clip_among(clips, f"{name}.mp4")
            if (side, name) == _MELD_BROKEN or ((side, name) == _MELD_MISSING and not path.exists()):
                found.left_out["clips that are missing or broken as published"] += 1
                continue
            label, split = canonical(row.get("emotion", "")), canonical_split(side)
            found.clips.append(Clip(clip=f"{side}/{name}", path=path, label=label, split=split, origin=origin))
    return found
