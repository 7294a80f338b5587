"""From a stored frame to the picture that a player shows: RGB of eight bits, square pixels, upright.

A stored pixel need not be square: DV, HDV, DVD and many lab camcorders store pictures squeezed. The lines of a frame
stay as they are; its width is scaled. The container's ratio counts, or else that of each frame, as in FFmpeg's players.

PQ (SMPTE ST 2084) stores light up to 10,000 cd/m2, so a face lies in the dark part of its range. A tone curve puts it
where it lies in other video. HLG needs none: it was made to look right without one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.sidedata.sidedata import Type
from av.video.reformatter import ColorTrc, Interpolation

from fervideo import crops
from fervideo.errors import VideoError
from fervideo.pictures import Picture
from fervideo.records import Float64, UInt8

#: No real format goes beyond this ratio; a ratio within a hundredth of 1 is the rounding of some container.
_WIDEST, _NEARLY_SQUARE = 4, Fraction(1, 100)
#: OpenCV warps no picture that is longer.
_LONGEST_PX = 32_766
#: Light of PQ's white in an SDR picture, in cd/m2, and the share of it from which on brighter light is compressed.
_WHITE_CD_M2, _KNEE = 203.0, 0.7
#: Formats whose planes can be shrunk, those of nearly all cameras, and the kind of their numbers.
_PLANAR = {"yuv420p": np.uint8, "yuvj420p": np.uint8, "yuv420p10le": np.uint16}
#: Gamma of an SDR display (BT.1886).
_GAMMA = 2.4


class PixelShape:
    """Shape of the pixels of a stream's frames, which PyAV knows of streams only.

    Args:
        stream: The stream, before any of its frames is decoded.
    """

    def __init__(self, stream: av.VideoStream) -> None:
        self._stream = stream
        stated = stream.sample_aspect_ratio
        #: The ratio of the container where the coded stream does not have it, and whether its track's was looked for.
        self._stated = None if stated == stream.codec_context.sample_aspect_ratio else stated
        self._is_known = self._stated is None

    def note(self, frames: Iterable[av.VideoFrame]) -> Iterator[Any]:
        """Note the shape on each decoded frame, as `opaque`."""
        for frame in frames:
            if not self._is_known:
                # Once: a frame whose side data were read stays in memory until garbage is collected.
                self._stated, self._is_known = _track_aspect(frame) or self._stated, True
            frame.opaque = self._stated or self._stream.codec_context.sample_aspect_ratio
            yield frame


def _track_aspect(frame: av.VideoFrame) -> Fraction | None:
    """Return the shape of pixels where the matrix of an MP4 track scales them; None where it does not.

    FFmpeg's own ratio is that of the picture after the turn, and pixels are made square before it.
    """
    a, b, c, d = _display_matrix(frame) or (1, 0, 0, 1)
    across, down = math.hypot(a, b), math.hypot(c, d)
    aspect = Fraction(across / down).limit_denominator(1000) if across and down else Fraction(1)
    return None if abs(aspect - 1) <= _NEARLY_SQUARE else aspect


def _display_matrix(frame: av.VideoFrame) -> tuple[int, int, int, int] | None:
    """Return a, b, c, d: the pixel stored at (x, y) is shown at (a x + c y, b x + d y), y downwards."""
    try:
        sides: Any = frame.side_data
        matrix = sides.get(Type.DISPLAYMATRIX)
    except ValueError:
        # Side data of a kind that PyAV has no name for, such as EXIF of MJPEG.
        return None
    if matrix is None:
        return None
    a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32)[:5].tolist()
    return a, b, c, d


def pixel_aspect(frame: av.VideoFrame) -> Fraction:
    """Return the width of a frame's pixels by their height; 1 where it is unknown or absurd."""
    aspect: Any = frame.opaque or Fraction(1)
    near = abs(aspect - 1) <= _NEARLY_SQUARE or not Fraction(1, _WIDEST) <= aspect <= _WIDEST
    return Fraction(1) if near else aspect


def shown_width(frame: av.VideoFrame) -> int:
    """Return the width of a frame whose pixels are made square, before it is turned."""
    return max(round(frame.width * pixel_aspect(frame)), 1)


def is_plain(frame: av.VideoFrame) -> bool:
    """Check whether a frame has eight bits, square pixels, and no light that needs a tone curve."""
    deep = any(component.bits > 8 for component in frame.format.components)
    return not deep and pixel_aspect(frame) == 1 and frame.color_trc != ColorTrc.SMPTE2084


