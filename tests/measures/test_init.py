"""Measures by name."""

import numpy as np

from fervideo.columns import MEASURES
from fervideo.landmarks import N_LANDMARKS
from fervideo.measures import measure


def test_every_measure_has_its_column():
    assert list(measure(np.zeros((2, N_LANDMARKS, 3), np.float32))) == list(MEASURES)


def test_no_faces():
    assert {values.shape for values in measure(np.empty((0, N_LANDMARKS, 3), np.float32)).values()} == {(0,)}
