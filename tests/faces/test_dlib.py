"""dlib's 68 landmarks, beside mediapipe's."""

import sys

import numpy as np
import pytest
from portraits import Face, needs_dlib

from fervideo import landmarks
from fervideo.errors import UsageError
from fervideo.faces import dlib
from fervideo.records import CROP_PX


@needs_dlib
def test_dlib_and_mediapipe_agree(smile: Face):
    from fervideo.crops import alignment

    points = dlib.dlib_landmarks(smile.crop)
    assert (points.shape, points.dtype) == ((1, 68, 2), np.float32)
    transform = alignment(smile.landmarks_px[0])
    mesh = smile.landmarks_px[0, landmarks.SIXTY_EIGHT, :2] @ transform[:, :2].T + transform[:, 2]
    assert np.median(np.linalg.norm(points[0] - mesh, axis=1)[17:]) < 2


def test_dlib_is_asked_for_where_it_is_missing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "dlib", None)
    dlib._dlib_predictor.cache_clear()
    with pytest.raises(UsageError, match=r"pip install 'fervideo\[dlib\]'"):
        dlib.dlib_landmarks(np.zeros((1, CROP_PX, CROP_PX), np.uint8))
