"""Frames of one segment, decoded a few at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fervideo.errors import DamagedVideo
from fervideo.records import SEGMENT_FRAMES, FrameWindow, Int64, UInt8
from fervideo.video.decoders import pictures
from fervideo.video.images import image_pictures
from fervideo.video.packets import REMEDY, Video
from fervideo.video.select import spread


def samples(video: Video, count: int) -> Iterator[UInt8]:
    """Decode some frames spread over a clip, up to the first that is damaged.

    Args:
        video: The opened video.
        count: Number of frames; short clips give fewer.

    Yields:
        uint8 (height, width, 3), RGB.
    """
    for index in spread(video, count):
        try:
            yield from (window.frames[0] for window in windows(video, np.array([index])))
        except DamagedVideo:
            return


def windows(video: Video, frame: Int64, batch: int = 32) -> Iterator[FrameWindow]:
    """Decode frames of one segment, in order, a few at a time; the frames are those of decoding from the start.

    Args:
        video: The opened video.
        frame: int64 (n,), rising frame indices: all that are wanted of a segment.
        batch: Frames in a window; the last may have fewer.

    Yields:
        The next frames, `batch` of them or those that are left.

    Raises:
        DamagedVideo: A frame cannot be decoded, or this is the last segment and the file lacks frames after it. All
            frames before that have been yielded.
    """
    info, sound = video.info, frame[frame < video.n_sound]
    decoded = image_pictures(video, sound) if info.decoder == "images" else pictures(video, sound)
    for start in range(0, len(sound), batch):
        index = sound[start : start + batch]
        frames, damage = _filled(decoded, (len(index), info.height_px, info.width_px, 3))
        if n := len(frames):
            yield FrameWindow(frames=frames, frame=index[:n], time_s=video.time_s[index[:n]])
        if damage:
            raise damage
    at_end = len(frame) and frame[-1] // SEGMENT_FRAMES == (info.n_frames - 1) // SEGMENT_FRAMES
    if len(sound) < len(frame) or (video.damage and video.n_sound == info.n_frames and at_end):
        raise DamagedVideo(info.path, video.damage, REMEDY)


def _filled(decoded: Iterator[UInt8], shape: tuple[int, ...]) -> tuple[UInt8, DamagedVideo | None]:
    """Return the next pictures as an array of a shape, cut off at a damaged one, and the error that this raised."""
    frames, n = np.empty(shape, np.uint8), 0
    try:
        while n < len(frames):
            frames[n] = next(decoded)
            n += 1
    except DamagedVideo as error:
        return frames[:n], error
    return frames, None
