"""Frames of one segment, decoded a few at a time."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from fervideo.records import Int64, UInt8
from fervideo.video.decoders import pictures
from fervideo.video.images import image_pictures
from fervideo.video.record import FrameWindow, Video
from fervideo.video.select import spread

#: Memory that a window may fill: 32 frames of 1080p, 2 of 8K.
_WINDOW_BYTES = 256 * 2**20


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

    A window contains pictures of one shape: where a stream changes its shape, the next window begins.

    Args:
        video: The opened video.
        frame: int64 (n,), rising frame indices: all that are wanted of a segment.
        batch: Most frames in a window; large pictures make fewer.

    Yields:
        The next frames. Those that cannot be decoded are listed as lost.
    """
    decoded = image_pictures(video, frame) if video.info.decoder == "images" else pictures(video, frame)
    stack, good, lost = np.empty((0, 0, 0, 3), np.uint8), list[int](), dict[int, str]()
    for index, picture in zip(frame.tolist(), map(partial(_cropped, video), decoded), strict=False):
        if isinstance(picture, str):
            lost[index] = picture
            continue
        if good and (len(good) == len(stack) or picture.shape != stack.shape[1:]):
            yield _window(video, stack, good, lost)
            good, lost = [], {}
        if not good:
            most = min(batch, max(_WINDOW_BYTES // picture.nbytes, 1))
            stack = np.empty((most, *picture.shape), np.uint8)
        stack[len(good)] = picture
        good.append(index)
    if good or lost:
        yield _window(video, stack, good, lost)


def _cropped(video: Video, picture: UInt8 | str) -> UInt8 | str:
    """Return the region of a picture that is read; a reason where the picture lacks it, or is a reason itself."""
    if video.region is None or isinstance(picture, str):
        return picture
    x, y, w, h = video.region
    height, width = picture.shape[:2]
    if x + w > width or y + h > height:
        return f"its picture of {width} x {height} px lacks the region"
    return picture[y : y + h, x : x + w]


def _window(video: Video, stack: UInt8, good: list[int], lost: dict[int, str]) -> FrameWindow:
    """Make a window of the pictures at the start of a stack, turned as the settings want them."""
    frames, index = stack[: len(good)], np.array(good, np.int64)
    if video.rotate_deg:
        frames = np.ascontiguousarray(np.rot90(frames, -video.rotate_deg // 90, axes=(1, 2)))
    return FrameWindow(frames=frames, frame=index, time_s=video.time_s[index], lost=lost)
