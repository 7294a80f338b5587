"""Frames of one segment, decoded a few at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fervideo.records import Int64, UInt8
from fervideo.video.decoders import pictures
from fervideo.video.images import image_pictures
from fervideo.video.record import FrameWindow, Video
from fervideo.video.select import spread


def samples(video: Video, count: int) -> Iterator[UInt8]:
    """Decode some frames spread over a clip, without those that are damaged.

    Args:
        video: The opened video.
        count: Number of frames; short clips give fewer.

    Yields:
        uint8 (height, width, 3), RGB.
    """
    for index in spread(video, count):
        yield from (picture for window in windows(video, np.array([index])) for picture in window.frames)


def windows(video: Video, frame: Int64, batch: int = 32) -> Iterator[FrameWindow]:
    """Decode frames of one segment, in order, a few at a time; the frames are those of decoding from the start.

    Args:
        video: The opened video.
        frame: int64 (n,), rising frame indices: all that are wanted of a segment.
        batch: Frames in a window; the last may have fewer.

    Yields:
        The next frames, `batch` of them or those that are left; frames that cannot be decoded are listed as lost.
    """
    info = video.info
    decoded = image_pictures(video, frame) if info.decoder == "images" else pictures(video, frame)
    for start in range(0, len(frame), batch):
        wanted = frame[start : start + batch]
        frames = np.empty((len(wanted), info.height_px, info.width_px, 3), np.uint8)
        good: list[int] = []
        lost: dict[int, str] = {}
        for index, picture in zip(wanted.tolist(), decoded, strict=False):
            if isinstance(picture, str):
                lost[index] = picture
            else:
                frames[len(good)] = picture
                good.append(index)
        index = np.array(good, np.int64)
        yield FrameWindow(frames=frames[: len(good)], frame=index, time_s=video.time_s[index], lost=lost)
