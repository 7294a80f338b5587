"""Readers of datasets, each on a tree with the published names and traps."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders import make_features

from fervideo.errors import DatasetError
from fervideo.training import datasets, features, frame_labels
from fervideo.training.manifest import Clip, Manifest, check, ordered, target, votes


def tree(root: Path, *files: str) -> Path:
    """Make files with nothing much in them."""
    for name in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"not read here")
    return root


def table(path: Path, *lines: str, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


def read(root: Path, name: str, *, recognised: bool = True) -> Manifest:
    """Read a tree by its format's name, and see that it is recognised as that."""
    found = datasets.read(root, name)
    if recognised:
        assert datasets.read(root).format == name
    return found


def labels(found: Manifest) -> dict[str, str]:
    return {clip.clip: clip.label for clip in found.clips}


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


def test_ravdess_names_what_is_not_named_right(tmp_path: Path):
    root = tree(
        tmp_path, "Actor_01/02-01-01-01-01-01-01.mp4", "Actor_01/02-01-09-01-01-01-01.mp4", "Actor_01/holiday.mp4"
    )
    reasons = [str(problem) for problem in read(root, "ravdess").problems]
    assert any("holiday.mp4" in reason for reason in reasons)
    assert any("emotion 09" in reason for reason in reasons)


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


def test_a_git_lfs_pointer_is_no_video(tmp_path: Path):
    root = crema_d(tmp_path)
    (root / "VideoFlash/1001_DFA_ANG_XX.flv").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    )
    (problem,) = check(read(root, "crema-d"))
    assert "git lfs pull" in problem.reason


def test_ck_plus(tmp_path: Path):
    for number in range(12):
        tree(tmp_path, *(f"cohn-kanade-images/S{number:03d}/001/S{number:03d}_001_{k:08d}.png" for k in (3, 4, 5)))
        table(
            tmp_path / f"Emotion/S{number:03d}/001/S{number:03d}_001_00000005_emotion.txt",
            f"   {number % 8}.0000000e+00",
        )
    (tmp_path / "Emotion/S000/002").mkdir()
    tree(tmp_path, "cohn-kanade-images/S000/002/S000_002_00000001.png")
    found = read(tmp_path, "ck+")
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


@pytest.mark.parametrize("first", [0, 1])
def test_dfew_counts_from_one_or_from_nought(tmp_path: Path, first: int):
    names = ("happiness", "sadness", "neutral", "anger", "surprise", "disgust", "fear")
    for number in range(1, 15):
        tree(tmp_path, f"Clip/clip_224x224/{number:05d}/00001.jpg")
    rows = [
        f"{number:05d},{(number - 1) % 7 + first}" if first == 0 else f"{number},{(number - 1) % 7 + first}"
        for number in range(1, 15)
    ]
    for fold in (1, 2):
        mine = rows[(fold - 1) * 7 : fold * 7]
        rest = [row for row in rows if row not in mine]
        where = ("train(single-labeled)/", "test(single-labeled)/") if first else ("train_", "test_")
        for prefix, content in zip(where, (rest, mine), strict=True):
            table(tmp_path / f"EmoLabel_DataSplit/{prefix}set_{fold}.csv", "video_name,label", *content)
    found = read(tmp_path, "dfew")
    assert labels(found) == {f"{number:05d}": names[(number - 1) % 7] for number in range(1, 15)}
    assert [clip.fold for clip in found.clips] == ["1"] * 7 + ["2"] * 7
    assert check(found) == []


def test_dfew_with_one_fold_is_split(tmp_path: Path):
    for split, rows in (("train", ("1,1", "2,7")), ("test", ("3,1", "4,9"))):
        table(tmp_path / f"{split}(single-labeled)/set_1.csv", "video_name,label", *rows)
    found = read(tmp_path, "dfew")
    assert {clip.clip: clip.split for clip in found.clips} == {"00001": "train", "00002": "train", "00003": "test"}
    assert [problem.origin.rpartition(":")[2] for problem in found.problems] == ["3"]
    assert "'9'" in found.problems[0].reason
    assert len(check(found)) == 4, "the clips themselves are missing, too"


