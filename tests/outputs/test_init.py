"""The table of formats, and functions for all of them."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from builders import make_timeline

import fervideo
from fervideo import outputs
from fervideo.errors import OutputError, UsageError
from fervideo.outputs import FORMATS, Files, Format
from fervideo.timeline import Timeline


def saved(timeline: Timeline, folder: Path, name: str, **options: float) -> dict[str, Path]:
    """Save in a format; the test is skipped if this machine lacks the format's library."""
    if FORMATS[name].needs:
        pytest.importorskip(FORMATS[name].needs)
    return timeline.save(folder, format=name, **options)


@pytest.mark.parametrize("name", FORMATS)
def test_files_are_named_as_the_format_states(tmp_path: Path, name: str) -> None:
    paths = saved(make_timeline(), tmp_path, name)
    assert {key: path.relative_to(tmp_path).as_posix() for key, path in paths.items()} == {
        key: pattern.replace("*", "clip") for key, pattern in FORMATS[name].files.items()
    }
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(paths.values())


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("shown", [[], ["neutral"]])
def test_every_format_can_contain_odd_names_and_no_face(tmp_path: Path, name: str, shown: list[str]) -> None:
    timeline = make_timeline(shown, tracks=[[0]] * len(shown), n_frames=1, path=Path('\udcff "=a"\x01.mp4'))
    assert all(path.is_file() for path in saved(timeline, tmp_path, name).values())


@pytest.mark.parametrize("name", [name for name, known in FORMATS.items() if known.read])
def test_a_format_reads_its_files_back(tmp_path: Path, name: str) -> None:
    timeline = make_timeline([["neutral"] * 5 + ["fear"] * 5], provenance={"note": "Zoë"})
    for path in saved(timeline, tmp_path, name).values():
        assert outputs.read_timeline(path) == timeline


def test_one_line_adds_a_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(timeline: Timeline, files: Files) -> None:
        files.parts["note"].write_text(f"{timeline!r} {files.stem}")

    made = make_timeline()
    monkeypatch.setitem(FORMATS, "note", Format(files={"note": "*.note"}, write=write, read=lambda path: made))
    path = made.save(tmp_path, "x", format="note")["note"]
    assert path.read_text().endswith("1 event) x")
    assert fervideo.read_timeline(path) is made


@pytest.mark.parametrize("name", ["elan", "boris", "webvtt", "textgrid", "jsonl", "openface"])
def test_no_file_is_replaced_without_a_word(tmp_path: Path, name: str) -> None:
    path = list(saved(make_timeline(), tmp_path, name).values())[-1]
    path.write_text("corrected by hand")
    with pytest.raises(OutputError, match=r"is there already; choose another folder with -o, or use --overwrite"):
        saved(make_timeline(), tmp_path, name)
    assert path.read_text() == "corrected by hand"
    make_timeline().save(tmp_path, overwrite=True, format=name)
    assert path.read_text() != "corrected by hand"


def test_impossible_exports_are_refused_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"format elann: is unknown; did you mean elan\? formats: csv, elan, boris,"):
        outputs.check_format("elann")
    with pytest.raises(UsageError, match="--hz 0: is not above 0"):
        outputs.check_format("jsonl", 0.0)
    with pytest.raises(UsageError, match="--hz 1: thins out frames, and elan contains events alone"):
        outputs.check_format("elan", 1.0)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match=r"format parquet: pyarrow cannot be imported .*; pip install 'fervideo\[exp"):
        outputs.check_format("parquet")


def test_frames_are_thinned_out_by_their_times() -> None:
    timeline = make_timeline(["neutral", "fear"], n_frames=7, time_s=[0.0, 0.3, 0.5, 0.9, 0.9999, 1.6, 2.0])
    thin = outputs.thinned(timeline, 2.0)
    assert thin.frames["frame"].tolist() == [0, 0, 2, 2, 5, 5, 6, 6]
    assert thin.events.equals(timeline.events)


def test_the_end_of_a_damaged_video_stays() -> None:
    thin = outputs.thinned(make_timeline(ends_early="cut"), 1.0)
    assert thin.frames["status"].tolist() == ["ok", "damaged"]


def test_a_timeline_of_a_newer_version_names_both(tmp_path: Path) -> None:
    newer = {**make_timeline().provenance, "schema": 2, "versions": {"fervideo": "9.1"}}
    path = replace(make_timeline(), provenance=newer).save(tmp_path)["run"]
    with pytest.raises(UsageError, match=rf"of schema 2, written by fervideo 9.1; fervideo {fervideo.__version__} rea"):
        outputs.read_timeline(path)
