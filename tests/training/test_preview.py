"""A dataset at a glance, and `--dry-run`, on trees of empty files."""

from __future__ import annotations

from pathlib import Path

import pytest
from training_builders import table, tree

from fervideo import cli
from fervideo.training.manifest import Clip, Manifest, Problem
from fervideo.training.preview import Preview


def dry_run(capsys: pytest.CaptureFixture[str], command: str, *arguments: object) -> tuple[int, list[str], list[str]]:
    code = cli.main([command, *map(str, arguments), "--dry-run"])
    out, err = capsys.readouterr()
    return code, out.splitlines(), err.splitlines()


def caer(root: Path) -> Path:
    for split in ("train", "test"):
        tree(root, *(f"{split}/{label}/{number:04d}.avi" for label in ("Anger", "Happy") for number in range(5)))
    return root


def test_a_dry_run_needs_no_output_and_opens_no_video(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    code, out, err = dry_run(capsys, "train", caer(tmp_path))
    assert (code, err) == (0, [])
    assert out == [
        f"format    splits: {tmp_path}",
        "labels    happiness 10, anger 10",
        "clips     20 clips; 20 without a subject, their videos count as subjects",
        "splits    train 8 clips; validation (drawn) 2 clips; test 10 clips",
    ]


def test_folds_are_listed_with_their_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    lines = [f"{n}.mp4,{('sad', 'fear')[n % 2]},s{n // 2},{n // 4}" for n in range(8)]
    tree(tmp_path, *(f"{n}.mp4" for n in range(8)))
    table(tmp_path / "list.csv", "path,label,subject,fold", *lines, "7.mp4,N/A,s3,1")
    code, out, _ = dry_run(capsys, "cross-validate", tmp_path)
    assert code == 0
    assert out[2:] == [
        "clips     8 clips of 4 subjects",
        "folds     2, rows that each one tests: 0 (4), 1 (4)",
        "left out  rows without a label, such as N/A or no_face: 1",
    ]


def test_an_evaluation_shows_the_rows_of_its_split(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    code, out, _ = dry_run(capsys, "evaluate", caer(tmp_path), "--split", "test")
    assert (code, out[2:]) == (
        0,
        [
            "clips     10 clips; 10 without a subject, their videos count as subjects",
            "splits    test 10 clips",
        ],
    )


def test_problems_are_listed_and_decide_the_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    tree(tmp_path, *(f"{n}.mp4" for n in range(6)))
    lines = [f"{n}.mp4,{n % 2},{n % 2 + 1},{('sad', 'happy')[n // 3]}" for n in range(6)]
    table(tmp_path / "labels.csv", "clip,start_s,end_s,label", *lines, "gone.mp4,0,1,sad", "0.mp4,2,1,sad")
    code, out, err = dry_run(capsys, "cross-validate", tmp_path)
    assert (code, out[2], out[-1]) == (
        2,
        "clips     6 intervals of 6 videos; 6 without a subject, their videos count as subjects",
        "problems  2",
    )
    assert [line.partition(": ")[2].removeprefix(str(tmp_path)) for line in err] == [
        f"/labels.csv:8: {tmp_path}/gone.mp4 does not exist",
        "/labels.csv:9: start_s 2 and end_s 1 are no stretch of time",
    ]
    assert dry_run(capsys, "cross-validate", tmp_path, "--on-error", "skip")[0] == 1


def test_a_dataset_without_splits_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    tree(tmp_path, "happy/a.mp4")
    code, out, _ = dry_run(capsys, "train", tmp_path)
    assert (code, out[3]) == (
        2,
        "splits    none: has 1 video to draw a split from; give splits in a manifest, or more subjects",
    )


def test_labels_by_frame_and_votes_are_counted(tmp_path: Path):
    table(tmp_path / "a.csv", "time_s,label", "0,sad", "1,happy")
    clips = [
        Clip("a", tmp_path / "a.mp4", frame_labels=str(tmp_path / "a.csv")),
        Clip("b", tmp_path / "b.mp4", label_votes="sad:3|happy:1"),
        Clip("c", tmp_path / "c.mp4", label_votes="sad:3|happy:3"),
        Clip("d", tmp_path / "c.mp4", label="bored", start_s=1.0, end_s=2.0, subject="P1"),
    ]
    text = Preview(Manifest(tmp_path, "manifest", clips, notes=["mind the gap"]), [Problem("a:1", "bad")]).describe()
    assert text.splitlines()[1:] == [
        "labels    happiness 1, sadness 2, bored 1, without a single winner 1",
        "clips     4 rows of 3 videos, 1 subject; 3 without a subject, their videos count as subjects",
        "note      mind the gap",
        "problems  1",
    ]


@pytest.mark.parametrize("command", ["train", "cross-validate"])
def test_a_run_needs_an_output(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str):
    assert cli.main([command, str(tmp_path)]) == 2
    assert "the following arguments are required: -o" in capsys.readouterr().err
