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
    shown = frame_labels.truth(clip, ("neutral", "anger"), np.arange(9), np.arange(9) / 30, np.arange(9))
    assert shown.tolist() == [0, -1, -1, -1, -1, -1, 1, 1, 1]


def test_sequences_that_rise_from_neutral_teach_it():
    rising = Clip("S005_001", Path("S005/001"), label="anger", frame_labels="synthetic")
    assert frame_labels.names_in(rising) == {"neutral"}
