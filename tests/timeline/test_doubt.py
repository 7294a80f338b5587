"""Rows whose expression is better not relied on."""

import pandas as pd
import pytest
from builders import make_timeline

from fervideo.timeline import doubt


@pytest.mark.parametrize(
    ("changes", "poor", "doubtful"),
    [
        ({}, False, False),
        ({"quality": 0.3}, True, True),
        ({"quality": None}, False, False),
        ({"status": "cut_off"}, True, True),
        ({"status": "gap", "quality": None}, True, True),
        ({"confidence": 0.39}, False, True),
        ({"confidence": None}, False, True),
    ],
)
def test_rows_are_judged(changes: dict[str, object], poor: bool, doubtful: bool):
    frames = make_timeline().frames.iloc[:1].assign(quality=0.9)
    frames = frames.assign(**{name: pd.Series([value], dtype=frames[name].dtype) for name, value in changes.items()})
    assert (doubt.is_poor(frames).tolist(), doubt.is_doubtful(frames).tolist()) == ([poor], [doubtful])
