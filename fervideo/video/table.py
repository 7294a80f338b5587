"""The time table of a video file: when each frame is shown, and where decoding may start, from its packets.

Frames and packets are one to one in most files, and a packet's stamp is its frame's time. Otherwise the file is decoded
once for the order of its frames. Stamps that lack, repeat or fall are unknown: those frames are placed between their
neighbours, and all other stamps stay.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from fervideo.errors import VideoError, counted
from fervideo.records import Bool, Float64, Int64
from fervideo.shaped import Shaped
from fervideo.video.packets import Listing, Packet, decode, demuxed, drained, numbered, opened, without_times

#: Frames on either side of a stamp that falls, whose medians decide whether the clock was set back there.
_AROUND = 5


@dataclass(frozen=True, repr=False)
class Table(Shaped):
    """The time table of a file; the arrays are those of `Video`.

    Attributes:
        pts: int64 (T,), presentation times in ticks, rising.
        tick_s: Unit of the container's clock.
        last_duration: Ticks for which the last frame is shown.
        n_placed: Frames whose stamps are unknown, and which were placed between their neighbours.
        exact: Whether each packet has a frame, and a presentation time of its own.
    """

    pts: Int64
    packet: Int64
    sound: Bool
    entry: Int64
    entry_packet: Int64
    keys: Int64
    tick_s: Fraction
    last_duration: int
    n_placed: int
    exact: bool

    @property
    def time_s(self) -> Float64:
        """Presentation times, float64 (T,); the first frame has 0."""
        time_s: Float64 = (self.pts - self.pts[0]) * float(self.tick_s)
        return time_s

    @property
    def duration_s(self) -> float:
        return float((int(self.pts[-1] - self.pts[0]) + self.last_duration) * self.tick_s)

    @property
    def mean_fps(self) -> float:
        if len(self.pts) > 1:
            return 1 / (self._step * float(self.tick_s))
        return len(self.pts) / self.duration_s if self.duration_s else 0.0

    @property
    def variable_rate(self) -> bool:
        """Whether frames leave a constant rate: rounding to the container's clock moves a time by one tick at most."""
        return bool(np.abs(self.pts - self.pts[0] - self._step * np.arange(len(self.pts))).max() > 1)

    @property
    def _step(self) -> float:
        return float(self.pts[-1] - self.pts[0]) / max(len(self.pts) - 1, 1)

    @property
    def note(self) -> str:
        """Report of frames that were placed; empty without any."""
        if not self.n_placed:
            return ""
        frames = counted(self.n_placed, "time stamp")
        return f"{frames} of {len(self.pts)} missing or repeated: placed between their neighbours"


def time_table(path: Path, listing: Listing, first: list[int], most_pixels: int) -> Table:
    """Find the order of the frames of a file, and their times.

    Args:
        path: The file.
        listing: Its packets.
        first: Numbers of the packets of its first frames, as decoded.
        most_pixels: Most pixels that a frame may have.

    Raises:
        VideoError: No frame is presented.
        av.FFmpegError: The file has to be decoded, and cannot be opened.
    """
    stamps = [packet.pts for packet in listing.packets]
    known = [stamp for stamp in stamps if stamp is not None]
    hidden = {packet.number for packet in listing.packets if packet.hidden}
    exact = not listing.timeless and len(set(known)) == len(stamps)
    if exact or (known and not listing.timeless and (np.diff(known) >= 0).all()):
        # Stamps that never fall in the order of the file: no frame is out of order, those without a stamp neither.
        order = np.argsort(np.array(known, np.int64), kind="stable") if exact else np.arange(len(stamps))
        by_stamps = np.array([packet.number for packet in listing.packets], np.int64)[order]
        shown = [number for number in by_stamps.tolist() if number not in hidden]
        if first == shown[: len(first)]:
            return _table(path, listing, by_stamps, exact)
    # Field pairs, leading frames that cannot be decoded, containers without presentation times.
    return _table(path, listing, _decoded_order(path, listing, most_pixels), exact=False)


