"""Every container, codec, pixel format and size that people bring: the same numbers, the same colours."""

from pathlib import Path

import av
import clips
import numpy as np
import pytest

from fervideo.video import windows

#: File name, FFmpeg's encoder, pixel format, options of the encoder.
FORMATS = [
    ("h264.mp4", "libx264", "yuv420p", {}),
    ("h264.mov", "libx264", "yuv422p", {}),
    ("h264.m4v", "libx264", "yuv444p", {}),
    ("h264.mkv", "libx264", "gray", {}),
    ("h264.m2ts", "libx264", "yuv420p", {}),
    ("h264.flv", "libx264", "yuvj420p", {}),
    ("h264.avi", "libx264", "yuv420p", {}),
    ("rgb.mp4", "libx264rgb", "rgb24", {}),
    ("hevc.mp4", "libx265", "yuv420p", {"x265-params": "log-level=none"}),
    ("hevc10.mkv", "libx265", "yuv420p10le", {"x265-params": "log-level=none"}),
    ("vp8.webm", "libvpx", "yuv420p", {"crf": "4", "b": "1M"}),
    ("vp9.webm", "libvpx-vp9", "yuv420p", {"cpu-used": "8", "deadline": "realtime"}),
    ("vp9.mkv", "libvpx-vp9", "yuv444p", {"cpu-used": "8", "deadline": "realtime"}),
    ("av1.mp4", "libsvtav1", "yuv420p", clips.AV1),
    ("mpeg4.mp4", "mpeg4", "yuv420p", {}),
    ("mpeg4.3gp", "mpeg4", "yuv420p", {}),
    ("divx.avi", "msmpeg4", "yuv420p", {}),
    ("mpeg2.mpg", "mpeg2video", "yuv420p", {}),
    ("mpeg2.vob", "mpeg2video", "yuv420p", {}),
    ("mpeg2.ts", "mpeg2video", "yuv422p", {}),
    ("mpeg1.mpeg", "mpeg1video", "yuv420p", {}),
    ("mjpeg.avi", "mjpeg", "yuvj420p", {}),
    ("mjpeg.mov", "mjpeg", "yuvj422p", {}),
    ("prores.mov", "prores_ks", "yuv422p10le", {}),
    ("flv.flv", "flv", "yuv420p", {}),
    ("wmv1.asf", "wmv1", "yuv420p", {}),
    ("wmv2.wmv", "wmv2", "yuv420p", {}),
    ("lossless.mkv", "ffv1", "yuv420p", {}),
    ("lossless.avi", "huffyuv", "yuv422p", {}),
    ("raw.avi", "rawvideo", "bgr24", {}),
    ("raw.nut", "rawvideo", "yuv420p", {}),
    ("screen.mov", "qtrle", "rgb24", {}),
    ("a.gif", "gif", "gray", {}),
]
#: Colours of the left and the right half.
LEFT, RIGHT = (200, 60, 40), (40, 90, 190)


@pytest.mark.parametrize(("name", "codec", "pix_fmt", "options"), FORMATS, ids=[row[0] for row in FORMATS])
def test_frames_of_every_format(tmp_path: Path, name: str, codec: str, pix_fmt: str, options: dict[str, str]):
    path = clips.write(tmp_path / name, 4, codec, options, pix_fmt=pix_fmt)
    video = clips.open_video(path)
    assert clips.numbers(video, np.arange(4)) == [0, 1, 2, 3]
    assert (video.info.n_frames, video.info.holes, video.info.ends_early) == (4, "", "")
    assert video.sound.all()


def coloured(
    path: Path, codec: str, pix_fmt: str, space: int, full: bool, size: tuple[int, int] = (64, 48), fields: bool = False
) -> Path:
    """Write two frames of two colours, coded with a matrix (1: BT.709, 5: BT.601, 9: BT.2020) and a range."""
    width, height = size
    image = np.empty((height, width, 3), np.uint8)
    image[:, : width // 2], image[:, width // 2 :] = LEFT, RIGHT
    options = {"x264-params": "interlaced=1"} if fields else {}
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options={"qp": "4"} | options)
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        context = stream.codec_context
        context.colorspace, context.color_range = space, 2 if full else 1
        for index in range(2):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(
                format=pix_fmt, dst_colorspace=space, dst_color_range=2 if full else 1
            )
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le"])
@pytest.mark.parametrize("space", [1, 5, 9])
@pytest.mark.parametrize("full", [False, True])
def test_colours_survive_every_matrix_and_range(tmp_path: Path, pix_fmt: str, space: int, full: bool):
    video = clips.open_video(coloured(tmp_path / "a.mp4", "libx264", pix_fmt, space, full))
    (window,) = windows(video, np.arange(2))
    assert np.abs(window.frames[:, 24, 8].astype(int) - LEFT).max() < 8
    assert np.abs(window.frames[:, 24, 56].astype(int) - RIGHT).max() < 8


@pytest.mark.parametrize(("width", "height", "pix_fmt"), [(16, 16, "yuv420p"), (641, 361, "yuv444p")])
def test_odd_sizes(tmp_path: Path, width: int, height: int, pix_fmt: str):
    video = clips.open_video(coloured(tmp_path / "a.mp4", "libx264", pix_fmt, 1, False, (width, height)))
    (window,) = windows(video, np.arange(2))
    assert window.frames.shape == (2, height, width, 3)
    assert np.abs(window.frames[:, 0, 0].astype(int) - LEFT).max() < 24
    assert np.abs(window.frames[:, -1, -1].astype(int) - RIGHT).max() < 24


def test_interlaced_video_keeps_its_lines(tmp_path: Path):
    video = clips.open_video(coloured(tmp_path / "a.mp4", "libx264", "yuv420p", 1, False, fields=True))
    (window,) = windows(video, np.arange(2))
    assert np.abs(window.frames[:, :, 8].astype(int) - LEFT).max() < 8
