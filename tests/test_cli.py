"""The command line, in process: what it prints, writes and returns."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from clips import cut, overwritten, packet_spans, write_sound

import fervideo
from fervideo import cli, demo


@pytest.fixture
def run(own_cache: Path, capsys: pytest.CaptureFixture[str]):
    def call(*arguments: object) -> tuple[int, str, str]:
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = int(stop.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_timeline_writes_four_files_and_a_table(run, face_clip: Path, tmp_path: Path):
    code, out, err = run("timeline", face_clip, "-o", tmp_path / "a b" / "ö", "--workers", 1)
    folder = tmp_path / "a b" / "ö"
    names = [f"astronaut.{kind}" for kind in ("events.csv", "run.json", "summary.csv", "timeline.csv")]
    assert (code, err) == (0, "")
    assert sorted(path.name for path in folder.iterdir()) == names
    assert "happiness" in out
    assert all(str(folder / name) in out for name in names)
    table = pd.read_csv(folder / "astronaut.timeline.csv")
    assert len(table) == 275
    assert fervideo.read_timeline(folder / "astronaut.timeline.csv").frames["frame"].tolist() == table["frame"].tolist()


def test_options_are_settings(run, face_clip: Path, tmp_path: Path):
    config = tmp_path / "my.toml"
    config.write_text("[video]\nsample_fps = 2\n[events]\nhold = 0.3\n")
    options = (
        "--config",
        config,
        "--set",
        "events.hold=0.2",
        "--sample-fps",
        1,
        "--faces",
        1,
        "--smooth",
        0.4,
        "--device",
        "cpu",
        "--no-cache",
    )
    code, _, _ = run("timeline", face_clip, "-o", tmp_path, *options)
    told = fervideo.read_timeline(tmp_path / "astronaut.run.json").provenance["settings"]
    assert code == 0
    assert (told["video"]["sample_fps"], told["events"]["hold"], told["faces"]["max_faces"]) == (1, 0.2, 1)
    assert (told["sequence"]["smooth_s"], told["run"]["cache"], told["run"]["device"]) == (0.4, False, "cpu")


def bad_files(folder: Path) -> dict[str, Path]:
    """Make what is no video."""
    files = {name: folder / f"{name}.mp4" for name in ("missing", "folder", "empty", "text")}
    files["folder"].mkdir()
    files["empty"].touch()
    files["text"].write_text("this is a shopping list\n" * 50)
    return files


@pytest.mark.parametrize(
    ("name", "reason"),
    [("missing", "does not exist"), ("folder", "is a folder"), ("empty", "is empty"), ("text", "cannot be read")],
)
def test_no_video_is_one_line(run, tmp_path: Path, name: str, reason: str):
    path = bad_files(tmp_path)[name]
    code, out, err = run("timeline", path, "-o", tmp_path / "out")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert err.startswith(f"fervideo: {path}: {reason}")
    assert "; " in err, "the remedy"


def test_sound_alone_and_a_cut_header_are_no_video(run, face_clip: Path, tmp_path: Path):
    for path, reason in (
        (write_sound(tmp_path / "sound.mp4"), "holds no video"),
        (cut(face_clip, 2000), "cannot be read"),
    ):
        code, out, err = run("timeline", path, "-o", tmp_path / "out")
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert f"{path}: {reason}" in err


def test_a_damaged_clip_is_done_in_part(run, face_clip: Path, tmp_path: Path):
    start, length = packet_spans(face_clip)[120]
    clip = overwritten(face_clip, start, bytes(length))
    code, out, err = run("timeline", clip, "-o", tmp_path, "--workers", 1)
    assert code == 1
    assert "damaged" in out
    assert err.startswith(f"fervideo: {clip}: cannot be decoded from frame ")
    assert json.loads((tmp_path / f"{clip.stem}.run.json").read_text())["status"] == "damaged"


def test_a_clip_without_a_face_is_no_error(run, tmp_path: Path):
    clip = tmp_path / "wall.mp4"
    demo.render_astronaut(clip, seconds=1.0, faceless=(0.0, 1.0))
    code, out, err = run("timeline", clip, "-o", tmp_path)
    frames = pd.read_csv(tmp_path / "wall.timeline.csv")
    assert (code, err) == (0, "")
    assert "no face" in out
    assert (frames["status"] == "no_face").all()
    assert frames["expression"].isna().all()
    assert len(frames) == 25
    assert pd.read_csv(tmp_path / "wall.events.csv").empty
    assert pd.read_csv(tmp_path / "wall.summary.csv")[["video", "expression"]].fillna("").to_numpy().tolist() == [
        ["wall.mp4", ""]
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--faces", "0"], "fervideo: --faces 0: faces.max_faces = 0"),
        (["--set", "events.hodl=1"], "did you mean events.hold?"),
        (["--sample-fps", "fast"], "fervideo: --sample-fps fast: "),
        (["--smooth", "-1"], "fervideo: --smooth -1: "),
        (["--device", "gpu"], "fervideo: --device gpu: "),
        (["--workers", "-2"], "fervideo: --workers -2: "),
        (["--config", "nowhere.toml"], "fervideo: nowhere.toml: cannot be read"),
        (["-o", __file__], f"fervideo: {__file__}: cannot be written"),
        (["-o", f"{__file__}/sub"], f"fervideo: {__file__}/sub: cannot be written"),
    ],
)
def test_bad_usage_is_one_line(run, face_clip: Path, options: list[str], message: str):
    code, out, err = run("timeline", face_clip, *options)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_debug_shows_the_traceback(run, tmp_path: Path):
    with pytest.raises(fervideo.FervideoError):
        run("timeline", tmp_path / "missing.mp4", "-o", tmp_path, "--debug")


def test_help_is_quick_and_version_is_told(run):
    code, out, _ = run("--version")
    assert (code, out) == (0, f"fervideo {fervideo.__version__}\n")
    started = time.perf_counter()
    help_text = subprocess.run(
        [sys.executable, "-m", "fervideo", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert {"timeline", "demo", "doctor"} <= set(help_text.split())
    # A library of weight takes seconds; the figure itself is tools/bench.py's.
    assert time.perf_counter() - started < 10


def test_doctor_finds_what_the_package_needs(run):
    code, out, _ = run("doctor")
    assert code == 0
    for part in ("mediapipe", "torch", "frame.safetensors", "sequence.safetensors", "cache"):
        assert part in out


def test_batch_and_cache(run, face_clip: Path, tmp_path: Path):
    (tmp_path / "in").mkdir()
    clip = tmp_path / "in" / "clip.mp4"
    clip.write_bytes(face_clip.read_bytes())
    code, out, err = run("batch", tmp_path / "in", "-o", tmp_path / "out", "--dry-run")
    assert (code, err) == (0, "")
    assert "1 of 1 clips to do, 0:00:11 of video, 275 frames to extract: about 0:0" in out
    assert not (tmp_path / "out").exists()
    (tmp_path / "in" / "none.mov").touch()
    code, out, err = run("batch", tmp_path / "in", "-o", tmp_path / "out", "--sample-fps", 1, "--workers", 1)
    assert (code, err) == (1, "fervideo: none.mov: is empty; fetch or export the file again\n")
    assert out.startswith("1 of 2 clips done (0 before), 1 with failures")
    assert run("cache", "info")[1].endswith("cache: 1 clips, 0.0 MB\n")
    assert run("cache", "prune", "--max-size", "1GB")[1].startswith("removed 0 clips")
    assert run("cache", "clear")[1].endswith("cache: 0 clips, 0.0 MB\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["batch", "nowhere"], "fervideo: nowhere: does not exist; "),
        (["batch", ".", "-o", "out"], "lies in the input folder"),
        (["batch", "nowhere", "--timeout", "0"], "fervideo: --timeout 0: is not above 0"),
        (["cache", "prune", "--max-size", "much"], "fervideo: --max-size much: is no size"),
    ],
)
def test_bad_usage_of_batch_and_cache_is_one_line(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err
