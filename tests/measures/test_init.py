"""Measures by name."""

import numpy as np
from fakes import detected

from fervideo.columns import MEASURES
from fervideo.landmarks import N_LANDMARKS
from fervideo.measures import measure


def test_every_measure_has_its_column():
    assert list(measure(detected(np.zeros((2, N_LANDMARKS, 3))), (64, 48))) == list(MEASURES)


def test_no_faces():
    assert {values.shape for values in measure(detected(np.empty((0, N_LANDMARKS, 3))), (64, 48)).values()} == {(0,)}
