"""Frames of segments against the numbers drawn into them: from any start, in windows of any size, up to damage."""

import pickle
from collections.abc import Callable
from pathlib import Path

import clips
import numpy as np
import pytest

from fervideo.errors import DamagedVideo
from fervideo.records import SEGMENT_FRAMES
from fervideo.video import windows


@pytest.mark.parametrize("decoder", ["auto", "pyav"])
@pytest.mark.parametrize("name", clips.FILES)
def test_every_start_gives_the_frames_of_decoding_in_order(made: Callable[[str], Path], name: str, decoder: str):
    video = clips.open_video(made(name), decoder)
    assert video.info.n_frames == clips.N
    assert clips.numbers(video, np.arange(clips.N)) == list(range(clips.N))
    for start in (55, 20, 23, 24, 25, 26, 48, 0, 40, 59):
        frame = np.arange(start, min(start + 4, clips.N))
        assert clips.numbers(video, frame) == frame.tolist()


@pytest.mark.parametrize("name", clips.FILES)
def test_frames_may_be_far_apart(made: Callable[[str], Path], name: str):
    frame = np.array([1, 5, 22, 29, 30, 58])
    assert clips.numbers(clips.open_video(made(name)), frame) == frame.tolist()


def test_windows_that_alternate_do_not_disturb_each_other(made: Callable[[str], Path]):
    video = clips.open_video(made("b_frames.mp4"))
    pairs = zip(windows(video, np.arange(30), 5), windows(video, np.arange(30, 60), 5), strict=True)
    found = [[clips.number(image) for image in (*one.frames, *other.frames)] for one, other in pairs]
    assert found == [[*range(k, k + 5), *range(k + 30, k + 35)] for k in range(0, 30, 5)]


def test_a_video_can_be_sent_to_another_process(made: Callable[[str], Path]):
    video = clips.open_video(made("open_gop.mp4"))
    assert clips.numbers(pickle.loads(pickle.dumps(video)), np.arange(40, 44)) == [40, 41, 42, 43]


def test_window_sizes(made: Callable[[str], Path]):
    found = list(windows(clips.open_video(made("b_frames.mp4")), np.arange(3, 13), batch=4))
    assert [window.frame.tolist() for window in found] == [[3, 4, 5, 6], [7, 8, 9, 10], [11, 12]]
    assert list(windows(clips.open_video(made("b_frames.mp4")), np.arange(0))) == []


def test_a_cut_is_reported_at_the_last_segment_only(tmp_path: Path):
    path = clips.write(tmp_path / "cut.mp4", 300, container_options={"movflags": "faststart"})
    video = clips.open_video(clips.cut(path, clips.packet_spans(path)[290][0]))
    assert clips.numbers(video, np.arange(SEGMENT_FRAMES)) == list(range(SEGMENT_FRAMES))
    with pytest.raises(DamagedVideo, match="its header lists 300 frames"):
        clips.numbers(video, np.arange(SEGMENT_FRAMES, video.info.n_frames))


def test_a_damaged_segment_does_not_hide_the_ones_before(tmp_path: Path):
    path = clips.write(tmp_path / "clip.mp4", 300)
    video = clips.open_video(clips.overwritten(path, clips.packet_spans(path)[280][0] + 4, bytes(500)))
    assert clips.numbers(video, np.arange(SEGMENT_FRAMES)) == list(range(SEGMENT_FRAMES))
    with pytest.raises(DamagedVideo, match=r"frame 2(77|78|79|80) \(11\.\d+ s\)"):
        clips.numbers(video, np.arange(SEGMENT_FRAMES, 300))
