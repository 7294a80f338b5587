"""The comparison of two checkouts: the order of their runs, their caches and environments, the figures."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / "tools"


@pytest.fixture(autouse=True)
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(TOOLS)


def make_checkout(root: Path, requirement: str = "numpy", frames: int = 9) -> Path:
    """Write a checkout whose program reports some frames, and how it was called."""
    (root / "fervideo").mkdir(parents=True)
    (root / "pyproject.toml").write_text(f'[project]\ndependencies = ["{requirement}"]\n')
    (root / "fervideo" / "__init__.py").touch()
    (root / "fervideo" / "__main__.py").write_text(
        "import json, os, sys\n"
        "clip, folder = sys.argv[2], sys.argv[4]\n"
        "name = os.path.basename(clip).partition('.')[0]\n"
        "cached = os.path.exists(os.environ['FERVIDEO_CACHE'])\n"
        "os.makedirs(os.environ['FERVIDEO_CACHE'], exist_ok=True)\n"
        f"json.dump({{'frames_decoded': {frames}}}, open(f'{{folder}}/{{name}}.run.json', 'w'))\n"
        "log = open(os.path.join(os.path.dirname(clip), 'log'), 'a')\n"
        "print(json.dumps([os.path.dirname(__file__), sys.argv[-1], cached]), file=log)\n"
    )
    return root


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import bench_against
    import bench_runs

    monkeypatch.setattr(bench_runs, "duration_s", lambda path: 60.0)
    monkeypatch.setattr(bench_runs, "CORES", 2)
    monkeypatch.setattr(bench_against, "CORES", 2)
    monkeypatch.setattr(bench_against, "ROOT", make_checkout(tmp_path / "ours"))
    path = tmp_path / "clips" / "clip.mp4"
    path.parent.mkdir()
    path.touch()
    return path


def test_both_are_run_in_alternation_each_from_a_cache_of_its_own(clip: Path, tmp_path: Path):
    import bench_against

    theirs, scratch = make_checkout(tmp_path / "theirs"), tmp_path / "scratch"
    before = sorted(theirs.rglob("*"))
    scratch.mkdir()
    figures = bench_against.measure(str(theirs), [clip], [], 2, scratch)
    calls = [json.loads(line) for line in (clip.parent / "log").read_text().splitlines()]
    cold, both = [["1", False]], [["2", False], ["2", True]]
    expected = [(name, call) for name in ("ours", "theirs") for call in both]
    expected += 2 * [(name, call) for calls in (cold, both) for name in ("ours", "theirs") for call in calls]
    assert calls == [[str(scratch / name / "fervideo"), *call] for name, call in expected]
    assert sorted(theirs.rglob("*")) == before
    assert [(row["case"], row["frames"]) for row in figures["rows"]] == [
        ("fervideo, 1 worker", 9),
        ("fervideo, 2 workers", 9),
        ("fervideo, cached", 9),
    ]
    table = bench_against.table(figures)
    assert table.count("fervideo, cached") == 1
    assert "theirs: " in table
    assert "a copy in the present environment, which meets its requirements" in table


def test_programs_that_read_other_frames_are_not_compared(clip: Path, tmp_path: Path):
    import bench_against

    theirs, scratch = make_checkout(tmp_path / "theirs", frames=8), tmp_path / "scratch"
    scratch.mkdir()
    with pytest.raises(SystemExit, match=r"clip\.mp4: ours reads 9 frames, theirs 8"):
        bench_against.measure(str(theirs), [clip], [], 1, scratch)


def test_requirements_that_are_not_met_get_an_environment_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import bench_against

    def install(root: Path, folder: Path) -> Path:
        make_checkout(folder)
        monkeypatch.setattr(bench_against, "location", lambda program, scratch: folder / "fervideo")
        return folder / "python"

    monkeypatch.setattr(bench_against, "installed", install)
    program = bench_against.prepare("theirs", make_checkout(tmp_path / "theirs", "numpy>=99"), tmp_path)
    assert (program.python, program.path) == (tmp_path / "theirs-venv" / "python", None)
    assert "in a virtual environment of its own (numpy " in program.origin
    assert "required is numpy>=99)" in program.origin


def test_the_present_package_is_never_timed_as_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import bench_against

    monkeypatch.setattr(bench_against, "location", lambda program, folder: Path("/elsewhere/fervideo"))
    with pytest.raises(SystemExit, match="theirs: /elsewhere/fervideo would run instead of"):
        bench_against.prepare("theirs", make_checkout(tmp_path / "checkout"), tmp_path)


def test_a_commit_is_cloned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import bench_against

    root = make_checkout(tmp_path / "repository")
    monkeypatch.setattr(bench_against, "ROOT", root)
    git = ["git", "-C", str(root), "-c", "user.name=n", "-c", "user.email=e@example.org"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "one"], ["tag", "old"]):
        subprocess.run([*git, *command], check=True)
    (root / "fervideo" / "__init__.py").write_text("new = True\n")
    subprocess.run([*git, "commit", "-q", "-am", "two"], check=True)
    clone = bench_against.checkout("old", tmp_path)
    assert (clone / "fervideo" / "__init__.py").read_text() == ""
    assert bench_against.checkout(str(root), tmp_path) == root
    with pytest.raises(SystemExit, match="no-such-commit: is neither a folder nor a commit"):
        bench_against.checkout("no-such-commit", tmp_path)
    with pytest.raises(SystemExit, match="is no checkout of fervideo"):
        bench_against.checkout(str(tmp_path), tmp_path)


def test_a_difference_lies_within_the_spread_up_to_the_wider_of_both():
    from bench_against import compared

    near = compared([10, 11, 12, 13, 14], [13, 14, 14, 14, 15])
    assert near["ours"] == {"median": 12, "quartiles": [11, 13]}
    assert near["theirs"] == {"median": 14, "quartiles": [14, 14]}
    assert near["ratio"] == pytest.approx(12 / 14, abs=1e-3)
    assert near["within_spread"]
    assert not compared([10, 11, 12, 13, 14], [14.5] * 5)["within_spread"]
    assert compared([2.0], [1.0]) == {
        "ours": {"median": 2.0, "quartiles": [2.0, 2.0]},
        "theirs": {"median": 1.0, "quartiles": [1.0, 1.0]},
        "ratio": 2.0,
        "within_spread": False,
    }


def test_the_steady_state_leaves_the_start_out():
    from bench_against import steady_rows
    from bench_runs import CORES, Run, case

    short, loop = Path("clip.mp4"), Path("loop-1m.mp4")
    pairs = {}
    for workers in {1, CORES}:
        # Ours starts in 3 s and takes 10 ms a frame, theirs in 1 s and 20 ms.
        for path, frames in ((short, 100), (loop, 1100)):
            ours = Run(frames=frames, seconds=3 + 0.01 * frames, cpu_s=1.0)
            theirs = Run(frames=frames, seconds=1 + 0.02 * frames, cpu_s=1.0)
            pairs[path, case(workers)] = [(ours, theirs)] * 3
    rows = steady_rows(pairs, short, loop)
    assert [row["case"] for row in rows] == [f"{case(workers)}, steady state" for workers in sorted({1, CORES})]
    assert {(row["unit"], row["ours"]["median"], row["theirs"]["median"], row["ratio"]) for row in rows} == {
        ("ms/frame", 10.0, 20.0, 0.5)
    }
    assert steady_rows(pairs, short, short) == []


def test_the_command_prints_and_saves_the_comparison(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    import bench

    theirs, saved = make_checkout(tmp_path / "theirs"), tmp_path / "figures.json"
    arguments = [str(clip), "--against", str(theirs), "--repeats", "1", "--json", str(saved)]
    monkeypatch.setattr(sys, "argv", ["bench.py", *arguments])
    bench.main()
    figures = json.loads(saved.read_text())
    assert set(figures) == {"machine", "programs", "repeats", "rows"}
    assert capsys.readouterr().out.startswith("| clip | case | unit | ours (quartiles) |")
