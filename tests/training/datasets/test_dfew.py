"""DFEW in its releases and copies, and the votes of its raters."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from training_builders import labels, read, table, tree

from fervideo.training.manifest import check, target, votes


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
    """Write one fold of two clips, and a sheet of votes: votes by label, the clip's number, and its label."""
    table(root / "train(single-labeled)/set_1.csv", "video_name,label", "1,1")
    table(root / "test(single-labeled)/set_1.csv", "video_name,label", "2,7")
    tree(root, "Clip/clip_224x224/00001/1.jpg", "Clip/clip_224x224/00002/1.jpg")
    names = ("1happy", "2sad", "3neutral", "4angry", "5surprise", "6disgust", "7fear", "order", "label")
    (root / "Annotation").mkdir()
    pd.DataFrame(list(rows), columns=names).to_excel(root / "Annotation" / "annotation.xlsx", index=False)
    return root


def test_dfew_votes_are_soft_labels(tmp_path: Path):
    pytest.importorskip("openpyxl")
    # Clip 3 has no single label and stands in no split; clip 2 has no votes.
    found = read(dfew_with_votes(tmp_path, (8, 0, 2, 0, 0, 0, 0, 1, 1), (5, 5, 0, 0, 0, 0, 0, 3, 0)), "dfew")
    assert {clip.clip: (clip.label, clip.label_votes) for clip in found.clips} == {
        "00001": ("happiness", "happiness:8|neutral:2"),
        "00002": ("fear", ""),
    }
    voted = next(clip for clip in found.clips if clip.clip == "00001")
    assert target(voted, found.labels).tolist() == pytest.approx([0.8, 0, 0.2, 0, 0, 0, 0])
    assert check(found) == []


def test_dfew_names_votes_that_are_none(tmp_path: Path):
    pytest.importorskip("openpyxl")
    found = read(dfew_with_votes(tmp_path, ("many", 0, 2, 0, 0, 0, 0, 1, 1), (0, 0, 0, 0, 0, 0, 9, 2, 7)), "dfew")
    assert [problem.origin.rpartition(":")[2] for problem in found.problems] == ["2"]
    assert votes(found.clips[0].label_votes) == {"fear": 9}, "the test split comes first"
    (tmp_path / "Annotation" / "annotation.xlsx").write_bytes(b"no workbook")
    (problem,) = read(tmp_path, "dfew").problems
    assert "annotation.xlsx: cannot be read" in str(problem)


@pytest.mark.parametrize(("number", "voted"), [(2, 1), (9, 0)])
def test_dfew_votes_of_other_clips_are_a_problem(tmp_path: Path, number: int, voted: int):
    pytest.importorskip("openpyxl")
    dfew_with_votes(tmp_path, (8, 0, 2, 0, 0, 0, 0, number, 1))
    table(tmp_path / "train(single-labeled)/set_1.csv", "video_name,label", "1,1", "3,1")
    found = read(tmp_path, "dfew")
    (problem,) = found.problems
    assert f"are about {voted} of 3 listed clips, and are left out: check its column order" in problem.reason
    assert {clip.label_votes for clip in found.clips} == {""}


def test_dfew_votes_without_the_number_of_the_clip_are_a_problem(tmp_path: Path):
    pytest.importorskip("openpyxl")
    dfew_with_votes(tmp_path, (8, 0, 2, 0, 0, 0, 0, 2, 1))
    sheet = tmp_path / "Annotation" / "annotation.xlsx"
    pd.read_excel(sheet).rename(columns={"order": "n"}).to_excel(sheet, index=False)
    (problem,) = read(tmp_path, "dfew").problems
    assert problem.reason.startswith("has no column order; its columns: happiness, sadness, neutral, anger")


@pytest.mark.parametrize("around", ["", "DFEW-part2/"])
def test_the_first_release_of_dfew(tmp_path: Path, around: str):
    tree(tmp_path, *(f"{around}single_label/data/{n:05d}/{n:05d}_00001.jpg" for n in (1, 2)))
    table(tmp_path / f"{around}single_label/label/single_trainset_1.csv", "video_name,label", "1,1")
    table(tmp_path / f"{around}single_label/label/single_testset_1.csv", "video_name,label", "2,7")
    found = read(tmp_path, "dfew")
    assert {clip.clip: (clip.label, clip.split) for clip in found.clips} == {
        "00001": ("happiness", "train"),
        "00002": ("fear", "test"),
    }
    assert check(found) == []


@pytest.mark.parametrize("clip", ["Clip/Clip/clip_224x224/{}/1.jpg", "Clip/clip_224x224_avi/{}.avi"])
def test_copies_of_dfew_keep_their_clips_elsewhere(tmp_path: Path, clip: str):
    tree(tmp_path, clip.format("00001"), clip.format("00002"))
    table(tmp_path / "train_set_1.csv", "video_name,label", "1,1")
    table(tmp_path / "test_set_1.csv", "video_name,label", "2,7")
    assert check(read(tmp_path, "dfew")) == []
