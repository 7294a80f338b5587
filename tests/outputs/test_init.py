"""The table of formats, and the reader that finds the right one."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import make_timeline

import fervideo
from fervideo import outputs
from fervideo.outputs import FORMATS, Format
from fervideo.timeline import Timeline


@pytest.mark.parametrize("name", FORMATS)
def test_files_end_as_the_format_says(tmp_path: Path, name: str) -> None:
    paths = FORMATS[name].write(make_timeline(), tmp_path, None, False)
    assert sorted(path.name for path in paths.values()) == sorted(f"clip{end}" for end in FORMATS[name].suffixes)
    assert sorted(tmp_path.iterdir()) == sorted(paths.values())


@pytest.mark.parametrize("name", [name for name, known in FORMATS.items() if known.read])
def test_a_format_reads_its_files_back(tmp_path: Path, name: str) -> None:
    timeline = make_timeline([["neutral"] * 5 + ["fear"] * 5])
    for path in FORMATS[name].write(timeline, tmp_path, None, False).values():
        assert outputs.read_timeline(path) == timeline


def test_one_line_adds_a_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(timeline: Timeline, folder: Path, stem: str | None, overwrite: bool) -> dict[str, Path]:
        path = folder / f"{stem}.note"
        path.write_text(repr(timeline))
        return {"note": path}

    made = make_timeline()
    monkeypatch.setitem(FORMATS, "note", Format(suffixes=(".note",), write=write, read=lambda path: made))
    path = FORMATS["note"].write(made, tmp_path, "x", False)["note"]
    assert fervideo.read_timeline(path) is made
