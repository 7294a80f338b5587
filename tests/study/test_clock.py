"""Other clocks: lines through anchors, dates with time zones, and every table that shows them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from studies import frames_of, write_result, write_text

from fervideo import study
from fervideo.errors import UsageError
from fervideo.outputs import find
from fervideo.study import Face
from fervideo.study.clock import Clocks

TIMES = np.arange(0, 10, 0.1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    smile = np.sin(TIMES * 3)
    write_result(tmp_path / "results", "a", frames_of(TIMES, ({"smile": smile}, {"smile": smile})), [(0, "fear", 2, 4)])
    return tmp_path / "results"


@pytest.fixture
def seconds(tmp_path: Path) -> Path:
    """An EEG that starts 100 s before the video, and runs 0.1 % fast."""
    return write_text(tmp_path / "anchors.csv", "video_s,clock", "0,100", "10,110.01")


@pytest.fixture
def dates(tmp_path: Path) -> Path:
    anchors = ("a.mp4,1,2026-11-28T10:15:01.250+01:00", "a.mp4,3,2026-11-28T10:15:03.250+01:00")
    return write_text(tmp_path / "dates.csv", "clip,video_s,clock", *anchors)


def test_seconds_of_another_device(folder: Path, seconds: Path):
    clock = Clocks.read(seconds, find([folder])).of("a")
    assert clock.of(np.array([0.0, 5.0, 20.0])).tolist() == [100.0, 105.005, 120.02]
    assert clock.to_video("105.005") == pytest.approx(5.0)


def test_date_and_time(folder: Path, dates: Path):
    clock = Clocks.read(dates, find([folder])).of("a")
    assert clock.of(np.array([0.5, np.nan])).tolist() == ["2026-11-28T10:15:00.750000+01:00", ""]
    assert clock.to_video("2026-11-28T09:15:02.250+00:00") == pytest.approx(2.0)


@pytest.mark.parametrize(("table", "clock"), [("frames", 100.1001), ("events", 102.002), ("summary", 100.0)])
def test_gathered_tables_have_it(folder: Path, seconds: Path, tmp_path: Path, table: str, clock: float):
    path = tmp_path / "out.csv"
    study.gather(folder, path, study.Selection(table=table, clock=seconds, columns=["face"], face="right"))
    rows = pd.read_csv(path)
    assert list(rows)[-1] == "clock"
    assert rows["clock"].iloc[min(1, len(rows) - 1)] == clock


def test_events_of_a_study_stand_in_the_other_clock(folder: Path, dates: Path, tmp_path: Path):
    events = write_text(tmp_path / "events.csv", "clock,condition", "2026-11-28T10:15:05.250+01:00,x")
    how = study.Epoching(columns=["smile"], window_s=(-1, 1), clock=dates)
    rows = study.epochs(folder, events, how).table
    assert rows["clock"].unique().tolist() == ["2026-11-28T10:15:05.250+01:00"]
    same = write_text(tmp_path / "same.csv", "onset_s,condition", "5,x")
    again = study.epochs(folder, same, how).table
    assert rows["value"].tolist() == again["value"].tolist()
    assert again["clock"].iloc[0] == "2026-11-28T10:15:05.250000+01:00"


def test_windows_of_synchrony_have_it(folder: Path, seconds: Path):
    faces = [Face(name=rule, path=folder / "a.timeline.csv", rule=rule) for rule in ("0", "1")]
    windows = study.synchrony(*faces, study.Windows(columns=["smile"], surrogates=0, clock=seconds)).windows
    assert windows[["time_s", "clock"]].iloc[0].tolist() == [2.0, 102.002]


def test_disagreements_have_it(folder: Path, seconds: Path):
    labels = pd.DataFrame({"clip": ["a"], "subject": "", "start_s": 2.0, "end_s": 4.0, "label": "fear"})
    labels = labels.assign(start_frame=np.nan, end_frame=np.nan)
    found = study.agree(folder, [labels], study.Comparison(clock=seconds)).disagreements
    assert found[["start_s", "clock"]].to_numpy().tolist() == [[2.0, 102.002]]


def test_an_anchor_off_the_line_is_named(folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    path = write_text(tmp_path / "a.csv", "video_s,clock", "0,0", "10,10", "20,21.5", "30,30", "40,40")
    Clocks.read(path, find([folder]))
    assert caplog.messages == [f"{path}: the anchor at 20 s is 1.200 s off the line through all anchors"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["video_s,clock", "0,1"], "has fewer than two anchors at different times; give two or more pairs"),
        (["video_s,clock", "0,5", "9,2"], "has a clock that runs backwards; check the order of the two columns"),
        (["video_s,clock", "0,noon", "9,2"], "'noon' is neither seconds nor a date and time; give seconds, or 2026"),
        (["video_s,clock", "0,3", "9,2026-11-28T10:15"], "mixes seconds with dates and times; give one kind of clock"),
        (["video_s,clock", "x,3", "9,4"], ":2: 'x' is no time in seconds; mend the row"),
        (["clip,video_s,clock", "z,0,3", "z,9,4"], "has no anchors of a; add two rows, or leave the clip out"),
        (["video,clock", "0,3"], "has no column video_s; its columns are video, clock"),
        (["video_s,clock", "0,2026-11-28T10:15", "9,2026-11-28T10:16Z"], "has a time zone, or lacks one, unlike the"),
    ],
)
def test_anchors_that_are_not_possible(folder: Path, tmp_path: Path, lines: list[str], message: str):
    with pytest.raises(UsageError, match=message):
        Clocks.read(write_text(tmp_path / "anchors.csv", *lines), find([folder]))