def test_dfew_without_its_first_label_counts_from_one_all_the_same(tmp_path: Path):
    table(tmp_path / "train(single-labeled)/set_1.csv", "video_name,label", "1,2", "2,7")
    table(tmp_path / "test(single-labeled)/set_1.csv", "video_name,label", "3,3")
    found = read(tmp_path, "dfew")
    assert labels(found) == {"00001": "sadness", "00002": "fear", "00003": "neutral"}
    assert found.problems == []


def test_dfew_with_some_of_its_folds_trains_on_what_none_of_them_tests(tmp_path: Path):
    for fold, rows, rest in (("2", ("1,1",), ("2,2", "3,3")), ("4", ("2,2",), ("1,1", "3,3"))):
        table(tmp_path / f"test(single-labeled)/set_{fold}.csv", "video_name,label", *rows)
        table(tmp_path / f"train(single-labeled)/set_{fold}.csv", "video_name,label", *rest)
    found = read(tmp_path, "dfew")
    assert {clip.clip: (clip.fold, clip.split) for clip in found.clips} == {
        "00001": ("2", ""),
        "00002": ("4", ""),
        "00003": ("", "train"),
    }
    assert len(found.clips) == 3, "a clip is read once, however many lists it is in"
    (tmp_path / "test(single-labeled)/set_4.csv").unlink()
    found = read(tmp_path, "dfew")
    assert [(clip.clip, clip.split) for clip in found.clips] == [
        ("00001", "test"),
        ("00002", "train"),
        ("00003", "train"),
    ]


def dfew_with_votes(root: Path, *rows: tuple[object, ...]) -> Path:
    """One fold of two clips, and a sheet of votes: a clip's number, votes in the order of DFEW's labels, and the label."""
    table(root / "train(single-labeled)/set_1.csv", "video_name,label", "1,1")
    table(root / "test(single-labeled)/set_1.csv", "video_name,label", "2,7")
    tree(root, "Clip/clip_224x224/00001/1.jpg", "Clip/clip_224x224/00002/1.jpg")
    names = ("order", "1happy", "2sad", "3neutral", "4angry", "5surprise", "6disgust", "7fear", "label")
    (root / "Annotation").mkdir()
    pd.DataFrame(list(rows), columns=names).to_excel(root / "Annotation" / "annotation.xlsx", index=False)
    return root


def test_dfew_votes_are_soft_labels(tmp_path: Path):
    pytest.importorskip("openpyxl")
    # Clip 3 has no single label and stands in no split; clip 2 has no votes.
    found = read(dfew_with_votes(tmp_path, (1, 8, 0, 2, 0, 0, 0, 0, 1), (3, 5, 5, 0, 0, 0, 0, 0, 0)), "dfew")
    assert {clip.clip: (clip.label, clip.label_votes) for clip in found.clips} == {
        "00001": ("happiness", "happiness:8|neutral:2"),
        "00002": ("fear", ""),
    }
    voted = next(clip for clip in found.clips if clip.clip == "00001")
    assert target(voted, found.labels).tolist() == pytest.approx([0.8, 0, 0.2, 0, 0, 0, 0])
    assert check(found) == []


def test_dfew_names_votes_that_are_none(tmp_path: Path):
    pytest.importorskip("openpyxl")
    found = read(dfew_with_votes(tmp_path, (1, "many", 0, 2, 0, 0, 0, 0, 1), (2, 0, 0, 0, 0, 0, 0, 9, 7)), "dfew")
    assert [problem.origin.rpartition(":")[2] for problem in found.problems] == ["2"]
    assert votes(found.clips[0].label_votes) == {"fear": 9}, "the test split comes first"
    (tmp_path / "Annotation" / "annotation.xlsx").write_bytes(b"no workbook")
    (problem,) = read(tmp_path, "dfew").problems
    assert "annotation.xlsx: cannot be read" in str(problem)


def test_ferv39k(tmp_path: Path):
    tree(tmp_path, "2_ClipsforFaceCrop/Interview/Happy/0118/001.jpg", "2_ClipsforFaceCrop/War/Sad/0007/001.jpg")
    table(tmp_path / "4_setups/All_scenes/train_All.csv", "Interview/Happy/0118 Happy")
    table(tmp_path / "4_setups/All_scenes/test_All.csv", "War/Sad/0007 Sad")
    found = read(tmp_path, "ferv39k")
    assert [(clip.clip, clip.label, clip.split) for clip in found.clips] == [
        ("Interview/Happy/0118", "happiness", "train"),
        ("War/Sad/0007", "sadness", "test"),
    ]
    assert check(found) == []


