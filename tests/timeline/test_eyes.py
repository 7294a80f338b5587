"""Closed eyes: against blinks that were labelled by hand, frame by frame, and on made courses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fervideo.timeline import eyes

#: Openness of the eyes in three clips, and `blink`: the number of the blink that a person saw in pictures of the eyes.
#: The person knew the curves of openness, so the labels are not independent of the measure.
LABELLED = Path(__file__).with_name("blinks.csv")
#: A blink is found if the frames of both touch, or nearly do.
NEAR = 2


def found_in(rows: pd.DataFrame) -> list[tuple[int, int]]:
    shut, _ = eyes.closed(*(rows[name].to_numpy() for name in ("left", "right", "time_s")))
    return list(eyes.runs(shut))


def test_blinks_are_those_that_a_person_counts() -> None:
    hits = misses = extras = 0
    for _, rows in pd.read_csv(LABELLED).groupby("clip"):
        labels = rows["blink"].fillna(0).to_numpy()
        spans = [np.flatnonzero(labels == number) for number in range(1, int(labels.max()) + 1)]
        left = found_in(rows)
        for span in spans:
            match = next((each for each in left if each[0] <= span[-1] + NEAR and each[1] > span[0] - NEAR), None)
            hits, misses = hits + (match is not None), misses + (match is None)
            left = [each for each in left if each != match]
        extras += len(left)
    assert hits + misses == 26
    assert 2 * hits / (2 * hits + misses + extras) >= 0.95


@pytest.mark.parametrize("usual", [0.2, 0.4])
def test_closed_is_relative_to_the_own_open_eye(usual: float) -> None:
    time_s = np.arange(100) / 25
    openness = np.full(100, usual)
    openness[40:44] = usual * 0.3
    openness[70:74] = usual * 0.7
    assert list(eyes.runs(eyes.closed(openness, openness, time_s)[0])) == [(40, 44)]


def test_one_closed_eye_is_a_wink_and_no_blink() -> None:
    time_s, openness = np.arange(50) / 25, np.full(50, 0.3)
    winking = openness.copy()
    winking[20:24] = 0.05
    assert not eyes.closed(openness, winking, time_s)[0].any()


def test_an_eye_that_opens_less_and_less_has_another_level_later() -> None:
    time_s = np.arange(0, 100, 0.1)
    level = eyes.own_open(np.where(time_s < 50, 0.4, 0.25), time_s)
    assert level[0] == pytest.approx(0.4)
    assert level[-1] == pytest.approx(0.25)
