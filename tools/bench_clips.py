"""Clips that tools/bench.py makes of one clip: as phones record it, with four faces, and many short ones."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np

#: Name, width, height, seconds and faces a side of each clip that is scaled.
SCALED = (("1080p", 1920, 1080, 20, 1), ("2160p", 3840, 2160, 10, 1), ("1080p-4-faces", 1920, 1080, 10, 2))
#: Frames per second of these, as phones have them.
RATE = 30
#: Short clips, and their seconds.
SHORT, SHORT_S = 300, 3


def phone_clips(clip: Path, scratch: Path) -> list[Path]:
    """Write the clips of `SCALED`."""
    return [scaled(clip, scratch / f"{name}.mp4", *how) for name, *how in SCALED]


def scaled(clip: Path, target: Path, width: int, height: int, seconds: int, faces: int) -> Path:
    """Repeat a clip, enlarged and `faces` times side by side and below each other, as H.264 with x264's defaults."""
    with av.open(str(target), "w") as out:
        stream: Any = out.add_stream("libx264", rate=RATE, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in islice(_repeated(clip), seconds * RATE):
            image = frame.to_ndarray(format="rgb24", width=width // faces, height=height // faces)
            tiled = av.VideoFrame.from_ndarray(np.tile(image, (faces, faces, 1)), format="rgb24")
            out.mux(stream.encode(tiled))
        out.mux(stream.encode(None))
    return target


def short_clips(clip: Path, scratch: Path) -> Path:
    """Write a folder of short clips of equal pictures and different bytes, so that no cache helps.

    Returns:
        The folder.
    """
    folder = scratch / f"{SHORT}-clips"
    folder.mkdir()
    first = scaled(clip, folder / "000.mp4", 640, 360, SHORT_S, 1)
    for number in range(1, SHORT):
        # A box of a kind that readers skip.
        mark = number.to_bytes(8, "big")
        (folder / f"{number:03}.mp4").write_bytes(first.read_bytes() + (16).to_bytes(4, "big") + b"free" + mark)
    return folder


def _repeated(clip: Path) -> Iterator[Any]:
    while True:
        with av.open(str(clip)) as container:
            yield from container.decode(video=0)