def test_mafw(tmp_path: Path):
    tree(tmp_path, "data/clips/00025.mp4", "data/frames/00026/1.jpg")
    for fold, line in (("set_1", "00025.mp4 anger"), ("set_2", "00026.mp4 helplessness")):
        table(tmp_path / f"Train & Test Set/single/no_caption/{fold}/test.txt", line)
        table(tmp_path / f"Train & Test Set/single/with_caption/{fold}/test.txt", "00025.mp4\t愤怒", encoding="gbk")
    found = read(tmp_path, "mafw")
    assert [(clip.label, clip.fold, clip.path.name) for clip in found.clips] == [
        ("anger", "1", "00025.mp4"),
        ("helplessness", "2", "00026"),
    ]
    assert check(found) == []


@pytest.mark.parametrize("sides", [("Train_AFEW", "Val_AFEW"), ("train_afew", "val_afew"), ("Train", "Val")])
def test_afew_is_told_on_its_validation_set(tmp_path: Path, sides: tuple[str, str]):
    tree(tmp_path, f"{sides[0]}/Angry/000046280.avi", f"{sides[1]}/Surprise/000046281.avi", "Test_AFEW/000000001.avi")
    found = read(tmp_path, "afew")
    assert sorted((clip.label, clip.split) for clip in found.clips) == [("anger", "train"), ("surprise", "test")]


def test_aff_wild2_lines_are_images_by_number(tmp_path: Path):
    tree(tmp_path, *(f"cropped_aligned/12_left/{k:05d}.jpg" for k in (2, 3, 5)), "cropped_aligned/12_right/00001.jpg")
    head = "Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise,Other"
    table(tmp_path / "EXPR_Recognition_Challenge/Train_Set/12_left.txt", head, "0", "1", "-1", "3", "7")
    table(tmp_path / "EXPR_Recognition_Challenge/Validation_Set/12_right.txt", head, "4")
    found = read(tmp_path, "aff-wild2")
    left, right = found.clips
    assert (left.path.name, left.subject, left.split) == ("12_left", "12", "train")
    assert (right.path.name, right.split) == ("12_right", "test")
    assert frame_labels.check(found) == []
    names = ordered(frame_labels.names_in(left))
    assert names == ("neutral", "anger", "fear", "other")
    # Images 2, 3 and 5: the lines of the missing ones are passed over.
    frame, number = [0, 1, 2], [2, 3, 5]
    shown = frame_labels.truth(left, names, np.array(frame), np.array(frame) / 30, np.array(number))
    assert shown.tolist() == [names.index("anger"), -1, names.index("other")]


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


def test_enterface_takes_subjects_from_folders(tmp_path: Path):
    root = tree(
        tmp_path,
        "subject 1/anger/sentence 1/s1_an_1.avi",
        "subject 1/happiness/sentence 2/s_3_ha_2.avi",
        "subject 11/sadness/sentence 3/s12_sa_3.avi",
        "subject 16/surprise/sentence 3/s16_su_3avi.avi",
        "subject 6/all.avi",
        "subject 2/fear/sentence 1/s2_an_1.avi",
    )
    found = read(root, "enterface05")
    assert sorted((clip.subject, clip.label) for clip in found.clips) == [
        ("1", "anger"),
        ("1", "happiness"),
        ("11", "sadness"),
        ("16", "surprise"),
        ("2", "fear"),
    ]
    assert [Path(problem.origin).name for problem in found.problems] == ["s2_an_1.avi"]


def test_folder(tmp_path: Path):
    root = tree(tmp_path, "Happy/a b.mp4", "Happy/c/1.png", "bored/d.avi", "bored/notes.txt")
    assert labels(read(root, "folder")) == {"Happy/a b": "happiness", "Happy/c": "happiness", "bored/d": "bored"}


