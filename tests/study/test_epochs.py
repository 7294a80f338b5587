"""Courses around events: known responses, baselines, gaps, and people by condition."""

from pathlib import Path

import numpy as np
import pytest
from studies import frames_of, write_result, write_text

from fervideo import study
from fervideo.errors import FervideoError

TIMES = np.arange(0, 20, 0.05)


def response(onset_s: float, height: float) -> np.ndarray:
    """Return a smile over 0.5: it rises for a second, holds a second, and is gone."""
    since = TIMES - onset_s + 1e-9
    return 0.5 + height * np.where((since >= 0) & (since < 2), np.minimum(np.floor(since * 10) / 10, 1), 0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "results"
    for name, height in (("a", 1.0), ("b", 3.0)):
        smile = response(5.0, height) + response(12.0, 2 * height) - 0.5
        write_result(root, name, frames_of(TIMES, ({"smile": smile},)))
    return root


@pytest.fixture
def events(tmp_path: Path) -> Path:
    return write_text(tmp_path / "stimuli.csv", "onset_s,condition", "5,weak", "12,strong")


def test_a_known_response(folder: Path, events: Path):
    found = study.epochs(folder / "a.timeline.csv", events, study.Epoching(columns=["smile"], window_s=(-1, 3)))
    assert list(found.table) == ["participant", "clip", "trial", "condition", "t", "measure", "value", "good"]
    first = found.table[found.table["trial"] == "1"]
    assert first["t"].tolist() == np.round(np.arange(-10, 30) / 10, 6).tolist()
    # At 10 bins a second the value climbs by 0.1 a bin, holds 1 from 1 to 2 s, and is back at the baseline.
    expected = [*[0.0] * 10, *np.arange(10) / 10, *[1.0] * 10, *[0.0] * 10]
    np.testing.assert_allclose(first["value"], expected, atol=1e-6)
    names = ["trial", "condition", "good", "dropped", "mean", "peak", "latency_s", "area", "rise_s", "above_s"]
    assert found.trials[names].to_numpy().tolist() == [
        ["1", "weak", 1.0, "", pytest.approx(14.5 / 30, abs=1e-6), 1.0, 1.0, 1.45, 0.8, 1.5],
        ["2", "strong", 1.0, "", pytest.approx(29 / 30, abs=1e-6), 2.0, 1.0, 2.9, 0.8, 1.5],
    ]


def test_curves_by_condition(folder: Path, events: Path, tmp_path: Path):
    design = write_text(tmp_path / "design.csv", "clip,participant", "a,P1", "b,P2")
    how = study.Epoching(columns=["smile"], window_s=(-1, 3), by="condition", design=design)
    curve = study.epochs(folder, events, how).curves
    row = curve[(curve["condition"] == "strong") & (curve["t"] == 1.5)].iloc[0]
    # Heights 2 and 6: mean 4, standard error 2, and t(1) is 12.706.
    assert row[["people", "mean", "low", "high"]].tolist() == [2, 4.0, pytest.approx(-21.412, abs=1e-3), 29.412409]


def test_windows_with_a_gap_are_dropped_and_counted(folder: Path, events: Path):
    smile = response(5.0, 1.0)
    write_result(folder, "a", frames_of(TIMES, ({"smile": smile, "seen": (TIMES < 4.0) | (TIMES > 5.5)},)))
    how = study.Epoching(columns=["smile"], window_s=(-1, 3))
    found = study.epochs(folder / "a.timeline.csv", events, how)
    assert found.trials["dropped"].tolist() == ["baseline", ""]
    assert (found.n_trials, found.n_dropped) == (2, 1)
    assert found.table["trial"].unique().tolist() == ["2"]
    without = study.epochs(folder / "a.timeline.csv", events, study.Epoching(columns=["smile"], baseline_s=None))
    first = without.table[without.table["trial"] == "1"]
    assert first["value"].isna().sum() == 15, "nothing is interpolated"
    assert first["value"].max() == 1.5


def test_a_window_beyond_the_clip_is_dropped(folder: Path, tmp_path: Path):
    events = write_text(tmp_path / "late.csv", "time_s", "5", "19.5")
    found = study.epochs(folder / "a.timeline.csv", events, study.Epoching(columns=["smile"]))
    assert found.trials["dropped"].tolist() == ["", "window"]


def test_events_of_a_clip_or_a_person(folder: Path, tmp_path: Path):
    how = study.Epoching(columns=["smile"])
    by_clip = write_text(tmp_path / "e.csv", "clip,onset_s,trial", "a.mp4,5,x", "b.mp4,12,y")
    found = study.epochs(folder, by_clip, how).trials
    assert found[["clip", "trial", "peak"]].to_numpy().tolist() == [["a", "x", 1.0], ["b", "y", 6.0]]
    design = write_text(tmp_path / "design.csv", "clip,participant", "a,P1", "b,P2")
    by_person = write_text(tmp_path / "p.csv", "participant,onset_s", "P2,5")
    found = study.epochs(folder, by_person, study.Epoching(columns=["smile"], design=design)).trials
    assert found[["participant", "clip", "peak"]].to_numpy().tolist() == [["P2", "b", 3.0]]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"window_s": (5, -1)}, "window 5:-1: is no stretch of time; give for example -1:5"),
        ({"window_s": (-1, 4.97)}, "window -1:4.97: is no whole number of bins at 10 Hz; round it"),
        ({"window_s": (-3, -1)}, "window -3:-1: ends before the event; end it after 0"),
        ({"hz": 0.0}, "hz 0: is no rate; give bins per second"),
        ({"columns": ["smiel"]}, "column smiel: is in no table of frames of these results; did you mean smile?"),
        ({"by": "mood"}, "by mood: is a column of neither events nor design; has participant, clip, trial, condition"),
        ({"face": "all"}, "face all: is more than one face"),
        ({"min_quality": 0.5}, "min_quality 0.5: cannot be applied"),
    ],
)
def test_choices_that_are_not_possible(folder: Path, events: Path, how: dict, message: str):
    with pytest.raises(FervideoError, match=message):
        study.epochs(folder, events, study.Epoching(**how))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["when", "5"], "has no column onset_s, time_s, onset, time; its columns are when"),
        (["onset_s", "five"], ":2: 'five' is no time in seconds; mend the row"),
        (["clip,onset_s", "z,5"], "has no event of a clip with results; check its column clip"),
        (["onset_s,value", "5,1"], "or the design has a column value, as the tables have; rename it"),
        (["onset_s", "500"], "no trial has 50% good frames; check the times, or lower --min-good"),
    ],
)
def test_events_that_are_not_possible(folder: Path, tmp_path: Path, lines: list[str], message: str):
    with pytest.raises(FervideoError, match=message):
        study.epochs(folder, write_text(tmp_path / "events.csv", *lines), study.Epoching())
