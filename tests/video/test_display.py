"""Pictures as a player shows them: square pixels, each frame in its own shape, upright, light of HDR."""

import importlib
import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import clips
import numpy as np
import pytest

from fervideo import crops
from fervideo.errors import VideoError
from fervideo.settings import VideoSettings
from fervideo.video import display, probe, windows

PQ = {"color_trc": 16, "color_primaries": 9, "colorspace": 9}


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("a.mp4", {}),
        ("a.mkv", {}),
        ("a.ts", {}),
        ("a.avi", {"codec": "mpeg4", "options": {}}),
        ("a.mov", {"codec": "prores_ks", "options": {}, "pix_fmt": "yuv422p10le"}),  # the container alone knows
        ("a.wmv", {"codec": "wmv2", "options": {"qmin": "2", "qmax": "2"}}),
        ("turned.mp4", {"rotation": 90}),
        ("turned.mkv", {"rotation": 270}),
    ],
)
def test_pixels_become_square(tmp_path: Path, name: str, arguments: dict[str, object]):
    video = clips.open_video(clips.write(tmp_path / name, 4, squeezed=2, **arguments))
    info = video.info
    assert (info.width_px, info.height_px, info.pixel_aspect) == (clips.WIDTH, clips.HEIGHT, 0.5)
    assert clips.numbers(video, np.arange(4)) == [0, 1, 2, 3]


