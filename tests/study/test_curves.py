"""Sums of courses by hand, and intervals against scipy."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fervideo.study.curves import SUMS, over_people, sums

T = np.arange(8) / 2


def test_sums_of_a_triangle():
    """Two bins a second: 10 % of the peak at 0.5 s, 90 % at 2 s, and half of it for three bins."""
    found = sums(T, np.array([0.0, 0.0, 1, 2, 4, 2, 1, 0]), 0.5)
    assert found == {"mean": 1.25, "peak": 4.0, "latency_s": 2.0, "area": 5.0, "rise_s": 1.5, "above_s": 1.5}


def test_values_below_the_baseline_are_no_area():
    found = sums(T[:3], np.array([-1.0, 2.0, -3.0]), 0.5, above=-1.0)
    assert (found["area"], found["above_s"], found["rise_s"]) == (1.0, 1.0, 0.5)


def test_a_gap_on_the_way_up_leaves_the_rise_unknown():
    gap = np.array([0.0, np.nan, 1, 4, np.nan, 0, 0, 0])
    found = sums(T, gap, 0.5)
    assert np.isnan(found["rise_s"])
    assert (found["mean"], found["peak"], found["latency_s"], found["above_s"]) == (pytest.approx(5 / 6), 4.0, 1.5, 0.5)


def test_nothing_seen_is_nothing_known():
    assert np.isnan([sums(T, np.full(8, np.nan), 0.5)[name] for name in SUMS]).all()
    flat = sums(T, np.full(8, -1.0), 0.5)
    assert (flat["peak"], flat["area"]) == (-1.0, 0.0)
    assert np.isnan([flat["rise_s"], flat["above_s"]]).all()


def test_a_person_counts_once_and_intervals_are_those_of_scipy():
    values = {"a": [1.0, 3.0], "b": [4.0], "c": [6.0, 8.0, 10.0]}
    rows = [
        {"participant": who, "t": 0.0, "measure": "smile", "value": value}
        for who, own in values.items()
        for value in own
    ]
    rows.append({"participant": "d", "t": 0.0, "measure": "smile", "value": np.nan})
    (row,) = over_people(pd.DataFrame(rows), "", "participant").to_dict("records")
    means = [2.0, 4.0, 8.0]
    low, high = stats.t.interval(0.95, 2, np.mean(means), stats.sem(means))
    assert row == {
        "measure": "smile",
        "t": 0.0,
        "people": 3,
        "mean": pytest.approx(14 / 3, abs=1e-6),
        "low": pytest.approx(low, abs=1e-6),
        "high": pytest.approx(high, abs=1e-6),
    }
    assert (round(low, 4), round(high, 4)) == (-2.9225, 12.2558)
