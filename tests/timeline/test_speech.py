"""Talking: mouths that move at known paces."""

import numpy as np
import pytest

from fervideo.timeline.speech import speaking

TIME_S = np.arange(0, 8, 1 / 25)


@pytest.mark.parametrize(
    ("hz", "talks"), [(0.3, False), (3.0, True), (5.0, True)], ids=["opens slowly", "speaks", "speaks fast"]
)
def test_the_pace_of_syllables(hz: float, talks: bool):
    found = speaking(0.1 + 0.05 * np.sin(2 * np.pi * hz * TIME_S), TIME_S)
    assert (np.median(found) > 0.7) == talks
    assert (np.median(found) < 0.3) != talks


def test_a_still_mouth_is_silent_and_a_lone_frame_has_no_pace():
    assert speaking(np.full(200, 0.2), TIME_S).max() < 0.05
    assert speaking(np.array([0.2]), np.array([1.0])).max() < 0.05


def test_talk_is_found_where_it_is():
    gap = np.where(TIME_S < 4, 0.05, 0.1 + 0.06 * np.sin(2 * np.pi * 4 * TIME_S))
    found = speaking(gap, TIME_S)
    assert found[TIME_S < 3].max() < 0.3
    assert found[TIME_S > 5].min() > 0.7
