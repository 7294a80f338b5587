"""Folders of videos: files that are written, results that survive a kill, and those that another batch shares."""

import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from batches import RESULTS, SPARSE, command, contents, recorded, rows_of, run, wait_for

import fervideo
from fervideo import cache, models
from fervideo.batch import tables
from fervideo.batch.folder import find
from fervideo.settings import EventSettings


def test_the_tree_is_mirrored_and_every_clip_has_its_own(unbroken: Path, folder: Path):
    files = {path.relative_to(unbroken).as_posix() for path in unbroken.rglob("*") if path.is_file()}
    results = {f"{clip}{suffix}" for clip in ("a/clip", "b/clip") for suffix in (*RESULTS, ".run.json")}
    records = {"b/text.failure.json", "clips.csv", "events.csv", "failures.csv", "batch.json"}
    assert files == results | records


def test_the_tables_join_those_of_the_clips(unbroken: Path):
    rows = rows_of(unbroken / "clips.csv")
    assert [(row["path"], row["status"], row["face"]) for row in rows] == [
        ("a/clip.mp4", "complete", "0"),
        ("b/clip.mp4", "complete", "0"),
    ]
    own = rows_of(unbroken / "a" / "clip.summary.csv")
    assert [{name: row[name] for name in own[0]} for row in rows[:1]] == own
    failures = rows_of(unbroken / "failures.csv")
    assert [(row["path"], row["stage"]) for row in failures] == [("b/empty.mov", "open"), ("b/text.mp4", "open")]
    assert failures[0]["error"] == "is empty"
    assert all(row["remedy"] for row in failures)
    record = recorded(unbroken)
    assert (record["clips"], record["done"], record["failed"], record["frames"]) == (4, 2, 2, 65)


def test_a_clip_alone_gives_the_same_bytes(unbroken: Path, folder: Path, warm: Path, tmp_path: Path):
    paths = fervideo.analyze(folder / "a" / "clip.mp4", SPARSE).save(tmp_path)
    for suffix in RESULTS:
        assert (tmp_path / f"clip{suffix}").read_bytes() == (unbroken / "a" / f"clip{suffix}").read_bytes()
    assert len(paths) == 4


def test_the_same_command_again_does_nothing(unbroken: Path, folder: Path, warm: Path):
    before = {path: path.stat().st_mtime_ns for path in warm.rglob("clip.*")}
    shutil.rmtree(cache.root())
    report = run(folder, warm)
    assert (report.done, report.skipped, set(report.failures)) == (2, 2, {"b/empty.mov", "b/text.mp4"})
    assert {path: path.stat().st_mtime_ns for path in warm.rglob("clip.*")} == before
    assert contents(warm) == contents(unbroken)
    assert not cache.root().exists()


def test_a_clip_that_moved_is_known_by_its_content(folder: Path, warm: Path, tmp_path: Path):
    moved = tmp_path / "moved"
    (moved / "c").mkdir(parents=True)
    shutil.copy(folder / "a" / "clip.mp4", moved / "c" / "other name.mp4")
    report = run(moved, warm)
    assert (report.done, report.skipped, recorded(warm)["frames"]) == (1, 0, 0)
    assert (warm / "c" / "other name.timeline.csv").read_bytes() == (warm / "a" / "clip.timeline.csv").read_bytes()


def test_other_settings_and_other_content_are_done_again(folder: Path, warm: Path, tmp_path: Path):
    clips = find([folder], warm)
    before = {clip.name: tables.known(clip, tables.identity(SPARSE, models.resolve(SPARSE))) for clip in clips}
    assert {name for name, known in before.items() if known} == {"a/clip.mp4", "b/clip.mp4", "b/text.mp4"}
    changes = SPARSE.model_copy(update={"events": EventSettings(enter=0.6)})
    other = tables.identity(changes, models.resolve(changes))
    assert not any(tables.known(clip, other) for clip in clips)
    changed = tmp_path / "changed"
    (changed / "a").mkdir(parents=True)
    shutil.copy(folder / "b" / "clip.mp4", changed / "a" / "clip.mp4")
    report = run(changed, warm, overwrite=True)
    assert (report.done, report.skipped) == (1, 0)
    assert (warm / "a" / "clip.timeline.csv").read_bytes() == (warm / "b" / "clip.timeline.csv").read_bytes()


