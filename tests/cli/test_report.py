"""The command `report`, in process: its lines, its exit codes, and bad input."""

from pathlib import Path

import pytest
from builders import make_timeline


def test_a_page_is_written_without_the_video(run, tmp_path: Path):
    files = make_timeline(["happiness"]).save(tmp_path / "results")
    code, out, err = run("report", files["timeline"], "-o", tmp_path / "pages")
    page = tmp_path / "pages" / "clip.report.html"
    assert (code, out) == (0, f"wrote {page}\nopen {page} in a browser\n")
    assert err == f"fervideo: {page}: clip.mp4 does not exist; the page works without it\n"
    assert page.stat().st_size > 1e6


def test_open_calls_the_browser(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda address: bool(opened.append(address)) or True)
    for stem in ("a", "b"):
        make_timeline().save(tmp_path, stem)
    assert run("report", tmp_path, "--open")[0] == 0
    assert opened == [(tmp_path / "index.html").as_uri()]


def test_one_broken_timeline_is_an_exit_code_of_1(run, tmp_path: Path):
    for stem in ("a", "b"):
        make_timeline().save(tmp_path, stem)
    (tmp_path / "a.run.json").write_text("{}")
    code, out, err = run("report", tmp_path)
    assert (code, out.count("wrote")) == (1, 2)
    assert "is not the record of a run" in err


def test_a_timeline_of_a_newer_version_names_both(refused, tmp_path: Path):
    path = make_timeline().save(tmp_path)["run"]
    path.write_text(path.read_text().replace('"schema": 1', '"schema": 9'))
    assert "is of schema 9" in refused("report", tmp_path / "clip.timeline.csv")


def test_bad_input_is_one_line(refused, tmp_path: Path):
    (tmp_path / "clip.mp4").write_bytes(b"x")
    assert "is a video, and a report needs its results; fervideo timeline" in refused("report", tmp_path / "clip.mp4")
    assert "does not exist" in refused("report", tmp_path / "none")
    assert "has no results" in refused("report", tmp_path)
    (tmp_path / "file").touch()
    make_timeline().save(tmp_path / "results")
    refused("report", tmp_path / "results", "-o", tmp_path / "file" / "below")
