"""The time table of packets: presentation times, entries, and where a file is cut short."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import clips
import numpy as np
import pytest

from fervideo.video import windows
from fervideo.video.packets import demuxed


def test_open_groups_are_no_entries(made: Callable[[str], Path]):
    assert clips.open_video(made("b_frames.mp4")).entry.tolist() == [0, 24, 48]
    assert clips.open_video(made("hidden.mp4")).entry.tolist() == [0, 19, 43]
    for name in ("open_gop.mp4", "open_gop.mkv", "hevc_open_gop.mp4", "intra_refresh.mp4"):
        assert clips.open_video(made(name)).entry.tolist() == [0], name


def test_times_are_presentation_times(tmp_path: Path):
    pts = np.cumsum([700, *[40, 40, 20, 100, 33] * 8])
    info = (video := clips.open_video(clips.write(tmp_path / "vfr.mp4", 41, pts=pts.tolist(), time_base=clips.MS))).info
    np.testing.assert_allclose(video.time_s, (pts - 700) / 1000, atol=1e-9)
    assert (info.variable_rate, info.start_s) == (True, 0.7)
    np.testing.assert_allclose([window.time_s[0] for window in windows(video, np.arange(41), 1)], video.time_s)


@pytest.mark.parametrize("name", ["ntsc.mkv", "ntsc.mp4", "ntsc.ts"])
def test_rounded_times_are_no_variable_rate(tmp_path: Path, name: str):
    info = clips.open_video(clips.write(tmp_path / name, 50, rate=Fraction(30000, 1001))).info
    assert not info.variable_rate
    assert info.mean_fps == pytest.approx(29.97, abs=0.01)
    assert info.duration_s == pytest.approx(50 * 1001 / 30000, abs=0.002)


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("cut.mp4", "libx264", clips.B_FRAMES),
        ("cut.mkv", "libx264", clips.B_FRAMES),
        ("hevc.mp4", "libx265", clips.HEVC_OPEN_GOP),
        ("mpeg4.mp4", "mpeg4", {"g": "12", "bf": "2"}),
    ],
)
def test_cut_in_the_middle(tmp_path: Path, name: str, codec: str, options: dict[str, str]):
    front = {"movflags": "faststart"} if name.endswith("mp4") else None
    path = clips.write(tmp_path / name, 100, codec, options, container_options=front)
    start, size = clips.packet_spans(path)[70]
    video = clips.open_video(clips.cut(path, start + size // 2))
    found, lost = clips.readable(video)
    assert 66 <= len(found) <= 70
    assert found == list(range(video.info.n_frames))
    assert not lost
    assert f"is cut short after frame {len(found) - 1}" in video.info.ends_early


def test_a_stream_that_damage_makes_up_ends_the_packets():
    class Container:
        def demux(self, stream: None) -> Iterator[int]:
            yield 1
            raise IndexError("list index out of range")

    packets = demuxed(Container(), None)
    assert next(packets) == 1
    with pytest.raises(av.FFmpegError, match="its data are damaged"):
        next(packets)
