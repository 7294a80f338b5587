"""How many faces a clip shows, with detectors that are made up."""

from collections.abc import Sequence

import numpy as np
import pytest
from fakes import FakeLandmarker

from fervideo import faces
from fervideo.faces import count
from fervideo.pictures import Picture
from fervideo.settings import FaceSettings


class FakeDetector:
    """A detector that finds the boxes that the first row of a picture lists: x0, y0 and the side of each."""

    def __init__(self, min_confidence: float, *, full_range: bool) -> None:
        self._full_range = full_range

    def detect(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if not self._full_range:
            # The part of a picture around a face: half of it is the face, if it is one.
            quarter = image.shape[0] / 4
            found = np.array([(quarter, quarter, 3 * quarter, 3 * quarter)] if image.max() > 1 else []).reshape(-1, 4)
            return found, np.full(len(found), 0.9)
        return np.empty((0, 4)), np.empty(0)

    def detect_in_tiles(self, image: np.ndarray) -> np.ndarray:
        rows, columns = np.nonzero(image[::10, ::10, 0])
        return np.array([(10 * x - 2, 10 * y - 2, 10 * x + 2, 10 * y + 2) for y, x in zip(rows, columns, strict=True)])


@pytest.fixture
def landmarker(monkeypatch: pytest.MonkeyPatch) -> FakeLandmarker:
    found = FakeLandmarker(lambda image: [(0, 0, 10, 10)] * min(int((image[::10, ::10, 0] > 1).sum()), 4))
    monkeypatch.setattr(faces, "open_landmarker", lambda settings, max_faces, *, still: found)
    monkeypatch.setattr(count, "Detector", FakeDetector)
    return found


def picture(n: int, value: int = 200) -> np.ndarray:
    """Paint n faces of one pixel, 10 apart; a value of 1 is clutter."""
    image = np.zeros((100, 100, 3), np.uint8)
    image[10:90:10, 10:90:10][np.unravel_index(np.arange(n), (8, 8))] = value
    return image


@pytest.mark.parametrize(
    ("shown", "seen"),
    [
        ((0, 1, 2), 1),
        ((2, 1, 2), 2),
        ((2,), 2),
        ((0, 0), 1),
        ((), 1),
        ((9,) * 8, 9),
        ((9, 1, 1, 1, 1), 1),
        ((40,) * 8, 16),
    ],
)
def test_counting_needs_two_frames_that_agree(shown: Sequence[int], seen: int, landmarker: FakeLandmarker):
    assert count.count_faces([Picture.of(picture(n)) for n in shown], FaceSettings()) == seen
    assert landmarker.closed


def test_clutter_is_not_counted(landmarker: FakeLandmarker):
    assert count.count_faces([Picture.of(picture(9, value=1))] * 8, FaceSettings()) == 1
