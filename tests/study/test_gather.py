"""All clips in one table: literal tables, faces by rule, designs that fit and those that do not."""

import logging
from pathlib import Path

import pandas as pd
import pytest
from studies import frames_of, write_result, write_text

import fervideo
from fervideo import study
from fervideo.errors import FervideoError
from fervideo.outputs import read_timeline

#: Frames of 0.5 s: face 0 is seen in two of three, face 1, larger and further left, in the last.
TIMES = (0.0, 0.5, 1.25)
TWO_FACES = (
    {"seen": [True, True, False], "expression": "happiness"},
    {"seen": [False, False, True], "box_w_px": 90.0},
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "results"
    write_result(root, "p01/talk", frames_of(TIMES, TWO_FACES), [(0, "happiness", 0.0, 1.0), (1, "neutral", 1.25, 2.0)])
    write_result(root, "p02/talk", frames_of(TIMES), [(0, "neutral", 0.0, 2.0)])
    write_text(root / "clips.csv", "path,status")
    return root


@pytest.fixture
def design(tmp_path: Path) -> Path:
    return write_text(
        tmp_path / "design.csv",
        "participant;clip;condition",
        "01;p01/talk.mp4;happy, or not",
        "02;D:\\study\\p02\\talk.mp4;sad",
    )


def gathered(folder: Path, tmp_path: Path, **chosen: object) -> str:
    path = tmp_path / "out" / "study.csv"
    study.gather(folder, path, study.Selection(**chosen))
    return path.read_text(encoding="utf-8")


def test_frames_of_all_clips_with_the_design(folder: Path, design: Path, tmp_path: Path):
    text = gathered(folder, tmp_path, design=design, columns=["valence"])
    assert text == (
        "clip,participant,condition,frame,time_s,face,status,valence\n"
        'p01/talk,01,"happy, or not",0,0.0,0,ok,0.1\n'
        'p01/talk,01,"happy, or not",1,0.5,0,ok,0.1\n'
        'p01/talk,01,"happy, or not",2,1.25,1,ok,0.1\n'
        "p02/talk,02,sad,0,0.0,0,ok,0.1\n"
        "p02/talk,02,sad,1,0.5,0,ok,0.1\n"
        "p02/talk,02,sad,2,1.25,0,ok,0.1\n"
    )


def test_a_frame_without_the_chosen_face_keeps_its_time(folder: Path, tmp_path: Path):
    text = gathered(folder, tmp_path, face="longest", columns=["expression"])
    assert text.splitlines()[1:4] == [
        "p01/talk,0,0.0,0,ok,happiness",
        "p01/talk,1,0.5,0,ok,happiness",
        "p01/talk,2,1.25,,no_face,",
    ]


@pytest.mark.parametrize("chosen", [{}, {"face": "longest"}, {"face": "left"}, {"min_coverage": 0.5}])
@pytest.mark.parametrize("columns", [None, ["all"], ["p", "smile"]])
def test_the_file_equals_the_loaded_table(
    folder: Path, design: Path, tmp_path: Path, chosen: dict, columns: list | None
):
    gathered(folder, tmp_path, design=design, columns=columns, **chosen)
    table = fervideo.load_results(folder, design, columns=columns, **chosen)
    assert len(table) == 6
    written = pd.read_csv(tmp_path / "out" / "study.csv", dtype={"participant": str, "face": "Int64"})
    pd.testing.assert_frame_equal(written, table, check_dtype=False)


@pytest.mark.parametrize(
    ("rule", "faces"), [("longest", [0, 0]), ("largest", [1, 1]), ("left", [1, 1]), ("right", [0, 0]), ("1", [1, 1])]
)
def test_a_face_by_rule(folder: Path, rule: str, faces: list[int]):
    table = fervideo.load_results(folder / "p01", face=rule)
    assert table["face"].dropna().tolist() == faces[: table["face"].count()]
    assert table["frame"].tolist() == [0, 1, 2]


def test_a_face_by_name(tmp_path: Path):
    named = frames_of(TIMES, ({"name": "client"}, {"name": "therapist"}))
    write_result(tmp_path, "a", named)
    assert fervideo.load_results(tmp_path, face="therapist")["face"].tolist() == [1, 1, 1]


def test_the_design_chooses_the_face_of_each_row(folder: Path, tmp_path: Path):
    design = write_text(tmp_path / "dyads.csv", "clip,face,role", "p01/talk,left,therapist", "p01/talk,right,client")
    table = fervideo.load_results(folder, design, table="events")
    assert table[["role", "face", "expression"]].to_numpy().tolist() == [
        ["therapist", 1, "neutral"],
        ["client", 0, "happiness"],
    ]


def test_false_faces_are_left_out_and_counted(folder: Path, caplog: pytest.LogCaptureFixture):
    table = fervideo.load_results(folder, min_coverage=0.4)
    assert table["status"].tolist() == ["ok", "ok", "no_face", "ok", "ok", "ok"]
    assert table["valence"].isna().tolist() == [False, False, True, False, False, False]
    assert caplog.messages == ["left out 1 face seen in less than 40% of the frames, in 1 clip (p01/talk)"]


def test_summaries_keep_clips_without_a_face(folder: Path):
    write_result(folder, "p03/empty", frames_of(TIMES, ({"seen": False},)))
    table = fervideo.load_results(folder, table="summary")
    assert table[["clip", "video"]].to_numpy().tolist()[-1] == ["p03/empty", "empty.mp4"]
    assert table["coverage"].tolist() == [0.6667, 0.3333, 1.0, 0.0]


def test_values_equal_those_of_the_timeline(tmp_path: Path):
    from builders import make_random_timeline

    timeline = make_random_timeline(3)
    timeline.save(tmp_path, "random")
    loaded = fervideo.load_results(tmp_path, columns=["all"], min_coverage=0)
    again = read_timeline(tmp_path / "random.timeline.csv").frames
    pd.testing.assert_frame_equal(loaded.drop(columns="clip"), again, check_exact=True)


def test_clips_without_results_and_results_without_a_row_are_listed(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    design = write_text(tmp_path / "design.csv", "clip,participant", "p01/talk,1", "p07/talk,7", "p08/talk,8")
    caplog.set_level(logging.WARNING)
    assert fervideo.load_results(folder, design)["clip"].unique().tolist() == ["p01/talk"]
    assert caplog.messages == [
        f"{design}: no results of 2 clips (p07/talk, p08/talk)",
        f"{design}: does not list 1 result (p02/talk), left out",
    ]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["clip,x", "talk,1"], r"1 problem, the first in .*:2: talk fits 2 results \(p01/talk, p02/talk\); give paths"),
        (["clip,x", "p01/talk,1", "p01/talk.mp4,2"], "3: p01/talk.mp4 stands in row 2 already; "),
        (["who,x", "p01,1"], r"has no column that names clips \(clip, path, video, file\); its columns are who, x"),
        (["clip,valence", "p01/talk,1"], "has a column valence, as the tables have; rename it"),
        (["clip,x", "p07,1"], "names none of the clips; its column clip must name clips such as p01/talk"),
        (["clip,x", "p01/talk,1,2,3"], "2: has more cells than the header; quote cells with commas"),
    ],
)
def test_a_design_that_does_not_fit(folder: Path, tmp_path: Path, lines: list[str], message: str):
    with pytest.raises(FervideoError, match=message):
        fervideo.load_results(folder, write_text(tmp_path / "design.csv", *lines))


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"columns": ["smiel"]}, "column smiel: is in no table of frames of these results; did you mean smile?"),
        ({"table": "frame"}, "table frame: is no table of a clip; choose from frames, events, summary"),
        ({"face": "therapist"}, "face therapist: is no rule, and these results have no names of faces; choose from"),
    ],
)
def test_choices_that_are_not_possible(folder: Path, chosen: dict, message: str):
    with pytest.raises(FervideoError, match=message):
        fervideo.load_results(folder, **chosen)


