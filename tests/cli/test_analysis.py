"""Commands that analyse video, in process: the files they write, their lines, their exit codes."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from clips import cut, overwritten, packet_spans, write_sound

import fervideo
from fervideo import demo


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


def bad_files(folder: Path) -> dict[str, Path]:
    """Make files that are no video."""
    files = {name: folder / f"{name}.mp4" for name in ("missing", "folder", "empty", "text")}
    files["folder"].mkdir()
    files["empty"].touch()
    files["text"].write_text("this is a shopping list\n" * 50)
    files["table"] = folder / "table.CSV"
    files["table"].write_text("frame,time_s\n0,0\n")
    return files


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing", "does not exist; check the path"),
        ("folder", "is a folder"),
        ("empty", "is empty"),
        ("text", "cannot be read"),
        ("table", "is a table, not a video; give the video"),
    ],
)
def test_no_video_is_one_line(refused, tmp_path: Path, name: str, reason: str):
    path = bad_files(tmp_path)[name]
    assert refused("timeline", path, "-o", tmp_path / "out").startswith(f"{path}: {reason}")


def test_a_folder_of_videos_points_to_batch(refused, face_clip: Path, tmp_path: Path):
    (tmp_path / "videos").mkdir()
    shutil.copy(face_clip, tmp_path / "videos")
    assert "use `fervideo batch FOLDER`" in refused("timeline", tmp_path / "videos", "-o", tmp_path / "out")


@pytest.mark.parametrize("words", [["timeline"], ["batch"]])
@pytest.mark.parametrize("url", ["https://example.org/a/clip.mp4?x=1", "rtsp://camera/1"])
def test_a_url_is_named(refused, tmp_path: Path, words: list[str], url: str):
    assert refused(*words, url, "-o", tmp_path / "out") == (
        f"{url}: is a URL; fervideo reads files, not URLs: download it first"
    )


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
    assert re.match(rf"fervideo: {clip}: \d+ of 275 frames cannot be decoded, 4\.\d+ s to \d\.\d+ s: ", err)
    assert json.loads((tmp_path / f"{clip.stem}.run.json").read_text())["status"] == "damaged"


def test_a_clip_without_a_face_is_no_error(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    clip = tmp_path / "wall.mp4"
    demo.render_astronaut(clip, seconds=1.0, faceless=(0.0, 1.0))
    monkeypatch.setattr(demo, "sample_clip", lambda folder: (clip, "rendered"))
    code, out, err = run("demo", "-o", tmp_path)
    frames = pd.read_csv(tmp_path / "wall.timeline.csv")
    assert (code, err) == (0, "")
    assert "no face" in out
    assert out.endswith(f"open {tmp_path / 'wall.report.html'} in a browser\n")
    assert (frames["status"] == "no_face").all()
    assert frames["expression"].isna().all()
    assert len(frames) == 25
    assert pd.read_csv(tmp_path / "wall.events.csv").empty
    assert pd.read_csv(tmp_path / "wall.summary.csv")[["video", "expression"]].fillna("").to_numpy().tolist() == [
        ["wall.mp4", ""]
    ]


def test_batch_and_cache(run, face_clip: Path, tmp_path: Path):
    (tmp_path / "in").mkdir()
    clip = tmp_path / "in" / "clip.mp4"
    clip.write_bytes(face_clip.read_bytes())
    code, out, err = run("batch", tmp_path / "in", "-o", tmp_path / "out", "--dry-run")
    assert (code, err) == (0, "")
    assert "1 of 1 clips to do, 0:00:11 of video, 275 frames to extract: about 0:0" in out
    assert not (tmp_path / "out").exists()
    (tmp_path / "in" / "none.mov").touch()
    options = ["-o", tmp_path / "out", "--sample-fps", 1, "--workers", 1, "--report"]
    code, out, err = run("batch", tmp_path / "in", *options)
    assert (code, err) == (1, "fervideo: none.mov: is empty; fetch or export the file again\n")
    assert out.startswith("1 of 2 clips done (0 before), 1 with failures")
    assert out.endswith(f"open {tmp_path / 'out' / 'index.html'} in a browser\n")
    assert "none.mov" in (tmp_path / "out" / "index.html").read_text("utf-8")
    # The dry run has counted the faces of the clip at its full rate.
    assert run("cache", "info")[1].endswith("cache: 2 clips, 0.0 MB\n")
    assert run("cache", "prune", "--max-size", "1GB")[1].startswith("removed 0 clips")
    assert run("cache", "clear")[1].endswith("cache: 0 clips, 0.0 MB\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["batch", "nowhere"], "nowhere: does not exist; "),
        (["batch", "clip.mp4"], "clip.mp4: is no folder; give folders, or use `fervideo timeline`"),
        (["batch", ".", "-o", "out"], "lies in the input folder"),
        (["batch", "nowhere", "--timeout", "0"], "--timeout 0: is not above 0"),
    ],
)
def test_bad_usage_of_batch_is_one_line(
    refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clip.mp4").touch()
    assert message in refused(*arguments)


@pytest.fixture
def two_videos(face_clip: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Make two short videos that share a name, in folders a and b."""
    paths = tmp_path / "a" / "clip.mp4", tmp_path / "b" / "clip.mp4"
    for seconds, path in enumerate(paths, 1):
        path.parent.mkdir()
        demo.render_astronaut(path, seconds=seconds / 2, faceless=None)
    return paths


