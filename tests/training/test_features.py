"""Samples: which face, which frames, which labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from builders import make_features

from fervideo.training import features
from fervideo.training.evaluate import Prediction, frame_probabilities
from fervideo.training.features import sample
from fervideo.training.manifest import Clip


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


def test_samples_take_the_longest_face_and_the_next_one_where_it_is_gone():
    features = make_features(60, [[*range(40)], range(30, 60)], fps=20)
    clip = Clip("a", Path("a.mp4"), label="bored", start_s=0.5, end_s=2.75, frame_labels="interval")
    cut = sample(clip, features, ("happiness", "bored"))
    assert (cut.start_s, len(cut.course)) == (0.5, 45)
    assert (cut.course[:, -1] == 1).all()
    assert (cut.step_label == 1).all()
    assert cut.label == 1
    assert (cut.time_s >= 0.5).all()
    assert (cut.time_s < 2.75).all()
    empty = sample(clip._replace(start_s=10.0, end_s=11.0), features, ("happiness", "bored"))
    assert empty.course.shape[0] == 0


def test_labelled_images_that_are_missing_are_scored_by_their_neighbours(tmp_path: Path):
    folder = tmp_path / "12_left"
    folder.mkdir()
    for number in (2, 3, 5, 6):
        (folder / f"{number:05d}.jpg").touch()
    labels = tmp_path / "12_left.txt"
    labels.write_text("Neutral,Anger\n0\n0\n1\n1\n-1\n1\n0\n")
    features = make_features(4, [range(4)], time_s=[0.0, 0.05, 0.15, 0.2])
    cut = sample(Clip("12_left", folder, frame_labels=str(labels)), features, ("neutral", "anger"))
    # Image 5 is there without a label; images 1, 4 and 7 have one and are not there.
    np.testing.assert_allclose(cut.time_s, [-0.05, 0, 0.05, 0.1, 0.15, 0.2, 0.25])
    assert cut.frame_label.tolist() == [0, 0, 1, 1, -1, 1, 0]
    steps = np.eye(2, dtype=np.float32)[[0, 1, 1, 1, 0]]
    p = frame_probabilities(cut, Prediction(steps=steps, clip=steps.mean(0)))
    assert p is not None
    assert p.argmax(1).tolist() == [0, 0, 1, 1, 1, 0, 0]


def test_labels_are_on_the_clock_of_a_player(tmp_path: Path):
    late = make_features(50, [range(50)], media_start_s=1.5)
    labels = tmp_path / "late.csv"
    labels.write_text("time_s,label\n0,bored\n2.5,happy\n")
    made = sample(Clip("a", Path("a.mp4"), frame_labels=str(labels)), late, ("happiness", "bored"))
    assert made.frame_label.tolist() == [1] * 25 + [0] * 25
    assert (made.time_s[0], made.step_time_s[0]) == (1.5, 1.5)
    cut = sample(Clip("a", Path("a.mp4"), label="bored", start_s=1.0, end_s=2.0), late, ("happiness", "bored"))
    np.testing.assert_allclose(cut.time_s, 1.5 + np.arange(13) / 25, atol=1e-9)


def test_numbered_labels_of_a_raw_video_count_its_frames_from_one(tmp_path: Path):
    labels = tmp_path / "40.txt"
    labels.write_text("Neutral,Anger\n0\n1\n-1\n0\n")
    clip = Clip("40", tmp_path / "40.mp4", frame_labels=str(labels))
    made = sample(clip, make_features(5, [range(5)]), ("neutral", "anger"))
    assert made.frame_label.tolist() == [0, 1, -1, 0, -1]
