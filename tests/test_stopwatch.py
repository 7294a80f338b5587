"""The stopwatch of an extraction when the clock of the system is set."""

import time

import pytest

from fervideo.stopwatch import Stopwatch


@pytest.mark.parametrize(("jump_s", "total_s"), [(3.0, 3.0), (-86400.0, 0.0)])
def test_a_clock_that_is_set_back_gives_no_negative_time(
    monkeypatch: pytest.MonkeyPatch, jump_s: float, total_s: float
):
    monkeypatch.setattr(time, "time", lambda: 1e9)
    watch = Stopwatch()
    monkeypatch.setattr(time, "time", lambda: 1e9 + jump_s)
    assert watch.total_s == total_s