def _table(path: Path, listing: Listing, order: Int64, exact: bool) -> Table:
    """Make the table of frames in an order: int64 (m,), the numbers of their packets as they are presented."""
    packets = {packet.number: packet for packet in listing.packets}
    shown = order[[not packets[number].hidden for number in order.tolist()]]
    if not len(shown):
        raise VideoError(path, "holds no whole frame", "give a whole video file")
    index = np.full(listing.n_packets, -1, np.int64)
    index[shown] = np.arange(len(shown))
    entry_packet = np.array([0, *(number for number in _entries(listing, order) if index[number] > 0)], np.int64)
    keys = np.array([packet.number for packet in listing.packets if packet.key and packet.sound], np.int64)
    pts, n_placed = _times(listing, [packets[number] for number in shown.tolist()], exact)
    usual = int(np.median(np.diff(pts))) if len(pts) > 1 else listing.usual_duration
    return Table(
        pts=pts,
        packet=shown,
        sound=_sound(listing, shown, index, keys),
        entry=np.append(0, index[entry_packet[1:]]),
        entry_packet=entry_packet,
        keys=keys,
        tick_s=listing.tick_s,
        # Packets without times are numbered by fields or by frames, as the codec likes.
        last_duration=(0 if without_times(listing) else packets[int(shown[-1])].duration) or usual,
        n_placed=n_placed,
        exact=exact,
    )


def _entries(listing: Listing, order: Int64) -> list[int]:
    """Find the packets after the first at which decoding may start.

    A keyframe will do on two conditions. No frame crosses it: those before are shown before it, those after are shown
    after it, which open groups of pictures violate. And it is shown before the next keyframe is decoded, because
    decord's FFmpeg seeks by decoding time.
    """
    before = np.maximum.accumulate(order)
    after = np.minimum.accumulate(order[::-1])[::-1]
    at = np.full(listing.n_packets, 0, np.int64)
    at[order] = np.arange(len(order))
    keys = [packet for packet in listing.packets if packet.key]
    entries = []
    for packet, later in zip(keys, [*keys[1:], None], strict=False):
        row = int(at[packet.number])
        alone = row > 0 and before[row - 1] < packet.number == order[row] == after[row]
        next_dts = None if later is None else later.dts
        if packet.entry and alone and (next_dts is None or packet.pts is None or packet.pts < next_dts):
            entries.append(packet.number)
    return entries


def _sound(listing: Listing, packet: Int64, index: Int64, keys: Int64) -> Bool:
    """Find the frames that no damage known from the packets can reach.

    Damage reaches all frames decoded after it, up to the next keyframe. Frames that are decoded after that keyframe and
    shown before it may need frames before it, too.

    Args:
        listing: The packets.
        packet: int64 (T,), the packet of each frame.
        index: int64, the frame of each packet, -1 without one.
        keys: int64, rising, numbers of sound keyframes.

    Returns:
        bool (T,).
    """
    bad = np.array([at.number for at in listing.packets if not at.sound], np.int64)
    if not len(bad):
        return np.ones(len(packet), np.bool_)
    # The keyframe at or before each frame's packet, and the one before that; without one, the start of the file.
    start = np.append(0, keys)[np.searchsorted(keys, packet, "right")]
    earlier = np.append(0, keys)[np.searchsorted(keys, start)]
    start = np.where(np.arange(len(packet)) < index[start], earlier, start)
    first_bad = np.append(bad, listing.n_packets)[np.searchsorted(bad, start)]
    sound: Bool = first_bad > packet
    return sound


