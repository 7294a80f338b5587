"""Small video files for tests, with each frame's number drawn into its picture."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import av
import numpy as np
import pytest

from fervideo.records import Int64, UInt8
from fervideo.settings import VideoSettings
from fervideo.video import Video, probe, windows

WIDTH, HEIGHT, BLOCK = 128, 64, 16
#: Encoder options. Three B-frames in a row and a keyframe every 24 frames, unless the name differs.
B_FRAMES = {"x264-params": "bframes=3:b-adapt=0:keyint=24:min-keyint=24:scenecut=0"}
LONG_GOP = {"x264-params": "bframes=3:b-adapt=0:keyint=infinite:scenecut=0"}
OPEN_GOP = {"x264-params": "bframes=3:b-adapt=0:keyint=24:min-keyint=24:scenecut=0:open-gop=1"}
INTRA_REFRESH = {"x264-params": "bframes=0:keyint=24:intra-refresh=1"}
AV1 = {"preset": "8", "g": "20", "crf": "10"}
HEVC_OPEN_GOP = {"x265-params": "bframes=3:b-adapt=0:keyint=24:min-keyint=24:scenecut=0:open-gop=1:log-level=none"}
MS = Fraction(1, 1000)
#: Frames of each of FILES.
N = 60
#: Files whose frames hide, overlap, turn or refuse to be counted: name, then arguments of `write`.
FILES = {
    "b_frames.mp4": {},
    "b_frames.mkv": {},
    "b_frames.ts": {},
    "b_frames.avi": {},
    "long_gop.mp4": {"options": LONG_GOP},
    "open_gop.mp4": {"options": OPEN_GOP},
    "open_gop.mkv": {"options": OPEN_GOP},
    "intra_refresh.mp4": {"options": INTRA_REFRESH},
    "all_intra.mp4": {"options": {"g": "1"}},
    "tiny_gop.mp4": {"options": {"x264-params": "keyint=2:min-keyint=1:bframes=1:b-adapt=0"}},
    "hevc_open_gop.mp4": {"codec": "libx265", "options": HEVC_OPEN_GOP},
    "fragments.mp4": {"container_options": {"movflags": "frag_keyframe+empty_moov"}},
    "hidden.mp4": {"hidden": 5},
    "late.mp4": {"pts": range(500, 500 + 40 * 60, 40), "time_base": MS},
    "mpeg4.mp4": {"codec": "mpeg4", "options": {"bf": "2", "g": "12"}},
    "mpeg4.avi": {"codec": "mpeg4", "options": {"bf": "2", "g": "12"}},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"g": "20", "cpu-used": "8", "deadline": "realtime"}},
    "av1.mp4": {"codec": "libsvtav1", "options": AV1},
    "ten_bit.mp4": {"pix_fmt": "yuv420p10le"},
    "squeezed.mp4": {"squeezed": 2},
    "turned_90.mp4": {"rotation": 90},
    "turned_180.mp4": {"rotation": 180},
    "turned_270.mp4": {"rotation": 270},
}
needs_decord = pytest.mark.skipif(find_spec("decord") is None, reason="decord has no wheel for this platform")


def picture(index: int) -> UInt8:
    """Draw a frame's number: 16 blocks for its bits, 16 below for the opposite ones, over a moving ramp."""
    bits = (index >> np.arange(16)) & 1
    blocks = np.concatenate([bits, 1 - bits]).reshape(4, 8)
    image = np.kron(blocks, np.ones((BLOCK, BLOCK))) * 160 + 16
    image += (np.arange(WIDTH) + 5 * index) % 64
    return np.repeat(image.astype(np.uint8)[..., None], 3, axis=2)


def number(image: UInt8) -> int:
    """Read the number that `picture` drew; -1 where the picture is not upright or not whole."""
    height, width = image.shape[:2]
    if (height, width) != (HEIGHT, WIDTH):
        return -1
    blocks = image.mean(2).reshape(4, BLOCK, 8, BLOCK)[:, 4:-4, :, 4:-4].mean((1, 3)).ravel() > 127
    bits, opposite = blocks[:16], blocks[16:]
    return int((bits << np.arange(16)).sum()) if (bits != opposite).all() else -1


