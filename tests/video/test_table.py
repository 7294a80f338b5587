"""Times of frames whose stamps are missing, repeated or wrong: all other stamps stay."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import clips
import numpy as np
import pytest

from fervideo.video.table import placed


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        ([0, 40, 40, 120], [0, 40, 80, 120]),
        ([0, None, 80, 120], [0, 40, 80, 120]),
        ([None, None, 80, 120], [0, 40, 80, 120]),
        ([0, 40, None, None], [0, 40, 80, 120]),
        # A pause stays as it is, and so does an uneven rate.
        ([0, 40, 40, 3000, 3040], [0, 40, 1520, 3000, 3040]),
        # One stamp that leaps ahead or falls back is wrong; a clock that was set back goes on.
        ([0, 40, 9000, 120, 160], [0, 40, 80, 120, 160]),
        ([0, 40, 80, 0, 160, 200, 240], [0, 40, 80, 120, 160, 200, 240]),
        ([500, 540, 580, 620, 0, 40, 80, 120], [500, 540, 580, 620, 660, 700, 740, 780]),
        ([7], [7]),
    ],
)
def test_placed(stamps: list[int | None], expected: list[int]):
    ticks, n = placed(stamps, 40)
    assert ticks.tolist() == expected
    assert n == sum(a != b for a, b in zip(stamps, expected, strict=True)) - 4 * (stamps[0] == 500)


def restamped(path: Path, copy: Path, change: Callable[[int, av.Packet], None], **options: str) -> Path:
    """Write a copy of a file in which packets have other stamps."""
    with av.open(str(path)) as source, av.open(str(copy), "w", options=options) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        packets = [packet for packet in source.demux(video=0) if packet.size]
        for number, packet in enumerate(packets):
            change(number, packet)
            packet.stream = stream
            target.mux(packet)
    return copy


def repeat(packets: dict[int, int]) -> Callable[[int, av.Packet], None]:
    """Return a change that gives packets another's presentation time, by their numbers."""
    seen: dict[int, int] = {}

    def change(number: int, packet: av.Packet) -> None:
        seen[number] = packet.pts
        packet.pts = seen[packets.get(number, number)]
        if packet.dts is not None:
            packet.dts = min(packet.dts, packet.pts)

    return change


@pytest.mark.parametrize("name", ["vp9.webm", "b_frames.mkv", "b_frames.mp4", "b_frames.ts"])
def test_a_repeated_stamp_moves_no_other_frame(made: Callable[[str], Path], tmp_path: Path, name: str):
    copy = restamped(made(name), tmp_path / name, repeat({30: 29}))
    video = clips.open_video(copy)
    assert video.info.n_frames == clips.N
    assert clips.numbers(video, np.arange(clips.N)) == list(range(clips.N))
    assert [clips.numbers(video, np.array([at]))[0] for at in (20, 31, 59)] == [20, 31, 59]
    off = np.abs(video.time_s - np.arange(clips.N) / 25)
    assert (off > 1.1e-3).sum() <= 1, off
    assert off.max() < 0.13
    assert video.notes == (f"1 time stamp of {clips.N} missing or repeated: placed between their neighbours",)


def test_a_pause_stays_where_a_stamp_repeats(tmp_path: Path):
    pts = [*range(0, 1000, 40), *range(4000, 5000, 40)]
    options = {"g": "10", "cpu-used": "8", "deadline": "realtime"}
    path = clips.write(tmp_path / "a.webm", 50, "libvpx-vp9", options, pts=pts, time_base=clips.MS)
    video = clips.open_video(restamped(path, tmp_path / "b.webm", repeat({5: 4})))
    np.testing.assert_allclose(video.time_s, np.array(pts) / 1000, atol=1e-9)
    assert video.info.duration_s == pytest.approx(5.0, abs=0.05)


@pytest.mark.parametrize("name", ["b_frames.mkv", "vp9.webm"])
def test_stamps_before_zero_in_matroska(made: Callable[[str], Path], tmp_path: Path, name: str):
    def earlier(_: int, packet: av.Packet) -> None:
        shift = int(Fraction(1, 2) / packet.time_base)
        packet.pts -= shift
        packet.dts = None if packet.dts is None else packet.dts - shift

    copy = restamped(made(name), tmp_path / name, earlier, avoid_negative_ts="disabled")
    video = clips.open_video(copy)
    np.testing.assert_allclose(video.time_s, np.arange(clips.N) / 25, atol=3e-3)
    assert clips.numbers(video, np.arange(clips.N)) == list(range(clips.N))


def test_frames_that_avi_dropped_keep_their_time(tmp_path: Path):
    """An empty chunk in AVI stands for a frame that was not recorded."""
    path = clips.write(tmp_path / "clip.avi", 30, "mpeg4", {"g": "10"}, pts=[*range(10), *range(15, 35)])
    video = clips.open_video(path)
    np.testing.assert_allclose(video.time_s, np.array([*range(10), *range(15, 35)]) / 25, atol=1e-9)
