"""Awkward files: other streams beside the video, odd rates, late starts, cuts, flipped bytes, files that still grow."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import clips
import numpy as np
import pytest
from PIL import Image

from fervideo.errors import VideoError
from fervideo.video import Video, changed


def joined(path: Path, *sources: tuple[Path, float]) -> Path:
    """Write the streams of some files into one, each delayed by some seconds."""
    with av.open(str(path), "w") as target:
        inputs = [(av.open(str(source)), delay_s) for source, delay_s in sources]
        pairs = [(container, delay_s, container.streams[0]) for container, delay_s in inputs]
        outputs = [target.add_stream_from_template(stream) for _, _, stream in pairs]
        for (container, delay_s, stream), output in zip(pairs, outputs, strict=True):
            for packet in container.demux(stream):
                if packet.size and packet.pts is not None:
                    shift = round(Fraction(delay_s) / packet.time_base)
                    packet.pts += shift
                    packet.dts = None if packet.dts is None else packet.dts + shift
                    packet.stream = output
                    target.mux(packet)
            container.close()
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("first", ["sound", "video"])
def test_a_video_that_starts_late(made: Callable[[str], Path], tmp_path: Path, suffix: str, first: str):
    sound = clips.write_sound(tmp_path / f"sound{suffix}")
    sources = [(sound, 0.0), (made(f"b_frames{suffix}"), 1.5)]
    late = clips.open_video(joined(tmp_path / f"late{suffix}", *(sources if first == "sound" else sources[::-1])))
    assert clips.numbers(late, np.arange(3)) == [0, 1, 2]
    assert late.time_s[0] == 0
    assert late.info.media_start_s == pytest.approx(1.5, abs=0.07)
    assert late.notes[0].startswith(f"the pictures begin {late.info.media_start_s:.3f} s late: ")
    together = clips.open_video(joined(tmp_path / f"both{suffix}", (sound, 0.0), (made(f"b_frames{suffix}"), 0.0)))
    assert (together.info.media_start_s, together.notes) == (0.0, ())


def test_sound_and_a_second_video(made: Callable[[str], Path], tmp_path: Path):
    small = clips.write(tmp_path / "small.mp4", 5)
    sound = clips.write_sound(tmp_path / "sound.mp4")
    path = joined(tmp_path / "all.mp4", (sound, 0.0), (made("b_frames.mp4"), 0.0), (small, 0.0))
    assert clips.numbers(clips.open_video(path), np.arange(clips.N)) == list(range(clips.N))


def test_cover_art(made: Callable[[str], Path], tmp_path: Path):
    Image.new("RGB", (640, 640)).save(tmp_path / "cover.png")
    path = tmp_path / "covered.mp4"
    inputs = ("-i", tmp_path / "cover.png", "-i", made("b_frames.mp4"))
    clips.ffmpeg(*inputs, "-map", "0", "-map", "1", "-c", "copy", "-disposition:v:0", "attached_pic", path)
    assert clips.numbers(clips.open_video(path), np.arange(clips.N)) == list(range(clips.N))


@pytest.mark.parametrize("rate", [1, 240])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_one_and_240_frames_per_second(tmp_path: Path, rate: int, name: str):
    video = clips.open_video(clips.write(tmp_path / name, 24, rate=rate))
    np.testing.assert_allclose(video.time_s, np.arange(24) / rate, atol=1e-3)
    assert video.info.duration_s == pytest.approx(24 / rate, abs=2e-3)
    assert clips.numbers(video, np.arange(24)) == list(range(24))


@pytest.mark.parametrize("name", ["one.mp4", "one.mkv", "one.ts", "one.avi"])
def test_one_frame(tmp_path: Path, name: str):
    video = clips.open_video(clips.write(tmp_path / name, 1, "mpeg4", {}))
    assert clips.numbers(video, np.arange(1)) == [0]


def opened(path: Path) -> Video | None:
    """Open a video; None where it is refused."""
    try:
        return clips.open_video(path)
    except VideoError:
        return None


@pytest.mark.parametrize(
    "name", ["b_frames.mp4", "fragments.mp4", "b_frames.mkv", "b_frames.ts", "mpeg4.avi", "vp9.webm"]
)
def test_cut_at_every_tenth(made: Callable[[str], Path], tmp_path: Path, name: str):
    data = made(name).read_bytes()
    path = tmp_path / name
    for tenth in range(1, 10):
        path.write_bytes(data[: len(data) * tenth // 10])
        video = opened(path)
        if video is None:
            continue
        found, lost = clips.readable(video)
        assert len(found) + len(lost) == video.info.n_frames
        assert set(found) <= set(range(clips.N))
        assert found == sorted(found)


@pytest.mark.parametrize("name", ["b_frames.mp4", "b_frames.mkv", "b_frames.ts", "mpeg4.avi"])
def test_flipped_bytes(made: Callable[[str], Path], tmp_path: Path, name: str):
    data, path = made(name).read_bytes(), tmp_path / name
    for seed in range(12):
        rng, flipped = np.random.default_rng(seed), bytearray(data)
        at = int(rng.integers(len(data) - 64))
        flipped[at : at + 2 ** int(rng.integers(7))] = rng.bytes(2 ** int(rng.integers(7)))
        path.write_bytes(flipped)
        video = opened(path)
        if video is None:
            continue
        found, lost = clips.readable(video)
        assert len(found) + len(lost) == video.info.n_frames
        assert (np.diff(video.time_s) > 0).all()


def test_a_zip_and_text_under_the_name_of_a_video(tmp_path: Path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "a.mp4", "w") as archive:
        archive.writestr("a.txt", "text")
    (tmp_path / "b.mp4").write_text("WEBVTT\n\n00:00.000 --> 00:01.000\nwords\n")
    (tmp_path / "c.mkv").write_bytes(bytes(5000))
    for path in sorted(tmp_path.iterdir()):
        with pytest.raises(VideoError, match=r"cannot be read as a video|holds no video"):
            clips.open_video(path)


def test_a_file_that_grows_is_noticed(made: Callable[[str], Path], tmp_path: Path):
    data, path = made("b_frames.mkv").read_bytes(), tmp_path / "grows.mkv"
    path.write_bytes(data[: len(data) // 2])
    video = clips.open_video(path)
    assert changed(video) == ""
    path.write_bytes(data)
    assert changed(video).startswith("was still being written: it went from 0.0")
    path.write_bytes(data[: len(data) // 2])
    assert changed(video) == "", "the same content, written again"
    path.write_bytes(data[1 : len(data) // 2 + 1])
    assert changed(video) == "has changed while it was read"
    path.unlink()
    assert changed(video) == ""