def test_manifest(tmp_path: Path):
    tree(tmp_path, "a.mp4", "b.mp4")
    lines = (
        "a.mp4,angry,s1,train,,",
        "b.mp4,sad,s2,val,1.5,2",
        "b.mp4,sad,s2,val,2,00:00:03.5",
        "b.mp4,sad,s2,val,soon,9",
        "b.mp4,no_face,s2,val,4,5",
    )
    path = table(tmp_path / "mine.csv", "path,label,subject,split,start_s,end_s", *lines)
    for root in (tmp_path, path):
        found = read(root, "manifest")
        assert [(clip.clip, clip.label, clip.split) for clip in found.clips] == [
            ("a", "anger", "train"),
            ("b@1.5", "sadness", "validation"),
            ("b@2", "sadness", "validation"),
        ]
        assert math.isnan(found.clips[0].start_s)
        assert found.clips[2].end_s == 3.5
        assert [str(problem) for problem in found.problems] == [f"{path}:5: 'soon' is no time in seconds"]


@pytest.mark.parametrize(
    ("label", "counted", "expected"),
    [
        ("anger", "anger:3|neutral:7", "anger"),
        ("", "anger:3|neutral:7", "neutral"),
        ("bored", "anger:3|neutral:7", "neutral"),
        ("", "", ""),
    ],
)
def test_a_clip_shows_its_label_before_the_winner_of_its_votes(label: str, counted: str, expected: str):
    names = ("neutral", "anger", "fear")
    made = features.sample(Clip("a", Path("a.mp4"), label=label, label_votes=counted), make_features(), names)
    assert made.label == (names.index(expected) if expected else -1)
    assert made.target.tolist() == pytest.approx([0.7, 0.3, 0] if counted else [0, 0, 0])


def test_intervals(tmp_path: Path):
    tree(tmp_path, "a.mp4", "b.mov")
    table(
        tmp_path / "labels.csv",
        "clip,start_s,end_s,label",
        "a.mp4,0,1.5,neutral",
        "b,0.5,2,happy",
        "b.mov,3,4,no_face",
        "a.mp4,2,,sad",
    )
    found = read(tmp_path, "intervals")
    assert labels(found) == {"a@0": "neutral", "b@0.5": "happiness"}
    assert found.clips[1].path.name == "b.mov"
    assert {clip.frame_labels for clip in found.clips} == {"interval"}
    assert "no end" in found.problems[0].reason


def test_frames(tmp_path: Path):
    tree(tmp_path, "a.mp4", "b.mp4")
    table(tmp_path / "a.csv", "time_s,label", "0,neutral", "1.0,happy", "1.5,", "2,neutral")
    table(tmp_path / "b.csv", "frame,label", "0,sad", "2,angry")
    a, b = read(tmp_path, "frames").clips
    names = ("neutral", "happiness", "sadness", "anger")
    time_s = np.array([0.0, 0.5, 1.0, 1.4999, 1.5, 3.0])
    assert frame_labels.truth(a, names, np.arange(6), time_s, np.arange(6)).tolist() == [0, 0, 1, -1, -1, 0]
    assert frame_labels.truth(b, names, np.arange(6), time_s, np.arange(6)).tolist() == [2, -1, 3, -1, -1, -1]


@pytest.mark.parametrize(("head", "row"), [("Path,Label", "a.mp4,happy"), ("path\tlabel", "a.mp4\thappy")])
def test_a_manifests_header_in_capitals_and_its_tabs(tmp_path: Path, head: str, row: str):
    table(tmp_path / "mine.csv", head, row)
    assert labels(read(tmp_path, "manifest")) == {"a": "happiness"}


def test_headers_in_capitals(tmp_path: Path):
    tree(tmp_path, "a.mp4", "b.mp4")
    table(tmp_path / "labels.tsv", "Clip\tStart_s\tEnd_s\tLabel\tSubject", "a\t0\t1\tsad\tP1")
    assert [(clip.label, clip.subject) for clip in read(tmp_path, "intervals").clips] == [("sadness", "P1")]
    table(tmp_path / "b.csv", "Time_s,Label", "0,neutral", "1,happy")
    stored = frame_labels.read(tmp_path / "b.csv")
    assert (stored.kind, stored.names, stored.problems) == ("time_s", ("neutral", "happiness"), ())


