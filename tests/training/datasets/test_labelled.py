"""Folders named by labels: recognised where labels are expressions, else asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from training_builders import labels, read, tree

from fervideo.errors import DatasetError
from fervideo.training import datasets
from fervideo.training.manifest import check


def test_folder(tmp_path: Path):
    root = tree(tmp_path, "Happy/a b.mp4", "Happy/c/1.png", "sad/e.mp4", "bored/d.avi", "bored/notes.txt")
    expected = {"Happy/a b": "happiness", "Happy/c": "happiness", "bored/d": "bored", "sad/e": "sadness"}
    assert labels(read(root, "folder")) == expected


@pytest.mark.parametrize(
    ("files", "listed"),
    [
        (("high/a.mp4", "low/b.mp4", "happy/c.mp4"), "happiness, high, low"),
        (("cohn-kanade-images/S005/1.png",), "cohn-kanade-images"),
        (("train_splits/dia0_utt0.mp4", "dev_splits_complete/dia0_utt0.mp4"), "dev_splits_complete, train_splits"),
        (tuple(f"{number:03d}/006_1_2/1.jpg" for number in range(20)), "000, 001, .*, 011, … [(]20[)]"),
    ],
)
def test_other_labels_must_be_asked_for(tmp_path: Path, files: tuple[str, ...], listed: str):
    tree(tmp_path, *files)
    with pytest.raises(DatasetError, match=f"would be the labels {listed}; .*--format folder"):
        datasets.read(tmp_path)
    assert len(datasets.read(tmp_path, "folder").clips) == len(files)


def test_other_labels_in_a_folder_below_are_listed_with_it(tmp_path: Path):
    tree(tmp_path, "Cropped/sub01/EP02_01f/img1.jpg", "Cropped/sub02/EP02_01f/img1.jpg")
    with pytest.raises(DatasetError, match=r"Cropped: .* would be the labels sub01, sub02"):
        datasets.read(tmp_path)


def test_splits_as_caer_has_them(tmp_path: Path):
    names = ("Anger", "Disgust", "Fear", "Happy", "Neutral", "Sad", "Surprise")
    for split in ("train", "validation", "test"):
        tree(tmp_path, *(f"{split}/{name}/0001.avi" for name in names))
    tree(tmp_path, "__MACOSX/train/Anger/._0001.avi", "train/Anger/._0001.avi", "train/.DS_Store")
    found = read(tmp_path, "splits")
    assert [(clip.split, clip.label) for clip in found.clips[::7]] == [
        ("test", "anger"),
        ("train", "anger"),
        ("validation", "anger"),
    ]
    assert (len(found.clips), check(found)) == (21, [])


def test_splits_of_ones_own(tmp_path: Path):
    tree(tmp_path, "Train/happy/a.mp4", "val/sad/b/1.png", "test/happy/c.mp4", "more/sad/d.mp4", "logs/old/log.txt")
    found = read(tmp_path, "splits")
    assert {clip.clip: clip.split for clip in found.clips} == {
        "Train/happy/a": "train",
        "val/sad/b": "validation",
        "test/happy/c": "test",
    }
    (problem,) = found.problems
    assert (problem.origin, problem.reason[:41]) == (
        str(tmp_path / "more"),
        "is none of train, validation, test, and h",
    )
    tree(tmp_path / "own", "train/bored/a.mp4", "dev/tired/b.mp4")
    with pytest.raises(DatasetError, match=r"would be the labels bored, tired; .*--format splits"):
        datasets.read(tmp_path / "own")
    assert {clip.split for clip in read(tmp_path / "own", "splits", recognised=False).clips} == {"train", "validation"}


@pytest.mark.parametrize("files", [("train/Anger/1.png", "test/Happy/1.png"), ("Happy/1.png", "Anger/1.png")])
def test_photographs_are_no_clips(tmp_path: Path, files: tuple[str, ...]):
    with pytest.raises(DatasetError, match=r"images right in folders of expressions.*fervideo compare"):
        datasets.read(tree(tmp_path, *files))