def test_a_row_that_is_cut_off_is_no_result(folder: Path, tmp_path: Path):
    path = folder / "p01" / "talk.timeline.csv"
    path.write_text(path.read_text()[:-120])
    with pytest.raises(FervideoError, match=r"talk\.timeline\.csv: cannot be read"):
        gathered(folder, tmp_path)
    assert not (tmp_path / "out" / "study.csv").exists()


def test_a_quoted_cell_is_read(folder: Path, tmp_path: Path):
    table = frames_of(TIMES, ({"name": 'Ann, "A"'},))
    write_result(folder, "p01/talk", table)
    lines = gathered(folder, tmp_path, columns=["name"]).splitlines()
    assert lines[1] == 'p01/talk,0,0.0,0,ok,"Ann, ""A"""'
    assert lines[4] == "p02/talk,0,0.0,0,ok,"


def test_parquet_has_the_same_values(folder: Path, design: Path, tmp_path: Path):
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "study.parquet"
    done = study.gather(folder, path, study.Selection(design=design, face="longest"))
    table = fervideo.load_results(folder, design, face="longest")
    assert (done.clips, done.rows, parquet.ParquetFile(path).num_row_groups) == (2, 6, 2)
    pd.testing.assert_frame_equal(pd.read_parquet(path), table, check_dtype=False)
