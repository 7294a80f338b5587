"""The second look: when it is due, and the face that it is at."""

import numpy as np
import pytest
from fakes import face_in

from fervideo.faces.confirm import REJECTED, SecondLook
from fervideo.landmarks import N_LANDMARKS
from fervideo.pictures import Picture
from fervideo.records import CONFIRMED

IMAGE = Picture.of(np.zeros((100, 400, 3), np.uint8))


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch) -> SecondLook:
    """A second look that confirms the faces in the left half of a picture."""
    found = SecondLook()
    monkeypatch.setattr(found, "_score", lambda image, points: 0.9 if points[:, 0].mean() < 200 else CONFIRMED - 0.1)
    return found


def frame(*left: float) -> np.ndarray:
    return np.array([face_in((x, 20, x + 50, 80)) for x in left], np.float32).reshape(-1, N_LANDMARKS, 3)


def test_a_face_is_looked_at_when_it_appears_and_sparsely_from_then_on(look: SecondLook):
    looks = [index for index in range(70) if not np.isnan(look.look(IMAGE, frame(index * 2))[0][0])]
    assert looks == [0, 32, 64]


def test_a_face_in_doubt_is_looked_at_sooner_and_rejected(look: SecondLook):
    times = [look.look(IMAGE, frame(300))[1][0] for _ in range(9)]
    assert times == [1, 1, 1, 1, REJECTED, 2, 2, 2, 3]


def test_each_face_has_its_own_turn(look: SecondLook):
    for index in range(12):
        # The order of faces may change from frame to frame, and a face that walks off becomes doubtful.
        score, failed = look.look(IMAGE, frame(300, 20)[:: 1 if index % 2 else -1])
    assert sorted(failed) == [0, 3]
    assert np.isnan(score).sum() == 1, "the face in doubt keeps its score"


def test_a_face_that_returns_is_new(look: SecondLook):
    look.look(IMAGE, frame(20))
    assert look.look(IMAGE, frame())[0].shape == (0,)
    assert look.look(IMAGE, frame(20))[0].tolist() == [np.float32(0.9)]
