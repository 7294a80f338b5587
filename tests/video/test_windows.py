"""Frames of segments against the numbers drawn into them: from any start, in windows of any size, up to damage."""

import importlib
import pickle
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import clips
import numpy as np
import pytest

from fervideo.errors import VideoError
from fervideo.settings import VideoSettings
from fervideo.video import probe, samples, windows


@pytest.mark.parametrize("name", clips.FILES)
def test_every_start_gives_the_frames_of_decoding_in_order(made: Callable[[str], Path], name: str):
    video = clips.open_video(made(name))
    assert video.info.n_frames == clips.N
    assert clips.numbers(video, np.arange(clips.N)) == list(range(clips.N))
    for start in (55, 20, 23, 24, 25, 26, 48, 0, 40, 59):
        frame = np.arange(start, min(start + 4, clips.N))
        assert clips.numbers(video, frame) == frame.tolist()


@pytest.mark.parametrize("name", clips.FILES)
def test_frames_may_be_far_apart(made: Callable[[str], Path], name: str):
    frame = np.array([1, 5, 22, 29, 30, 58])
    assert clips.numbers(clips.open_video(made(name)), frame) == frame.tolist()


def test_frames_that_nobody_needs_are_not_decoded(made: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch):
    video, frame = clips.open_video(made("b_frames.mp4")), np.array([1, 20, 44])
    (every,) = windows(video, np.arange(clips.N), batch=clips.N)
    decoded, module = [], importlib.import_module("fervideo.video.frames")
    decode = module.decode
    monkeypatch.setattr(module, "decode", lambda stream, *packet: decoded.append(packet) or decode(stream, *packet))
    (few,) = windows(video, frame)
    np.testing.assert_array_equal(few.frames, every.frames[frame])
    # Two stretches of 24 frames up to the last that is wanted, without most of their B-frames; nothing of the third.
    assert len(decoded) < 30


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


def test_frames_that_cannot_be_decoded_are_listed_in_their_window(tmp_path: Path):
    path = clips.write(tmp_path / "clip.mp4", 100)
    video = clips.open_video(clips.overwritten(path, clips.packet_spans(path)[50][0] + 4, bytes(200)))
    found = list(windows(video, np.arange(40, 90), batch=10))
    decoded = [[clips.number(image) for image in window.frames] for window in found]
    assert [len(numbers) for numbers in decoded[:-1]] == [10] * (len(decoded) - 1)
    assert sorted([*chain(*decoded), *(index for window in found for index in window.lost)]) == [*range(40, 90)]
    assert [window.frame.tolist() for window in found] == decoded
    lost = [index for window in found for index in window.lost]
    assert set(range(50, 72)) >= set(lost) - {49} >= {50, *range(53, 72)}
    assert all(reason for window in found for reason in window.lost.values())


def test_samples_leave_out_damage(tmp_path: Path):
    path = clips.write(tmp_path / "clip.mp4", 96)
    video = clips.open_video(clips.overwritten(path, clips.packet_spans(path)[24][0] + 4, bytes(200)))
    assert [clips.number(picture.at(1)) for picture in samples(video, 4)] == [0, 48, 72]


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_region_is_cut_before_the_picture_is_turned(made: Callable[[str], Path], turn: int):
    path, settings = made("all_intra.mp4"), {"rotate": turn}
    whole = next(windows(probe(path, VideoSettings(**settings)), np.array([7]))).frames[0]
    video = probe(path, VideoSettings(**settings, region="32,25%,50,24"))
    (part,) = next(windows(video, np.array([7]))).frames
    x, y = video.corner_px
    height, width = part.shape[:2]
    assert (width, height) == ((50, 24) if turn % 180 == 0 else (24, 50))
    assert (part == whole[y : y + height, x : x + width]).all()


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ({"region": "90%,0,20%,50%"}, "--region 90%,0,20%,50% is no part of its picture of 128 x 64 px; give x,y,"),
        ({"from_s": 4.0}, "--from 4 s is beyond its end at 2.4 s; give an earlier time, or leave --from out"),
        ({"to_s": 3.5}, "--to 3.5 s is beyond its end at 2.4 s"),
    ],
)
def test_a_part_that_the_video_lacks_is_one_line(made: Callable[[str], Path], part: dict, reason: str):
    with pytest.raises(VideoError) as raised:
        probe(made("all_intra.mp4"), VideoSettings(**part))
    assert reason in str(raised.value)