def test_another_videos_results_are_left_alone(folder: Path, warm: Path, tmp_path: Path):
    other = tmp_path / "other"
    for name in ("a", "b"):
        (other / name).mkdir(parents=True)
        shutil.copy(folder / "b" / "clip.mp4", other / name / "clip.mp4")
    before = {path: path.read_bytes() for path in warm.rglob("clip.*")}
    # Such a failure is not kept: a second batch looks again.
    for _ in range(2):
        report = run(other, warm)
        assert (report.done, report.skipped, list(report.failures)) == (1, 1, ["a/clip.mp4"])
        (row,) = rows_of(warm / "failures.csv")
        assert (row["path"], row["stage"]) == ("a/clip.mp4", "open")
        assert row["error"] == f"clip.run.json is there already, of another video ({folder / 'a' / 'clip.mp4'})"
        assert "--overwrite" in row["remedy"]
    assert {path: path.read_bytes() for path in warm.rglob("clip.*")} == before


def children(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False).stdout
    return [int(child) for child in found.split()]


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes with ps")
def test_a_killed_batch_goes_on_where_it_was(unbroken: Path, folder: Path, tmp_path: Path):
    out, store = tmp_path / "out", tmp_path / "cache"
    parent = subprocess.Popen(**command(folder, out, store, workers=2), stderr=subprocess.DEVNULL)
    wait_for(lambda: any(store.rglob("*.safetensors")))
    workers = children(parent.pid)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    wait_for(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in workers), 10)
    for path in out.rglob("*.csv"):
        assert path.read_bytes() == (unbroken / path.relative_to(out)).read_bytes()
    n_stored = len(list(store.rglob("*.safetensors")))
    assert subprocess.run(**command(folder, out, store), stderr=subprocess.DEVNULL).returncode == 1
    assert contents(out) == contents(unbroken)
    assert n_stored == 0 or recorded(out)["frames"] < 65


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes with ps")
def test_killed_workers_change_nothing(unbroken: Path, folder: Path, tmp_path: Path):
    out, store = tmp_path / "out", tmp_path / "cache"
    parent = subprocess.Popen(**command(folder, out, store, workers=2), stderr=subprocess.DEVNULL)
    wait_for(lambda: any(store.rglob("*.lock")))
    for pid in children(parent.pid):
        os.kill(pid, signal.SIGKILL)
    assert parent.wait(120) == 1
    assert contents(out) == contents(unbroken)


def test_two_batches_share_the_work(unbroken: Path, folder: Path, tmp_path: Path):
    store = tmp_path / "cache"
    outs = [tmp_path / "one", tmp_path / "two"]
    both = [subprocess.Popen(**command(folder, out, store), stderr=subprocess.DEVNULL) for out in outs]
    assert [process.wait(120) for process in both] == [1, 1]
    assert [contents(out) for out in outs] == [contents(unbroken)] * 2
    assert sum(recorded(out)["frames"] for out in outs) == 65


def test_no_room_left_stops_cleanly_and_says_what_is_needed(unbroken: Path, folder: Path, tmp_path: Path):
    out, store = tmp_path / "out", tmp_path / "cache"

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))

    stopped = subprocess.run(**command(folder, out, store), stderr=subprocess.PIPE, text=True, preexec_fn=small_files)
    assert stopped.returncode == 2
    assert stopped.stderr.count("\n") == 1
    assert "the cache cannot be written" in stopped.stderr
    assert "GB more are needed" in stopped.stderr
    assert subprocess.run(**command(folder, out, store), stderr=subprocess.DEVNULL).returncode == 1
    assert contents(out) == contents(unbroken)
