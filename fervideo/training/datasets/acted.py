"""Datasets recorded in a laboratory: RAVDESS, CREMA-D, MEAD, CK+, Oulu-CASIA, eNTERFACE'05."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from fervideo.training.datasets.files import (
    clips_in,
    entries,
    folders,
    has_images,
    is_video,
    table_rows,
    text_of,
    under,
)
from fervideo.training.manifest import Clip, Manifest, canonical, ordered, written_votes

_RAVDESS = ("neutral", "calm", "happiness", "sadness", "anger", "fear", "disgust", "surprise")
_RAVDESS_NAME = re.compile(r"(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)")
_CREMA_D = {"ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "happiness", "NEU": "neutral", "SAD": "sadness"}
_CREMA_D_NAME = re.compile(r"(\d{4})_[A-Z]{3}_([A-Z]{3})_(LO|MD|HI|XX|X)")
#: Clips that the README of CREMA-D disowns: all emotions in one, an error message, too short, without duration.
_CREMA_D_DISOWNED = ("1064_IEO_DIS_MD", "1076_MTI_SAD_XX", "1076_MTI_NEU_XX", "1064_TIE_SAD_XX")
#: Labels by their abbreviations in the votes' columns and summaries.
_CREMA_D_VOTES = {name[0]: label for name, label in _CREMA_D.items()}
_CK_PLUS = ("neutral", "anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise")
_OULU = ("anger", "disgust", "fear", "happiness", "sadness", "surprise")
_MEAD = ("neutral", "anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise")
_ENTERFACE_SUBJECT = re.compile(r"subject[ _-]?(\d+)")
_ENTERFACE = {"an": "anger", "di": "disgust", "fe": "fear", "ha": "happiness", "sa": "sadness", "su": "surprise"}


def is_ravdess(root: Path) -> bool:
    return any(_RAVDESS_NAME.fullmatch(path.stem) and is_video(path) for path in under(root, "Actor_*/*-*"))


def ravdess(root: Path) -> Manifest:
    """Read `Actor_XX/modality-channel-emotion-intensity-statement-repetition-actor.mp4`, speech and song.

    A take comes with sound (01), without (02), and as sound alone (03). One of the first two is read.
    """
    found = Manifest(root, "ravdess", labels=_RAVDESS)
    takes: dict[str, Path] = {}
    # By name, so that 02 comes later and stays.
    for path in sorted(under(root, "Actor_*/*"), key=lambda path: path.name):
        name = _RAVDESS_NAME.fullmatch(path.stem)
        if is_video(path) and not name:
            found.add_problem(path, "is not named like 02-01-06-01-02-01-12.mp4")
        elif is_video(path) and name and name[1] in ("01", "02"):
            takes[path.stem[3:]] = path
    for take, path in takes.items():
        code, actor = int(take[3:5]), take[-2:]
        if not 1 <= code <= len(_RAVDESS):
            found.add_problem(path, f"emotion {code:02d} is none of 01 to 08")
            continue
        found.clips.append(Clip(clip=path.stem, path=path, subject=actor, label=_RAVDESS[code - 1], origin=str(path)))
    return found


def _crema_d_takes(root: Path) -> dict[str, Path]:
    """Find the clips of CREMA-D by name: as published in `VideoFlash`, else as copies in another folder."""
    found: dict[str, Path] = {}
    for folder in sorted((root, *folders(root)), key=lambda folder: folder.name != "VideoFlash"):
        for path in filter(is_video, entries(folder, "*_*_*_*")):
            if _CREMA_D_NAME.fullmatch(path.stem):
                found.setdefault(path.stem, path)
    return found


def is_crema_d(root: Path) -> bool:
    return bool(_crema_d_takes(root))


def crema_d(root: Path) -> Manifest:
    """Read `VideoFlash/actor_sentence_emotion_level.flv`, labelled with the emotion that the actor was to show.

    Another folder of videos with these names will do, since many convert them.
    """
    found = Manifest(root, "crema-d", labels=tuple(_CREMA_D.values()))
    takes = _crema_d_takes(root)
    for name, path in takes.items():
        actor, _, emotion, _ = name.split("_")
        if name in _CREMA_D_DISOWNED:
            found.left_out["clips that the README of CREMA-D disowns"] += 1
        elif emotion in _CREMA_D:
            found.clips.append(Clip(clip=name, path=path, subject=actor, label=_CREMA_D[emotion], origin=str(path)))
        else:
            found.add_problem(path, f"emotion {emotion} is none of {', '.join(_CREMA_D)}")
    for folder in sorted({path.parent for path in takes.values()}):
        for path in filter(is_video, entries(folder)):
            if not _CREMA_D_NAME.fullmatch(path.stem):
                found.add_problem(path, "is not named like 1001_DFA_ANG_XX.flv")
    return found


def crema_d_perceived(root: Path) -> Manifest:
    """Read CREMA-D with the votes of raters who saw the picture alone; the label is their winner, none in a tie."""
    intended = crema_d(root)
    found = replace(intended, format="crema-d-perceived", clips=[])
    votes: dict[str, str] = {}
    for origin, row in table_rows(root / "processedResults" / "tabulatedVotes.csv", found):
        # The first digit of the row's number is the rated channel: 1 the voice, 2 the face, 3 both.
        if not row.get("", "").startswith("2"):
            continue
        try:
            votes[row["filename"]] = written_votes(
                {label: float(row[letter.lower()]) for letter, label in _CREMA_D_VOTES.items()}
            )
        except (KeyError, ValueError) as error:
            found.add_problem(origin, f"is no row of votes ({error})")
    winner = {
        row.get("filename", ""): _CREMA_D_VOTES.get(row.get("facevote", ""), "")
        for _, row in table_rows(root / "processedResults" / "summaryTable.csv", found)
    }
    for clip in intended.clips:
        if not votes.get(clip.clip):
            found.add_problem(clip.origin, "has no votes for its face in processedResults/tabulatedVotes.csv")
        found.clips.append(clip._replace(label=winner.get(clip.clip, ""), label_votes=votes.get(clip.clip, "")))
    return found


def _ck_plus_folders(root: Path) -> tuple[Path, Path] | None:
    """Find the folders of images and of labels, which its archives wrap in folders of their own."""
    images, labels = (filter(Path.is_dir, under(root, name)) for name in ("cohn-kanade-images", "Emotion"))
    both = next(images, None), next(labels, None)
    return (both[0], both[1]) if both[0] and both[1] else None


def is_ck_plus(root: Path) -> bool:
    return _ck_plus_folders(root) is not None


def ck_plus(root: Path) -> Manifest:
    """Read `cohn-kanade-images/S005/001/*.png` with `Emotion/S005/001/*_emotion.txt`; 10 folds by subject.

    Sequences without such a file are unlabelled, not neutral, and left out. Sequences run from neutral to the apex, so
    synthetic frame labels are made up.
    """
    found = Manifest(root, "ck+", labels=_CK_PLUS, image_fps=30.0)
    images, emotions = _ck_plus_folders(root) or (root / "cohn-kanade-images", root / "Emotion")
    labelled = set()
    for file in (file for each in entries(emotions, "*/*") for file in entries(each, "*_emotion.txt")):
        subject, sequence = file.parts[-3:-1]
        labelled.add((subject, sequence))
        text = text_of(file, found).strip()
        try:
            label = _CK_PLUS[int(float(text))]
        except (ValueError, IndexError, OverflowError):
            found.add_problem(file, f"{text!r} is no emotion from 0 to 7")
            continue
        found.clips.append(
            Clip(
                clip=f"{subject}_{sequence}",
                path=images / subject / sequence,
                subject=subject,
                label=label,
                frame_labels="synthetic",
                origin=str(file),
            )
        )
    unlabelled = {path.parts[-2:] for path in entries(images, "*/*") if path.is_dir()} - labelled
    if unlabelled:
        found.left_out["sequences without a label"] = len(unlabelled)
    return _with_tenths(found)


def _oulu_casia_sequences(root: Path, condition: str) -> list[Path]:
    """Find the sequences of a condition such as `VL/Strong`, as recorded, or else as the dataset's own face crops."""
    light, strength = condition.split("/")
    for name in (light, f"{light}_Acropped"):
        if found := under(root, f"{name}/{strength}/P[0-9][0-9][0-9]"):
            return [path for subject in found for path in filter(has_images, folders(subject))]
    return []


