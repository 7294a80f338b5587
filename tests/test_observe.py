"""One observer for video, photographs and stills, with a landmarker that is made up."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from fakes import FakeLandmarker

from fervideo import crops, observe
from fervideo.landmarks import N_LANDMARKS, RIGID
from fervideo.pictures import Picture
from fervideo.records import CROP_PX, EXPRESSIONS, FramePredictions
from fervideo.settings import FaceSettings


class TwoFaces(FakeLandmarker):
    """Two faces whose rigid landmarks lie as in the crop's template, shifted and enlarged."""

    def find(self, image: np.ndarray, *, search: bool = True) -> np.ndarray:
        points = np.zeros((2, N_LANDMARKS, 3), np.float32)
        points[:, list(RIGID), :2] = crops._TEMPLATE_PX * 2 + np.array([[[40, 20]], [[200, 60]]])
        return points


@pytest.fixture
def image() -> np.ndarray:
    rng = np.random.default_rng(0)
    return cv2.GaussianBlur(rng.integers(0, 256, (240, 400, 3)).astype(np.uint8), (0, 0), 2)


def test_each_face_has_its_box_its_crop_and_the_way_there(image: np.ndarray):
    found, cut = observe.Observer(TwoFaces())(Picture.of(image), 7)
    assert found.frame.tolist() == [7, 7]
    assert cut.shape == (2, CROP_PX, CROP_PX)
    # The crop's corner lies where the template was moved to, and a crop pixel is two of the image.
    np.testing.assert_allclose(found.alignment[0] @ (40, 20, 1), (0, 0), atol=1e-3)
    np.testing.assert_allclose(found.alignment[1] @ (200 + 2 * CROP_PX, 60, 1), (CROP_PX, 0), atol=1e-3)
    np.testing.assert_array_equal(observe.cut_out(Picture.of(image), found.box_px, found.alignment), cut)
    np.testing.assert_allclose(found.brightness, cut.mean((1, 2)) / 255, atol=1e-6)


def test_measures_and_predictions_stand_beside_the_faces(image: np.ndarray):
    found, _ = observe.Observer(TwoFaces())(Picture.of(image))
    logits = np.eye(2, len(EXPRESSIONS), dtype=np.float32)
    predictions, size_px = FramePredictions(embedding=np.zeros((2, 3), np.float32), logits=logits), np.full((2, 2), 400)
    seen = observe.observations(found, predictions, size_px)
    np.testing.assert_array_equal(seen.frame_logits, logits)
    assert {values.shape for values in seen.measures.values()} == {(2,)}
    with pytest.raises(ValueError, match="must be"):
        observe.observations(found.take(np.array([0])), predictions, size_px[:1])


def test_no_face_gives_no_rows():
    with observe.opened(FaceSettings(), 1) as observer:
        found, cut = observer(Picture.of(np.full((120, 160, 3), 128, np.uint8)))
    assert (len(found), cut.shape) == (0, (0, CROP_PX, CROP_PX))


def test_blur_rises_with_blurring_and_not_with_light():
    from skimage.data import astronaut

    face = np.ascontiguousarray(cv2.cvtColor(astronaut()[60:172, 170:282], cv2.COLOR_RGB2GRAY))
    sharp = cv2.resize(face, (CROP_PX, CROP_PX), interpolation=cv2.INTER_AREA)
    levels = [crops.blur(cv2.GaussianBlur(sharp, (0, 0), sigma)) for sigma in (0.5, 1, 2, 4, 8)]
    assert 0 <= crops.blur(sharp) < levels[0]
    assert levels == sorted(levels)
    assert levels[-1] > 0.7
    assert abs(crops.blur((sharp * 0.6).astype(np.uint8)) - crops.blur(sharp)) < 0.05
    assert crops.blur(np.full((CROP_PX, CROP_PX), 90, np.uint8)) == 1
