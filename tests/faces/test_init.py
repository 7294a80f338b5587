"""The room of faces: how many a clip shows, and the libraries that its import leaves alone."""

import subprocess
import sys
from collections.abc import Sequence

import numpy as np
import pytest
from fakes import FakeLandmarker

from fervideo import faces
from fervideo.settings import FaceSettings


@pytest.mark.parametrize(("shown", "count"), [((0, 1, 2), 1), ((2, 1, 2), 2), ((2,), 2), ((0, 0), 1), ((), 1)])
def test_counting_needs_two_frames_that_agree(shown: Sequence[int], count: int, monkeypatch: pytest.MonkeyPatch):
    landmarker = FakeLandmarker(lambda image: [(0, 0, 10, 10)] * int(image[0, 0, 0]))
    monkeypatch.setattr(faces, "open_landmarker", lambda settings, max_faces, *, still: landmarker)
    images = [np.full((16, 16, 3), n, np.uint8) for n in shown]
    assert faces.count_faces(images, FaceSettings()) == count
    assert landmarker.closed


def test_import_loads_no_library_that_finds_faces():
    code = "import sys, fervideo.faces; print([name for name in ('mediapipe', 'dlib', 'cv2') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
