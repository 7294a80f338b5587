"""A picture is shrunk as far as its faces allow, and everything lies where it lay."""

import cv2
import numpy as np
import pytest

from fervideo import crops
from fervideo.pictures import FACE_PX, PICTURE_PX, Picture
from fervideo.records import CROP_PX


def blurred(height: int, width: int) -> np.ndarray:
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)
    return cv2.GaussianBlur(image, (0, 0), 12)


@pytest.mark.parametrize(
    ("size_px", "face_px", "factor"),
    [
        ((640, 360), 300, 1),
        ((1920, 1080), 600, 2),
        ((1080, 1920), 600, 2),
        ((1920, 1080), 2 * FACE_PX, 2),
        ((1920, 1080), 2 * FACE_PX - 1, 1),
        ((3840, 2160), 1200, 4),
        ((3840, 2160), 300, 2),
        ((2 * PICTURE_PX, 100), None, 2),
    ],
)
def test_the_smallest_face_decides(size_px: tuple[int, int], face_px: float | None, factor: int):
    picture = Picture(size_px, lambda factor: np.zeros((1, 1, 3), np.uint8))
    wide = [(0, 0, 5000, 10)]
    boxes = np.array([*wide, (10, 10, 20, 10 + face_px)] if face_px else np.empty((0, 4)), np.float64)
    assert picture.factor(boxes) == factor


def test_each_size_is_made_once_and_turned():
    made: list[int] = []

    def shrunk(factor: int) -> np.ndarray:
        made.append(factor)
        return crops.shrunk(image, factor)

    image = blurred(90, 161)
    picture = Picture((161, 90), shrunk).turned(90)
    assert picture.size_px == (90, 161)
    assert picture.at(2).shape == (80, 45, 3)
    np.testing.assert_array_equal(picture.at(2), np.rot90(crops.shrunk(image, 2), -1))
    np.testing.assert_array_equal(picture.at(1), np.rot90(image, -1))
    assert made == [2, 1]
    assert picture.turned(0) is picture


@pytest.mark.parametrize("factor", [2, 4])
def test_a_crop_of_the_shrunk_picture_is_that_of_the_whole(factor: int):
    image = blurred(800, 1200)
    turn = 0.1 * np.array([(0.96, 0.28), (-0.28, 0.96)])
    transform = np.column_stack([turn, CROP_PX / 2 - turn @ (611, 395)])
    whole = crops.crop(image, transform)
    part = crops.crop(Picture.of(image).at(factor), crops.in_shrunk(transform, factor))
    np.testing.assert_allclose(part.astype(int), whole, atol=2)
