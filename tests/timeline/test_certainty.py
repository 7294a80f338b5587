"""The label that comes second, and labels whose evidence is thin."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from builders import event_settings, make_expressions, make_features, make_timeline, of_happiness

from fervideo.records import EXPRESSIONS, ClipFeatures
from fervideo.settings import SequenceSettings, Settings
from fervideo.timeline import build, certainty

COLUMNS = ["second_expression", "second_confidence", "uncertain"]


def with_measure(features: ClipFeatures, **values: list[float]) -> ClipFeatures:
    measures = {**features.observations.measures, **{name: np.float32(each) for name, each in values.items()}}
    return dataclasses.replace(features, observations=dataclasses.replace(features.observations, measures=measures))


def test_the_second_label_and_the_limit_of_confidence() -> None:
    p = of_happiness([0.1, 0.36, 0.64, 0.65, 1.0])
    frames = build(make_features(6, [range(5)]), [make_expressions(p)], Settings(), {}).frames
    assert frames["second_expression"].tolist()[:4] == ["happiness", "happiness", "neutral", "neutral"]
    assert frames["second_confidence"].tolist()[:5] == [0.1, 0.36, 0.36, 0.35, 0.0]
    assert frames["uncertain"].tolist()[:5] == [0, 1, 1, 0, 0]
    # Nobody is seen in the last frame.
    assert frames[COLUMNS].iloc[5].isna().all()


def test_the_best_label_stays_at_any_limit() -> None:
    p = of_happiness([0.9, 0.6])
    own = Settings(sequence=SequenceSettings(certain_from=0.95))
    strict, free = (
        build(make_features(2, [range(2)]), [make_expressions(p)], chosen, {}).frames
        for chosen in (own, Settings(sequence=SequenceSettings(certain_from=0)))
    )
    assert (strict["uncertain"].tolist(), free["uncertain"].tolist()) == ([1, 1], [0, 0])
    pd.testing.assert_frame_equal(strict.drop(columns="uncertain"), free.drop(columns="uncertain"))


def test_poor_conditions_make_a_sure_label_uncertain() -> None:
    # Frame 3 is bridged.
    seen = make_features(5, [[0, 1, 2, 4]])
    features = with_measure(seen, quality=[0.5, 0.49, 1, 1], cut_off=[0, 0, 1, 0])
    frames = build(features, [make_expressions(of_happiness([1.0] * 5))], Settings(), {}).frames
    assert frames["status"].tolist() == ["ok", "ok", "cut_off", "gap", "ok"]
    assert frames["uncertain"].tolist() == [0, 1, 1, 1, 0]


@pytest.mark.parametrize(("sure", "uncertain"), [(1, [0, 1]), (2, [0, 0])])
def test_an_event_is_uncertain_unless_half_of_it_is_sure(sure: int, uncertain: list[int]) -> None:
    p = of_happiness([0.1] * 4 + [0.9] * sure + [0.6] * (4 - sure))
    p[4:, EXPRESSIONS.index("fear")] = 0.05
    events = build(make_features(8, [range(8)]), [make_expressions(p)], event_settings(), {}).events
    assert events["expression"].tolist() == ["neutral", "happiness"]
    assert events["second_expression"].tolist() == ["happiness", "neutral"]
    assert events["second_confidence"].iloc[0] == 0.1
    assert events["uncertain"].tolist() == uncertain


def test_moments_have_no_second_label() -> None:
    smile = [0.0] * 10 + [0.8] * 10
    names = ("move_mouth_smile_left", "move_mouth_smile_right")
    features = with_measure(make_features(20, [range(20)]), **dict.fromkeys(names, smile))
    events = build(features, [make_expressions(of_happiness([0.1] * 20))], Settings(), {}).events
    assert events["kind"].tolist() == ["expression", "smile"]
    assert events[COLUMNS].isna().all(axis=1).tolist() == [False, True]


@pytest.mark.parametrize(
    ("changes", "poor", "uncertain"),
    [
        ({}, False, False),
        ({"quality": 0.3}, True, False),
        ({"quality": None}, False, False),
        ({"status": "cut_off"}, True, False),
        ({"status": "gap", "quality": None}, True, False),
        ({"uncertain": 1}, False, True),
        ({"uncertain": None}, False, False),
    ],
)
def test_pictures_grey_rows_of_a_table(changes: dict[str, object], poor: bool, uncertain: bool) -> None:
    frames = make_timeline().frames.iloc[:1].assign(quality=0.9, uncertain=pd.Series([0], dtype="Int64"))
    frames = frames.assign(**{name: pd.Series([value], dtype=frames[name].dtype) for name, value in changes.items()})
    assert certainty.is_poor(frames).tolist() == [poor]
    assert certainty.is_uncertain(frames).tolist() == [uncertain]
