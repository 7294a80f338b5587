"""Splits: official or drawn, and never one subject on two sides."""

from __future__ import annotations

from pathlib import Path

import pytest
from training_builders import table

from fervideo.errors import DatasetError
from fervideo.settings import TrainSettings
from fervideo.training import splits
from fervideo.training.manifest import Clip, Manifest, Problem


def dataset(n_subjects: int = 20, labels: tuple[str, ...] = ("neutral", "anger", "fear"), **fields: str) -> Manifest:
    """List two clips of each label for each subject."""
    clips = [
        Clip(
            f"{subject}-{label}-{take}",
            Path(f"{subject}-{label}-{take}.mp4"),
            f"s{subject}",
            label,
            origin=f"list:{subject}-{label}-{take}",
        )
        for subject in range(n_subjects)
        for label in labels
        for take in range(2)
    ]
    return Manifest(Path("data"), "manifest", [clip._replace(**fields) for clip in clips])


def sides(clips: list[Clip]) -> dict[str, set[str]]:
    return {split: {clip.group for clip in clips if clip.split == split} for split in ("train", "validation", "test")}


@pytest.mark.parametrize("seed", range(5))
def test_drawn_splits_share_no_subject_and_hold_every_label(seed: int):
    clips = splits.assign(dataset(), TrainSettings(seed=seed))
    groups = sides(clips)
    assert sum(map(len, groups.values())) == len(set.union(*groups.values())) == 20
    assert len(groups["test"]) == 4
    assert splits.check(clips) == []


def test_the_seed_decides():
    assert splits.assign(dataset(), TrainSettings(seed=3)) == splits.assign(dataset(), TrainSettings(seed=3))
    assert splits.assign(dataset(), TrainSettings(seed=3)) != splits.assign(dataset(), TrainSettings(seed=4))


def test_an_unknown_subject_is_the_video():
    clips = [clip._replace(subject="", path=Path(f"{k // 4}.mp4")) for k, clip in enumerate(dataset().clips)]
    assigned = splits.assign(Manifest(Path("data"), "intervals", clips), TrainSettings())
    assert splits.check(assigned) == []


def test_official_splits_stay_and_validation_is_part_of_training():
    found = dataset()
    clips = [clip._replace(split="test" if clip.subject in ("s1", "s2") else "train") for clip in found.clips]
    groups = sides(splits.assign(Manifest(Path("data"), "x", clips), TrainSettings()))
    assert groups["test"] == {"s1", "s2"}
    assert groups["validation"]
    assert not groups["validation"] & (groups["train"] | groups["test"])


def test_folds_take_turns_at_being_tested():
    found = dataset()
    clips = [clip._replace(fold=str(int(clip.subject[1:]) % 10 + 1)) for clip in found.clips]
    own = Manifest(Path("data"), "ck+", clips)
    assert splits.folds(own, TrainSettings()) == [*map(str, range(1, 11))]
    tested = [sides(splits.assign(own, TrainSettings(), fold))["test"] for fold in splits.folds(own, TrainSettings())]
    assert tested[9] == {"s9", "s19"}
    assert set.union(*tested) == {clip.subject for clip in clips}
    drawn = [
        sides(splits.assign(found, TrainSettings(folds=4), fold))["test"]
        for fold in splits.folds(found, TrainSettings(folds=4))
    ]
    assert sum(map(len, drawn)) == len(set.union(*drawn)) == 20
    with pytest.raises(DatasetError, match="has no fold 11; its folds are 1, 2"):
        splits.assign(own, TrainSettings(), "11")


def test_there_are_no_more_folds_than_subjects():
    found = dataset(3)
    names = splits.folds(found, TrainSettings(folds=5))
    tested = [sides(splits.assign(found, TrainSettings(folds=5), fold))["test"] for fold in names]
    assert names == ["1", "2", "3"]
    assert sorted(map(sorted, tested)) == [["s0"], ["s1"], ["s2"]]


def test_a_validation_split_stays_beside_folds():
    clips = [
        clip._replace(fold=str(int(clip.subject[1:]) % 5), split="validation" if clip.subject == "s7" else "")
        for clip in dataset().clips
    ]
    own = Manifest(Path("data"), "manifest", clips)
    assert sides(splits.assign(own, TrainSettings(), "1"))["validation"] == {"s7"}
    assert "s7" in sides(splits.assign(own, TrainSettings(), "2"))["test"]


def test_subjects_who_share_a_video_stay_together():
    clips = [clip._replace(path=Path(f"dyad {int(clip.subject[1:]) // 2}.mp4")) for clip in dataset().clips]
    assigned = splits.assign(Manifest(Path("data"), "intervals", clips), TrainSettings())
    assert splits.check(assigned) == []
    assert all(sides(assigned).values())


def test_one_subject_cannot_be_split():
    with pytest.raises(DatasetError, match="has 1 subject to draw a split from"):
        splits.assign(dataset(1), TrainSettings())


