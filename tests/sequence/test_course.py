"""Courses: the grid of times, the gaps, and the measures that a model names."""

import dataclasses

import numpy as np
import pytest
from builders import make_observations

from fervideo.columns import MEASURES
from fervideo.records import EXPRESSIONS, FaceObservations
from fervideo.sequence.course import INPUTS, Course, bridged, n_features, raw_features


def observed(time_s: np.ndarray) -> FaceObservations:
    """See a face whose first measure follows a known curve, and whose other features are constant."""
    seen = make_observations(range(len(time_s)))
    measures = dict.fromkeys(seen.measures, np.zeros(len(seen), np.float32)) | {
        "yaw_deg": np.sin(time_s * 2).astype(np.float32)
    }
    return dataclasses.replace(seen, measures=measures, embedding=np.ones_like(seen.embedding))


@pytest.mark.parametrize("fps", [10, 15, 24, 25, 29.97, 60, 120])
def test_the_frame_rate_does_not_matter(fps: float):
    time_s = np.arange(0, 6, 1 / fps)
    course = Course.of(observed(time_s), time_s, INPUTS)
    inner = slice(5, -5)
    np.testing.assert_allclose(course.features[inner, len(EXPRESSIONS)], np.sin(course.time_s * 2)[inner], atol=0.02)
    np.testing.assert_allclose(course.features[:, -2], 1, rtol=1e-6)
    assert (course.features[:, -1] == 1).all()


def test_variable_frame_rate_follows_time_not_index():
    time_s = np.concatenate([np.arange(0, 3, 1 / 30), np.arange(3, 6, 1 / 12)])
    course = Course.of(observed(time_s), time_s, INPUTS)
    np.testing.assert_allclose(course.features[5:-5, len(EXPRESSIONS)], np.sin(course.time_s * 2)[5:-5], atol=0.03)


def test_steps_without_a_detection_are_marked_and_empty():
    time_s = np.concatenate([np.arange(0, 1, 1 / 25), np.arange(2, 3, 1 / 25)])
    course = Course.of(observed(time_s), time_s, INPUTS)
    gone = (course.time_s > 1.05) & (course.time_s < 1.95)
    assert (course.features[gone] == 0).all()
    assert course.features[(course.time_s < 0.95) | (course.time_s > 2.05), -1].all()


def test_one_detection_is_a_course():
    course = Course.of(make_observations([3]), np.array([1.5]), INPUTS)
    assert (course.start_s, course.features.shape[0]) == (1.5, 1)
    assert repr(course) == f"Course(start_s=1.5, features=float32[1, {n_features(INPUTS, 4) + 1}])"


@pytest.mark.parametrize("inputs", [INPUTS, ("smile", "yaw_deg"), ("yaw_deg", "smile"), ()])
def test_the_measures_are_those_that_are_named_in_their_order(inputs: tuple[str, ...]):
    seen = make_observations(range(5), d=3)
    features = raw_features(seen, inputs)
    assert features.shape == (5, n_features(inputs, 3))
    assert features.dtype == np.float32
    for column, name in enumerate(inputs, len(EXPRESSIONS)):
        np.testing.assert_array_equal(features[:, column], seen.measures[name])
    np.testing.assert_allclose(np.exp(features[:, : len(EXPRESSIONS)]).sum(1), 1, rtol=1e-6)
    np.testing.assert_array_equal(features[:, -3:], seen.embedding)


def test_inputs_of_new_models_are_measures():
    assert set(INPUTS) <= set(MEASURES)


def test_gaps_are_bridged_up_to_the_limit():
    time_s = np.arange(20) / 10
    seen = np.array([0, 1, 4, 5, 12, 13])
    sound = np.ones(20, np.bool_)
    assert bridged(seen, time_s, sound, 0.5).tolist() == [0, 1, 2, 3, 4, 5, 12, 13]
    assert bridged(seen, time_s, sound, 0.0).tolist() == seen.tolist()
    sound[3] = False
    assert bridged(seen, time_s, sound, 0.5).tolist() == [0, 1, 2, 4, 5, 12, 13]
