"""The command that exports results."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from builders import make_timeline
from cli.conftest import Run

from fervideo.outputs import elan


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Two timelines, one of them in a folder below."""
    make_timeline(path=tmp_path / "a.mp4").save(tmp_path / "results")
    make_timeline(["fear"], path=tmp_path / "b.mp4").save(tmp_path / "results" / "sub")
    return tmp_path / "results"


def test_a_folder_is_exported_as_a_tree(run: Run, results: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, text, _ = run("export", results, "--to", "textgrid", "-o", out)
    assert (code, text) == (0, f"wrote {out}/a.TextGrid\nwrote {out}/sub/b.TextGrid\n")
    assert sorted(path.name for path in out.rglob("*.*")) == ["a.TextGrid", "b.TextGrid"]


def test_files_lie_beside_the_results(run: Run, results: Path) -> None:
    assert run("export", results / "sub" / "b.timeline.csv", "--to", "jsonl", "--hz", 5)[0] == 0
    rows = (results / "sub" / "b.timeline.jsonl").read_text().splitlines()
    assert [json.loads(row)["frame"] for row in rows] == [0, 5]


def test_one_failure_of_several_is_reported(run: Run, results: Path) -> None:
    (results / "a.events.csv").write_text("nothing")
    code, out, error = run("export", results, "--to", "elan")
    assert (code, out) == (1, f"wrote {results}/sub/b.eaf\n")
    assert error.startswith(f"fervideo: {results}/a.events.csv: cannot be read as a timeline")
    code, out, error = run("export", results, "--to", "elan")
    assert (code, out, error.count("\n")) == (2, "", 2)
    assert f"{results}/sub/b.eaf: is there already; choose another folder with -o, or use --overwrite" in error
    assert run("export", results / "sub", "--to", "elan", "--overwrite")[0] == 0


def test_a_folder_is_one_project_of_boris(run: Run, results: Path) -> None:
    code, out, _ = run("export", results, "--to", "boris")
    assert (code, out.splitlines()[-1]) == (0, f"wrote {results}/all.boris")
    (results / "all.boris").write_text("mine")
    for path in results.rglob("[ab].boris*"):
        path.unlink()
    code, out, error = run("export", results, "--to", "boris")
    assert (code, out) == (2, "")
    assert f"{results}/all.boris: is there already" in error
    assert run("export", results / "sub", "--to", "boris")[0] == 0


def test_tiers_are_added_to_a_document(run: Run, results: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.eaf"
    mine.write_text('<ANNOTATION_DOCUMENT FORMAT="3.0"><HEADER TIME_UNITS="milliseconds"/></ANNOTATION_DOCUMENT>')
    code, text, _ = run("export", results / "a.timeline.csv", "--to", "elan", "--into", mine)
    assert (code, text) == (0, f"wrote {mine}\nkept {mine}.bak\n")
    assert [each.label for each in elan.read(mine).annotations] == ["neutral"]
    assert elan.read(mine).media[0].relative == "./a.mp4"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--to", "elann"), "format elann: is unknown; did you mean elan? formats: csv, elan, boris,"),
        (("--to", "csv"), "--to csv: is the form that results have already; formats: elan, boris,"),
        (("--to", "boris", "--hz", "5"), "--hz 5: thins out frames, and boris contains events alone"),
        (("--to", "boris", "--into", "x.eaf"), "--into: takes one timeline and --to elan"),
        (("--to", "elan", "--into", "x.eaf"), "--into: takes one timeline and --to elan"),
        ((), "export: the following arguments are required: --to"),
    ],
)
def test_bad_usage_is_one_line(run: Run, results: Path, options: tuple[str, ...], message: str) -> None:
    code, out, error = run("export", results, *options)
    assert (code, out, error.count("\n")) == (2, "", 1)
    assert message in error