def test_another_videos_results_stay(run, two_videos: tuple[Path, Path], tmp_path: Path):
    first, second = two_videos
    options = ["-o", tmp_path / "out", "--sample-fps", 4]
    record = tmp_path / "out" / "clip.run.json"
    assert run("timeline", first, *options)[0] == 0
    written = record.read_bytes()
    code, out, err = run("timeline", second, *options)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert str(first) in err
    assert "--overwrite" in err
    assert record.read_bytes() == written
    assert run("timeline", second, *options, "--overwrite")[0] == 0
    assert json.loads(record.read_text())["video"]["path"] == str(second)


def test_the_same_videos_results_are_replaced(run, two_videos: tuple[Path, Path], tmp_path: Path):
    first, second = two_videos
    options = ["-o", tmp_path / "out", "--sample-fps", 4]
    assert run("timeline", first, *options)[0] == 0
    assert run("timeline", first, *options)[0] == 0, "the same path"
    moved = Path(shutil.move(first, tmp_path / "clip.mp4"))
    assert run("timeline", moved, *options)[0] == 0, "the same content"
    moved.write_bytes(second.read_bytes())
    assert run("timeline", moved, *options)[0] == 0, "a new content under the same path"


def test_a_batch_leaves_another_videos_results_alone(run, two_videos: tuple[Path, Path], tmp_path: Path):
    first, second = two_videos
    demo.render_astronaut(second.with_name("other.mp4"), seconds=0.5, faceless=None)
    options = ["-o", tmp_path / "out", "--sample-fps", 4, "--workers", 1]
    assert run("timeline", first, *options)[0] == 0
    assert "another video" in run("batch", second.parent, *options, "--dry-run")[1]
    assert "another video" not in run("batch", second.parent, *options, "--dry-run", "--overwrite")[1]
    code, out, err = run("batch", second.parent, *options)
    assert code == 1
    assert out.startswith("1 of 2 clips done (0 before), 1 with failures")
    assert err.startswith("fervideo: clip.mp4: ")
    assert (err.count("\n"), str(first) in err, "--overwrite" in err) == (1, True, True)
    assert json.loads((tmp_path / "out" / "clip.run.json").read_text())["video"]["path"] == str(first)
    assert not (tmp_path / "out" / "clip.failure.json").exists()
    assert run("batch", second.parent, *options)[0] == 1, "as before: it is tried again, and fails again"
    code, out, _ = run("batch", second.parent, *options, "--overwrite")
    assert (code, out.startswith("2 of 2 clips done (1 before), 0 with failures")) == (0, True)
    assert json.loads((tmp_path / "out" / "clip.run.json").read_text())["video"]["path"] == str(second)
