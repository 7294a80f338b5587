"""Faces that fill a small picture, without mediapipe: the picture as enlarged, and the face in the small one."""

import numpy as np
import pytest
from fakes import FakeLandmarker

from fervideo import boxes
from fervideo.faces import enlarged
from fervideo.landmarks import N_LANDMARKS


@pytest.mark.parametrize(
    ("height", "width", "searched"),
    [(48, 48, (256, 256)), (60, 48, (320, 256)), (300, 400, (300, 400)), (8, 1024, (32, 4096))],
)
def test_a_small_picture_is_enlarged(height: int, width: int, searched: tuple[int, int]):
    landmarker = FakeLandmarker()
    found = enlarged.find(landmarker, np.zeros((height, width, 3), np.uint8))
    assert landmarker.shapes == [searched]
    assert landmarker.searches == [searched == (height, width)], "small faces are wanted in large pictures only"
    expected = np.array([width * 0.3, height * 0.25, width * 0.7, height * 0.75])
    np.testing.assert_allclose(boxes.around(found)[0], expected, rtol=1e-4)


def test_a_margin_is_tried_next():
    landmarker = FakeLandmarker(lambda image: [(148, 148, 248, 248)] if image.shape[0] > 256 else [])
    found = enlarged.find(landmarker, np.zeros((64, 64), np.uint8))
    assert landmarker.shapes == [(256, 256), (352, 352)]
    # The margin is 48 pixels wide, and the picture is enlarged 4 times.
    np.testing.assert_allclose(boxes.around(found)[0], [25, 25, 50, 50], rtol=1e-4)


def test_no_face_gives_no_row():
    found = enlarged.find(FakeLandmarker(lambda image: []), np.zeros((48, 48), np.uint8))
    assert found.shape == (0, N_LANDMARKS, 3)