def test_a_row_that_ends_early(tmp_path: Path):
    tree(tmp_path, "a.mp4", "b.mp4", "c.mp4")
    mine = table(tmp_path / "mine.csv", "label,path,subject", "sad,a.mp4", "happy", ",b.mp4,P1", "happy,,P2")
    found = read(tmp_path, "manifest")
    assert [(clip.label, clip.path.name, clip.subject) for clip in found.clips] == [
        ("sadness", "a.mp4", ""),
        ("", "b.mp4", "P1"),
    ]
    assert [str(problem) for problem in found.problems] == [f"{mine}:3: ends before its path", f"{mine}:5: has no path"]
    mine.unlink()
    spans = table(tmp_path / "spans.csv", "clip,start_s,end_s,label,subject", "a,0,1,sad", "a,2", ",0,1,sad")
    found = read(tmp_path, "intervals")
    assert labels(found) == {"a@0": "sadness"}
    assert [str(problem) for problem in found.problems] == [
        f"{spans}:3: ends before its end_s and label",
        f"{spans}:4: names no clip",
    ]


def test_clips_are_named_apart_wherever_they_stand(tmp_path: Path):
    tree(tmp_path / "folder", "sad/take.1/1.png", "sad/take.2/1.png", "sad/a.mp4", "sad/a.avi", "sad/b.mp4")
    assert sorted(labels(read(tmp_path / "folder", "folder"))) == [
        "sad/a.avi",
        "sad/a.mp4",
        "sad/b",
        "sad/take.1",
        "sad/take.2",
    ]
    tree(tmp_path / "spans", "s1/smile.mp4", "s2/smile.mp4")
    table(tmp_path / "spans" / "labels.csv", "clip,start_s,end_s,label", "s1/smile.mp4,0,1,happy", "s2/smile,0,1,happy")
    assert labels(read(tmp_path / "spans", "intervals")) == {"s1/smile@0": "happiness", "s2/smile@0": "happiness"}
    tree(tmp_path / "list", "take.1/1.png", "take.2/1.png", "a.mp4")
    table(
        tmp_path / "list" / "mine.csv",
        "path,label",
        "take.1,sad",
        "take.2,sad",
        "a.mp4,sad",
        f"{tmp_path}/spans/s1/smile.mp4,happy",
    )
    assert list(labels(read(tmp_path / "list", "manifest"))) == [
        "take.1",
        "take.2",
        "a",
        f"{tmp_path.as_posix()}/spans/s1/smile",
    ]
    tree(tmp_path / "frames", "take.1/1.png", "take.2/1.png")
    for take in ("take.1", "take.2"):
        table(tmp_path / "frames" / f"{take}.csv", "frame,label", "0,sad")
    assert list(labels(read(tmp_path / "frames", "frames"))) == ["take.1", "take.2"]


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        ("time_s,emotion", "has no column label; its columns: time_s, emotion"),
        ("Second,Label", "has no column time_s or frame; its columns: second, label"),
        ("neutral,frustrated", "has no column label and no column time_s or frame; its columns: neutral, frustrated"),
        ("", "has no column label and no column time_s or frame; its columns: none"),
    ],
)
def test_a_file_of_frame_labels_that_lacks_a_column(tmp_path: Path, head: str, reason: str):
    file = table(tmp_path / "a.csv", head, "0,happy", "1,sad")
    assert [str(problem) for problem in frame_labels.read(file).problems] == [f"{file}: {reason}"]


def test_a_file_of_frame_labels_that_is_missing(tmp_path: Path):
    (problem,) = frame_labels.read(tmp_path / "a.csv").problems
    assert "cannot be read" in problem.reason


def test_synthetic_frame_labels_begin_neutral_and_end_at_the_apex():
    clip = Clip("a", Path("a"), label="anger", frame_labels="synthetic")
    shown = frame_labels.truth(clip, ("neutral", "anger"), np.arange(9), np.arange(9) / 30, np.arange(9))
    assert shown.tolist() == [0, -1, -1, -1, -1, -1, 1, 1, 1]


