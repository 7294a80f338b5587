"""Readers of datasets: each reads one layout and returns a manifest.

files.py      shared by the readers: clips in folders, rows of tables
generic.py    layouts that people make themselves: folders per label, manifests, labels per frame, intervals
boris.py      events of BORIS
annotated.py  annotations in tiers: ELAN and Praat
acted.py      recorded in a laboratory: RAVDESS, CREMA-D, CK+, Oulu-CASIA, eNTERFACE'05
wild.py       cut from films and the web: DFEW, FERV39k, MAFW, AFEW, Aff-Wild2

A new layout is a function that reads it and a line in FORMATS; a second function may recognise it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from fervideo.errors import DatasetError
from fervideo.training.datasets import acted, annotated, boris, generic, wild
from fervideo.training.manifest import Manifest


def _never(root: Path) -> bool:  # noqa: ARG001
    return False


@dataclass(frozen=True)
class Format:
    """One layout of datasets.

    Attributes:
        read: Function that reads a dataset's folder or file.
        looks_for: Example of the layout, for messages.
        recognise: Function that returns whether a folder or file has the layout; by default it must be asked for.
    """

    read: Callable[[Path], Manifest]
    looks_for: str
    recognise: Callable[[Path], bool] = _never


#: Layouts by name, the most specific first: a folder that several recognise is read as the first of them.
FORMATS = {
    "ravdess": Format(acted.ravdess, "Actor_01/02-01-06-01-02-01-12.mp4", acted.is_ravdess),
    "crema-d": Format(acted.crema_d, "VideoFlash/1001_DFA_ANG_XX.flv", acted.is_crema_d),
    "crema-d-perceived": Format(acted.crema_d_perceived, "VideoFlash/*.flv and processedResults/tabulatedVotes.csv"),
    "ck+": Format(
        acted.ck_plus, "cohn-kanade-images/S005/001/*.png and Emotion/S005/001/*_emotion.txt", acted.is_ck_plus
    ),
    "oulu-casia": Format(acted.oulu_casia, "OriginalImg/VL/Strong/P001/Anger/000.jpeg", acted.is_oulu_casia),
    "enterface05": Format(acted.enterface, "subject 1/anger/sentence 1/s1_an_1.avi", acted.is_enterface),
    "dfew": Format(
        wild.dfew, "Clip/clip_224x224/00001/ and EmoLabel_DataSplit/train(single-labeled)/set_1.csv", wild.is_dfew
    ),
    "ferv39k": Format(
        wild.ferv39k, "2_ClipsforFaceCrop/Interview/Happy/0118/ and 4_setups/All_scenes/train_All.csv", wild.is_ferv39k
    ),
    "mafw": Format(
        wild.mafw, "data/clips/00025.mp4 and Train & Test Set/single/no_caption/set_1/train.txt", wild.is_mafw
    ),
    "afew": Format(wild.afew, "Train_AFEW/Angry/000046280.avi and Val_AFEW/", wild.is_afew),
    "aff-wild2": Format(
        wild.aff_wild2,
        "cropped_aligned/<video>/00001.jpg and EXPR_Recognition_Challenge/Train_Set/<video>.txt",
        wild.is_aff_wild2,
    ),
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
    "folder": Format(generic.folder, "<label>/<clip>, a video file or a folder of images", generic.is_folder),
}


def read(root: Path, name: str | None = None) -> Manifest:
    """Read a dataset.

    Args:
        root: Its folder, or for tables the file.
        name: One of FORMATS; None to recognise it.

    Raises:
        DatasetError: There is no such folder, no layout fits, or the reader finds no clip. The message contains the
            layouts that were looked for.
    """
    if not root.exists():
        raise DatasetError(root, "does not exist", "check the path")
    if name is not None and name not in FORMATS:
        raise DatasetError(f"--format {name}", "is no format", f"one of {', '.join(FORMATS)}")
    chosen = name or next((name for name, layout in FORMATS.items() if layout.recognise(root)), None)
    if chosen is None:
        looked_for = "; ".join(f"{name}: {layout.looks_for}" for name, layout in FORMATS.items())
        raise DatasetError(root, f"is no layout that is known (looked for: {looked_for})", "see --format")
    found = FORMATS[chosen].read(root)
    if not found.clips:
        reason = f"holds no clip: looked there for {FORMATS[chosen].looks_for}"
        raise DatasetError(root, reason, f"check the folder; it was read as {chosen}", tuple(map(str, found.problems)))
    return replace(found, format=chosen)
