"""A video file as a record: every frame's time and where decoding may start, and no open file."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fervideo.records import Bool, Float64, Int64, UInt8, VideoInfo
from fervideo.settings.values import Region
from fervideo.shaped import Shaped, check_array

#: Remedy for a file with frames that cannot be decoded.
REMEDY = "fetch or export the file again; the other frames are good"
#: Reason why a frame is lost where nothing more is known.
DAMAGED = "its data are damaged"


@dataclass(frozen=True, repr=False)
class Video(Shaped):
    """A video file with the position of its every frame, and no open file.

    Attributes:
        info: The facts of the file.
        time_s: float64 (T,), presentation times; the first frame has 0.
        pts: int64 (T,), presentation times in the container's own clock, rising.
        packet: int64 (T,), the number of each frame's packet in the file.
        sound: bool (T,), False for frames that damage reaches which is known from the packets.
        entry: int64 (E,), frames at which decoding may start; the first is 0, read from the start of the file.
        entry_packet: int64 (E,), the numbers of their packets: decord's frame numbers.
        entry_position: int64 (E,), the first byte of each of these packets in the file, -1 where it is unknown.
        keys: int64 (K,), numbers of the packets at which decoding may go on after damage, rising.
        turn: Whether a stored frame's axes are swapped to turn it as the container wants, then its steps (1 or -1)
            through rows and columns.
        notes: Facts that a reader of the results should know, one sentence each.
        state: Size and time of the last change of the file, when it was opened.
        max_pixels: Most pixels that a frame may have; larger ones count as damaged.
        rotate_deg: Clockwise turn after that of the container, which that lacks: 0, 90, 180 or 270.
        region: Part of each picture that is read, before that turn; None for all of it.
    """

    info: VideoInfo
    time_s: Float64
    pts: Int64
    packet: Int64
    sound: Bool
    entry: Int64
    entry_packet: Int64
    entry_position: Int64
    keys: Int64
    turn: tuple[bool, int, int]
    notes: tuple[str, ...]
    state: tuple[int, int]
    max_pixels: int
    rotate_deg: int = 0
    region: Region | None = None

    def __post_init__(self) -> None:
        check_array(self, "time_s", np.float64, (self.info.n_frames,))
        check_array(self, "sound", np.bool_, (self.info.n_frames,))
        for name in ("pts", "packet"):
            check_array(self, name, np.int64, (self.info.n_frames,))
        for name in ("entry", "entry_packet", "entry_position"):
            check_array(self, name, np.int64, (len(self.entry),))

    def rotated(self, degrees: int) -> Video:
        """Return the same video, turned clockwise by 0, 90, 180 or 270 degrees more."""
        info, sideways = self.info, degrees % 180 != 0
        size = (info.height_px, info.width_px) if sideways else (info.width_px, info.height_px)
        turned = replace(info, width_px=size[0], height_px=size[1], rotation_deg=(info.rotation_deg + degrees) % 360)
        return replace(self, info=turned, rotate_deg=(self.rotate_deg + degrees) % 360)

    @property
    def corner_px(self) -> tuple[int, int]:
        """Position of the turned region in the turned picture: x and y of its upper left corner."""
        if self.region is None:
            return 0, 0
        x, y, w, h = self.region
        width, height = self.info.width_px, self.info.height_px
        return {0: (x, y), 90: (width - y - h, x), 180: (width - x - w, height - y - h), 270: (y, height - x - w)}[
            self.rotate_deg
        ]


@dataclass(frozen=True, repr=False)
class FrameWindow(Shaped):
    """Consecutive decoded frames of one shape.

    Attributes:
        frames: uint8 (n, height, width, 3), RGB, upright, with square pixels.
        frame: int64 (n,), 0-based index in the file.
        time_s: float64 (n,), presentation time; the file's first frame has 0.
        lost: Reasons by index, for frames that were wanted after the window before and cannot be decoded.
    """

    frames: UInt8
    frame: Int64
    time_s: Float64
    lost: dict[int, str]

    def __post_init__(self) -> None:
        check_array(self, "frames", np.uint8, (None, None, None, 3))
        check_array(self, "frame", np.int64, (len(self.frames),))
        check_array(self, "time_s", np.float64, (len(self.frames),))

    def __len__(self) -> int:
        return len(self.frame)
