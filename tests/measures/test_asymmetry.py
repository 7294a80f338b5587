"""Asymmetry of faces that are built crooked by a known amount."""

import pytest
from fakes import mean_face, measures_of, rotated


@pytest.mark.parametrize("pose", [(0, 0, 0), (20, -10, 30)])
def test_the_left_half_stands_higher(pose: tuple[float, float, float]):
    face = mean_face()
    face[291] -= (0, 0.1, 0)
    face[[293, 334, 296]] -= (0, 0.06, 0)
    found = measures_of(rotated(face, *pose) * 140 + 300)
    assert found["asymmetry_smile"] == pytest.approx(0.1, abs=3e-3)
    assert found["asymmetry_brows"] == pytest.approx(0.06, abs=3e-3)


def test_an_even_face_has_none():
    found = measures_of(rotated(mean_face(), roll=25) * 140 + 300)
    assert found["asymmetry_smile"] == pytest.approx(0, abs=2e-3)
    assert found["asymmetry_brows"] == pytest.approx(0, abs=2e-3)
