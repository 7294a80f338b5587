"""Quality: each condition lowers it, and faces that are cut off are known."""

import numpy as np
import pytest
from fakes import mean_face, measures_of, rotated

MIDDLE, SIZE_PX = (320, 240, 0), 140
GOOD = mean_face() * SIZE_PX + MIDDLE


def test_a_large_sharp_light_face_to_the_front_is_good():
    found = measures_of(GOOD)
    assert found["quality"] == pytest.approx(1)
    assert (found["inside"], found["cut_off"]) == (1, 0)
    assert found["face_px"] == pytest.approx(np.ptp(GOOD[:, :2], axis=0).max(), abs=0.1)


@pytest.mark.parametrize(
    ("face", "conditions"),
    [
        pytest.param(mean_face() * 12 + MIDDLE, {}, id="small"),
        pytest.param(GOOD - (330, 0, 0), {}, id="at the edge"),
        pytest.param(GOOD, {"blur": 0.7}, id="blurred"),
        pytest.param(GOOD, {"brightness": 0.1}, id="dark"),
        pytest.param(GOOD, {"brightness": 0.95}, id="glaring"),
        pytest.param(rotated(mean_face(), yaw=60) * SIZE_PX + MIDDLE, {}, id="turned away"),
        pytest.param(rotated(mean_face(), pitch=-50) * SIZE_PX + MIDDLE, {}, id="bent down"),
    ],
)
def test_each_condition_lowers_it(face: np.ndarray, conditions: dict[str, float]):
    assert 0 <= measures_of(face, **conditions)["quality"] < 0.7


def test_blur_and_brightness_are_those_of_the_crop():
    found = measures_of(GOOD, blur=0.25, brightness=0.75)
    assert (found["blur"], found["brightness"]) == (0.25, 0.75)


def face_at(y_px: float) -> np.ndarray:
    """Place a face with mouth and eyes complete, its nose bridge at a height."""
    face = mean_face()
    face[[0, 17]] = (0, 0.7, -0.2), (0, 0.8, -0.2)
    face[468:473], face[473:478] = face[[33, 133]].mean(0), face[[263, 362]].mean(0)
    return face * SIZE_PX + (320, y_px, 0)


@pytest.mark.parametrize(
    ("y_px", "cut_off"), [(240, 0), (420, 1), (30, 0), (-20, 1)], ids=["whole", "mouth", "forehead", "eyes"]
)
def test_a_face_is_cut_off_at_mouth_or_eyes(y_px: float, cut_off: int):
    assert measures_of(face_at(y_px))["cut_off"] == cut_off
