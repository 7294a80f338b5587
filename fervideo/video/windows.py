"""Frames of one segment, decoded one by one or a few at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fervideo.pictures import Picture
from fervideo.records import Int64, UInt8
from fervideo.video import decoders
from fervideo.video.images import image_pictures
from fervideo.video.record import FrameWindow, Video
from fervideo.video.select import spread

#: Memory that a window may fill: 32 frames of 1080p, 2 of 8K.
_WINDOW_BYTES = 256 * 2**20


def pictures(video: Video, frame: Int64) -> Iterator[tuple[int, Picture | str]]:
    """Decode frames of one segment, in order; the frames are those of decoding from the start.

    Args:
        video: The opened video.
        frame: int64 (n,), rising frame indices: all that are wanted of a segment.

    Yields:
        The index of each frame and its picture, upright; or the reason why it cannot be decoded.
    """
    decoded = image_pictures(video, frame) if video.info.decoder == "images" else decoders.pictures(video, frame)
    for index, picture in zip(frame.tolist(), decoded, strict=False):
        picture = _region(video, picture)
        yield index, picture if isinstance(picture, str) else picture.turned(video.rotate_deg)


def _region(video: Video, picture: Picture | str) -> Picture | str:
    """Return the region of a picture that is read; a reason where the picture lacks it, or is a reason itself."""
    if video.region is None or isinstance(picture, str):
        return picture
    x, y, w, h = video.region
    width, height = picture.size_px
    first = video.info.width_px, video.info.height_px
    # The position of a turned region depends on the shape of the picture.
    is_elsewhere = video.rotate_deg and picture.size_px != (first[::-1] if video.rotate_deg % 180 else first)
    if x + w > width or y + h > height or is_elsewhere:
        return f"its picture of {width} x {height} px lacks the region"
    return picture.part(x, y, w, h)


def samples(video: Video, count: int) -> Iterator[Picture]:
    """Decode some frames spread over a clip, without those that are damaged.

    Args:
        video: The opened video.
        count: Number of frames; short clips give fewer.
    """
    yield from (picture for _, picture in scattered(video, spread(video, count)))


def scattered(video: Video, frame: Int64) -> Iterator[tuple[int, Picture]]:
    """Decode frames that may lie far apart, without those that are damaged.

    Args:
        video: The opened video.
        frame: int64 (n,), rising frame indices.

    Yields:
        The index of each frame and its picture, upright.
    """
    entry = np.searchsorted(video.entry, frame, "right")
    # The file is not read from one entry to the next.
    for near in np.split(frame, np.flatnonzero(np.diff(entry)) + 1) if len(frame) else ():
        for index, picture in pictures(video, near):
            if isinstance(picture, Picture):
                yield index, picture


def windows(video: Video, frame: Int64, batch: int = 32) -> Iterator[FrameWindow]:
    """Decode frames of one segment as arrays, in order, a few at a time, as `pictures` does one by one.

    A window contains pictures of one shape: where a stream changes its shape, the next window begins.

    Args:
        video: The opened video.
        frame: int64 (n,), rising frame indices: all that are wanted of a segment.
        batch: Most frames in a window; large pictures make fewer.

    Yields:
        The next frames. Those that cannot be decoded are listed as lost.
    """
    good, lost = dict[int, UInt8](), dict[int, str]()
    for index, picture in pictures(video, frame):
        if isinstance(picture, str):
            lost[index] = picture
            continue
        image = picture.at(1)
        if good:
            first = next(iter(good.values()))
            most = min(batch, max(_WINDOW_BYTES // first.nbytes, 1))
            if len(good) == most or first.shape != image.shape:
                yield _window(video, good, lost)
                good, lost = {}, {}
        good[index] = image
    if good or lost:
        yield _window(video, good, lost)


def _window(video: Video, good: dict[int, UInt8], lost: dict[int, str]) -> FrameWindow:
    index = np.array(list(good), np.int64)
    frames = np.stack(list(good.values())) if good else np.empty((0, 0, 0, 3), np.uint8)
    return FrameWindow(frames=frames, frame=index, time_s=video.time_s[index], lost=lost)
