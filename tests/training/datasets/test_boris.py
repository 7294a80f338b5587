"""Events of BORIS: tabular and aggregated, in queued videos, with an offset."""

from __future__ import annotations

from pathlib import Path

import pytest
from training_builders import read, table, tree

from fervideo.training.datasets.boris import boris

BORIS_8 = (
    "Observation id,Media duration (s),Media file name,Subject,Behavior,Behavioral category,Behavior type,Time,Comment"
)


def test_boris_events(tmp_path: Path):
    tree(tmp_path, "clip.mp4")
    rows = ("START,1.5", "STOP,2.25", "POINT,3")
    lines = [f"o,9,C:\\videos\\clip.mp4,No focal subject,happy,,{row}," for row in rows]
    table(tmp_path / "events.csv", BORIS_8, *lines, "o,9,clip.mp4,,sad,,START,4,")
    found = read(tmp_path, "boris")
    assert [(clip.clip, clip.label, clip.end_s) for clip in found.clips] == [("clip@1.5", "happiness", 2.25)]
    assert ["POINT" in found.problems[0].reason, "no STOP" in found.problems[1].reason] == [True, True]


def test_boris_7_has_facts_before_the_table(tmp_path: Path):
    tree(tmp_path, "clip.mp4")
    facts = ("Observation id\tone", "", "Media file(s)", "Player #1\tclip.mp4", "")
    head = "Time\tMedia file path\tTotal length\tFPS\tSubject\tBehavior\tBehavioral category\tComment\tStatus"
    rows = ("1.5\tclip.mp4\t9\t25\tP1\thappy\t\t\tSTART", "2.25\tclip.mp4\t9\t25\tP1\thappy\t\t\tSTOP")
    table(tmp_path / "events.tsv", *facts, head, *rows)
    (clip,) = read(tmp_path, "boris").clips
    assert (clip.label, clip.start_s, clip.end_s, clip.subject) == ("happiness", 1.5, 2.25, "P1")


def test_boris_aggregated(tmp_path: Path):
    tree(tmp_path, "clip.mp4")
    head = "Observation id,Media file,Subject,Behavior,Behavior type,Start (s),Stop (s),Duration (s)"
    table(tmp_path / "events.csv", head, "o,T:/x/clip.mp4,No focal subject,happy,STATE,1.5,2.25,0.75")
    (clip,) = read(tmp_path, "boris").clips
    assert (clip.label, clip.start_s, clip.end_s, clip.subject) == ("happiness", 1.5, 2.25, "")


def stretches(root: Path) -> list[tuple[str, float, float]]:
    return [(clip.path.name, clip.start_s, clip.end_s) for clip in read(root, "boris").clips]


#: Columns of BORIS 8.27 and 9.15, those without an effect left out.
TABULAR = (
    "Observation id,Source,Time offset (s),Media duration (s),Subject,Behavior,Behavior type,Time,Media file name,"
    "Comment"
)


def tabular(offset: float, *events: tuple[str, float, str]) -> list[str]:
    """Return rows of an observation of two queued videos and a second player: type, time and video of each event."""
    source, durations = "player #1:/x/a.mp4;/x/b.mp4|player #2:/x/c.mp4", "10.000;8.000|18.000"
    return [f"o,{source},{offset},{durations},P1,happy,{kind},{time_s},{media}," for kind, time_s, media in events]


def test_queued_videos(tmp_path: Path):
    tree(tmp_path, "a.mp4", "b.mp4")
    events = [("START", 1, "a.mp4"), ("STOP", 2.5, "a.mp4"), ("START", 12, "b.mp4"), ("STOP", 19, "Not found")]
    table(tmp_path / "events.csv", TABULAR, *tabular(0, *events))
    assert stretches(tmp_path) == [("a.mp4", 1, 2.5), ("b.mp4", 2, 9)]


def test_an_event_that_runs_into_the_next_video(tmp_path: Path):
    tree(tmp_path, "a.mp4", "b.mp4")
    table(tmp_path / "events.csv", TABULAR, *tabular(0, ("START", 9, "a.mp4"), ("STOP", 11.5, "b.mp4")))
    assert stretches(tmp_path) == [("a.mp4", 9, 10), ("b.mp4", 0, 1.5)]
    found = read(tmp_path, "boris")
    assert len({clip.origin for clip in found.clips}) == len({clip.clip for clip in found.clips}) == 2
    assert not found.problems


def test_an_offset_is_taken_off(tmp_path: Path):
    tree(tmp_path, "a.mp4", "b.mp4")
    events = [("START", 101, "Not found"), ("STOP", 102.5, "Not found"), ("START", 112, "Not found")]
    table(tmp_path / "events.csv", TABULAR, *tabular(100, *events, ("STOP", 113, "Not found")))
    assert stretches(tmp_path) == [("a.mp4", 1, 2.5), ("b.mp4", 2, 3)]


@pytest.mark.parametrize("column", ["Media file name", "Media file(s)"])
def test_aggregated_events_of_queued_videos(tmp_path: Path, column: str):
    tree(tmp_path, "a.mp4", "b.mp4")
    head = (
        f"Observation id,Source,Time offset (s),Media duration (s),Behavior,Behavior type,Start (s),Stop (s),{column}"
    )
    row = "o,player #1:a.mp4;b.mp4,5.000,10.000;8.000,happy,{},{},Not found"
    lines = [row.format("STATE", "17,18.5"), row.format("POINT", "6,6")]
    table(tmp_path / "events.csv", head + column, *lines)
    assert stretches(tmp_path) == [("b.mp4", 2, 3.5)]
    assert "POINT" in read(tmp_path, "boris").problems[0].reason


def test_queued_videos_need_their_durations(tmp_path: Path):
    tree(tmp_path, "a.mp4", "b.mp4")
    rows = [
        line.replace("10.000;8.000|18.000", "NA") for line in tabular(0, ("START", 1, "a.mp4"), ("STOP", 2, "a.mp4"))
    ]
    table(tmp_path / "events.csv", TABULAR, *rows)
    (problem,) = boris(tmp_path).problems
    assert "not the duration of each" in problem.reason
