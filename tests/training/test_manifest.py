"""The one form of a dataset: rows, votes, problems."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from training_builders import LABELS

from fervideo.training.manifest import Clip, Manifest, Problem, check, target, votes


def test_votes_are_soft_labels():
    clip = Clip("a", Path("a.mp4"), label="anger", label_votes="anger:3|neutral:1")
    np.testing.assert_allclose(target(clip, LABELS), [0.25, 0.75, 0])


def test_every_problem_of_a_row_is_found(tmp_path: Path):
    (tmp_path / "a.mp4").touch()
    good = Clip("a", tmp_path / "a.mp4", label="anger", origin="list:2")
    rows = [
        good,
        good._replace(origin="list:3"),
        good._replace(clip="b", path=tmp_path / "b.mp4", label="hapiness", origin="list:4"),
        good._replace(clip="c", label="", origin="list:5"),
        good._replace(clip="d", start_s=3.0, end_s=2.0, split="middle", origin="list:6"),
        good._replace(clip="e", label_votes="anger:x", origin="list:7"),
        good._replace(clip="f", label="boredom", origin="list:8"),
    ]
    found = [str(problem) for problem in check(Manifest(tmp_path, "manifest", rows))]
    expected = [
        ("list:3", "clip 'a' stands in list:2 already"),
        ("list:4", "does not exist"),
        ("list:4", "unknown label 'hapiness'; did you mean happiness?"),
        ("list:5", "has no label"),
        ("list:6", "no stretch of time"),
        ("list:6", "split 'middle' is none of"),
        ("list:7", "anger:x"),
    ]
    assert len(found) == len(expected), found
    for line, (origin, reason) in zip(found, expected, strict=True):
        assert line.startswith(origin)
        assert reason in line
    closed = [str(problem) for problem in check(Manifest(tmp_path, "dfew", rows[-1:], labels=("anger", "fear")))]
    assert closed == ["list:8: unknown label 'boredom'; known: anger, fear"]


def test_votes_add_up_and_those_for_no_label_are_left_out():
    assert votes("happy:3|joy:2|neutral:5|fear:0") == {"happiness": 5, "neutral": 5}
    assert votes("anger:3|unknown:2|no_face:1|-1:4") == {"anger": 3}
    assert votes("unknown:2") == votes("") == {}
    for text in ("anger", ":3", "anger:3|7", "anger:-1|fear:2", "anger:nan", "anger:0"):
        with pytest.raises(ValueError, match="are not votes like"):
            votes(text)


def test_a_clip_with_votes_for_no_label_has_its_own(tmp_path: Path):
    clip = Clip("a", tmp_path, label="anger", label_votes="no_face:2", origin="list:2")
    assert target(clip, ("neutral", "anger")).tolist() == [0, 1]
    assert check(Manifest(tmp_path, "manifest", [clip])) == []
    assert check(Manifest(tmp_path, "manifest", [clip._replace(label="")])) == [Problem("list:2", "has no label")]
