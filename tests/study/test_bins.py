"""Bins of true time, by hand: uneven frames, frames across bins, gaps, quality, and other ways to sum up."""

import math

import numpy as np
import pandas as pd
import pytest
from builders import make_random_timeline, make_timeline
from studies import frames_of

from fervideo.errors import UsageError
from fervideo.study.bins import resample

NAN = math.nan


def rows(table: pd.DataFrame, *names: str) -> list[list]:
    values = table[list(names)].astype(object)
    return values.where(values.notna(), None).to_numpy().tolist()


def test_frames_count_for_the_time_that_they_are_on_screen():
    """Frames begin at 0, 0.5, 0.75, 2 and 2.5; each lasts until the next, the last one as long as the median, 0.5."""
    frames = frames_of([0.0, 0.5, 0.75, 2.0, 2.5], ({"smile": [1.0, 2.0, 4.0, 8.0, 10.0]},))
    table = resample(frames, 1.0, columns=["smile"])
    # 0 to 1: half of 1, a quarter of 2, a quarter of 4. 1 to 2: all of 4. 2 to 3: half of 8, half of 10.
    assert rows(table, "face", "time_s", "good", "smile") == [[0, 0.0, 1, 2.0], [0, 1.0, 1, 4.0], [0, 2.0, 1, 9.0]]


def test_nothing_is_carried_across_a_gap():
    frames = frames_of([0.0, 0.5, 1.0, 1.5, 2.0], ({"smile": [1.0, 3.0, 9.0, 9.0, 5.0], "seen": [1, 1, 0, 0, 1]},))
    assert rows(resample(frames, 1.0, columns=["smile"]), "time_s", "good", "smile") == [
        [0.0, 1.0, 2.0],
        [1.0, 0.0, None],
        [2.0, 0.5, 5.0],
    ]


def test_bridged_frames_are_not_good():
    frames = frames_of([0.0, 0.25, 0.5, 0.75], ({"smile": [1.0, 1.0, 9.0, 3.0]},))
    frames.loc[2, "status"] = "gap"
    assert rows(resample(frames, 1.0, columns=["smile"]), "good", "smile") == [[0.75, pytest.approx(5 / 3)]]


def test_bins_may_be_shorter_than_frames_and_the_last_one_shorter_than_others():
    frames = frames_of([0.0, 1.0], ({"smile": [1.0, 2.0]},))
    table = resample(frames, 0.4, columns=["smile"])
    assert rows(table, "time_s", "good", "smile") == [
        [0.0, 1.0, 1.0],
        [0.4, 1.0, 1.0],
        [0.8, 1.0, 1.5],
        [1.2, 1.0, 2.0],
        [1.6, 1.0, 2.0],
    ]


def test_quality_leaves_frames_out():
    frames = frames_of([0.0, 0.5], ({"smile": [1.0, 5.0], "quality": [0.9, 0.2]},))
    assert rows(resample(frames, 1.0, min_quality=0.5, columns=["smile"]), "good", "smile") == [[0.5, 1.0]]
    with pytest.raises(UsageError, match=r"min_quality 0.5: cannot be applied, .* no column quality; analyse the vid"):
        resample(frames.drop(columns="quality"), 1.0, min_quality=0.5)


@pytest.mark.parametrize(("how", "value"), [("mean", 3.8), ("median", 2.0), ("min", 1.0), ("max", 9.0)])
def test_ways_to_sum_up(how: str, value: float):
    """Values 1, 9 and 2 last 0.2, 0.3 and 0.5: of the sorted 1, 2, 9 half of the time is reached with 2."""
    frames = frames_of([0.0, 0.2, 0.5], ({"smile": [1.0, 9.0, 2.0]},))
    frames = pd.concat([frames, frames_of([1.0], ({"seen": False},)).assign(frame=3, status="damaged")])
    (found,) = resample(frames, 1.0, how, columns=["smile"])["smile"].dropna()
    assert found == pytest.approx(value + (0.1 if how == "mean" else 0))


def test_the_expression_shown_longest_stands_for_a_bin():
    frames = frames_of([0.0, 0.2, 0.5], ({"expression": ["anger", "fear", "anger"]},))
    assert resample(frames, 0.5)["expression"].tolist() == ["fear", "anger"]


def test_every_face_has_every_bin():
    frames = frames_of([0.0, 0.5, 1.0, 1.5], ({"seen": [1, 1, 0, 0]}, {"seen": [0, 0, 1, 1]}))
    assert rows(resample(frames, 1.0), "face", "time_s", "good") == [[0, 0, 1], [0, 1, 0], [1, 0, 0], [1, 1, 1]]


def test_means_equal_those_of_fine_samples():
    """The second way: the course sampled every millisecond, held from frame to frame, averaged by pandas."""
    frames = make_random_timeline(2).frames
    table = resample(frames, 0.5, columns=["valence"])
    at = np.arange(0, np.floor(frames["time_s"].max()), 1e-3) + 5e-4
    time_s = np.unique(frames["time_s"])
    for face in (0, 1):
        own = frames[(frames["face"] == face) & (frames["status"] == "ok")].set_index("time_s")["valence"]
        held = own.reindex(time_s).to_numpy()[np.searchsorted(time_s, at, "right") - 1]
        expected = pd.Series(held).groupby(at // 0.5 / 2).mean()
        found = table[table["face"] == face].set_index("time_s")["valence"].reindex(expected.index).to_numpy()
        assert np.isnan(found).sum() == expected.isna().sum() > 0
        np.testing.assert_allclose(found, expected, atol=0.02)


def test_a_clip_without_a_face_has_no_bins():
    assert resample(frames_of([0.0, 0.5], ({"seen": False},)), 1.0).empty


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"step_s": 0.0}, "step 0: is no width of bins; give seconds above 0"),
        ({"step_s": 1.0, "how": "sum"}, "how sum: is no way to sum up; choose from mean, median, min, max"),
        ({"step_s": 1.0, "columns": ["smiel"]}, "column smiel: is no column of values; did you mean smile?"),
    ],
)
def test_choices_that_are_not_possible(options: dict, message: str):
    with pytest.raises(UsageError, match=message):
        resample(frames_of([0.0]), **options)


def test_a_timeline_has_bins():
    timeline = make_timeline(shown=("happiness",))
    table = timeline.resample(0.2)
    assert rows(table, "face", "time_s", "good", "expression", "p_happiness") == [
        [0, 0.0, 1.0, "happiness", 0.93],
        [0, 0.2, 1.0, "happiness", 0.93],
    ]
