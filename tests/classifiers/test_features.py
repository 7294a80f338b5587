"""Distances, heights and angles between landmarks: their sides and their names."""

import numpy as np
import pytest
from portraits import Face

from fervideo import landmarks
from fervideo.classifiers import features


def test_features_of_a_mirrored_face_change_sides():
    assert 40 <= len(features.FEATURES) <= 100
    mirrored = np.array(landmarks.MIRRORED_68)
    np.testing.assert_array_equal(mirrored[mirrored], np.arange(68))
    points = np.random.default_rng(0).normal(0, 1, (1, 68, 2))
    plain, swapped = features.measure(points)[0], features.measure(points[:, mirrored] * (-1, 1))[0]
    for column, name in enumerate(features.FEATURES):
        if name.endswith("_right"):
            other = features.FEATURES.index(name.replace("_right", "_left"))
            assert plain[column] == pytest.approx(swapped[other]), name


def test_features_follow_their_names(smile: Face):
    aligned = smile.landmarks_px[:, landmarks.SIXTY_EIGHT].astype(float)
    opened = aligned.copy()
    opened[:, [65, 66, 67, 56, 57, 58], 1] += 10
    before, after = (
        dict(zip(features.FEATURES, features.measure(points)[0], strict=True)) for points in (aligned, opened)
    )
    assert after["mouth_open"] - before["mouth_open"] == pytest.approx(10, abs=1)
    assert after["eye_open_outer_left"] == before["eye_open_outer_left"]
    assert after["lower_lip_arch"] < before["lower_lip_arch"]
