"""Frames across damage, by codec and container: none is wrong, and all after the next keyframe are there."""

import gc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import clips
import numpy as np
import pytest

from fervideo.video import pictures, windows

#: Codecs with a keyframe every 24 frames or so, then the options of `clips.write`.
KINDS = {
    "h264.mp4": {"codec": "libx264", "options": clips.B_FRAMES},
    "h264.mkv": {"codec": "libx264", "options": clips.B_FRAMES},
    "h264.ts": {"codec": "libx264", "options": clips.B_FRAMES},
    "h264.avi": {"codec": "libx264", "options": clips.B_FRAMES},
    "h264_open.mp4": {"codec": "libx264", "options": clips.OPEN_GOP},
    "hevc_open.mp4": {"codec": "libx265", "options": clips.HEVC_OPEN_GOP},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"g": "24", "cpu-used": "8", "deadline": "realtime"}},
    "vp8.webm": {"codec": "libvpx", "options": {"g": "24", "cpu-used": "8", "deadline": "realtime"}},
    "mpeg4.mp4": {"codec": "mpeg4", "options": {"g": "12", "bf": "2"}},
    "mpeg4.avi": {"codec": "mpeg4", "options": {"g": "12", "bf": "2"}},
    "mpeg2.ts": {"codec": "mpeg2video", "options": {"g": "12", "bf": "2"}},
    "mjpeg.avi": {"codec": "mjpeg", "options": {"q:v": "5"}, "pix_fmt": "yuvj420p"},
}


#: Damage that shows in the data or to the decoder. Noise in VP8, VP9 and HEVC does not, nor zeros in motion JPEG.
SHOWN = [
    (name, junk)
    for name in KINDS
    for junk in ("zeros", "noise")
    if not ((name[:2] in ("vp", "he") and junk == "noise") or (name == "mjpeg.avi" and junk == "zeros"))
]


def damaged(path: Path, junk: str) -> Path:
    """Overwrite half of the largest packet of some in the second group of pictures."""
    spans = clips.packet_spans(path)
    start, size = max((spans[index] for index in range(30, 44)), key=lambda span: span[1])
    # In MPEG-TS a frame is in packets of its own, which are padded at their front.
    length = 600 if path.suffix == ".ts" else size // 2
    data = bytes(length) if junk == "zeros" else np.random.default_rng(0).bytes(length)
    return clips.overwritten(path, start + size // 3, data)


@pytest.mark.parametrize(("name", "junk"), SHOWN)
def test_damage_ends_at_the_next_keyframe(tmp_path: Path, name: str, junk: str):
    video = clips.open_video(damaged(clips.write(tmp_path / name, 100, **KINDS[name]), junk))
    found, lost = clips.readable(video)
    assert len(found) + len(lost) == video.info.n_frames
    assert 0 < len(lost) <= 24
    assert set(found) >= {*range(26), *range(50, 100)}
    # A container that loses a packet with the damage has fewer frames; their times are right all the same.
    decoded = [index for index in range(video.info.n_frames) if index not in lost]
    assert found == np.rint(video.time_s[decoded] * 25).astype(int).tolist()


@pytest.mark.parametrize("name", ["h264.mp4", "h264.ts", "h264_open.mp4", "mpeg4.avi"])
def test_any_start_finds_the_same_damage(tmp_path: Path, name: str):
    video = clips.open_video(damaged(clips.write(tmp_path / name, 100, **KINDS[name]), "noise"))
    _, lost = clips.readable(video)
    for first in (30, 41, 47, 48, 60, 72):
        wanted = np.arange(first, min(first + 20, video.info.n_frames))
        (window,) = windows(video, wanted)
        assert window.lost == {index: why for index, why in lost.items() if index in wanted}
        assert window.frame.tolist() == [index for index in wanted if index not in lost]


def test_two_places_of_damage(tmp_path: Path):
    path = clips.write(tmp_path / "clip.mkv", 120)
    copy = path
    for number in (30, 80):
        start, size = clips.packet_spans(path)[number]
        copy = clips.overwritten(copy, start + 8, bytes(size - 8))
    found, lost = clips.readable(clips.open_video(copy))
    assert {*range(26), *range(48, 76), *range(96, 120)} <= set(found)
    assert found == [index for index in range(120) if index not in lost]


def test_an_entry_that_a_seek_does_not_find_is_reached_from_the_start(made: Callable[[str], Path]):
    video = clips.open_video(made("b_frames.mp4"))
    lying = replace(video, entry_position=video.entry_position + 1)
    assert clips.numbers(lying, np.arange(50, 54)) == [50, 51, 52, 53]


def test_frames_in_a_hole_of_a_matroska_file_are_reported(tmp_path: Path):
    path = clips.write(tmp_path / "clip.mkv", 100, container_options={"cluster_time_limit": "960"})
    start, _ = clips.packet_spans(path)[30]
    # The head of a block, before its frame: the rest of the cluster is not found any more.
    info = clips.open_video(clips.overwritten(path, start - 8, b"\x01" * 8)).info
    assert info.n_frames < 100
    assert info.holes.startswith("its container is damaged, and frames are missing: 1.")
    start, _ = clips.packet_spans(path)[99]
    info = clips.open_video(clips.overwritten(path, start - 8, b"\x01" * 8)).info
    assert info.n_frames < 100
    assert info.holes.startswith("its container is damaged: frames may be missing")
    assert clips.open_video(path).info.holes == ""


def test_a_file_that_goes_away_loses_its_frames(made: Callable[[str], Path], tmp_path: Path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(made("b_frames.mp4").read_bytes())
    video = clips.open_video(path)
    path.unlink()
    found, lost = clips.readable(video)
    assert (found, len(lost), lost[0]) == ([], 60, "No such file or directory")


def test_frames_that_are_done_leave_memory(made: Callable[[str], Path]):
    """Without waiting for the garbage collector, which runs rarely: findings/pyav_side_data_cycle.sh."""
    video = clips.open_video(made("b_frames.mp4"))
    gc.collect()
    gc.disable()
    try:
        most = max(_n_frames() for _ in pictures(video, np.arange(48)))
    finally:
        gc.enable()
    assert most < 24


def _n_frames() -> int:
    return sum(type(each) is av.VideoFrame for each in gc.get_objects())
