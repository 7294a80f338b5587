"""Measures by name."""

import numpy as np
from fakes import detected

from fervideo.columns import MEASURES
from fervideo.landmarks import N_LANDMARKS
from fervideo.measures import measure


def test_every_measure_has_its_column():
    assert list(measure(detected(np.zeros((2, N_LANDMARKS, 3))), np.full((2, 2), 64))) == list(MEASURES)


def test_no_faces():
    nobody = detected(np.empty((0, N_LANDMARKS, 3)))
    assert {values.shape for values in measure(nobody, np.empty((0, 2), np.int64)).values()} == {(0,)}