def is_oulu_casia(root: Path) -> bool:
    return any(_oulu_casia_sequences(root, f"{light}/*") for light in ("VL", "NI"))


def oulu_casia(root: Path) -> Manifest:
    """Read `OriginalImg/VL/Strong/P001/Anger/000.jpeg`; 10 folds by subject.

    Published results are those on strong visible light, so other lights are left out.
    """
    found = Manifest(root, "oulu-casia", labels=_OULU, image_fps=25.0)
    for path in _oulu_casia_sequences(root, "VL/Strong"):
        found.clips.append(
            Clip(
                clip=f"{path.parent.name}_{path.name}",
                path=path,
                subject=path.parent.name,
                label=canonical(path.name),
                frame_labels="synthetic",
                origin=str(path),
            )
        )
    every = sum(len(_oulu_casia_sequences(root, f"{light}/*")) for light in ("VL", "NI"))
    if every > len(found.clips):
        found.left_out["sequences in other light than strong visible light"] = every - len(found.clips)
    return _with_tenths(found)


def _with_tenths(found: Manifest) -> Manifest:
    """Deal subjects, in order, into ten folds."""
    fold = {
        subject: str(number % 10 + 1) for number, subject in enumerate(sorted({clip.subject for clip in found.clips}))
    }
    found.clips[:] = [clip._replace(fold=fold[clip.subject]) for clip in found.clips]
    return found


