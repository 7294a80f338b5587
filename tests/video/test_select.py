"""The frames to analyse, picked by time or spread over a clip."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import clips
import numpy as np
import pytest

from fervideo.video import Video, cut, select, spread


def test_select_picks_by_time():
    time_s = np.array([0, 0.1, 0.2, 0.35, 0.9, 1.0, 1.1])
    assert select(time_s, None).tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert select(time_s, 5).tolist() == [0, 2, 4, 5]
    assert select(time_s, 1).tolist() == [0, 5]
    assert select(time_s, 1000).tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert select(np.zeros(1), 10).tolist() == [0]


@pytest.mark.parametrize("fps", [24, 25, 30000 / 1001, 60])
def test_select_at_the_clips_own_rate_takes_every_frame(fps: float):
    exact = np.arange(500) / fps
    for time_s in (exact, exact.round(3), np.floor(exact * 1000) / 1000):
        assert len(select(time_s - time_s[0], fps)) == 500


def test_select_keeps_the_rate_on_any_clip():
    assert select(np.arange(300) / 30, 10).tolist() == list(range(0, 300, 3))
    assert len(select(np.arange(240) / 24, 10)) == 100


def test_spread_prefers_frames_that_are_quick_to_reach(made: Callable[[str], Path]):
    assert spread(clips.open_video(made("b_frames.mp4")), 3).tolist() == [0, 24, 48]
    assert spread(clips.open_video(made("long_gop.mp4")), 3).tolist() == [0, 20, 40]
    assert spread(clips.open_video(made("all_intra.mp4")), 100).tolist() == list(range(60))


def test_spread_decodes_few_frames_of_long_groups_of_pictures():
    """A clip of eight parts with keyframes at 0 and 250: four parts are quick to reach."""
    video = SimpleNamespace(info=SimpleNamespace(n_frames=600), entry=np.array([0, 250]))
    assert spread(cast("Video", video), 8).tolist() == [0, 75, 250, 300]


def lengths(frame: np.ndarray, *entry: int) -> list[int]:
    parts = cut(frame, np.array([0, *entry]), 256)
    np.testing.assert_array_equal(np.concatenate(parts), frame)
    return [len(part) for part in parts]


def test_segments_begin_where_decoding_can_start():
    every = np.arange(800)
    assert lengths(every) == [256, 256, 256, 32]
    assert lengths(every, 250, 500, 750) == [250, 250, 250, 50]
    assert lengths(every, *range(30, 800, 30)) == [270, 270, 240, 20]
    assert lengths(every, 100, 390) == [256, 134, 256, 154]
    assert lengths(every[:250], 240) == [250]


def test_segments_of_few_frames_span_less_than_a_fixed_time():
    hour = np.arange(0, 108_000, 30)
    assert set(lengths(hour)[:-1]) == {137}
    assert lengths(np.arange(0, 4000, 2), *range(0, 4000, 300)) == [300] * 6 + [200]
