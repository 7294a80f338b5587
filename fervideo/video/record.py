"""A video file as a record: every frame's time and where decoding may start, and no open file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fervideo.records import Float64, Int64, Shaped, VideoInfo, check_array

#: Remedy for a file that is damaged from some frame on.
REMEDY = "fetch or export the file again; the frames before are good"


@dataclass(frozen=True, repr=False)
class Video(Shaped):
    """A video file with the position of its every frame, and no open file.

    Attributes:
        info: The facts of the file.
        time_s: float64 (T,), presentation times; the first frame has 0.
        pts: int64 (T,), presentation times in the container's own clock, rising.
        decoding: int64 (T,), frame indices in the order in which they are decoded.
        entry: int64 (E,), frames at which decoding may start; the first is 0, read from the start of the file.
        entry_packet: int64 (E,), indices of their packets by presentation time, hidden packets counted: decord's frame
            numbers.
        turn: Whether a stored frame's axes are swapped to turn it upright, then its steps (1 or -1) through rows and
            columns.
        counted: Whether the container has no times, so that frames are known by counting only.
        n_sound: Frames before the first one whose packet, or a packet decoded before it, is known to be damaged.
        damage: The damage from there on, or the frames missing after the last; empty where there is none.
    """

    info: VideoInfo
    time_s: Float64
    pts: Int64
    decoding: Int64
    entry: Int64
    entry_packet: Int64
    turn: tuple[bool, int, int]
    counted: bool
    n_sound: int
    damage: str

    def __post_init__(self) -> None:
        check_array(self, "time_s", np.float64, (self.info.n_frames,))
        for name in ("pts", "decoding"):
            check_array(self, name, np.int64, (self.info.n_frames,))
        for name in ("entry", "entry_packet"):
            check_array(self, name, np.int64, (len(self.entry),))
