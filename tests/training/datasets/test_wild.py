"""Readers of datasets from films and the web, each on a tree with the published names and traps."""

from __future__ import annotations

from pathlib import Path

import pytest
from training_builders import labels, read, table, tree

from fervideo.training import datasets
from fervideo.training.manifest import check


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


@pytest.mark.parametrize("sides", [("Train_AFEW", "Val_AFEW"), ("train_afew", "val_afew"), ("AFEW_Train", "AFEW_Val")])
def test_afew_is_tested_on_its_validation_set(tmp_path: Path, sides: tuple[str, str]):
    tree(tmp_path, f"{sides[0]}/Angry/000046280.avi", f"{sides[1]}/Surprise/000046281.avi", "Test_AFEW/000000001.avi")
    found = read(tmp_path, "afew")
    assert sorted((clip.label, clip.split) for clip in found.clips) == [("anger", "train"), ("surprise", "test")]


def test_afew_in_its_copies_only(tmp_path: Path):
    tree(tmp_path, "train/Angry/a.avi", "val/Angry/b.avi", "test/Happy/c.avi")
    assert datasets.read(tmp_path).format == "splits"


@pytest.mark.parametrize("parts", ["2_ClipsforFaceCrop", "2_ClipsforFaceCrop-002/2_ClipsforFaceCrop"])
def test_ferv39k_unpacked_from_parts(tmp_path: Path, parts: str):
    tree(tmp_path, "2_ClipsforFaceCrop-001/2_ClipsforFaceCrop/War/Sad/0007/001.jpg", f"{parts}/Crime/Fear/0001/001.jpg")
    table(tmp_path / "4_setups/All_scenes/train_All.csv", "War/Sad/0007 Sad")
    table(tmp_path / "4_setups/All_scenes/test_All.csv", "Crime/Fear/0001 Fear")
    assert check(read(tmp_path, "ferv39k")) == []


@pytest.mark.parametrize("clip", ["data/frames/frames/00025/1.jpg", "data/clips/clips/00025.mp4", "clips/00025.mp4"])
def test_mafw_as_it_unpacks(tmp_path: Path, clip: str):
    tree(tmp_path, f"MAFW/{clip}")
    for split, line in (("train", ""), ("test", "00025.mp4 anger")):
        table(tmp_path / f"MAFW/Train & Test Set/single/no_caption/set_1/{split}.txt", line)
    found = read(tmp_path, "mafw")
    assert labels(found) == {"00025": "anger"}
    assert check(found) == []


MELD = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime"


def meld(root: Path, split: str, *rows: tuple[int, int, str]) -> None:
    """Write the table of a split; each row has a dialogue, an utterance and an emotion."""
    lines = [
        f'{number},"Oh, no!",Joey,{emotion},neutral,{dialogue},{utterance},8,21,"00:16:16,059","00:16:21,731"'
        for number, (dialogue, utterance, emotion) in enumerate(rows, 1)
    ]
    table(root / f"{split}_sent_emo.csv", MELD, *lines)


def test_meld(tmp_path: Path):
    root = tmp_path / "MELD.Raw"
    meld(root, "train", (0, 0, "neutral"), (0, 1, "joy"), (125, 3, "anger"))
    meld(root, "dev", (0, 0, "sadness"), (110, 7, "fear"))
    meld(root, "test", (0, 0, "disgust"), (0, 1, "surprise"))
    tree(root, *(f"train_splits/{name}.mp4" for name in ("dia0_utt0", "dia0_utt1", "._dia0_utt1", "dia125_utt3")))
    tree(root, "dev_splits_complete/dia0_utt0.mp4", "dev_splits_complete/dia66_utt9.mp4")
    tree(root, *(f"output_repeated_splits_test/{name}.mp4" for name in ("dia0_utt0", "final_videos_testdia0_utt1")))
    found = read(tmp_path, "meld")
    assert {clip.clip: (clip.label, clip.split, clip.path.stem) for clip in found.clips} == {
        "train/dia0_utt0": ("neutral", "train", "dia0_utt0"),
        "train/dia0_utt1": ("happiness", "train", "dia0_utt1"),
        "dev/dia0_utt0": ("sadness", "validation", "dia0_utt0"),
        "test/dia0_utt0": ("disgust", "test", "dia0_utt0"),
        "test/dia0_utt1": ("surprise", "test", "final_videos_testdia0_utt1"),
    }
    assert found.left_out == {"clips that are missing or broken as published": 2}
    assert "the speaker is not marked" in found.notes[0]
    assert {clip.subject for clip in found.clips} == {""}, "the same six people speak in all splits"
    assert check(found) == []
    tree(root, "dev_splits_complete/dia110_utt7.mp4")
    assert len(read(tmp_path, "meld").clips) == 6, "many cut the missing clip themselves"