ELAN_HEADER = "Tier\tParticipant\tBegin Time - hh:mm:ss.ms\tBegin Time - ss.msec\tEnd Time - hh:mm:ss.ms\tEnd Time - ss.msec\tAnnotation"


@pytest.mark.parametrize(
    "lines",
    [
        (
            ELAN_HEADER,
            "face\tP1\t00:00:01.500\t1.5\t00:00:02.250\t2.25\thappy",
            "face\tP1\t00:00:03.000\t3.0\t00:00:04.000\t4.0\tsad",
        ),
        ("face\tP1\t00:00:01.500\t1.5\t00:00:02.250\t2.25\t00:00:00.750\t0.75\thappy", "face\t\t3.0\t4.0\tsad"),
        ("Begin Time - msec\tEnd Time - msec\tface", "1500\t2250\thappy", "3000\t4000\tsad"),
        (
            '"#file:///clip.eaf"',
            ELAN_HEADER,
            "face\t\t00:00:01.500\t1.5\t00:00:02.250\t2.25\thappy",
            "face\t\t00:00:03\t3\t00:00:04\t4\tsad",
        ),
    ],
)
def test_elan(tmp_path: Path, lines: tuple[str, ...]):
    tree(tmp_path, "clip.mp4")
    table(tmp_path / "clip.txt", *lines)
    found = read(tmp_path, "elan")
    assert [(clip.clip, clip.label, clip.end_s) for clip in found.clips] == [
        ("clip@1.5", "happiness", 2.25),
        ("clip@3", "sadness", 4.0),
    ]
    assert found.problems == []


def elan_rows(*rows: tuple[str, str, int, str]) -> list[str]:
    """Write annotations of a second each: tier, participant, second at which it begins, text."""
    return [
        f"{tier}\t{who}\t0:0:{start}\t{start}\t0:0:{start + 1}\t{start + 1}\t{text}" for tier, who, start, text in rows
    ]


@pytest.mark.parametrize("head", [(ELAN_HEADER,), ()])
def test_elan_reads_the_tiers_of_expressions(tmp_path: Path, head: tuple[str, ...]):
    tree(tmp_path, "a.mp4", "b.mp4")
    told = elan_rows(
        ("face", "P1", 1, "happy"),
        ("speech", "P1", 1, "hello there"),
        ("face", "P1", 2, "smirk"),
        ("face", "P1", 3, "sad"),
    )
    table(tmp_path / "a.txt", *head, *told)
    said = elan_rows(("speech", "P2", 1, "happy"), ("speech", "P2", 5, "so they said"))
    bad = table(tmp_path / "b.txt", *head, *said, "face\tP2\tsoon\tsoon\tlate\tlate\thappy")
    found = read(tmp_path, "elan")
    assert [problem.origin for problem in found.problems] == [f"{bad}:{len(head) + 3}"]
    assert labels(found) == {"a@1": "happiness", "a@2": "smirk", "a@3": "sadness"}
    assert {clip.subject for clip in found.clips} == {"P1"}


@pytest.mark.parametrize("head", [(ELAN_HEADER,), ()])
def test_elan_with_labels_of_ones_own_is_read_whole(tmp_path: Path, head: tuple[str, ...]):
    tree(tmp_path, "a.mp4")
    file = table(
        tmp_path / "a.txt",
        *head,
        *elan_rows(("brows", "", 1, "raised"), ("mouth", "", 1, "open"), ("mouth", "", 2, "")),
    )
    found = read(tmp_path, "elan")
    assert labels(found) == {"a/brows@1": "raised", "a/mouth@1": "open"}
    first = len(head) + 1
    assert [clip.origin for clip in found.clips] == [f"{file}:{first}:brows", f"{file}:{first + 1}:mouth"]


@pytest.mark.parametrize(
    ("tiers", "names"), [(("face 1", "face 2"), ["a/face 1@1", "a/face 2@1"]), (("", ""), ["a/mother@1", "a/child@1"])]
)
def test_elan_with_two_people(tmp_path: Path, tiers: tuple[str, str], names: list[str]):
    tree(tmp_path, "a.mp4")
    table(
        tmp_path / "a.txt", ELAN_HEADER, *elan_rows((tiers[0], "mother", 1, "happy"), (tiers[1], "child", 1, "happy"))
    )
    found = read(tmp_path, "elan")
    assert [clip.clip for clip in found.clips] == names
    assert [clip.subject for clip in found.clips] == ["mother", "child"]
    assert check(found) == []


