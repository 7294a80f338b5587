"""Tables over all clips of a batch."""

from pathlib import Path

import pytest

from fervideo import columns
from fervideo.batch import tables
from fervideo.batch.folder import Clip
from fervideo.errors import OutputError


def make_clip(folder: Path, name: str, events: str) -> Clip:
    stem = name.removesuffix(".mp4")
    (folder / f"{stem}.events.csv").write_text(events, encoding="utf-8")
    return Clip(path=folder / name, name=f"day 1/{name}", folder=folder, stem=stem)


def test_a_batch_without_results_has_a_header_all_the_same(tmp_path: Path):
    tables.write_clips(tmp_path / "clips.csv", [], {})
    header = ",".join(columns.names(columns.clips()))
    assert (tmp_path / "clips.csv").read_text() == f"{header}\n"
    tables.write_events(tmp_path / "events.csv", [])
    assert (tmp_path / "events.csv").read_text() == f"path,{','.join(columns.names(columns.events()))}\n"


def test_events_of_all_clips_are_one_table(tmp_path: Path):
    clips = [
        make_clip(tmp_path, "a.mp4", "face,expression,onset_s\n0,neutral,0.0\n0,anger,1.5\n"),
        make_clip(tmp_path, "none.mp4", "face,expression,onset_s\n"),
        # A version with other columns.
        make_clip(tmp_path, "b.mp4", "face,onset_s,expression,kind\n1,0.25,fear,x\n"),
    ]
    tables.write_events(tmp_path / "events.csv", clips)
    assert (tmp_path / "events.csv").read_text() == (
        "path,face,expression,onset_s\nday 1/a.mp4,0,neutral,0.0\nday 1/a.mp4,0,anger,1.5\nday 1/b.mp4,1,fear,0.25\n"
    )


def test_events_that_cannot_be_read_are_named(tmp_path: Path):
    clip = Clip(path=tmp_path / "a.mp4", name="a.mp4", folder=tmp_path, stem="a")
    with pytest.raises(OutputError, match=r"a\.events\.csv: cannot be read .*; remove it, and run again"):
        tables.write_events(tmp_path / "events.csv", [clip])
    assert not (tmp_path / "events.csv").exists()
