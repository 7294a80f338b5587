"""Moments: smiles, blinks, closed eyes and looks away, in made courses of one face."""

from __future__ import annotations

import numpy as np
import pytest

from fervideo.records import Float64
from fervideo.timeline import moments
from fervideo.timeline.moments import Moment

N = 100
BOUNDS_S = np.arange(N + 1) / 25


def values(**changes: Float64) -> dict[str, Float64]:
    """Return the columns of a face that looks into the camera, at rest; `changes` replace some."""
    still = {name: np.zeros(N) for name in moments.READ}
    return {**still, "towards_camera": np.ones(N), "eye_open_left": np.full(N, 0.3), **changes}


def found(columns: dict[str, Float64]) -> list[Moment]:
    return list(moments.find(columns, BOUNDS_S, moments.resting(columns)))


def smiling(rest: float, height: float) -> dict[str, Float64]:
    """Return a face that smiles from row 20 to 60, highest in row 40."""
    course = rest + height * np.interp(np.arange(N), [20, 40, 60], [0, 1, 0])
    return values(move_mouth_smile_left=course, move_mouth_smile_right=course)


def test_a_face_at_rest_has_no_moments():
    assert found(values()) == []


def test_a_smile_has_onset_apex_offset_amplitude_and_rise():
    (smile,) = found(smiling(0.0, 0.9))
    assert smile.kind == "smile"
    assert (smile.onset_s, smile.apex_s, smile.offset_s) == pytest.approx((23 / 25, 40 / 25, 58 / 25))
    assert (smile.amplitude, smile.rise_s) == pytest.approx((0.9, 17 / 25))


def test_a_smile_is_relative_to_the_face_at_rest():
    assert [moment.amplitude for moment in found(smiling(0.25, 0.5))] == pytest.approx([0.5])
    assert found(smiling(0.25, 0.2)) == []


def test_short_closures_are_blinks_and_long_ones_closed_eyes():
    shut = np.zeros(N)
    shut[10:14] = shut[50:80] = 1
    moved = found(values(eyes_closed=shut))
    assert [(moment.kind, moment.onset_s, moment.duration_s) for moment in moved] == [
        ("blink", 10 / 25, pytest.approx(4 / 25)),
        ("eyes_closed", 50 / 25, pytest.approx(30 / 25)),
    ]


def test_a_look_away_goes_on_while_the_eyes_are_closed_and_a_glance_is_none():
    towards, yaw = np.ones(N), np.zeros(N)
    towards[30:70], yaw[30:70] = 0, 35
    towards[50:54] = yaw[50:54] = np.nan
    towards[90:93] = 0
    (away,) = found(values(towards_camera=towards, gaze_yaw_deg=yaw))
    assert (away.kind, away.onset_s, away.offset_s, away.amplitude) == ("looking_away", 1.2, 2.8, 35)