def check_size(path: Path, width: int, height: int, most_pixels: int) -> None:
    """Check that a picture is no larger than the settings allow, before memory is taken for it.

    Raises:
        VideoError: It is.
    """
    if width * height > most_pixels:
        reason = f"is {width} x {height} pixels, more than {most_pixels:,} in all"
        raise VideoError(path, reason, f"scale it down, or allow it: --set video.max_pixels={width * height}")
    if max(width, height) > _LONGEST_PX:
        raise VideoError(path, f"is {width} x {height} pixels, more than {_LONGEST_PX} on a side", "scale it down")


def turning(frame: av.VideoFrame) -> tuple[tuple[bool, int, int], int]:
    """Return the turn that the container wants, as `Video.turn` and as clockwise degrees (mirroring left out)."""
    a, b, c, d = _display_matrix(frame) or (1, 0, 0, 1)
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return (False, -1 if d < 0 else 1, -1 if a < 0 else 1), 180 if d < 0 else 0
    return (True, -1 if b < 0 else 1, -1 if c < 0 else 1), 270 if b < 0 else 90


def picture(frame: av.VideoFrame, turn: tuple[bool, int, int]) -> Picture:
    """Return a frame as a picture, which is converted at the size at which it is wanted."""
    width, height = shown_width(frame), frame.height
    return Picture((height, width) if turn[0] else (width, height), lambda factor: shown(frame, turn, factor))


def shown(frame: av.VideoFrame, turn: tuple[bool, int, int], factor: int = 1) -> UInt8:
    """Convert a frame to RGB with square pixels, and turn it upright.

    Args:
        frame: The frame, with the shape of its pixels as `PixelShape` left it.
        turn: As in `Video`.
        factor: By how much the sides are divided: 1, 2, 4 and so on.

    Returns:
        uint8 (height // factor, width // factor, 3).
    """
    width = shown_width(frame)
    curved = frame.color_trc == ColorTrc.SMPTE2084
    if factor > 1 and frame.format.name in _PLANAR and not (frame.width % (2 * factor) or frame.height % (2 * factor)):
        # Less is left to convert, and no large picture is made.
        frame, width, factor = _shrunk(frame, factor), width // factor, 1
    # decord's own flags, on one thread: the only ones that give its very bytes.
    how: Any = {"interpolation": int(Interpolation.BILINEAR), "threads": 1}
    if curved:
        rgb = _tone_curve()[frame.to_ndarray(format="rgb48le", width=width, height=frame.height, **how)]
    else:
        rgb = np.asarray(frame.to_ndarray(format="rgb24", width=width, height=frame.height, **how), np.uint8)
    rgb = crops.shrunk(rgb, factor)
    swap, rows, columns = turn
    upright: UInt8 = (rgb.swapaxes(0, 1) if swap else rgb)[::rows, ::columns]
    return upright


def _shrunk(frame: av.VideoFrame, factor: int) -> av.VideoFrame:
    """Shrink a frame of one of the formats `_PLANAR` before it is converted."""
    small = av.VideoFrame(frame.width // factor, frame.height // factor, frame.format.name)
    small.colorspace, small.color_range = frame.colorspace, frame.color_range
    for source, target in zip(frame.planes, small.planes, strict=True):
        pixels = crops.shrunk(_pixels(source, frame.format.name), factor)
        _pixels(target, frame.format.name)[:] = pixels
    return small


def _pixels(plane: Any, name: str) -> UInt8:
    """Return the pixels of a plane, uint8 or uint16 (height, width), in its own memory."""
    rows: UInt8 = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: plane.height]
    kind = np.dtype(_PLANAR[name])
    pixels: UInt8 = rows[:, : plane.width * kind.itemsize].view(kind)
    return pixels


@lru_cache(maxsize=1)
def _tone_curve() -> UInt8:
    """Return the SDR value of each PQ value: uint8 (65536,)."""
    signal: Float64 = np.linspace(0, 1, 65536) ** (32 / 2523)
    light = 10_000 * (np.maximum(signal - 3424 / 4096, 0) / (2413 / 128 - 2392 / 128 * signal)) ** (16384 / 2610)
    share = light / _WHITE_CD_M2
    room = 1 - _KNEE
    bent = np.where(share < _KNEE, share, 1 - room * np.exp(-np.maximum(share - _KNEE, 0) / room))
    curve: UInt8 = np.rint(255 * bent ** (1 / _GAMMA)).astype(np.uint8)
    return curve
