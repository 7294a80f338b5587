"""The one crop: a face lies alike in it at any position, size and tilt, and at any resolution of the picture."""

import cv2
import numpy as np
import pytest

from fervideo import crops
from fervideo.landmarks import N_LANDMARKS, RIGID
from fervideo.records import CROP_PX, LOOK_SHAPE, OUTSIDE, THUMBNAIL_SHAPE


def landmarks_of(matrix: np.ndarray) -> np.ndarray:
    """Transform the rigid landmarks of the mean face by a 2×3 matrix."""
    points = np.zeros((N_LANDMARKS, 3), np.float32)
    points[list(RIGID), :2] = crops._TEMPLATE_PX @ matrix[:, :2].T + matrix[:, 2]
    return points


def similarity(scale: float, angle_deg: float, shift: tuple[float, float]) -> np.ndarray:
    angle = np.radians(angle_deg)
    return scale * np.array([(np.cos(angle), -np.sin(angle), 0), (np.sin(angle), np.cos(angle), 0)]) + np.array(
        [(0, 0, shift[0]), (0, 0, shift[1])]
    )


@pytest.mark.parametrize(("scale", "angle"), [(1, 0), (4.5, 12), (0.4, -30), (9, 170)])
def test_alignment_undoes_position_size_and_tilt(scale: float, angle: float):
    matrix = similarity(scale, angle, (230, 77))
    found = crops.alignment(landmarks_of(matrix))
    back = np.vstack([found, (0, 0, 1)]) @ np.vstack([matrix, (0, 0, 1)])
    np.testing.assert_allclose(back, np.eye(3), atol=1e-3)


def test_a_wrong_landmark_moves_the_crop_little():
    points = landmarks_of(similarity(4, 0, (50, 50)))
    points[2, :2] += 8
    assert np.abs(crops.alignment(points) - crops.alignment(landmarks_of(similarity(4, 0, (50, 50))))).max() < 1


@pytest.mark.parametrize("scale", [0.7, 1.0, 3.3, 8.0, 21.0])
@pytest.mark.parametrize("colour", [False, True])
def test_the_crop_shows_the_same_picture_at_every_resolution(scale: float, colour: bool):
    """A smooth picture drawn in crop coordinates comes back as drawn, to half a pixel, through any size of video."""
    side = int(CROP_PX * scale * 1.6)
    matrix = similarity(scale, 17, (side * 0.33, side * 0.05))
    inverse = np.linalg.inv(np.vstack([matrix, (0, 0, 1)]))[:2]

    def drawn(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return 128 + 60 * np.sin(x / 9) + 60 * np.cos(y / 7)

    y, x = np.mgrid[:side, :side]
    u, v = np.einsum("ij,jyx->iyx", inverse, np.stack([x, y, np.ones_like(x)]).astype(float))
    image = drawn(u, v).astype(np.uint8)
    if colour:
        image = np.repeat(image[:, :, None], 3, 2)
    cut = crops.face_crop(image, landmarks_of(matrix))
    inner = slice(8, CROP_PX - 8)
    y, x = np.mgrid[:CROP_PX, :CROP_PX]
    assert cut.shape == (CROP_PX, CROP_PX)
    assert cut.dtype == np.uint8
    assert np.abs(cut[inner, inner].astype(float) - drawn(x, y)[inner, inner]).mean() < 3


def test_large_faces_do_not_alias():
    """A one-pixel checkerboard of a large face averages to grey instead of to stripes."""
    image = ((np.indices((900, 900)).sum(0) % 2) * 255).astype(np.uint8)
    cut = crops.crop(image, np.array([(0.07, 0, 0), (0, 0.07, 0)]))
    assert abs(float(cut.mean()) - 127.5) < 3
    assert cut.std() < 8


@pytest.mark.parametrize("scale", [0.24, 0.13, 0.06])
def test_halving_first_changes_little(scale: float, monkeypatch: pytest.MonkeyPatch):
    """The shortcut for large faces gives the same as shrinking in one go, to less than a shift of the pixel grid."""
    noise = np.random.default_rng(0).integers(0, 256, (1100, 1100, 3)).astype(np.uint8)
    image = np.asarray(cv2.GaussianBlur(noise, (0, 0), 1.5 / scale), np.uint8)
    image = np.asarray(cv2.normalize(image, None, 0, 255, cv2.NORM_MINMAX), np.uint8)
    transform = scale * np.array([(0.98, -0.2, 20), (0.2, 0.98, -40)])
    quick = crops.crop(image, transform).astype(int)
    monkeypatch.setattr(crops, "_HALVED_BELOW", 0)
    whole = crops.crop(image, transform).astype(int)
    assert 0 < np.abs(quick - whole).mean() < 0.1 * whole.std()


def test_beyond_the_edge_the_edge_repeats():
    image = np.full((40, 40), 90, np.uint8)
    assert (crops.crop(image, similarity(1, 20, (-500, 900))) == 90).all()


@pytest.mark.parametrize("left_px", [60.0, -40.0], ids=["inside", "half outside"])
def test_pixels_outside_the_image_are_marked_in_a_look(left_px: float):
    image = np.full((400, 400, 3), 90, np.uint8)
    image[:, :2] = 0  # black is not outside
    box = np.array([left_px, 150, left_px + 80, 250], np.float32)
    scale = CROP_PX / 100
    transform = np.array([(scale, 0, -scale * (left_px - 10)), (0, scale, -scale * 150)])
    crop, around = crops.look(image, crops.crop(image, transform), transform, box) == OUTSIDE
    columns = np.arange(LOOK_SHAPE[2]) + 0.5
    # The crop shows 100 pixels from 10 left of the box on; all around it, 200 around its middle.
    assert (crop == (left_px - 10 + columns * 100 / LOOK_SHAPE[2] < 0)).all()
    assert (around == (left_px + 40 - 100 + columns * 200 / LOOK_SHAPE[2] < 0)).all()


def test_the_whole_image_fills_the_crop():
    image = np.zeros((48, 48), np.uint8)
    image[:, 24:] = 200
    cut = crops.crop(image, crops.whole_image(48, 48))
    assert cut[:, : CROP_PX // 2 - 2].max() == 0
    assert cut[:, CROP_PX // 2 + 2 :].min() == 200


def test_a_thumbnail_is_the_frame_in_small():
    image = cv2.merge([np.tile(np.linspace(0, 255, 640, dtype=np.uint8), (360, 1))] * 3)
    small = crops.thumbnail(image)
    assert small.shape == THUMBNAIL_SHAPE
    assert (np.diff(small.astype(int), axis=1) > 0).all()
    assert crops.thumbnail(image[:2, :2]).shape == THUMBNAIL_SHAPE
