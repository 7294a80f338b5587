"""Readers of datasets: each reads one layout and returns a manifest.

files.py      shared by the readers: clips in folders, rows of tables
labelled.py   folders per label, in splits or not
generic.py    tables that people make themselves: manifests, labels per frame, intervals
boris.py      events of BORIS
annotated.py  annotations in tiers: ELAN and Praat
acted.py      recorded in a laboratory: RAVDESS, CREMA-D, MEAD, CK+, Oulu-CASIA, eNTERFACE'05
wild.py       cut from films and the web: FERV39k, MAFW, AFEW, MELD
dfew.py       DFEW, with the votes of its raters
affwild2.py   Aff-Wild2, with a label for each frame

A new layout is a function that reads it and a line in FORMATS; a second function may recognise it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from fervideo.errors import DatasetError
from fervideo.training.datasets import acted, affwild2, annotated, boris, dfew, generic, labelled, wild
from fervideo.training.datasets.files import folders
from fervideo.training.manifest import Manifest

#: How many folders deep a dataset may lie in the folder that was given, and the most folders that are looked into.
_LEVELS, _MOST_FOLDERS = 2, 100
#: The most labels that a message lists.
_MOST_LABELS = 12


@dataclass(frozen=True)
class Format:
    """One layout of datasets.

    Attributes:
        read: Function that reads a dataset's folder or file.
        looks_for: Example of the layout, for messages.
        recognise: Function that returns whether a folder or file has the layout.
        by_name: Whether it is read only if it is asked for.
    """

    read: Callable[[Path], Manifest]
    looks_for: str
    recognise: Callable[[Path], bool]
    by_name: bool = False


#: Layouts by name. No two of them recognise the same dataset as it is published.
FORMATS = {
    "ravdess": Format(acted.ravdess, "Actor_01/02-01-06-01-02-01-12.mp4", acted.is_ravdess),
    "crema-d": Format(acted.crema_d, "VideoFlash/1001_DFA_ANG_XX.flv", acted.is_crema_d),
    "crema-d-perceived": Format(
        acted.crema_d_perceived,
        "VideoFlash/*.flv and processedResults/tabulatedVotes.csv",
        acted.is_crema_d,
        by_name=True,
    ),
    "mead": Format(acted.mead, "M003/video/front/angry/level_1/001.mp4", acted.is_mead),
    "mead-all-views": Format(acted.mead_all_views, "M003/video/left_30/angry/level_1/001.mp4", acted.is_mead, True),
    "ck+": Format(
        acted.ck_plus, "cohn-kanade-images/S005/001/*.png and Emotion/S005/001/*_emotion.txt", acted.is_ck_plus
    ),
    "oulu-casia": Format(acted.oulu_casia, "OriginalImg/VL/Strong/P001/Anger/000.jpeg", acted.is_oulu_casia),
    "enterface05": Format(acted.enterface, "subject 1/anger/sentence 1/s1_an_1.avi", acted.is_enterface),
    "dfew": Format(
        dfew.dfew, "Clip/clip_224x224/00001/ and EmoLabel_DataSplit/train(single-labeled)/set_1.csv", dfew.is_dfew
    ),
    "ferv39k": Format(
        wild.ferv39k, "2_ClipsforFaceCrop/Interview/Happy/0118/ and 4_setups/All_scenes/train_All.csv", wild.is_ferv39k
    ),
    "mafw": Format(
        wild.mafw, "data/clips/00025.mp4 and Train & Test Set/single/no_caption/set_1/train.txt", wild.is_mafw
    ),
    "afew": Format(wild.afew, "Train_AFEW/Angry/000046280.avi and Val_AFEW/", wild.is_afew),
    "aff-wild2": Format(
        affwild2.aff_wild2,
        "cropped_aligned/<video>/00001.jpg and EXPR_Recognition_Challenge/Train_Set/<video>.txt",
        affwild2.is_aff_wild2,
    ),
    "meld": Format(wild.meld, "train_sent_emo.csv and train_splits/dia0_utt0.mp4", wild.is_meld),
    "manifest": Format(
        generic.manifest,
        "a CSV file with columns path,label (also subject, split, fold, start_s, end_s)",
        generic.is_manifest,
    ),
    "intervals": Format(
        generic.intervals, "a CSV file with columns clip,start_s,end_s,label beside the clips", generic.is_intervals
    ),
    "boris": Format(
        boris.boris, "BORIS events as CSV or TSV, with columns Behavior, Behavior type and Time", boris.is_boris
    ),
    "elan": Format(annotated.elan, "ELAN's <clip>.eaf or its tab-delimited text beside the clips", annotated.is_elan),
    "textgrid": Format(annotated.textgrid, "Praat's <clip>.TextGrid beside each clip", annotated.is_textgrid),
    "frames": Format(
        generic.frames, "<clip>.csv with columns time_s,label or frame,label beside each clip", generic.is_frames
    ),
    "splits": Format(
        labelled.splits, "<split>/<label>/<clip>, with splits such as train, val and test", labelled.is_splits
    ),
    "folder": Format(labelled.folder, "<label>/<clip>, a video file or a folder of images", labelled.is_folder),
}


def read(root: Path, name: str | None = None) -> Manifest:
    """Read a dataset, which may lie one or two folders deeper than the folder that was given.

    Args:
        root: Its folder, or for tables the file.
        name: One of FORMATS; None to recognise it.

    Raises:
        DatasetError: There is no such folder, no layout fits, or several do, or the reader finds no clip.
    """
    if not root.exists():
        raise DatasetError(root, "does not exist", "check the path")
    if name is not None and name not in FORMATS:
        raise DatasetError(f"--format {name}", "is no format", f"one of {', '.join(FORMATS)}")
    if name is None:
        root, name = _recognised(root)
    found = FORMATS[name].read(root)
    if not found.clips and not FORMATS[name].recognise(root) and (deeper := _fitting(root, (name,))):
        found = FORMATS[name].read(_only(root, deeper)[0])
    if not found.clips:
        reason = f"holds no clip: looked there for {FORMATS[name].looks_for}"
        raise DatasetError(root, reason, f"check the folder; it was read as {name}", tuple(map(str, found.problems)))
    return replace(found, format=name)


def _recognised(root: Path) -> tuple[Path, str]:
    """Return the folder of a dataset and the name of its layout.

    Raises:
        DatasetError: No layout fits, or several do.
    """
    fitting = _fitting(root, (name for name, layout in FORMATS.items() if not layout.by_name))
    if not fitting:
        raise _unknown(root)
    return _only(root, fitting)


def _fitting(root: Path, names: Iterable[str]) -> list[tuple[Path, str]]:
    """Find the layouts that fit a folder; if there are none, those that fit the folders in it, and so on."""
    level, names = [root], list(names)
    for _ in range(_LEVELS + 1):
        found = [(folder, name) for folder in level for name in names if FORMATS[name].recognise(folder)]
        if found:
            return found
        level = [inner for folder in level for inner in folders(folder)][:_MOST_FOLDERS]
    return []


def _only(root: Path, fitting: list[tuple[Path, str]]) -> tuple[Path, str]:
    """Return the one layout that fits; which of several is meant is never guessed."""
    if len(fitting) == 1:
        return fitting[0]
    if len({folder for folder, _ in fitting}) > 1:
        listed = ", ".join(f"{folder.relative_to(root)} ({name})" for folder, name in fitting[:_MOST_LABELS])
        raise DatasetError(root, f"holds {len(fitting)} datasets: {listed}", "give the folder of one of them")
    folder = fitting[0][0]
    listed = " and ".join(f"{name} ({FORMATS[name].looks_for})" for _, name in fitting)
    options = " or ".join(f"--format {name}" for _, name in fitting)
    raise DatasetError(folder, f"can be read in {len(fitting)} ways: {listed}", f"choose with {options}")


def _unknown(root: Path) -> DatasetError:
    """Return the error for a layout that is not known; it lists the labels that folders would have had."""
    near = [root, *folders(root)[:_MOST_FOLDERS]]
    if photographs := [path for each in near for path in labelled.photographs_of(each)]:
        reason = f"has images right in folders of expressions, such as {photographs[0]}, and no clips"
        remedy = "photographs are for fervideo compare; if each folder is a clip, list them in a CSV with path,label"
        return DatasetError(root, reason, remedy)
    for each in near:
        if labels := labelled.labels_of(each):
            listed = ", ".join(labels[:_MOST_LABELS]) + (f", … ({len(labels)})" if len(labels) > _MOST_LABELS else "")
            reason = f"is in no layout that is known; its folders would be the labels {listed}"
            name = labelled.kind_of(each)
            remedy = (
                f"if they are your labels, give this folder with --format {name}, else see `fervideo docs datasets`"
            )
            return DatasetError(each, reason, remedy)
    remedy = f"`fervideo docs datasets` shows them; --format names one of {', '.join(FORMATS)}"
    return DatasetError(root, "is in no layout that is known", remedy)