def test_elan_with_a_column_for_each_tier(tmp_path: Path):
    tree(tmp_path, "a.mp4")
    head = "Begin Time - ss.msec\tEnd Time - ss.msec\tspeech\tface left\tface right"
    table(tmp_path / "a.txt", head, "1\t2\they\thappy\tsad", "3\t4\tyou there\t\tneutral", "5\t6\tno")
    found = read(tmp_path, "elan")
    assert labels(found) == {"a/face left@1": "happiness", "a/face right@1": "sadness", "a/face right@3": "neutral"}
    assert len({clip.origin for clip in found.clips}) == 3


BORIS_8 = (
    "Observation id,Media duration (s),Media file name,Subject,Behavior,Behavioral category,Behavior type,Time,Comment"
)


def test_a_table_with_semicolons_is_a_table(tmp_path: Path):
    (tmp_path / "list.csv").write_text("path;label;subject\na, b.mp4;Happy;s1\n")
    (clip,) = read(tmp_path, "manifest").clips
    assert (clip.path.name, clip.label, clip.subject) == ("a, b.mp4", "happiness", "s1")


def test_boris_events(tmp_path: Path):
    tree(tmp_path, "clip.mp4")
    rows = ("START,1.5", "STOP,2.25", "POINT,3")
    lines = [f"o,9,C:\\videos\\clip.mp4,No focal subject,happy,,{row}," for row in rows]
    table(tmp_path / "events.csv", BORIS_8, *lines, "o,9,clip.mp4,,sad,,START,4,")
    found = read(tmp_path, "boris")
    assert [(clip.clip, clip.label, clip.end_s) for clip in found.clips] == [("clip@1.5", "happiness", 2.25)]
    assert ["POINT" in found.problems[0].reason, "no STOP" in found.problems[1].reason] == [True, True]


def test_boris_7_has_facts_before_the_table(tmp_path: Path):
    tree(tmp_path, "clip.mp4")
    facts = ("Observation id\tone", "", "Media file(s)", "Player #1\tclip.mp4", "")
    head = "Time\tMedia file path\tTotal length\tFPS\tSubject\tBehavior\tBehavioral category\tComment\tStatus"
    rows = ("1.5\tclip.mp4\t9\t25\tP1\thappy\t\t\tSTART", "2.25\tclip.mp4\t9\t25\tP1\thappy\t\t\tSTOP")
    table(tmp_path / "events.tsv", *facts, head, *rows)
    (clip,) = read(tmp_path, "boris").clips
    assert (clip.label, clip.start_s, clip.end_s, clip.subject) == ("happiness", 1.5, 2.25, "P1")


def test_boris_aggregated(tmp_path: Path):
    tree(tmp_path, "clip.mp4")
    head = "Observation id,Media file,Subject,Behavior,Behavior type,Start (s),Stop (s),Duration (s)"
    table(tmp_path / "events.csv", head, "o,T:/x/clip.mp4,No focal subject,happy,STATE,1.5,2.25,0.75")
    (clip,) = read(tmp_path, "boris").clips
    assert (clip.label, clip.start_s, clip.end_s, clip.subject) == ("happiness", 1.5, 2.25, "")


@pytest.mark.parametrize("name", datasets.FORMATS)
def test_a_reader_that_finds_nothing_says_what_it_looked_for(tmp_path: Path, name: str):
    with pytest.raises(DatasetError) as caught:
        datasets.read(tmp_path, name)
    told = f"{caught.value} {' '.join(caught.value.problems)}"
    assert str(tmp_path) in told


def test_an_unknown_layout_and_an_unknown_name(tmp_path: Path):
    with pytest.raises(DatasetError, match=r"looked for: ravdess: Actor_01"):
        datasets.read(tmp_path)
    with pytest.raises(DatasetError, match=r"one of ravdess"):
        datasets.read(tmp_path, "ravdes")
    with pytest.raises(DatasetError, match="does not exist"):
        datasets.read(tmp_path / "none")
