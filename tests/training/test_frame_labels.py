"""Labels per frame: files of several layouts, and labels made up from a clip's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from training_builders import table

from fervideo.training import frame_labels
from fervideo.training.manifest import Clip


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
    truth = frame_labels.truth(clip, ("neutral", "anger"), np.arange(9), np.arange(9) / 30, np.arange(9))
    assert truth.tolist() == [0, -1, -1, -1, -1, -1, 1, 1, 1]


def test_sequences_that_rise_from_neutral_teach_it():
    rising = Clip("S005_001", Path("S005/001"), label="anger", frame_labels="synthetic")
    assert frame_labels.names_in(rising) == {"neutral"}


@pytest.mark.parametrize(
    ("rows", "span", "expected"),
    [
        # Times: sadness holds for 3 of 4 seconds, though happiness has more rows and anger comes first by name.
        (("time_s,label", "0,happy", "0.5,angry", "0.6,happy", "1,sad", "4,"), {}, "sadness"),
        # No label at all is no label, however long it holds.
        (("time_s,label", "0,happy", "1,", "9,"), {}, "happiness"),
        # The last label counts as long as the mean one, and the only one counts.
        (("time_s,label", "0,sad", "2,angry", "3,happy"), {}, "sadness"),
        (("time_s,label", "3,happy"), {}, "happiness"),
        # Only the stretch counts, and its end is the end of the last label.
        (("time_s,label", "0,sad", "2,angry", "3,happy"), {"start_s": 1.5, "end_s": 2.9}, "anger"),
        (("time_s,label", "0,sad", "2,angry", "3,happy"), {"end_s": 9.0}, "happiness"),
        # Frames count one each; equals go by name.
        (("frame,label", "0,sad", "1,sad", "2,angry", "90,happy"), {}, "sadness"),
        (("frame,label", "0,sad", "1,sad", "2,angry", "3,angry"), {}, "anger"),
        (("time_s,label", "0,sad", "0.1,angry", "0.3,sad", "0.4,"), {}, "anger"),
        # Numbers of images.
        (("Neutral,Anger", "0", "1", "1", "-1", "-1", "-1", "-1"), {}, "anger"),
        (("frame,label",), {}, ""),
    ],
)
def test_the_most_frequent_label(tmp_path: Path, rows: tuple[str, ...], span: dict[str, float], expected: str):
    file = table(tmp_path / "a.csv", *rows)
    assert frame_labels.most_frequent(Clip("a", tmp_path / "a.mp4", frame_labels=str(file), **span)) == expected


def test_the_most_frequent_label_without_a_file():
    assert frame_labels.most_frequent(Clip("a", Path("a.mp4"), frame_labels="synthetic")) == "neutral"
    assert frame_labels.most_frequent(Clip("a", Path("a.mp4"))) == ""
