"""Folders of videos: what is found, what is written, what survives a kill, what fails alone."""

import csv
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import fervideo
from fervideo import batch, cache, demo
from fervideo.batch import cluster as cluster_module
from fervideo.batch import tables
from fervideo.batch.folder import find, shard
from fervideo.batch.schedule import Schedule, Step
from fervideo.errors import UsageError
from fervideo.settings import EventSettings, Settings
from fervideo.workers import Pool

RESULTS = (".timeline.csv", ".events.csv", ".summary.csv")


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


@pytest.fixture(scope="module")
def folder(face_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips of one name, of 275 frames in 2 segments and of 50 in 1, and two files that are no videos."""
    root = touch(tmp_path_factory.mktemp("batch") / "interviews", "a/clip.mp4", "b/text.mp4", "b/notes.txt")
    shutil.copy(face_clip, root / "a" / "clip.mp4")
    demo.render_astronaut(root / "b" / "clip.mp4", seconds=2.0, size=(320, 180), faceless=None)
    (root / "b" / "empty.mov").touch()
    return root


#: Few frames of each segment: what is tested here is not what is seen in them.
SPARSE = Settings(run={"workers": 2}, video={"sample_fps": 5})
#: Where one process shows as much as two: starting them is most of the time that these tests take.
ALONE = Settings(run={"workers": 1}, video={"sample_fps": 5})


def run(folder: Path, out: Path, **options: Any) -> batch.Report:
    return batch.run([folder], out, SPARSE, batch.Options(**options))


def command(folder: Path, out: Path, store: Path, workers: int = 1) -> dict[str, Any]:
    """Return what Popen needs to run a batch in processes of its own."""
    parts = [
        sys.executable,
        "-m",
        "fervideo",
        "batch",
        str(folder),
        "-o",
        str(out),
        "--workers",
        str(workers),
        "--sample-fps",
        "5",
    ]
    return {"args": parts, "env": {**os.environ, "FERVIDEO_CACHE": str(store)}, "stdout": subprocess.DEVNULL}


def rows_of(table: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))


def contents(out: Path) -> dict[str, bytes]:
    """Read all tables of results."""
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*.csv"))}


def recorded(out: Path) -> dict[str, Any]:
    return json.loads((out / "batch.json").read_text())


@pytest.fixture(scope="module")
def unbroken(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a run that nothing disturbs; its cache lies beside them."""
    place = tmp_path_factory.mktemp("unbroken")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FERVIDEO_CACHE", str(place / "cache"))
        run(folder, place / "out")
    return place / "out"


@pytest.fixture
def warm(unbroken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copies of the unbroken run's results and cache, to go on from."""
    shutil.copytree(unbroken.parent, tmp_path / "warm")
    monkeypatch.setenv("FERVIDEO_CACHE", str(tmp_path / "warm" / "cache"))
    return tmp_path / "warm" / "out"


def test_the_tree_is_mirrored_and_every_clip_has_its_own(unbroken: Path, folder: Path):
    files = {path.relative_to(unbroken).as_posix() for path in unbroken.rglob("*") if path.is_file()}
    results = {f"{clip}{suffix}" for clip in ("a/clip", "b/clip") for suffix in (*RESULTS, ".run.json")}
    records = {"b/text.failure.json", "clips.csv", "failures.csv", "batch.json"}
    assert files == results | records


def test_the_tables_join_what_the_clips_say(unbroken: Path):
    rows = rows_of(unbroken / "clips.csv")
    assert [(row["clip"], row["status"], row["face"]) for row in rows] == [
        ("a/clip.mp4", "complete", "0"),
        ("a/clip.mp4", "complete", "1"),
        ("b/clip.mp4", "complete", "0"),
    ]
    own = rows_of(unbroken / "a" / "clip.summary.csv")
    assert [{name: row[name] for name in own[0]} for row in rows[:2]] == own
    failures = rows_of(unbroken / "failures.csv")
    assert [(row["clip"], row["stage"]) for row in failures] == [("b/empty.mov", "open"), ("b/text.mp4", "open")]
    assert failures[0]["error"] == "is empty"
    assert all(row["remedy"] for row in failures)
    told = recorded(unbroken)
    assert (told["clips"], told["done"], told["failed"], told["frames"]) == (4, 2, 2, 65)


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
    before = {clip.name: tables.known(clip, tables.identity(SPARSE)) for clip in clips}
    assert {name for name, known in before.items() if known} == {"a/clip.mp4", "b/clip.mp4", "b/text.mp4"}
    other = tables.identity(SPARSE.model_copy(update={"events": EventSettings(enter=0.6)}))
    assert not any(tables.known(clip, other) for clip in clips)
    changed = tmp_path / "changed"
    (changed / "a").mkdir(parents=True)
    shutil.copy(folder / "b" / "clip.mp4", changed / "a" / "clip.mp4")
    report = run(changed, warm)
    assert (report.done, report.skipped) == (1, 0)
    assert (warm / "a" / "clip.timeline.csv").read_bytes() == (warm / "b" / "clip.timeline.csv").read_bytes()


def wait_for(condition: Any, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


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
    wait_for(lambda: any(store.rglob("*.claim")))
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


class Saboteur(Pool[Step]):
    """Let the segments of some clips crash or hang the process that works on them, for real."""

    def __init__(self, sabotage: dict[str, tuple[Any, ...]], timeout_s: float) -> None:
        super().__init__(2, timeout_s)
        self.sabotage = sabotage

    def submit(self, key: Step, function: Any, *args: Any) -> None:
        if key.stage == "extract":
            function, *args = self.sabotage.get(key.clip.stem, (function, *args))
        super().submit(key, function, *args)


def test_what_a_clip_does_to_its_worker_fails_that_clip_alone(folder: Path, tmp_path: Path, own_cache: Path):
    names = ("aborts", "fine", "hangs", "raises")
    (tmp_path / "in").mkdir()
    for number, name in enumerate(names):
        # An empty box at the end of an MP4 means nothing, but makes another content.
        content = (folder / "b" / "clip.mp4").read_bytes() + b"\0\0\0\x08free" * number
        (tmp_path / "in" / f"{name}.mp4").write_bytes(content)
    clips = find([tmp_path / "in"], tmp_path / "out")
    with Saboteur({"aborts": (os.abort,), "hangs": (time.sleep, 300), "raises": (int, "x")}, timeout_s=12) as engine:
        work = Schedule(clips, SPARSE, engine, cache.root(), known={})
        work.run()
    assert [clip.stem for clip in work.outcome.done] == ["fine"]
    failures = {clip.stem: failure for clip, failure in work.outcome.failures.items()}
    assert {stem: failure.stage for stem, failure in failures.items()} == dict.fromkeys(
        ("aborts", "hangs", "raises"), "extract"
    )
    for stem, reason in {"aborts": "died at segment 0", "hangs": "took longer", "raises": "ValueError"}.items():
        assert reason in failures[stem].error
    known = [tables.known(clip, tables.identity(SPARSE)) for clip in clips]
    assert [record and record.failure for record in known] == [failures.get(clip.stem) for clip in clips]


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


def test_a_dry_run_tells_what_is_left(folder: Path, warm: Path):
    prospects, seconds = batch.plan([folder], warm, ALONE, batch.Options())
    assert [(prospect.name, prospect.state) for prospect in prospects] == [
        ("a/clip.mp4", "done"),
        ("b/clip.mp4", "done"),
        ("b/empty.mov", "is empty"),
        ("b/text.mp4", "failed before"),
    ]
    assert seconds == 0
    prospects, seconds = batch.plan([folder], warm, ALONE, batch.Options(fresh=True))
    assert [(prospect.state, prospect.frames_left) for prospect in prospects[:2]] == [("new", 55), ("new", 10)]
    assert prospects[0].duration_s == pytest.approx(11.0)
    assert seconds == pytest.approx(65 / recorded(warm)["frames_per_s"])


def test_find_leaves_out_what_is_hidden_or_no_video(tmp_path: Path):
    root = touch(tmp_path / "in", "z.MP4", "a/b/c.mov", "a/._c.mov", ".trash/d.mp4", "a/readme.md")
    (root / "folder.mp4").mkdir()
    out = tmp_path / "out"
    assert [clip.name for clip in find([root], out)] == ["a/b/c.mov", "z.MP4"]
    assert [clip.name for clip in find([root], out, recursive=False)] == ["z.MP4"]
    assert [clip.name for clip in find([root], out, "*.md")] == ["a/readme.md"]
    clip = find([root], out)[0]
    assert (clip.folder, clip.stem) == (out / "a" / "b", "c")


def test_no_two_clips_share_a_place(tmp_path: Path):
    touch(tmp_path, "x/in/clip.mp4", "y/in/clip.mp4", "y/in/clip.mov", "y/in/clip.mp4.mkv", "y/in/other.mp4")
    clips = find([tmp_path / "x" / "in", tmp_path / "y" / "in", tmp_path / "y"], tmp_path / "out")
    places = [(clip.folder / clip.stem).relative_to(tmp_path / "out").as_posix() for clip in clips]
    assert places == ["x/in/clip", "y/in/clip.mov", "y/in/clip.mp4", "y/in/clip.mp4.mkv", "y/in/other"]


def test_shards_share_all_clips(tmp_path: Path):
    clips = find([touch(tmp_path / "in", *(f"{i}.mp4" for i in range(7)))], tmp_path / "out")
    shards = [shard(clips, f"{i}/3") for i in (1, 2, 3)]
    assert sorted(clip.name for part in shards for clip in part) == [clip.name for clip in clips]
    assert max(map(len, shards)) - min(map(len, shards)) <= 1
    for wrong in ("0/3", "4/3", "1", "a/b", "1/0"):
        with pytest.raises(UsageError, match="is not i/n"):
            shard(clips, wrong)


def test_what_cannot_be_a_batch_is_said(tmp_path: Path):
    root = touch(tmp_path / "in", "a.txt")
    with pytest.raises(UsageError, match=r"in: no videos found \(looked for .*\.mp4"):
        find([root], tmp_path / "out")
    with pytest.raises(UsageError, match="does not exist"):
        find([tmp_path / "nowhere"], tmp_path / "out")
    with pytest.raises(UsageError, match="is no folder"):
        find([root / "a.txt"], tmp_path / "out")
    touch(root, "a.mp4")
    with pytest.raises(UsageError, match="lies in the input folder"):
        find([root], root / "out")
    assert find([root], root / "out", recursive=False)
    with pytest.raises(UsageError, match="--engine slurm: is unknown; use local or ray"):
        run(root, tmp_path / "out", engine="slurm")


def test_an_address_that_does_not_answer_is_said_soon(
    folder: Path, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("ray")
    assert cluster_module._ANSWER_S < 20
    monkeypatch.setattr(cluster_module, "_ANSWER_S", 3.0)
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        began = time.monotonic()
        with pytest.raises(UsageError, match="no Ray cluster answers"):
            run(folder, tmp_path, engine="ray", address=f"127.0.0.1:{mute.getsockname()[1]}")
        assert time.monotonic() - began < 13


@pytest.fixture(scope="module")
def ray_cluster() -> Iterator[Any]:
    """Two nodes on this machine, with a core each, and a driver that is connected to them."""
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        # Nodes on one machine share its memory, which Ray would take for the memory of each.
        patch.setenv("RAY_memory_monitor_refresh_ms", "0")
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        second = cluster.add_node(num_cpus=1)
        ray.init(address=cluster.address, log_to_driver=False)
        yield cluster, second
        ray.shutdown()
        cluster.shutdown()


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_cluster_that_loses_a_node_gives_the_same_bytes(
    ray_cluster: Any, unbroken: Path, folder: Path, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
):
    cluster, second = ray_cluster
    report = run(folder, tmp_path / "shared", engine="ray")
    assert (report.done, report.skipped) == (2, 0)
    assert contents(tmp_path / "shared") == contents(unbroken)
    # As if the nodes did not see the driver's disk: segments come back as bytes. And one node goes in the middle.
    cache.clear()
    monkeypatch.setattr(cluster_module, "_all_see", lambda folders: False)

    def lose_a_node() -> None:
        wait_for(lambda: any(own_cache.rglob("*.safetensors")))
        cluster.remove_node(second)

    lost = threading.Thread(target=lose_a_node)
    lost.start()
    report = run(folder, tmp_path / "apart", engine="ray")
    lost.join()
    assert (report.done, report.skipped) == (2, 0)
    assert contents(tmp_path / "apart") == contents(unbroken)
