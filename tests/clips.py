"""Small video files for tests, whose pictures say which frame they are."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from fervideo.records import UInt8

WIDTH, HEIGHT, BLOCK = 128, 64, 16
#: Encoder options. Three B-frames in a row and a keyframe every 24 frames, unless the name says otherwise.
B_FRAMES = {"x264-params": "bframes=3:b-adapt=0:keyint=24:min-keyint=24:scenecut=0"}
LONG_GOP = {"x264-params": "bframes=3:b-adapt=0:keyint=infinite:scenecut=0"}
OPEN_GOP = {"x264-params": "bframes=3:b-adapt=0:keyint=24:min-keyint=24:scenecut=0:open-gop=1"}
INTRA_REFRESH = {"x264-params": "bframes=0:keyint=24:intra-refresh=1"}
AV1 = {"preset": "8", "g": "20", "crf": "10"}
HEVC_OPEN_GOP = {"x265-params": "bframes=3:b-adapt=0:keyint=24:min-keyint=24:scenecut=0:open-gop=1:log-level=none"}


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
) -> Path:
    """Write a clip of numbered pictures.

    Args:
        path: Where to; the suffix decides the container.
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
    """
    base = time_base or 1 / Fraction(rate)
    turns = rotation // 90
    with av.open(str(path), "w", options=dict(container_options or {})) as container:
        stream = container.add_stream(codec, rate=rate, options=dict(options))
        stream.width, stream.height = (HEIGHT, WIDTH) if turns % 2 else (WIDTH, HEIGHT)
        stream.pix_fmt, stream.time_base, stream.codec_context.time_base = pix_fmt, base, base
        stream.codec_context.thread_count = 1
        if rotation:
            stream.set_display_rotation(-rotation)
        for i in range(-hidden, n):
            # rot90 turns anticlockwise, the display matrix turns it back.
            image = np.rot90(picture(i if i >= 0 else 1000 - i), turns)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            frame.pts, frame.time_base = (i if pts is None else pts[i]), base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_sound(path: Path) -> Path:
    """Write a second of silence."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        for _ in range(16):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate = 16000
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def ffmpeg(*arguments: str | Path) -> None:
    """Run the ffmpeg binary; skip the test where there is none."""
    if not (binary := shutil.which("ffmpeg")):
        pytest.skip("no ffmpeg binary")
    subprocess.run([binary, "-v", "error", "-y", *map(str, arguments)], check=True)


def packet_places(path: Path) -> dict[int, tuple[int, int]]:
    """Map each frame, in order of presentation, to its packet's place in the file: first byte and length."""
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