def test_a_display_size_of_matroska_counts(tmp_path: Path):
    path = clips.write(tmp_path / "a.webm", 3, "libvpx", {"crf": "4", "b": "1M"})
    # FFmpeg writes none here: it takes the space of the usual duration of a frame, eight bytes before the size.
    size = b"\xb0\x81" + bytes([clips.WIDTH]) + b"\xba\x81" + bytes([clips.HEIGHT])
    shown = b"\x54\xb0\x81" + bytes([clips.WIDTH // 2]) + b"\x54\xba\x81" + bytes([clips.HEIGHT])
    before, _, after = path.read_bytes().partition(b"\xe0\x86" + size)
    assert before[-8:-4] == b"\x23\xe3\x83\x84"
    path.write_bytes(before[:-8] + b"\xe0\x8e" + size + shown + after)
    info = clips.open_video(path).info
    assert (info.width_px, info.height_px, info.pixel_aspect) == (clips.WIDTH // 2, clips.HEIGHT, 0.5)


@pytest.mark.parametrize(
    ("matrix", "shown"),
    [
        pytest.param((1.5, 0, 0, 1), (clips.WIDTH * 3 // 2, clips.HEIGHT), id="scaled"),
        pytest.param((0, 1.5, -1, 0), (clips.HEIGHT, clips.WIDTH * 3 // 2), id="scaled and turned"),
    ],
)
def test_the_scale_in_the_header_of_a_track_counts(
    matrix: tuple[float, float, float, float], shown: tuple[int, int], tmp_path: Path
):
    path = clips.write(tmp_path / "a.mov", 3, "prores_ks", {}, pix_fmt="yuv422p10le")
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 44
    a, b, c, d = (round(value * 65536) for value in matrix)
    content[at : at + 20] = struct.pack(">5i", a, b, 0, c, d)
    path.write_bytes(content)
    info = clips.open_video(path).info
    assert (info.width_px, info.height_px, info.pixel_aspect) == (*shown, 1.5)


@pytest.mark.parametrize(
    ("stated", "aspect"),
    [(None, 1), (Fraction(4, 3), Fraction(4, 3)), (Fraction(1279, 1280), 1), (Fraction(1, 100), 1), (Fraction(9), 1)],
)
def test_the_shape_of_pixels_is_as_stated_unless_absurd(stated: Fraction | None, aspect: Fraction):
    frame = av.VideoFrame(90, 60, "rgb24")
    frame.opaque = stated
    assert display.pixel_aspect(frame) == aspect
    assert display.shown_width(frame) == 90 * aspect


@pytest.mark.parametrize("name", ["a.ts", "a.mkv"])
def test_each_frame_has_its_own_shape(tmp_path: Path, name: str):
    """A phone is turned in a call: the stream goes on with wide pictures after high ones."""
    path = clips.joined(
        tmp_path / name, clips.write(tmp_path / "1.ts", 5, rotation=90), clips.write(tmp_path / "2.ts", 4)
    )
    video = clips.open_video(path)
    assert video.info.decoder == "pyav"
    shapes = [window.frames.shape[:3] for window in windows(video, np.arange(9), batch=3)]
    high, wide = (clips.WIDTH, clips.HEIGHT), (clips.HEIGHT, clips.WIDTH)
    assert shapes == [(3, *high), (2, *high), (3, *wide), (1, *wide)]
    assert clips.numbers(video, np.arange(5, 9)) == [0, 1, 2, 3]


def test_large_pictures_make_small_windows(made: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch):
    module = importlib.import_module("fervideo.video.windows")
    monkeypatch.setattr(module, "_WINDOW_BYTES", 3 * clips.WIDTH * clips.HEIGHT * 3)
    video = clips.open_video(made("b_frames.mp4"))
    assert [len(window) for window in windows(video, np.arange(8))] == [3, 3, 2]
    monkeypatch.setattr(module, "_WINDOW_BYTES", 1)
    assert [len(window) for window in windows(video, np.arange(2))] == [1, 1]


@pytest.mark.parametrize("name", ["b_frames.mp4", "turned_90.mp4", "squeezed.mp4"])
@pytest.mark.parametrize("rotate", [90, 180, 270])
def test_a_picture_is_turned_further(made: Callable[[str], Path], name: str, rotate: int):
    plain, turned = (probe(made(name), VideoSettings(rotate=degrees)) for degrees in ("auto", rotate))
    (one,), (other,) = (list(windows(video, np.arange(2))) for video in (plain, turned))
    np.testing.assert_array_equal(np.rot90(other.frames, rotate // 90, axes=(1, 2)), one.frames)
    assert other.frames.shape[1:3] == (turned.info.height_px, turned.info.width_px)
    assert turned.info.rotation_deg == (plain.info.rotation_deg + rotate) % 360


@pytest.mark.parametrize(
    ("name", "turn"),
    [
        ("yuv420p", (False, 1, 1)),
        ("yuvj420p", (True, -1, 1)),
        ("yuv420p10le", (False, -1, -1)),
        ("yuv444p", (True, 1, 1)),
    ],
)
@pytest.mark.parametrize("sides", [(96, 64), (90, 66)])
@pytest.mark.parametrize("aspect", [None, Fraction(4, 3)])
def test_a_picture_shrunk_before_it_is_converted_is_the_same(
    name: str, turn: tuple[bool, int, int], sides: tuple[int, int], aspect: Fraction | None
):
    y, x = np.mgrid[: sides[1], : sides[0]]
    image = np.stack([40 + x / 2, 60 + y, 200 - x / 2], -1).astype(np.uint8)
    frame = av.VideoFrame.from_ndarray(image, "rgb24").reformat(format=name, dst_colorspace="itu709")
    frame.opaque = aspect
    whole, half = display.shown(frame, turn), display.shown(frame, turn, 2)
    picture = display.picture(frame, turn)
    assert picture.size_px == whole.shape[1::-1]
    assert half.shape == (whole.shape[0] // 2, whole.shape[1] // 2, 3)
    # Turned before it is shrunk: where sides are odd, the row that is left out is another.
    if not (whole.shape[0] % 2 or whole.shape[1] % 2):
        np.testing.assert_allclose(half.astype(int), crops.shrunk(whole, 2), atol=4)


def test_pq_is_made_as_bright_as_other_video(tmp_path: Path):
    """Grey of 10, 50, 100, 203 and 1000 cd/m2; half an 8-bit step of PQ is up to 2 of 255."""
    signal = np.array([0.30, 0.44, 0.508, 0.581, 0.752])
    stored = np.repeat(np.rint(64 + 876 * signal).astype(np.uint16), 16)
    frame = av.VideoFrame(80, 32, "yuv420p10le")
    for plane, row in zip(
        frame.planes, (stored, np.full(40, 512, np.uint16), np.full(40, 512, np.uint16)), strict=True
    ):
        lines = np.zeros((plane.height, plane.line_size // 2), np.uint16)
        lines[:, : len(row)] = row
        plane.update(lines.tobytes())
    assert display.shown(frame, (False, 1, 1))[16, 8::16, 0].tolist() == pytest.approx([77, 112, 129, 148, 192], abs=2)
    frame.color_trc, frame.colorspace, frame.color_range = 16, 9, 1
    assert not display.is_plain(frame)
    assert display.shown(frame, (False, 1, 1))[16, 8::16, 0].tolist() == pytest.approx([74, 142, 190, 243, 255], abs=3)


def test_pictures_that_are_too_large_are_refused(made: Callable[[str], Path], tmp_path: Path):
    pixels = clips.WIDTH * clips.HEIGHT
    for name in ("b_frames.mp4", "av1.mp4"):
        with pytest.raises(
            VideoError, match=r"128 x 64 pixels, more than 8,191 in all; .*video\.max_pixels=8192"
        ) as caught:
            probe(made(name), VideoSettings(max_pixels=pixels - 1))
        assert "\n" not in str(caught.value)
    assert probe(made("b_frames.mp4"), VideoSettings(max_pixels=pixels)).info.n_frames == clips.N
    with pytest.raises(VideoError, match="40000 x 2 pixels, more than 32766 on a side"):
        display.check_size(tmp_path, 40_000, 2, 10**6)


def test_side_data_that_nobody_knows_turns_nothing():
    class Frame:
        @property
        def side_data(self) -> None:
            raise ValueError("31 is not a valid Type")

    assert display.turning(Frame()) == ((False, 1, 1), 0)