def is_mead(root: Path) -> bool:
    return any(_mead_views(subject) for subject in folders(root))


def _mead_views(subject: Path) -> list[Path]:
    """Return the views of a subject; none for another folder."""
    return folders(subject / "video") if re.fullmatch(r"[MW]\d{3}", subject.name) else []


def mead(root: Path) -> Manifest:
    """Read `M003/video/front/angry/level_1/001.mp4`; the six other views of the same takes are left out."""
    return _mead(root, "mead", all_views=False)


def mead_all_views(root: Path) -> Manifest:
    """Read MEAD with all views; they have one subject, so the views of a take stay in one split."""
    return _mead(root, "mead-all-views", all_views=True)


def _mead(root: Path, name: str, *, all_views: bool) -> Manifest:
    found = Manifest(root, name, labels=_MEAD)
    for subject in folders(root):
        for view in _mead_views(subject):
            for level in (level for emotion in folders(view) for level in folders(emotion)):
                takes = clips_in(level)
                if not all_views and view.name != "front":
                    found.left_out["clips of other views than front"] += len(takes)
                    continue
                for path in takes:
                    parts = (subject.name, view.name, level.parent.name, level.name, path.stem)
                    label = canonical(level.parent.name)
                    clip = Clip(clip="/".join(parts), path=path, subject=subject.name, label=label, origin=str(path))
                    found.clips.append(clip)
    return found


def is_enterface(root: Path) -> bool:
    return any(_ENTERFACE_SUBJECT.fullmatch(folder.name) and folders(folder) for folder in folders(root))


def enterface(root: Path) -> Manifest:
    """Read `subject 1/anger/sentence 1/s1_an_1.avi`.

    Subjects and emotions come from the folders: some files are named after another subject. An emotion's code in the
    file's name must agree with its folder. Subject 6, whose clips are not cut into sentences, is left out.
    """
    found = Manifest(root, "enterface05", labels=ordered(_ENTERFACE.values()))
    for subject in folders(root):
        number = _ENTERFACE_SUBJECT.fullmatch(subject.name)
        if number and number[1] == "6":
            found.left_out["subject 6, not cut into sentences"] += 1
        elif number:
            for sentence in (sentence for emotion in folders(subject) for sentence in folders(emotion)):
                _add_sentence(found, number[1], sentence)
    return found


def _add_sentence(found: Manifest, subject: str, sentence: Path) -> None:
    """Add the clips of `anger/sentence 1`."""
    emotion = sentence.parent.name
    label = canonical(emotion)
    for path in clips_in(sentence):
        code = re.search(r"_([a-z]{2})_?\d", path.stem.lower())
        if code and _ENTERFACE.get(code[1], label) != label:
            found.add_problem(path, f"is {_ENTERFACE[code[1]]} by its name, {label} by its folder")
        name = f"s{subject}_{emotion}_{sentence.name}_{path.stem}".replace(" ", "_")
        found.clips.append(Clip(clip=name, path=path, subject=subject, label=label, origin=str(path)))
