"""BORIS's project and its table of events."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from builders import make_timeline

from fervideo.outputs import boris
from fervideo.timeline import Timeline


def test_the_project_has_an_observation_with_all_events(tmp_path: Path, timeline: Timeline) -> None:
    path = timeline.save(tmp_path, format="boris")["project"]
    project = json.loads(path.read_text())
    observation = project["observations"]["a & <b>"]
    assert [event[:3] for event in observation["events"]] == [
        [1.5, "face 0", "neutral"],
        [1.58, "face 0", "blink"],
        [1.66, "face 0", "blink"],
        [1.7, "face 0", "neutral"],
        [1.7, "face 0", "happiness"],
        [1.7, "face 1", "sadness"],
        [1.9, "face 0", "happiness"],
        [1.9, "face 1", "sadness"],
    ]
    behaviors = {each["code"]: each["category"] for each in project["behaviors_conf"].values()}
    assert list(behaviors.items())[::8] == [("neutral", "expression"), ("blink", "blink")]
    assert [each["name"] for each in project["subjects_conf"].values()] == ["face 0", "face 1"]
    media = str(Path.cwd() / "films/a & <b>.mp4")
    assert observation["file"]["1"] == [media]
    assert observation["media_info"]["length"] == {media: 1.900001}


def test_a_video_below_the_project_moves_with_it(tmp_path: Path) -> None:
    timeline = make_timeline(path=tmp_path / "films" / "clip.mp4")
    project = json.loads(timeline.save(tmp_path, format="boris")["project"].read_text())
    assert project["observations"]["clip"]["file"]["1"] == ["films/clip.mp4"]


def test_the_table_has_a_row_for_each_start_and_stop(tmp_path: Path, timeline: Timeline) -> None:
    path = timeline.save(tmp_path, format="boris")["table"]
    assert path.read_bytes().count(b"\r\n") == 9
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [(row["Behavior"], row["Behavior type"], row["Time"]) for row in rows if row["Subject"] == "face 0"] == [
        ("neutral", "START", "1.500"),
        ("blink", "START", "1.580"),
        ("blink", "STOP", "1.660"),
        ("neutral", "STOP", "1.700"),
        ("happiness", "START", "1.700"),
        ("happiness", "STOP", "1.900"),
    ]


def test_projects_of_a_folder_become_one(tmp_path: Path, timeline: Timeline) -> None:
    moving = make_timeline(["fear"], path=tmp_path / "sub" / "clip.mp4")
    found = {"a": timeline.save(tmp_path, "a", format="boris")["project"]}
    found["sub/b"] = moving.save(tmp_path, "sub/b", format="boris")["project"]
    boris.join(found, tmp_path / "all.boris")
    project = json.loads((tmp_path / "all.boris").read_text())
    assert {name: each["file"]["1"] for name, each in project["observations"].items()} == {
        "a": [str(Path.cwd() / "films/a & <b>.mp4")],
        "sub/b": ["sub/clip.mp4"],
    }
    assert project["observations"]["sub/b"]["media_info"]["fps"] == {"sub/clip.mp4": 25.0}
    assert [each["name"] for each in project["subjects_conf"].values()] == ["face 0", "face 1"]
    assert [each["code"] for each in project["behaviors_conf"].values()][-2:] == ["contempt", "blink"]
    assert project["behavioral_categories"] == ["expression", "blink"]