def write(
    path: Path,
    n: int,
    codec: str = "libx264",
    options: Mapping[str, str] = B_FRAMES,
    rate: Fraction | int = 25,
    pts: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    rotation: int = 0,
    container_options: Mapping[str, str] | None = None,
    hidden: int = 0,
    pix_fmt: str = "yuv420p",
    squeezed: int = 1,
    colours: Mapping[str, int] | None = None,
) -> Path:
    """Write a clip of numbered pictures.

    Args:
        path: The file to write; its suffix decides the container.
        n: Frames.
        codec: FFmpeg's encoder.
        options: The encoder's options.
        rate: Frames per second.
        pts: Presentation times in `time_base`, for a variable rate or a late start; by default the frame's number.
        time_base: Unit of `pts`; by default 1 / rate.
        rotation: Clockwise degrees that turn the stored pictures upright.
        container_options: The muxer's options.
        hidden: Frames before the first one that an edit list hides; they are numbered from 1000.
        pix_fmt: Pixel format.
        squeezed: Stored pixels that make one shown pixel; the file notes that they are so much higher than wide.
        colours: Attributes of the encoder that describe colours, such as `color_trc`.
    """
    base = time_base or 1 / Fraction(rate)
    turns = rotation // 90
    with av.open(str(path), "w", options=dict(container_options or {})) as container:
        stream = container.add_stream(codec, rate=rate, options=dict(options))
        width, stream.height = (HEIGHT, WIDTH) if turns % 2 else (WIDTH, HEIGHT)
        stream.width = width * squeezed
        if squeezed > 1:
            stream.codec_context.sample_aspect_ratio = Fraction(1, squeezed)
        for name, value in (colours or {}).items():
            setattr(stream.codec_context, name, value)
        stream.pix_fmt, stream.time_base, stream.codec_context.time_base = pix_fmt, base, base
        stream.codec_context.thread_count = 1
        if rotation:
            stream.set_display_rotation(-rotation)
        for i in range(-hidden, n):
            # rot90 turns anticlockwise, the display matrix turns it back.
            image = np.rot90(picture(i if i >= 0 else 1000 - i), turns).repeat(squeezed, axis=1)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            frame.pts, frame.time_base = (i if pts is None else pts[i]), base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_sound(path: Path) -> Path:
    """Write a file of a second of silence."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        for _ in range(16):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate = 16000
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def ffmpeg(*arguments: str | Path) -> None:
    """Run the ffmpeg binary; skip the test if there is none."""
    if not (binary := shutil.which("ffmpeg")):
        pytest.skip("no ffmpeg binary")
    subprocess.run([binary, "-v", "error", "-y", *map(str, arguments)], check=True)


def packet_spans(path: Path) -> dict[int, tuple[int, int]]:
    """Map each frame, in order of presentation, to its packet's first byte in the file and its length."""
    with av.open(str(path)) as container:
        packets = sorted((p.pts, p.pos, p.size) for p in container.demux(video=0) if p.size and not p.is_discard)
    return {i: (position, size) for i, (_, position, size) in enumerate(packets)}


def overwritten(path: Path, start: int, data: bytes) -> Path:
    """Write a copy in which some bytes are replaced."""
    content = bytearray(path.read_bytes())
    content[start : start + len(data)] = data
    copy = path.with_stem(f"{path.stem}_damaged")
    copy.write_bytes(content)
    return copy


def cut(path: Path, size: int) -> Path:
    """Write a copy of a file's first bytes."""
    copy = path.with_stem(f"{path.stem}_cut")
    copy.write_bytes(path.read_bytes()[:size])
    return copy


def open_video(path: Path, decoder: str = "auto") -> Video:
    return probe(path, VideoSettings(decoder=decoder))


def numbers(video: Video, frame: Int64) -> list[int]:
    """Read the numbers of frames."""
    return [number(image) for window in windows(video, frame, batch=8) for image in window.frames]


def readable(video: Video) -> tuple[list[int], dict[int, str]]:
    """Read the numbers of all frames that can be decoded, and the reasons of those that cannot."""
    found, lost = [], {}
    for window in windows(video, np.arange(video.info.n_frames)):
        found += [number(image) for image in window.frames]
        lost |= window.lost
    return found, lost


def joined(path: Path, *parts: Path) -> Path:
    """Write the coded pictures of files of one codec behind one another, 25 a second, as they are."""
    with av.open(str(path), "w") as container:
        out, n = None, 0
        for part in parts:
            with av.open(str(part)) as source:
                out = out or container.add_stream_from_template(source.streams.video[0])
                first = None
                for packet in source.demux(video=0):
                    if not packet.size:
                        continue
                    first = packet.dts if first is None else first
                    shift = round(Fraction(n, 25) / packet.time_base) - first
                    packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, out
                    container.mux(packet)
                n += sum(1 for packet in av.open(str(part)).demux(video=0) if packet.size)
    return path
