"""The commands that draw results."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import clips
import pytest
from builders import make_timeline
from cli.conftest import Run
from studies import write_text

from fervideo.timeline import Timeline
from fervideo.video import Video


@pytest.fixture
def results(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        make_timeline(path=tmp_path / f"{name}.mp4").save(tmp_path / "results")
    return tmp_path / "results"


def test_a_folder_is_one_figure(run: Run, results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("plot", results) == (0, "wrote results.png\n", "")
    assert run("plot", results / "a.timeline.csv", "--width", "one")[1] == "wrote a.timeline.png\n"
    assert (tmp_path / "results.png").read_bytes().startswith(b"\x89PNG")


def test_a_table_is_a_figure(run: Run, tmp_path: Path) -> None:
    table = write_text(tmp_path / "confusion.csv", "coder 1,calm,joy", "calm,2,0", "joy,1,3")
    assert run("plot", table, "-o", tmp_path / "x.svg") == (0, f"wrote {tmp_path}/x.svg\n", "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("{results} -o x.gif", "x.gif: has a name of no kind of figure; end it in one of .png, .svg, .pdf"),
        ("{results} --by sex", "--by and --columns: are for tables of studies; leave them out, or gather first"),
        ("{results} --frames 3", "--frames: needs the pictures; add --video"),
        ("{results} --face 9", "face 9: is in none of these timelines; choose all, longest, or a face's number"),
        ("{results} --video none.mp4", "none.mp4: does not exist; check the path"),
        ("a.csv b.csv", "b.csv: is no timeline; give timelines, or one table"),
        ("a.csv --video x.mp4", "--video and --frames: are for timelines; leave them out"),
        ("none.csv", "none.csv: cannot be read as a table (No such file or directory); give a table that a fervideo"),
        ("none.timeline.csv", "none.timeline.csv: does not exist; give the folder that `fervideo batch`"),
    ],
)
def test_mistakes_of_plot_are_one_line(refused, results: Path, words: str, message: str) -> None:
    assert message in refused("plot", *words.format(results=results).split())


def test_a_film_of_a_timeline_is_written(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = clips.write(tmp_path / "clip.mp4", 60)
    start, size = clips.packet_spans(path)[30]
    broken = clips.overwritten(path, start + size // 2, bytes(size // 2))
    for clip, expected in ((path, 0), (broken, 1)):
        video = clips.open_video(clip)
        made = make_timeline([], tracks=[], n_frames=60, time_s=video.time_s)
        paths = replace(made, info=video.info, provenance=provenance_of(made, video)).save(tmp_path / "results")
        code, out, err = run("overlay", clip, "--timeline", paths["timeline"])
        assert (code, out) == (expected, f"wrote {clip.stem}.overlay.mp4\n")
        assert ("frames cannot be decoded; fetch or export the file again" in err) == bool(expected)
        assert (tmp_path / f"{clip.stem}.overlay.mp4").stat().st_size > 1000
    code, out, err = run("overlay", path, "--timeline", paths["timeline"])
    assert (code, out) == (2, "")
    assert "clip.overlay.mp4: is there already" in err


def provenance_of(timeline: Timeline, video: Video) -> dict[str, Any]:
    """Return the record of a run whose video is another one."""
    return {**timeline.provenance, "video": {**asdict(video.info), "path": str(video.info.path)}}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("none.mp4", "none.mp4: does not exist; check the path"),
        ("a.mp4 --timeline a.timeline.csv --landmarks", "--landmarks: are in the cache, and not in tables; leave"),
        (
            "a.mp4 --timeline a.timeline.csv --faces 2",
            "--faces 2: is for an analysis; leave it out, or leave out --tim",
        ),
        ("a.mp4 --timeline none.timeline.csv", "none.run.json: is not the record of a run"),
        ("a.mp4 -o a.webm", "a.webm: has another end than .mp4; write for example -o film.mp4"),
    ],
)
def test_mistakes_of_overlay_are_one_line(refused, words: str, message: str) -> None:
    assert message in refused("overlay", *words.split())