def _decoded_order(path: Path, listing: Listing, most_pixels: int) -> Int64:
    """Decode a whole file for the order in which its frames are presented.

    Returns:
        int64 (m,), the numbers of their packets. A packet that is lost in damage comes where it was decoded.
    """
    keys = {packet.number for packet in listing.packets if packet.key}
    known = {packet.number for packet in listing.packets}
    order: list[int] = []
    lost: list[int] = []
    waits = False
    with opened(path, most_pixels) as (container, stream):
        try:
            for number, packet in numbered(demuxed(container, stream)):
                waits = waits and number not in keys
                try:
                    frames = [] if waits else decode(stream, number, packet)
                except av.FFmpegError:
                    frames, waits = drained(stream), True
                order += [frame.pts for frame in frames if frame.pts in known]
                if waits and order:
                    lost.append(number)
        except av.FFmpegError:
            pass  # the listing has noticed as well that no more can be read
        order += [frame.pts for frame in drained(stream) if frame.pts in known]
    order = list(dict.fromkeys(order))
    decoded = set(order)
    # A pair of fields is two packets and one frame.
    missing = [number for number in lost if number in known and number not in decoded]
    if 3 * len(decoded) < 2 * (len(known) - len(missing)):
        missing = missing[::2]
    latest = np.maximum.accumulate(np.array(order, np.int64))
    return np.insert(np.array(order, np.int64), np.searchsorted(latest, missing), missing)


def _times(listing: Listing, packets: list[Packet], exact: bool) -> tuple[Int64, int]:
    """Return the presentation times of frames, int64 (T,), and how many of them are placed."""
    if exact:
        return np.array([packet.pts for packet in packets], np.int64), 0
    if not without_times(listing):
        return placed([packet.pts for packet in packets], listing.usual_duration)
    # A frame's index is its time. Decoding times count frames, and those that were dropped as well.
    dts = sorted({packet.dts for packet in packets if packet.dts is not None})
    if len(dts) == len(packets):
        return np.array(dts, np.int64), 0
    return np.arange(len(packets)) * max(packets[-1].duration or listing.usual_duration, 1), 0


def placed(stamps: list[int | None], usual: int) -> tuple[Int64, int]:
    """Place the frames whose stamps are unknown between their neighbours.

    A clock that was set back, as between recordings that were joined, goes on one frame after the last stamp. Among the
    stamps after that, as many as rise one after the other are known.

    Args:
        stamps: The stamps of frames as they are presented; None where there is none.
        usual: Ticks of a frame, where too few stamps are known.

    Returns:
        int64 (T,), rising, and the number of frames that were placed.
    """
    at = np.flatnonzero([stamp is not None for stamp in stamps])
    value = np.array([stamp for stamp in stamps if stamp is not None], np.int64)
    rises = np.diff(value)
    step = max(int(np.median(rises[rises > 0])) if (rises > 0).any() else usual, 1)
    for i in np.flatnonzero(rises <= 0) + 1:
        before, after = value[max(i - _AROUND, 0) : i], value[i : i + _AROUND]
        if np.median(after) < np.median(before):
            value[i:] += value[i - 1] + step - value[i]
    kept = _longest_rise(value)
    at, value = at[kept], value[kept]
    every = np.arange(len(stamps))
    # Beyond the first and the last known stamp, frames follow at the usual step.
    at = np.concatenate([[at[0] - 1], at, [at[-1] + 1]])
    value = np.concatenate([[value[0] - step], value, [value[-1] + step]])
    ticks = np.interp(every, at, value)
    ticks = np.where(every < at[0], value[0] - (at[0] - every) * step, ticks)
    ticks = np.where(every > at[-1], value[-1] + (every - at[-1]) * step, ticks)
    return np.rint(ticks).astype(np.int64), len(stamps) - len(kept)


def _longest_rise(value: Int64) -> Int64:
    """Return the indices of the longest subsequence that rises (Schensted 1961), int64 (k,)."""
    ends: list[int] = []
    index: list[int] = []
    back = np.full(len(value), -1, np.int64)
    for i, number in enumerate(value.tolist()):
        length = bisect_left(ends, number)
        back[i] = index[length - 1] if length else -1
        # The first of equal numbers stays.
        if length == len(ends) or number < ends[length]:
            ends[length : length + 1] = [number]
            index[length : length + 1] = [i]
    path, i = [], index[-1] if index else -1
    while i >= 0:
        path.append(i)
        i = int(back[i])
    return np.array(path[::-1], np.int64)
