"""Readers of datasets: each knows one layout, and yields a manifest.

files.py     what the readers share: clips in folders, rows of tables
generic.py   layouts that people make themselves: folders per label, manifests, labels per frame, intervals, ELAN, BORIS
acted.py     recorded in a laboratory: RAVDESS, CREMA-D, CK+, Oulu-CASIA, eNTERFACE'05
wild.py      cut from films and the web: DFEW, FERV39k, MAFW, AFEW, Aff-Wild2
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from fervideo.errors import DatasetError
from fervideo.training.datasets import acted, generic, wild
from fervideo.training.manifest import Manifest


class Format(NamedTuple):
    """Say how a layout is read, by what it is recognised, and what that looks like."""

    read: Callable[[Path], Manifest]
    recognise: Callable[[Path], bool]
    looks_for: str


#: By name, the most telling layout first: what two recognise is the first one's.
FORMATS = {
    "ravdess": Format(acted.ravdess, acted.is_ravdess, "Actor_01/02-01-06-01-02-01-12.mp4"),
    "crema-d": Format(acted.crema_d, acted.is_crema_d, "VideoFlash/1001_DFA_ANG_XX.flv"),
    "crema-d-perceived": Format(
        acted.crema_d_perceived, lambda _: False, "VideoFlash/*.flv and processedResults/tabulatedVotes.csv"
    ),
    "ck+": Format(
        acted.ck_plus, acted.is_ck_plus, "cohn-kanade-images/S005/001/*.png and Emotion/S005/001/*_emotion.txt"
    ),
    "oulu-casia": Format(acted.oulu_casia, acted.is_oulu_casia, "OriginalImg/VL/Strong/P001/Anger/000.jpeg"),
    "enterface05": Format(acted.enterface, acted.is_enterface, "subject 1/anger/sentence 1/s1_an_1.avi"),
    "dfew": Format(
        wild.dfew, wild.is_dfew, "Clip/clip_224x224/00001/ and EmoLabel_DataSplit/train(single-labeled)/set_1.csv"
    ),
    "ferv39k": Format(
        wild.ferv39k, wild.is_ferv39k, "2_ClipsforFaceCrop/Interview/Happy/0118/ and 4_setups/All_scenes/train_All.csv"
    ),
    "mafw": Format(
        wild.mafw, wild.is_mafw, "data/clips/00025.mp4 and Train & Test Set/single/no_caption/set_1/train.txt"
    ),
    "afew": Format(wild.afew, wild.is_afew, "Train_AFEW/Angry/000046280.avi and Val_AFEW/"),
    "aff-wild2": Format(
        wild.aff_wild2,
        wild.is_aff_wild2,
        "cropped_aligned/<video>/00001.jpg and EXPR_Recognition_Challenge/Train_Set/<video>.txt",
    ),
    "manifest": Format(
        generic.manifest,
        generic.is_manifest,
        "a CSV file with columns path,label (also subject, split, fold, start_s, end_s)",
    ),
    "intervals": Format(
        generic.intervals, generic.is_intervals, "a CSV file with columns clip,start_s,end_s,label beside the clips"
    ),
    "boris": Format(
        generic.boris, generic.is_boris, "BORIS events as CSV or TSV, with columns Behavior, Behavior type and Time"
    ),
    "elan": Format(generic.elan, generic.is_elan, "ELAN's tab-delimited text <clip>.txt beside each clip"),
    "frames": Format(
        generic.frames, generic.is_frames, "<clip>.csv with columns time_s,label or frame,label beside each clip"
    ),
    "folder": Format(generic.folder, generic.is_folder, "<label>/<clip>, a video file or a folder of images"),
}


def read(root: Path, name: str | None = None) -> Manifest:
    """Read a dataset.

    Args:
        root: Its folder, or for tables the file.
        name: One of FORMATS; None to recognise it.

    Raises:
        DatasetError: There is no such folder, no layout fits, or the reader finds nothing; says what was looked for and
            where.
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
