"""Aff-Wild2 as the ABAW challenges hand it out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from training_builders import read, table, tree

from fervideo.errors import DatasetError
from fervideo.training import frame_labels, hand_labels
from fervideo.training.manifest import check, ordered

HEAD = "Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise,Other"


def test_aff_wild2_lines_are_images_by_number(tmp_path: Path):
    tree(tmp_path, *(f"cropped_aligned/12_left/{k:05d}.jpg" for k in (2, 3, 5)), "cropped_aligned/12_right/00001.jpg")
    table(tmp_path / "EXPR_Recognition_Challenge/Train_Set/12_left.txt", HEAD, "0", "1", "-1", "3", "7")
    table(tmp_path / "EXPR_Recognition_Challenge/Validation_Set/12_right.txt", HEAD, "4")
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


@pytest.mark.parametrize(
    ("train", "validation", "head"),
    [
        ("EXPR_Recognition_Challenge/Train_Set", "EXPR_Recognition_Challenge/Validation_Set", HEAD),
        ("EXPR_Classification_Challenge/Train_Set", "EXPR_Classification_Challenge/Validation_Set", HEAD),
        ("annotations/EXPR_Set/Train_Set", "annotations/EXPR_Set/Validation_Set", HEAD.removesuffix(",Other")),
        ("EXPR_Set/Training_Set", "EXPR_Set/Validation_Set", HEAD.removesuffix(",Other")),
    ],
)
def test_labels_of_every_challenge(tmp_path: Path, train: str, validation: str, head: str):
    tree(tmp_path, *(f"cropped_aligned/{name}/00001.jpg" for name in ("1-30-1280x720", "12")), f"{train}/._12.txt")
    table(tmp_path / train / "1-30-1280x720.txt", head, "0")
    table(tmp_path / validation / "12.txt", head, "4")
    found = read(tmp_path, "aff-wild2")
    assert [(clip.clip, clip.split) for clip in found.clips] == [("1-30-1280x720", "train"), ("12", "test")]
    assert [*check(found), *frame_labels.check(found)] == []


@pytest.mark.parametrize(
    "crops",
    [
        ("cropped_aligned_images/cropped_aligned", "cropped_aligned_images/cropped_aligned"),
        ("Faces/cropped_aligned", "Faces/cropped_aligned"),
        ("batch1/cropped_aligned", "batch2/cropped_aligned_new_50_vids"),
    ],
)
def test_crops_as_they_unpack(tmp_path: Path, crops: tuple[str, str]):
    tree(tmp_path, f"{crops[0]}/12_left/00001.jpg", f"{crops[1]}/40/00001.jpg", "batch1/12.mp4")
    for name in ("12_left", "40"):
        table(tmp_path / f"EXPR_Recognition_Challenge/Train_Set/{name}.txt", HEAD, "0")
    found = read(tmp_path, "aff-wild2")
    assert [clip.path for clip in found.clips] == [tmp_path / crops[0] / "12_left", tmp_path / crops[1] / "40"]


def test_raw_videos_have_labels_by_frame(tmp_path: Path):
    tree(tmp_path, "batch1/40.mp4", "batch2/12.avi")
    for name in ("40", "12_left", "12_right"):
        table(tmp_path / f"EXPR_Recognition_Challenge/Train_Set/{name}.txt", HEAD, "0", "1", "-1", "4")
    found = read(tmp_path, "aff-wild2")
    assert [clip.path.name for clip in found.clips] == ["40.mp4"], "which face is left is not known"
    assert list(found.left_out.values()) == [2]
    (clip,) = found.clips
    # Line i is frame i, counted from 1.
    truth = frame_labels.truth(
        clip, ("neutral", "anger", "happiness"), np.arange(4), np.arange(4) / 30, np.arange(1, 5)
    )
    assert truth.tolist() == [0, 1, -1, 2]
    hand = hand_labels.read_labels(tmp_path)
    assert hand[["start_frame", "label"]].to_numpy().tolist() == [[0, "neutral"], [1, "anger"], [3, "happiness"]]


def test_labels_of_two_challenges_are_not_mixed(tmp_path: Path):
    for challenge in ("EXPR_Recognition_Challenge", "EXPR_Classification_Challenge"):
        table(tmp_path / challenge / "Train_Set" / "12.txt", HEAD, "0")
    with pytest.raises(DatasetError, match=r"labels of several challenges: .*Recognition.* and .*Classification"):
        read(tmp_path, "aff-wild2")
