"""Readers of tables that people make themselves."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from training_builders import labels, read, table, tree

from fervideo.training import frame_labels


def test_manifest(tmp_path: Path):
    tree(tmp_path, "a.mp4", "b.mp4")
    lines = (
        "a.mp4,angry,s1,train,,",
        "b.mp4,sad,s2,val,1.5,2",
        "b.mp4,sad,s2,val,2,00:00:03.5",
        "b.mp4,sad,s2,val,soon,9",
        "b.mp4,no_face,s2,val,4,5",
    )
    path = table(tmp_path / "mine.csv", "path,label,subject,split,start_s,end_s", *lines)
    for root in (tmp_path, path):
        found = read(root, "manifest")
        assert [(clip.clip, clip.label, clip.split) for clip in found.clips] == [
            ("a", "anger", "train"),
            ("b@1.5", "sadness", "validation"),
            ("b@2", "sadness", "validation"),
        ]
        assert math.isnan(found.clips[0].start_s)
        assert found.clips[2].end_s == 3.5
        assert [str(problem) for problem in found.problems] == [f"{path}:5: 'soon' is no time in seconds"]
        assert list(found.left_out.values()) == [1]


def test_missing_labels_are_left_out_and_counted(tmp_path: Path):
    tree(tmp_path, "a.mp4")
    rows = [f"a.mp4,{label}" for label in ("N/A", "nan", "none", "NA", "null", "-1", "sad")]
    table(tmp_path / "list.csv", "path,label", *rows)
    found = read(tmp_path, "manifest")
    assert [(clip.label, found.left_out.total()) for clip in found.clips] == [("sadness", 6)]
    # A clip may have votes or labels by frame instead.
    table(tmp_path / "list.csv", "path,label,label_votes,frame_labels", "a.mp4,N/A,fear:2,", "a.mp4,N/A,,a.csv")
    assert [clip.label_votes for clip in read(tmp_path, "manifest").clips] == ["fear:2", ""]


def test_paths_of_windows(tmp_path: Path):
    tree(tmp_path, "many/clip.mp4", "one\\two.mp4")
    table(tmp_path / "many/clip.csv", "time_s,label", "0,sad")
    lines = (r"many\clip.mp4,sad,many\clip.csv", r"one\two.mp4,sad,", r".\many\clip.mp4,sad,")
    table(tmp_path / "list.csv", "path,label,frame_labels", *lines)
    found = read(tmp_path, "manifest")
    assert [clip.path.relative_to(tmp_path).as_posix() for clip in found.clips] == [
        "many/clip.mp4",
        "one\\two.mp4",
        "many/clip.mp4",
    ]
    assert found.clips[0].frame_labels == str(tmp_path / "many/clip.csv")
    (tmp_path / "list.csv").unlink()
    table(tmp_path / "labels.csv", "clip,start_s,end_s,label", r"many\clip,0,1,sad")
    assert labels(read(tmp_path, "intervals")) == {"many/clip@0": "sadness"}


def test_a_folder_of_corrections(tmp_path: Path):
    """Tables in a folder of their own, about videos beside that folder or anywhere, and about one face."""
    tree(tmp_path, "study/a.mp4", "elsewhere/b.mp4")
    head = "clip,start_s,end_s,label,face,predicted"
    corrections = tmp_path / "study" / "corrections"
    table(corrections / "a.csv", head, "a.mp4,1,2.5,sad,0,neutral", "a.mp4,3,4,happy,1,neutral")
    table(corrections / "b.csv", head, f"{tmp_path}/elsewhere/b.mp4,0,1,fear,,neutral", "gone.mp4,0,1,fear,,neutral")
    found = read(corrections, "intervals")
    assert [(clip.path, clip.label, clip.start_s, clip.end_s) for clip in found.clips] == [
        (tmp_path / "study" / "a.mp4", "sadness", 1.0, 2.5),
        (tmp_path / "elsewhere" / "b.mp4", "fear", 0.0, 1.0),
        (corrections / "gone.mp4", "fear", 0.0, 1.0),
    ]
    assert found.left_out == {"rows about another face than 0, the one seen longest": 1}


def test_intervals(tmp_path: Path):
    tree(tmp_path, "a.mp4", "b.mov")
    table(
        tmp_path / "labels.csv",
        "clip,start_s,end_s,label",
        "a.mp4,0,1.5,neutral",
        "b,0.5,2,happy",
        "b.mov,3,4,no_face",
        "a.mp4,2,,sad",
    )
    found = read(tmp_path, "intervals")
    assert labels(found) == {"a@0": "neutral", "b@0.5": "happiness"}
    assert found.clips[1].path.name == "b.mov"
    assert {clip.frame_labels for clip in found.clips} == {"interval"}
    assert "no end" in found.problems[0].reason


def test_frames(tmp_path: Path):
    tree(tmp_path, "a.mp4", "b.mp4")
    table(tmp_path / "a.csv", "time_s,label", "0,neutral", "1.0,happy", "1.5,", "2,neutral")
    table(tmp_path / "b.csv", "frame,label", "0,sad", "2,angry")
    a, b = read(tmp_path, "frames").clips
    names = ("neutral", "happiness", "sadness", "anger")
    time_s = np.array([0.0, 0.5, 1.0, 1.4999, 1.5, 3.0])
    assert frame_labels.truth(a, names, np.arange(6), time_s, np.arange(6)).tolist() == [0, 0, 1, -1, -1, 0]
    assert frame_labels.truth(b, names, np.arange(6), time_s, np.arange(6)).tolist() == [2, -1, 3, -1, -1, -1]


@pytest.mark.parametrize(("head", "row"), [("Path,Label", "a.mp4,happy"), ("path\tlabel", "a.mp4\thappy")])
def test_a_manifests_header_in_capitals_and_its_tabs(tmp_path: Path, head: str, row: str):
    table(tmp_path / "mine.csv", head, row)
    assert labels(read(tmp_path, "manifest")) == {"a": "happiness"}


def test_headers_in_capitals(tmp_path: Path):
    tree(tmp_path, "a.mp4", "b.mp4")
    table(tmp_path / "labels.tsv", "Clip\tStart_s\tEnd_s\tLabel\tSubject", "a\t0\t1\tsad\tP1")
    assert [(clip.label, clip.subject) for clip in read(tmp_path, "intervals").clips] == [("sadness", "P1")]
    table(tmp_path / "b.csv", "Time_s,Label", "0,neutral", "1,happy")
    stored = frame_labels.read(tmp_path / "b.csv")
    assert (stored.kind, stored.names, stored.problems) == ("time_s", ("neutral", "happiness"), ())


def test_a_row_that_ends_early(tmp_path: Path):
    tree(tmp_path, "a.mp4", "b.mp4", "c.mp4")
    mine = table(tmp_path / "mine.csv", "label,path,subject", "sad,a.mp4", "happy", ",b.mp4,P1", "happy,,P2")
    found = read(tmp_path, "manifest")
    assert [(clip.label, clip.path.name, clip.subject) for clip in found.clips] == [
        ("sadness", "a.mp4", ""),
        ("", "b.mp4", "P1"),
    ]
    assert [str(problem) for problem in found.problems] == [f"{mine}:3: ends before its path", f"{mine}:5: has no path"]
    mine.unlink()
    spans = table(tmp_path / "spans.csv", "clip,start_s,end_s,label,subject", "a,0,1,sad", "a,2", ",0,1,sad")
    found = read(tmp_path, "intervals")
    assert labels(found) == {"a@0": "sadness"}
    assert [str(problem) for problem in found.problems] == [
        f"{spans}:3: ends before its end_s and label",
        f"{spans}:4: names no clip",
    ]


def test_clips_are_named_apart_wherever_they_stand(tmp_path: Path):
    tree(tmp_path / "folder", "sad/take.1/1.png", "sad/take.2/1.png", "sad/a.mp4", "sad/a.avi", "sad/b.mp4")
    assert sorted(labels(read(tmp_path / "folder", "folder"))) == [
        "sad/a.avi",
        "sad/a.mp4",
        "sad/b",
        "sad/take.1",
        "sad/take.2",
    ]
    tree(tmp_path / "spans", "s1/smile.mp4", "s2/smile.mp4")
    table(tmp_path / "spans" / "labels.csv", "clip,start_s,end_s,label", "s1/smile.mp4,0,1,happy", "s2/smile,0,1,happy")
    assert labels(read(tmp_path / "spans", "intervals")) == {"s1/smile@0": "happiness", "s2/smile@0": "happiness"}
    tree(tmp_path / "list", "take.1/1.png", "take.2/1.png", "a.mp4")
    table(
        tmp_path / "list" / "mine.csv",
        "path,label",
        "take.1,sad",
        "take.2,sad",
        "a.mp4,sad",
        f"{tmp_path}/spans/s1/smile.mp4,happy",
    )
    assert list(labels(read(tmp_path / "list", "manifest"))) == [
        "take.1",
        "take.2",
        "a",
        f"{tmp_path.as_posix()}/spans/s1/smile",
    ]
    tree(tmp_path / "frames", "take.1/1.png", "take.2/1.png")
    for take in ("take.1", "take.2"):
        table(tmp_path / "frames" / f"{take}.csv", "frame,label", "0,sad")
    assert list(labels(read(tmp_path / "frames", "frames"))) == ["take.1", "take.2"]


def test_a_table_with_semicolons_is_a_table(tmp_path: Path):
    (tmp_path / "list.csv").write_text("path;label;subject\na, b.mp4;Happy;s1\n")
    (clip,) = read(tmp_path, "manifest").clips
    assert (clip.path.name, clip.label, clip.subject) == ("a, b.mp4", "happiness", "s1")
