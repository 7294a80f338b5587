"""Readers of datasets from films and the web, each on a tree with the published names and traps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from training_builders import labels, read, table, tree

from fervideo.training import frame_labels
from fervideo.training.manifest import check, ordered, target, votes


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


def test_dfew_with_some_of_its_folds_trains_on_clips_that_none_of_them_tests(tmp_path: Path):
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
    """Write one fold of two clips, and a sheet of votes: a clip's number, its votes by label, and its label."""
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
def test_afew_is_tested_on_its_validation_set(tmp_path: Path, sides: tuple[str, str]):
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
    truth = frame_labels.truth(left, names, np.array(frame), np.array(frame) / 30, np.array(number))
    assert truth.tolist() == [names.index("anger"), -1, names.index("other")]
