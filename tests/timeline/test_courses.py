"""Columns that follow a face through time."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from builders import make_features, make_track

from fervideo.records import ClipFeatures
from fervideo.settings import MeasureSettings, Settings
from fervideo.timeline import build, courses


def with_course(name: str, course: np.ndarray) -> ClipFeatures:
    features = make_features(len(course), [range(len(course))])
    measures = {**features.observations.measures, name: course.astype(np.float32)}
    return dataclasses.replace(features, observations=dataclasses.replace(features.observations, measures=measures))


@pytest.mark.parametrize("fps", [10, 25, 60])
def test_smoothing_delays_no_onset_by_more_than_a_frame(fps: int) -> None:
    time_s = np.arange(4 * fps) / fps
    step = (time_s >= 2).astype(np.float64)[:, None]
    found = courses.smoothed(step, time_s)
    assert abs(int(np.argmax(found[:, 0] >= 0.5)) - 2 * fps) <= 1
    noise = np.random.default_rng(0).normal(0, 1, (len(time_s), 1))
    assert courses.smoothed(noise, time_s).std() <= noise.std()


def test_smoothing_does_not_reach_over_a_face_that_left() -> None:
    course = np.array([0.0] * 20 + [1.0] * 20)[:, None]
    away_s = np.concatenate([np.arange(20), np.arange(20) + 100]) / 25
    np.testing.assert_allclose(courses.smoothed(course, away_s), course, atol=1e-9)


def test_movements_come_unsmoothed_where_the_settings_say_so() -> None:
    spike = np.zeros(20)
    spike[10] = 1
    features = with_course("move_jaw_open", spike)
    plain = build(features, [make_track(range(20))], Settings(), {}).frames
    both = build(features, [make_track(range(20))], Settings(measures=MeasureSettings(unsmoothed=True)), {}).frames
    assert 0 < plain["move_jaw_open"][10] < 1
    assert "move_jaw_open_unsmoothed" not in plain
    assert both["move_jaw_open_unsmoothed"].tolist() == spike.tolist()


def test_the_cone_decides_what_is_towards_the_camera() -> None:
    yaw = np.linspace(0, 38, 20)
    wide = Settings(measures=MeasureSettings(towards_camera_deg=25))
    shares = [
        courses.values(with_course("gaze_yaw_deg", yaw), each)["towards_camera"].sum() for each in (Settings(), wide)
    ]
    assert shares == [8, 13]


def test_gaze_is_empty_while_the_eyes_are_closed() -> None:
    features = with_course("eye_open_left", np.array([0.3] * 10 + [0.03] * 4 + [0.3] * 10))
    features.observations.measures["eye_open_right"][10:14] = 0.03
    found = courses.values(features, Settings())
    assert found["eyes_closed"].tolist() == [0] * 10 + [1] * 4 + [0] * 10
    assert np.isnan(found["gaze_yaw_deg"]).tolist() == (found["eyes_closed"] == 1).tolist()


def test_a_face_cut_off_has_its_own_status() -> None:
    features = with_course("cut_off", np.array([0, 1, 1, 0]))
    assert build(features, [make_track(range(4))], Settings(), {}).frames["status"].tolist() == [
        *("ok", "cut_off", "cut_off", "ok")
    ]
