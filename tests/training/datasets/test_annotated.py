"""Annotations of ELAN and Praat as labels."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import event_settings, make_timeline
from training_builders import labels, read, table, tree

from fervideo.training.manifest import check

ELAN_HEADER = "\t".join(
    (
        "Tier",
        "Participant",
        "Begin Time - hh:mm:ss.ms",
        "Begin Time - ss.msec",
        "End Time - hh:mm:ss.ms",
        "End Time - ss.msec",
        "Annotation",
    )
)


@pytest.mark.parametrize(
    "lines",
    [
        (
            ELAN_HEADER,
            "face\tP1\t00:00:01.500\t1.5\t00:00:02.250\t2.25\thappy",
            "face\tP1\t00:00:03.000\t3.0\t00:00:04.000\t4.0\tsad",
        ),
        ("face\tP1\t00:00:01.500\t1.5\t00:00:02.250\t2.25\t00:00:00.750\t0.75\thappy", "face\t\t3.0\t4.0\tsad"),
        ("Begin Time - msec\tEnd Time - msec\tface", "1500\t2250\thappy", "3000\t4000\tsad"),
        (
            '"#file:///clip.eaf"',
            ELAN_HEADER,
            "face\t\t00:00:01.500\t1.5\t00:00:02.250\t2.25\thappy",
            "face\t\t00:00:03\t3\t00:00:04\t4\tsad",
        ),
    ],
)
def test_elan(tmp_path: Path, lines: tuple[str, ...]):
    tree(tmp_path, "clip.mp4")
    table(tmp_path / "clip.txt", *lines)
    found = read(tmp_path, "elan")
    assert [(clip.clip, clip.label, clip.end_s) for clip in found.clips] == [
        ("clip@1.5", "happiness", 2.25),
        ("clip@3", "sadness", 4.0),
    ]
    assert found.problems == []


def elan_rows(*rows: tuple[str, str, int, str]) -> list[str]:
    """Write annotations of a second each: tier, participant, second at which it begins, text."""
    return [
        f"{tier}\t{who}\t0:0:{start}\t{start}\t0:0:{start + 1}\t{start + 1}\t{text}" for tier, who, start, text in rows
    ]


@pytest.mark.parametrize("head", [(ELAN_HEADER,), ()])
def test_elan_reads_the_tiers_of_expressions(tmp_path: Path, head: tuple[str, ...]):
    tree(tmp_path, "a.mp4", "b.mp4")
    faces = elan_rows(
        ("face", "P1", 1, "happy"),
        ("speech", "P1", 1, "hello there"),
        ("face", "P1", 2, "smirk"),
        ("face", "P1", 3, "sad"),
    )
    table(tmp_path / "a.txt", *head, *faces)
    speech = elan_rows(("speech", "P2", 1, "happy"), ("speech", "P2", 5, "so they spoke"))
    bad = table(tmp_path / "b.txt", *head, *speech, "face\tP2\tsoon\tsoon\tlate\tlate\thappy")
    found = read(tmp_path, "elan")
    assert [problem.origin for problem in found.problems] == [f"{bad}:{len(head) + 3}"]
    assert labels(found) == {"a@1": "happiness", "a@2": "smirk", "a@3": "sadness"}
    assert {clip.subject for clip in found.clips} == {"P1"}


@pytest.mark.parametrize("head", [(ELAN_HEADER,), ()])
def test_elan_with_labels_of_ones_own_is_read_whole(tmp_path: Path, head: tuple[str, ...]):
    tree(tmp_path, "a.mp4")
    file = table(
        tmp_path / "a.txt",
        *head,
        *elan_rows(("brows", "", 1, "raised"), ("mouth", "", 1, "open"), ("mouth", "", 2, "")),
    )
    found = read(tmp_path, "elan")
    assert labels(found) == {"a/brows@1": "raised", "a/mouth@1": "open"}
    first = len(head) + 1
    assert [clip.origin for clip in found.clips] == [f"{file}:{first}:brows", f"{file}:{first + 1}:mouth"]


@pytest.mark.parametrize(
    ("tiers", "names"), [(("face 1", "face 2"), ["a/face 1@1", "a/face 2@1"]), (("", ""), ["a/mother@1", "a/child@1"])]
)
def test_elan_with_two_people(tmp_path: Path, tiers: tuple[str, str], names: list[str]):
    tree(tmp_path, "a.mp4")
    table(
        tmp_path / "a.txt", ELAN_HEADER, *elan_rows((tiers[0], "mother", 1, "happy"), (tiers[1], "child", 1, "happy"))
    )
    found = read(tmp_path, "elan")
    assert [clip.clip for clip in found.clips] == names
    assert [clip.subject for clip in found.clips] == ["mother", "child"]
    assert check(found) == []


def test_elan_with_a_column_for_each_tier(tmp_path: Path):
    tree(tmp_path, "a.mp4")
    head = "Begin Time - ss.msec\tEnd Time - ss.msec\tspeech\tface left\tface right"
    table(tmp_path / "a.txt", head, "1\t2\they\thappy\tsad", "3\t4\tyou there\t\tneutral", "5\t6\tno")
    found = read(tmp_path, "elan")
    assert labels(found) == {"a/face left@1": "happiness", "a/face right@1": "sadness", "a/face right@3": "neutral"}
    assert len({clip.origin for clip in found.clips}) == 3


def document(path: Path, media: str, label: str = "happy") -> Path:
    """Write an .eaf with an annotation from 0.5 s to 1.25 s."""
    slots = '<TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="500"/><TIME_SLOT TIME_SLOT_ID="ts2" TIME_VALUE="1250"/>'
    own = f"<ANNOTATION_VALUE>{label}</ANNOTATION_VALUE>"
    aligned = f'<ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts2">{own}'
    tier = f'<TIER TIER_ID="face"><ANNOTATION>{aligned}</ALIGNABLE_ANNOTATION></ANNOTATION></TIER>'
    head = f'<HEADER TIME_UNITS="milliseconds">{media}</HEADER><TIME_ORDER>{slots}</TIME_ORDER>'
    return table(path, f"<ANNOTATION_DOCUMENT>{head}{tier}</ANNOTATION_DOCUMENT>")


def test_eaf_names_its_video_and_where_that_begins(tmp_path: Path) -> None:
    tree(tmp_path, "data/my film.mp4", "data/mine.mp4", "films/film 2.mov", "data/other.mp4")
    sound = '<MEDIA_DESCRIPTOR MEDIA_URL="file:///C:/x/film.wav" TIME_ORIGIN="9000"/>'
    film = '<MEDIA_DESCRIPTOR MEDIA_URL="file:///C:/x/my%20film.mp4" TIME_ORIGIN="1500"/>'
    below = '<MEDIA_DESCRIPTOR MEDIA_URL="file:///C:/x/film 2.mov" RELATIVE_MEDIA_URL="../films/film 2.mov"/>'
    data = tmp_path / "data"
    document(data / "coded by ann.eaf", sound + film)
    document(data / "b.eaf", below, "sad")
    document(data / "mine.eaf", "", "angry")
    table(data / "mine.txt", ELAN_HEADER, *elan_rows(("face", "", 1, "fear")))
    table(data / "other.txt", ELAN_HEADER, *elan_rows(("face", "", 1, "fear")))
    found = read(data, "elan")
    assert sorted((clip.path.name, clip.start_s, clip.end_s, clip.label) for clip in found.clips) == [
        ("film 2.mov", 0.5, 1.25, "sadness"),
        ("mine.mp4", 0.5, 1.25, "anger"),
        ("my film.mp4", 2.0, 2.75, "happiness"),
        ("other.mp4", 1.0, 2.0, "fear"),
    ]
    assert check(found) == []


def test_a_broken_eaf_is_a_problem_and_the_others_are_read(tmp_path: Path) -> None:
    tree(tmp_path, "a.mp4", "b.mp4")
    document(tmp_path / "a.eaf", "")
    broken = table(tmp_path / "b.eaf", "<ANNOTATION_DOCUMENT>")
    found = read(tmp_path, "elan")
    assert labels(found) == {"a@0.5": "happiness"}
    assert [problem.origin for problem in found.problems] == [str(broken)]


@pytest.mark.parametrize(
    "lines",
    [
        (
            f"{ELAN_HEADER}\tFile Name\tFile Path",
            "face\t\t0:0:1\t1.0\t0:0:2\t2.0\thappy\ta.eaf\tC:\\x\\a.eaf",
            "face\t\t0:0:3\t3.0\t0:0:4\t4.0\tsad\tb.eaf\tC:\\x\\b.eaf",
        ),
        ("face\t\t1.0\t2.0\thappy\ta.eaf\tC:\\x\\a.eaf", "face\t\t3.0\t4.0\tsad\tb.eaf\tC:\\x\\b.eaf"),
        (
            "Begin Time - msec\tEnd Time - msec\tface\tFile Name\tFile Path",
            "1000\t2000\thappy\ta.eaf\t/x/a.eaf",
            "3000\t4000\tsad\tb.eaf\t/x/b.eaf",
        ),
        (
            ELAN_HEADER,
            "",
            "a.eaf",
            "face\t\t0:0:1\t1.0\t0:0:2\t2.0\thappy",
            "",
            "b.eaf",
            "face\t\t0:0:3\t3.0\t0:0:4\t4.0\tsad",
        ),
    ],
    ids=["columns", "no header", "a column for each tier", "a line for each file"],
)
def test_elan_of_many_files(tmp_path: Path, lines: tuple[str, ...]) -> None:
    tree(tmp_path, "a.mp4", "b.mov")
    table(tmp_path / "all.txt", *lines)
    found = read(tmp_path, "elan")
    assert [(clip.clip, clip.path.name, clip.label, clip.end_s) for clip in found.clips] == [
        ("a@1", "a.mp4", "happiness", 2.0),
        ("b@3", "b.mov", "sadness", 4.0),
    ]
    assert found.problems == []


@pytest.mark.parametrize(("name", "layout"), [("elan", "elan"), ("textgrid", "textgrid"), ("boris", "boris")])
def test_exports_are_labels(tmp_path: Path, name: str, layout: str) -> None:
    tree(tmp_path, "clip.mp4")
    shown = ["neutral"] * 5 + ["fear"] * 5
    timeline = make_timeline([shown], event_settings(), path=tmp_path / "clip.mp4", media_start_s=1.5)
    timeline.save(tmp_path, format=name)
    found = read(tmp_path, layout)
    assert [(clip.path.name, clip.start_s, clip.end_s, clip.label) for clip in found.clips] == [
        ("clip.mp4", 1.5, 1.7, "neutral"),
        ("clip.mp4", 1.7, 1.9, "fear"),
    ]


def test_textgrid_in_utf16_with_a_tier_of_speech(tmp_path: Path) -> None:
    tree(tmp_path, "a.mp4")
    words = '"IntervalTier" "words" 0 3 2 0 1 "grüß dich" 1 3 "so"'
    faces = '"IntervalTier" "face" 0 3 3 0 1 "" 1 2 "happy" 2 3 "sad"'
    text = f'"ooTextFile" "TextGrid" 0 3 <exists> 3 {words} {faces} "TextTier" "clicks" 0 3 0'
    table(tmp_path / "a.TextGrid", text, encoding="utf-16")
    broken = table(tmp_path / "b.TextGrid", "nothing")
    found = read(tmp_path, "textgrid")
    assert labels(found) == {"a@1": "happiness", "a@2": "sadness"}
    assert [problem.origin for problem in found.problems] == [str(broken)]
