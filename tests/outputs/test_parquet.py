"""Parquet: a dataset of several clips, and facts of columns."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from builders import make_timeline

from fervideo import read_timeline
from fervideo.errors import UsageError
from fervideo.timeline import Timeline

pq = pytest.importorskip("pyarrow.parquet")


def test_the_files_of_a_batch_are_one_dataset(tmp_path: Path) -> None:
    timelines = {"a": make_timeline(), "frames/b": make_timeline([], tracks=[])}
    for stem, timeline in timelines.items():
        timeline.save(tmp_path, stem, format="parquet")
    frames = pd.read_parquet(tmp_path / "frames")
    assert frames.groupby("clip")["status"].unique().map(list).to_dict() == {"a": ["ok"], "frames/b": ["no_face"]}
    for stem, timeline in timelines.items():
        assert read_timeline(tmp_path / "events" / f"{stem}.parquet") == timeline


def test_a_schema_has_the_facts_of_its_columns(tmp_path: Path) -> None:
    schema = pq.read_schema(make_timeline().save(tmp_path, format="parquet")["events"])
    assert schema.field("onset_s").metadata == {b"unit": b"s", b"meaning": b"start of the event"}
    assert str(schema.field("face").type) == "int64"


def test_columns_of_other_versions_stay(tmp_path: Path, timeline: Timeline) -> None:
    path = timeline.save(tmp_path, format="parquet")["events"]
    back = read_timeline(path)
    assert back.events["kind"].tolist() == ["expression"] * 3 + ["blink"]
    assert back.events["expression"].isna().tolist() == [False] * 3 + [True]


def test_a_file_alone_is_no_timeline(tmp_path: Path) -> None:
    paths = make_timeline().save(tmp_path, format="parquet")
    moved = paths["events"].rename(tmp_path / "alone.parquet")
    with pytest.raises(
        UsageError, match=r"cannot be read as a timeline .*; frames, events and summary belong together"
    ):
        read_timeline(paths["frames"])
    with pytest.raises(UsageError, match="lies in none of the folders frames, events, summary"):
        read_timeline(moved)
