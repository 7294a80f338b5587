"""Datasets recorded in a laboratory: RAVDESS, CREMA-D, CK+, Oulu-CASIA, eNTERFACE'05."""

from __future__ import annotations

import re
from pathlib import Path

from fervideo.training.datasets.files import clips_in, folders, has_images, is_video, table_rows, text_of, under
from fervideo.training.manifest import Clip, Manifest, canonical, ordered, written_votes

_RAVDESS = ("neutral", "calm", "happiness", "sadness", "anger", "fear", "disgust", "surprise")
_RAVDESS_NAME = re.compile(r"(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)")
_CREMA_D = {"ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "happiness", "NEU": "neutral", "SAD": "sadness"}
_CREMA_D_NAME = re.compile(r"(\d{4})_[A-Z]{3}_([A-Z]{3})_(LO|MD|HI|XX|X)")
#: Labels by their abbreviations in the votes' columns and summaries.
_CREMA_D_VOTES = {name[0]: label for name, label in _CREMA_D.items()}
_CK_PLUS = ("neutral", "anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise")
_OULU = ("anger", "disgust", "fear", "happiness", "sadness", "surprise")
_ENTERFACE = {"an": "anger", "di": "disgust", "fe": "fear", "ha": "happiness", "sa": "sadness", "su": "surprise"}


def is_ravdess(root: Path) -> bool:
    return any(_RAVDESS_NAME.fullmatch(path.stem) for path in under(root, "Actor_*/*-*.mp4"))


def ravdess(root: Path) -> Manifest:
    """Read `Actor_XX/modality-channel-emotion-intensity-statement-repetition-actor.mp4`, speech and song.

    A take comes with sound (01), without (02), and as sound alone (03). One of the first two is read.
    """
    found = Manifest(root, "ravdess", labels=_RAVDESS)
    takes: dict[str, Path] = {}
    for path in under(root, "Actor_*/*"):
        name = _RAVDESS_NAME.fullmatch(path.stem)
        if is_video(path) and not name:
            found.add_problem(path, "is not named like 02-01-06-01-02-01-12.mp4")
        elif is_video(path) and name and name[1] in ("01", "02"):
            # Sorted, so that 02 comes later and stays.
            takes[path.stem[3:]] = path
    for take, path in takes.items():
        code, actor = int(take[3:5]), take[-2:]
        if not 1 <= code <= len(_RAVDESS):
            found.add_problem(path, f"emotion {code:02d} is none of 01 to 08")
            continue
        found.clips.append(Clip(clip=path.stem, path=path, subject=actor, label=_RAVDESS[code - 1], origin=str(path)))
    return found


def is_crema_d(root: Path) -> bool:
    return any(_CREMA_D_NAME.fullmatch(path.stem) for path in root.glob("VideoFlash/*"))


def crema_d(root: Path) -> Manifest:
    """Read `VideoFlash/actor_sentence_emotion_level.flv`, labelled with the emotion that the actor was to show."""
    found = Manifest(root, "crema-d", labels=tuple(_CREMA_D.values()))
    for path in sorted((root / "VideoFlash").glob("*")):
        name = _CREMA_D_NAME.fullmatch(path.stem)
        if name and name[2] in _CREMA_D:
            found.clips.append(
                Clip(clip=path.stem, path=path, subject=name[1], label=_CREMA_D[name[2]], origin=str(path))
            )
        elif is_video(path):
            found.add_problem(path, "is not named like 1001_DFA_ANG_XX.flv")
    return found


def crema_d_perceived(root: Path) -> Manifest:
    """Read CREMA-D with the votes of raters who saw the picture alone; the label is their winner, none in a tie."""
    intended = crema_d(root)
    found = Manifest(root, "crema-d-perceived", problems=intended.problems, labels=intended.labels)
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


def is_ck_plus(root: Path) -> bool:
    return (root / "cohn-kanade-images").is_dir() and (root / "Emotion").is_dir()


def ck_plus(root: Path) -> Manifest:
    """Read `cohn-kanade-images/S005/001/*.png` with `Emotion/S005/001/*_emotion.txt`; 10 folds by subject.

    Sequences without such a file are unlabelled, not neutral, and left out. Sequences run from neutral to the apex, so
    synthetic frame labels are made up.
    """
    found = Manifest(root, "ck+", labels=_CK_PLUS, image_fps=30.0)
    for file in sorted((root / "Emotion").glob("*/*/*_emotion.txt")):
        subject, sequence = file.parts[-3:-1]
        text = text_of(file, found).strip()
        try:
            label = _CK_PLUS[int(float(text))]
        except (ValueError, IndexError, OverflowError):
            found.add_problem(file, f"{text!r} is no emotion from 0 to 7")
            continue
        path = root / "cohn-kanade-images" / subject / sequence
        found.clips.append(
            Clip(
                clip=f"{subject}_{sequence}",
                path=path,
                subject=subject,
                label=label,
                frame_labels="synthetic",
                origin=str(file),
            )
        )
    return _with_tenths(found)


def is_oulu_casia(root: Path) -> bool:
    return any((root / "OriginalImg" / light).is_dir() for light in ("VL", "NI"))


def oulu_casia(root: Path) -> Manifest:
    """Read `OriginalImg/VL/Strong/P001/Anger/000.jpeg`; 10 folds by subject.

    Published results are those on strong visible light, so other lights are left out.
    """
    found = Manifest(root, "oulu-casia", labels=_OULU, image_fps=25.0)
    for subject in folders(root / "OriginalImg" / "VL" / "Strong"):
        for path in filter(has_images, folders(subject)):
            found.clips.append(
                Clip(
                    clip=f"{subject.name}_{path.name}",
                    path=path,
                    subject=subject.name,
                    label=canonical(path.name),
                    frame_labels="synthetic",
                    origin=str(path),
                )
            )
    return _with_tenths(found)


def _with_tenths(found: Manifest) -> Manifest:
    """Deal subjects, in order, into ten folds."""
    fold = {
        subject: str(number % 10 + 1) for number, subject in enumerate(sorted({clip.subject for clip in found.clips}))
    }
    found.clips[:] = [clip._replace(fold=fold[clip.subject]) for clip in found.clips]
    return found


def is_enterface(root: Path) -> bool:
    return any(re.fullmatch(r"subject[ _]\d+", folder.name) for folder in folders(root))


def enterface(root: Path) -> Manifest:
    """Read `subject 1/anger/sentence 1/s1_an_1.avi`.

    Subjects and emotions come from the folders: some files are named after another subject. An emotion's code in the
    file's name must agree with its folder. Subject 6, whose clips are not cut into sentences, is left out.
    """
    found = Manifest(root, "enterface05", labels=ordered(_ENTERFACE.values()))
    for subject in folders(root):
        number = re.fullmatch(r"subject[ _](\d+)", subject.name)
        if not number or number[1] == "6":
            continue
        for emotion in folders(subject):
            label = canonical(emotion.name)
            for sentence in folders(emotion):
                for path in clips_in(sentence):
                    code = re.search(r"_([a-z]{2})_?\d", path.stem.lower())
                    if code and _ENTERFACE.get(code[1], label) != label:
                        found.add_problem(path, f"is {_ENTERFACE[code[1]]} by its name, {label} by its folder")
                    name = f"s{number[1]}_{emotion.name}_{sentence.name}_{path.stem}".replace(" ", "_")
                    found.clips.append(Clip(clip=name, path=path, subject=number[1], label=label, origin=str(path)))
    return found
