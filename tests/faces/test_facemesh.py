"""FaceMesh on a real photograph."""

import subprocess
import sys
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from PIL import Image

from fervideo import boxes, faces
from fervideo.landmarks import N_LANDMARKS
from fervideo.pictures import Picture
from fervideo.records import CONFIRMED
from fervideo.settings import FaceSettings


@pytest.fixture(scope="module")
def photograph() -> np.ndarray:
    from skimage.data import astronaut

    # The detector is made for faces that take up a good part of the picture.
    return np.ascontiguousarray(astronaut()[:300, 80:380])


@pytest.fixture(scope="module")
def landmarker() -> Iterator[faces.Landmarker]:
    with faces.open_landmarker(FaceSettings(), 1, still=True) as found:
        yield found


def test_landmarks_lie_where_the_face_is(photograph: np.ndarray, landmarker: faces.Landmarker):
    found = landmarker.find(photograph)
    assert found.shape == (1, N_LANDMARKS, 3)
    assert found.dtype == np.float32
    x0, y0, x1, y1 = boxes.around(found)[0]
    assert 80 < x0 < 110
    assert 50 < y0 < 90
    assert 175 < x1 < 205
    assert 165 < y1 < 195


def test_the_scale_is_that_of_the_picture(photograph: np.ndarray, landmarker: faces.Landmarker):
    """x and y are scaled by the picture's width and height, z like x: a wider picture gives the same landmarks."""
    plain = landmarker.find(photograph)[0]
    wide = landmarker.find(cv2.copyMakeBorder(photograph, 0, 0, 0, 200, cv2.BORDER_REPLICATE))[0]
    assert np.abs(plain - wide).max() < 0.1 * np.ptp(plain[:, 0])


def test_no_face(landmarker: faces.Landmarker):
    found = landmarker.find(np.full((120, 160, 3), 128, np.uint8))
    assert found.shape == (0, N_LANDMARKS, 3)
    assert boxes.around(found).shape == (0, 4)


@pytest.fixture(scope="module")
def far(photograph: np.ndarray) -> np.ndarray:
    """Two people far from the camera: faces of 92 pixels in a picture 1280 wide."""
    scene = np.full((720, 1280, 3), 110, np.uint8)
    scene[250:550, 150:450] = photograph
    scene[250:550, 800:1100] = photograph[:, ::-1]
    return scene


def test_small_faces_are_found_too(far: np.ndarray):
    with faces.open_landmarker(FaceSettings(), 4, still=True) as landmarker:
        found = boxes.around(landmarker.find(far))
    left, right = sorted(found.tolist())
    assert 240 < left[0] < left[2] < 350
    assert 900 < right[0] < right[2] < 1010


def test_small_faces_are_followed(far: np.ndarray):
    """A camera pans by more than a face's width over 40 frames, and neither face is lost."""
    with faces.open_landmarker(FaceSettings(), 2) as landmarker:
        for step in range(40):
            found = sorted(boxes.around(landmarker.find(np.roll(far, 4 * step, axis=1))).tolist())
            assert len(found) == 2, step
            assert abs(found[0][0] - 4 * step - 249) < 15
        assert len(landmarker.find(np.full_like(far, 110))) == 0


def test_as_many_as_are_asked_for(far: np.ndarray):
    with faces.open_landmarker(FaceSettings(), 1, still=True) as landmarker:
        assert len(landmarker.find(far)) == 1


def test_a_face_is_confirmed_and_clutter_is_not(photograph: np.ndarray):
    """The score is high for a face behind glasses or turned by 90 degrees, and low for a cup of coffee."""
    from skimage.data import coffee

    from fervideo.faces.confirm import SecondLook

    with faces.open_landmarker(FaceSettings(), 1, still=True) as landmarker:
        points = landmarker.find(photograph)[0]
    second = SecondLook()
    eyes = photograph.copy()
    for corners in ((33, 133), (263, 362)):
        x, y = points[list(corners), :2].mean(0).astype(int)
        cv2.circle(eyes, (int(x), int(y)), 14, (15, 15, 15), -1)
    turned = points.copy()
    turned[:, 0], turned[:, 1] = points[:, 1], photograph.shape[1] - 1 - points[:, 0]
    for image, where in ((photograph, points), (eyes, points), (np.rot90(photograph), turned)):
        assert second._score(Picture.of(image), where) >= CONFIRMED
    assert second._score(Picture.of(coffee()[:300, :300]), points) < CONFIRMED


def test_small_faces_are_counted_beyond_the_four_that_are_analysed(photograph: np.ndarray):
    from fervideo.faces.count import count_faces

    crowd = np.full((720, 1280, 3), 110, np.uint8)
    face = cv2.resize(photograph, (200, 200), interpolation=cv2.INTER_AREA)
    for row, column in np.ndindex(2, 3):
        crowd[60 + 330 * row : 260 + 330 * row, 100 + 400 * column : 300 + 400 * column] = face
    assert count_faces([Picture.of(crowd)], FaceSettings()) == 6


def test_nothing_is_printed_on_the_way(photograph: np.ndarray, capfd: pytest.CaptureFixture[str]):
    with faces.open_landmarker(FaceSettings(), 1) as landmarker:
        for _ in range(3):
            landmarker.find(photograph)
    assert capfd.readouterr() == ("", "")


def test_finding_faces_does_not_wait_for_pyplot():
    code = (
        "import sys, numpy as np; from fervideo import faces, settings; "
        "faces.open_landmarker(settings.FaceSettings(), 1).find(np.zeros((64, 64, 3), np.uint8)); "
        "assert 'matplotlib' not in sys.modules; "
        "import mediapipe.python.solutions.drawing_utils as drawing; drawing.plt.figure; import matplotlib.pyplot; "
        "assert drawing.plt.figure is matplotlib.pyplot.figure"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_picture_of_another_shape_is_looked_at_anew(astronaut: Image.Image):
    """The face is found in the first frame after the change, where following it would look in the wrong place."""
    wide, high = (astronaut.crop(box) for box in ((0, 0, 512, 288), (100, 0, 400, 512)))
    with faces.open_landmarker(FaceSettings(), 1) as landmarker:
        found = [len(landmarker.find(np.asarray(image))) for image in (wide, wide, wide, high)]
    assert found == [1, 1, 1, 1]


def test_a_face_that_is_lost_at_a_cut_is_found_in_the_same_frame(
    photograph: np.ndarray, monkeypatch: pytest.MonkeyPatch
):
    """FaceMesh alone has no face in the first frame after the cut: findings/facemesh_lost_face.sh."""
    left, right = (cv2.copyMakeBorder(photograph, 0, 0, at, 360 - at, cv2.BORDER_CONSTANT) for at in (0, 360))
    # The search for small faces would find it as well, but it may rest.
    monkeypatch.setattr("fervideo.faces.facemesh.FaceMeshLandmarker._search", lambda *_: None)
    with faces.open_landmarker(FaceSettings(), 1) as landmarker:
        found = [landmarker.follow(Picture.of(image))[0] for image in (left, left, right, right)]
    assert [len(one) for one in found] == [1, 1, 1, 1]
    assert boxes.around(found[2])[0, 0] > 360