def test_a_subject_on_two_sides_is_found():
    found = dataset(3, ("neutral",))
    clips = [clip._replace(split=("train", "validation", "test")[int(clip.subject[1:])]) for clip in found.clips]
    assert splits.check(clips) == []
    torn = [clips[0]._replace(split="test"), *clips[1:]]
    assert {problem.origin for problem in splits.check(torn)} >= {clips[0].origin, clips[1].origin}
    assert "subject s0 is in test and train" in splits.check(torn)[0].reason


def labelled(**subjects: str) -> Manifest:
    """List clips of subjects by name, a label for each letter: n neutral, a anger, f fear, s sadness."""
    names = {"n": "neutral", "a": "anger", "f": "fear", "s": "sadness"}
    clips = [
        Clip(f"{who}{k}", Path(f"{who}{k}.mp4"), who, names[letter], origin=f"list:{who}{k}")
        for who, letters in subjects.items()
        for k, letter in enumerate(letters)
    ]
    return Manifest(Path("data"), "manifest", clips)


@pytest.mark.parametrize("seed", range(8))
def test_a_rare_label_is_trained_on_before_it_is_scored(seed: int):
    """Fear is shown by one subject of twelve, sadness by two."""
    own = {f"p{k}": "nna" for k in range(12)} | {"p3": "nnaff", "p5": "nnas", "p6": "nnas"}
    settings = TrainSettings(seed=seed)
    clips = splits.assign(labelled(**own), settings)
    splits.check_learnable(labelled(**own), clips)
    assert len(sides(clips)["test"]) in (2, 3), "a fifth of the people, as without rare labels"
    assert "train" in {clip.split for clip in clips if clip.label == "fear"}
    assert "train" in {clip.split for clip in clips if clip.label == "sadness"}
    assert splits.check(clips) == []
    found = {line.split("'")[1]: line for line in splits.notes([clips])}
    assert set(found) <= {"fear", "sadness"}
    assert found["fear"] == "label 'fear' (2 clips of 1 subject): trained on, not scored: no clip of it is in test"


def test_folds_leave_a_label_of_two_subjects_to_train_on():
    own = {f"p{k}": "nna" for k in range(12)} | {"p3": "nnaff", "p5": "nnas", "p6": "nnas"}
    found = labelled(**own)
    for seed in range(8):
        settings = TrainSettings(seed=seed)
        each = [splits.assign(found, settings, fold) for fold in splits.folds(found, settings)]
        assert splits.notes(each) == [
            "label 'fear' (2 clips of 1 subject): not scored in 1 fold of 5, in which no clip of it is left to train on"
        ]
        tested = sorted(clip.clip for clips in each for clip in clips if clip.split == "test")
        assert tested == sorted(clip.clip for clip in found.clips)


def test_official_splits_keep_a_label_where_it_is():
    clips = [
        clip._replace(split={"a": "train", "b": "validation", "c": "test"}[clip.subject])
        for clip in labelled(a="nna", b="nas", c="naf").clips
    ]
    lines = ["label 'sadness' (1 clip of 1 subject): not trained on, not scored"]
    fear = "label 'fear' (1 clip of 1 subject): "
    assert splits.notes([clips]) == [*lines, f"{fear}not trained on, not scored"]
    assert splits.notes([clips], ("fear",))[1] == f"{fear}known from the model to begin with, scored"


def test_one_label_is_nothing_to_learn():
    found = labelled(a="nn", b="n", c="na")
    clips = [clip._replace(split="test" if clip.subject == "c" else "train") for clip in found.clips]
    with pytest.raises(DatasetError, match="nothing to learn: all clips to train on have the label 'neutral'"):
        splits.check_learnable(found, clips)
    with pytest.raises(DatasetError, match="all clips to train on in fold 2 have"):
        splits.check_learnable(found, clips, "2")
    splits.check_learnable(found, [clip._replace(split="train") for clip in clips])


def test_problems_stop_or_drop_their_rows():
    found = dataset(2)
    problem = Problem(found.clips[3].origin, "is bad")
    with pytest.raises(
        DatasetError, match=r"1 problem, the first in list:0-anger-1: is bad; .*--on-error skip"
    ) as caught:
        found.sound([problem], skip=False)
    assert caught.value.problems == ("list:0-anger-1: is bad",)
    assert len(found.sound([problem], skip=True).clips) == len(found.clips) - 1


@pytest.mark.parametrize("seed", range(5))
def test_clips_without_a_label_are_dealt_by_the_one_that_most_of_their_frames_have(tmp_path: Path, seed: int):
    """One frame in ten is anger, the first label by name; the others are neutral in half of the clips, else fear."""
    clips = []
    for number in range(20):
        rows = ["0,anger", *(f"{frame},{('neutral', 'fear')[number % 2]}" for frame in range(1, 10))]
        file = table(tmp_path / f"{number}.csv", "frame,label", *rows)
        clips.append(Clip(f"{number}", tmp_path / f"{number}.mp4", frame_labels=str(file), origin=f"{number}"))
    tested = [
        clip.clip
        for clip in splits.assign(Manifest(tmp_path, "frames", clips), TrainSettings(seed=seed, folds=5))
        if clip.split == "test"
    ]
    assert sorted(int(name) % 2 for name in tested) == [0, 0, 1, 1]
