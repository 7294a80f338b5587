"""Readers of acted datasets, each on a tree with the published names and traps."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import make_features
from training_builders import labels, read, table, tree

from fervideo.training import datasets, features
from fervideo.training.manifest import check, votes


def test_ravdess(tmp_path: Path):
    root = tree(
        tmp_path,
        *(f"Actor_01/02-01-{code:02d}-01-01-01-01.mp4" for code in range(1, 9)),
        "Actor_01/01-01-01-01-01-01-01.mp4",
        "Actor_12/03-01-06-01-02-01-12.wav",
        "Actor_12/01-02-03-02-01-01-12.mp4",
    )
    found = read(root, "ravdess")
    expected = ("neutral", "calm", "happiness", "sadness", "anger", "fear", "disgust", "surprise")
    assert [clip.label for clip in found.clips if clip.subject == "01"] == list(expected)
    assert len(found.clips) == 9, "a take with and without sound is one clip; sound alone is none"
    assert next(clip for clip in found.clips if clip.subject == "12").label == "happiness", "song counts"


def test_ravdess_lists_files_with_other_names(tmp_path: Path):
    root = tree(
        tmp_path, "Actor_01/02-01-01-01-01-01-01.mp4", "Actor_01/02-01-09-01-01-01-01.mp4", "Actor_01/holiday.mp4"
    )
    reasons = [str(problem) for problem in read(root, "ravdess").problems]
    assert any("holiday.mp4" in reason for reason in reasons)
    assert any("emotion 09" in reason for reason in reasons)


def test_ravdess_whole(tmp_path: Path):
    """1,440 clips of speech and 1,012 of song, since actor 18 does not sing."""
    speech = [(code, level) for code in range(1, 9) for level in (1, 2) if (code, level) != (1, 2)]
    song = [(code, level) for code, level in speech if code <= 6]
    for actor in range(1, 25):
        (tmp_path / f"Actor_{actor:02d}").mkdir()
        for channel, kinds in ((1, speech), (2, song if actor != 18 else [])):
            for code, level in kinds:
                for take in ("01-01", "01-02", "02-01", "02-02"):
                    name = f"{channel:02d}-{code:02d}-{level:02d}-{take}-{actor:02d}.avi"
                    (tmp_path / f"Actor_{actor:02d}" / f"02-{name}").touch()
    found = read(tmp_path, "ravdess")
    channels = [clip.clip[3:5] for clip in found.clips]
    assert (channels.count("01"), channels.count("02"), len({clip.subject for clip in found.clips})) == (1440, 1012, 24)


def crema_d(root: Path) -> Path:
    tree(root, "VideoFlash/1001_DFA_ANG_XX.flv", "VideoFlash/1002_IEO_HAP_LO.flv")
    head = '"","A","D","F","H","N","S","fileName","numResponses"'
    rows = (
        '"100001",9,0,0,0,1,0,"1001_DFA_ANG_XX",10',
        '"200001",3,2,0,0,5,0,"1001_DFA_ANG_XX",10',
        '"200002",0,0,0,4,4,0,"1002_IEO_HAP_LO",8',
    )
    table(root / "processedResults/tabulatedVotes.csv", head, *rows)
    face = ('"1","1001_DFA_ANG_XX","A","51","N","40","A","60"', '"2","1002_IEO_HAP_LO","H","1","H:N","1:2","H","1"')
    columns = '"","FileName","VoiceVote","VoiceLevel","FaceVote","FaceLevel","MultiModalVote","MultiModalLevel"'
    table(root / "processedResults/summaryTable.csv", columns, *face)
    return root


def test_crema_d_intended(tmp_path: Path):
    found = read(crema_d(tmp_path), "crema-d")
    assert labels(found) == {"1001_DFA_ANG_XX": "anger", "1002_IEO_HAP_LO": "happiness"}
    assert [clip.subject for clip in found.clips] == ["1001", "1002"]


def test_crema_d_perceived_has_the_votes_for_the_face(tmp_path: Path):
    found = read(crema_d(tmp_path), "crema-d-perceived", recognised=False)
    assert labels(found) == {"1001_DFA_ANG_XX": "neutral", "1002_IEO_HAP_LO": ""}, "a tie has no winner"
    assert votes(found.clips[0].label_votes) == {"anger": 3, "disgust": 2, "neutral": 5}
    assert check(found) == []
    tied = features.sample(found.clips[1], make_features(), found.labels)
    assert tied.label == -1
    assert dict(zip(found.labels, tied.target.tolist(), strict=True))["happiness"] == 0.5


@pytest.mark.parametrize("folder", ["VideoMP4", "CREMA-D/VideoFlash", "."])
def test_crema_d_leaves_out_the_clips_that_it_disowns(tmp_path: Path, folder: str):
    suffix = "flv" if "Flash" in folder else "mp4"
    for actor in (1064, 1076):
        names = [f"{actor}_IEO_{emotion}_{level}" for emotion in ("ANG", "DIS") for level in ("LO", "MD", "HI")]
        names += [f"{actor}_{sentence}_{emotion}_XX" for sentence in ("TIE", "MTI") for emotion in ("SAD", "NEU")]
        tree(tmp_path / folder, *(f"{name}.{suffix}" for name in names), f"._{names[0]}.{suffix}")
        tree(tmp_path / "AudioWAV", *(f"{name}.wav" for name in names))
    found = read(tmp_path, "crema-d")
    assert len(found.clips) == 16
    assert found.left_out == {"clips that the README of CREMA-D disowns": 4}
    assert not {clip.clip for clip in found.clips} & {"1064_IEO_DIS_MD", "1076_MTI_SAD_XX", "1076_MTI_NEU_XX"}
    assert found.problems == []


def test_a_git_lfs_pointer_is_no_video(tmp_path: Path):
    root = crema_d(tmp_path)
    (root / "VideoFlash/1001_DFA_ANG_XX.flv").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    )
    (problem,) = check(read(root, "crema-d"))
    assert "git lfs pull" in problem.reason


@pytest.mark.parametrize("wrapped", [False, True])
def test_ck_plus(tmp_path: Path, wrapped: bool):
    root, (around, emotions) = tmp_path, ("extended-cohn-kanade-images/", "Emotion_labels/") if wrapped else ("", "")
    for number in range(12):
        tree(root, *(f"{around}cohn-kanade-images/S{number:03d}/001/S{number:03d}_001_{k:08d}.png" for k in (3, 4, 5)))
        table(
            root / f"{emotions}Emotion/S{number:03d}/001/S{number:03d}_001_00000005_emotion.txt",
            f"   {number % 8}.0000000e+00",
        )
    (root / f"{emotions}Emotion/S000/002").mkdir()
    tree(root, f"{around}cohn-kanade-images/S000/002/S000_002_00000001.png")
    found = read(tmp_path, "ck+")
    assert found.left_out == {"sequences without a label": 1}
    assert len(found.clips) == 12, "an empty folder is no label, and not neutral"
    assert [clip.label for clip in found.clips][:8] == [
        "neutral",
        "anger",
        "contempt",
        "disgust",
        "fear",
        "happiness",
        "sadness",
        "surprise",
    ]
    assert [clip.fold for clip in found.clips] == [str(k % 10 + 1) for k in range(12)]
    assert {clip.frame_labels for clip in found.clips} == {"synthetic"}


def test_oulu_casia(tmp_path: Path):
    for subject in range(1, 12):
        tree(
            tmp_path,
            f"OriginalImg/VL/Strong/P{subject:03d}/Anger/000.jpeg",
            f"OriginalImg/NI/Dark/P{subject:03d}/Fear/000.jpeg",
        )
    found = read(tmp_path, "oulu-casia")
    assert {clip.label for clip in found.clips} == {"anger"}, "visible light, strong"
    assert [clip.fold for clip in found.clips] == [*map(str, range(1, 11)), "1"]
    assert found.image_fps == 25
    assert found.left_out == {"sequences in other light than strong visible light": 11}


@pytest.mark.parametrize("strong", ["B_OriginalImg/OriginalImg/VL", "VL", "PreProcess_Img/VL_Acropped"])
def test_oulu_casia_as_it_unpacks(tmp_path: Path, strong: str):
    tree(tmp_path, f"{strong}/Strong/P001/Anger/000.jpeg", f"{strong}/Weak/P001/Anger/000.jpeg")
    found = read(tmp_path, "oulu-casia")
    assert [clip.path for clip in found.clips] == [tmp_path / strong / "Strong/P001/Anger"]


def test_mead_reads_the_front_unless_all_views_are_asked_for(tmp_path: Path):
    views = ("front", "down", "top", "left_30", "left_60", "right_30", "right_60")
    emotions = ("angry", "contempt", "disgusted", "fear", "happy", "neutral", "sad", "surprised")
    for subject in ("M003", "W009"):
        for emotion in emotions:
            levels = (1,) if emotion == "neutral" else (1, 2, 3)
            tree(tmp_path, *(f"{subject}/video/{v}/{emotion}/level_{n}/001.mp4" for v in views for n in levels))
    found = read(tmp_path, "mead")
    assert (len(found.clips), found.left_out) == (44, {"clips of other views than front": 6 * 44})
    assert {clip.label for clip in found.clips} == set(found.labels)
    assert found.clips[0].clip == "M003/front/angry/level_1/001"
    every = datasets.read(tmp_path, "mead-all-views")
    assert len(every.clips) == 7 * 44
    assert {clip.subject for clip in every.clips} == {"M003", "W009"}, "views of a take stay together"


@pytest.mark.parametrize(("around", "blank"), [("", " "), ("enterface database/", " "), ("", "-")])
def test_enterface_takes_subjects_from_folders(tmp_path: Path, around: str, blank: str):
    files = (
        "subject 1/anger/sentence 1/s1_an_1.avi",
        "subject 1/happiness/sentence 2/s_3_ha_2.avi",
        "subject 11/sadness/sentence 3/s12_sa_3.avi",
        "subject 16/surprise/sentence 3/s16_su_3avi.avi",
        "subject 6/all.avi",
        "subject 2/fear/sentence 1/s2_an_1.avi",
    )
    tree(tmp_path, *(around + file.replace("subject ", f"subject{blank}") for file in files))
    found = read(tmp_path, "enterface05")
    assert found.left_out == {"subject 6, not cut into sentences": 1}
    assert sorted((clip.subject, clip.label) for clip in found.clips) == [
        ("1", "anger"),
        ("1", "happiness"),
        ("11", "sadness"),
        ("16", "surprise"),
        ("2", "fear"),
    ]
    assert [Path(problem.origin).name for problem in found.problems] == ["s2_an_1.avi"]
