"""The time table of a video file: when each frame is shown, and where decoding may start, from the packets alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition

from fervideo.errors import VideoError, counted
from fervideo.records import Float64, Int64, Shaped

#: Threads per decoder. Segments run side by side in processes, so one each; with more, errors would arrive late.
DECODER_THREADS = 1
#: Containers in which decord finds a keyframe exactly; others (MPEG-TS, AVI) are read from the first frame on.
_SEEKABLE = ("mov", "matroska")
#: NAL unit types of pictures that need none before them: H.264 IDR; HEVC BLA, IDR and CRA.
_ENTRY_NALS = {"h264": {5}, "hevc": set(range(16, 22))}


@dataclass(frozen=True, repr=False)
class Table(Shaped):
    """The time table of a file's packets; the arrays are those of `Video`.

    Attributes:
        tick_s: Unit of the container's clock.
        last_duration: Ticks for which the last frame is shown.
        n_packets: Packets in the file, hidden ones counted.
        exact: Whether each packet has a presentation time of its own.
        checked: Whether damaged packets can be recognised, as in H.264 and HEVC.
        n_sound: Frames before the first whose data are damaged.
        lacking: Evidence that the file should contain more after its last frame; empty where there is none.
        counted: Whether the times are made up from the frame rate, and frames are known by counting only.
    """

    pts: Int64
    decoding: Int64
    entry: Int64
    entry_packet: Int64
    tick_s: Fraction
    last_duration: int
    n_packets: int
    exact: bool
    checked: bool
    n_sound: int
    lacking: str
    counted: bool = False

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


class _Packet(NamedTuple):
    stamp: int | None
    dts: int | None
    duration: int
    key: bool
    entry: bool
    hidden: bool
    corrupt: bool
    sound: bool


def url(path: Path) -> str:
    """Return a path as FFmpeg wants it: the start of a bare name with a colon would be taken for a protocol."""
    return f"file:{path}"


@contextmanager
def opened(path: Path, *, strict: bool = False) -> Iterator[tuple[InputContainer, av.VideoStream]]:
    """Open a file in PyAV, at its best video stream.

    Args:
        path: The file.
        strict: Whether the decoder stops at errors that it could gloss over.

    Raises:
        VideoError: It contains no video stream that FFmpeg has a decoder for.
        av.FFmpegError: It cannot be opened.
    """
    with av.open(url(path), metadata_errors="replace") as container:
        streams = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
        if not streams:
            raise VideoError(path, "holds no video", "give a file with moving pictures, not only sound")
        best = container.streams.best("video")
        stream = next((stream for stream in streams if stream is best), streams[0])
        if stream.codec_context is None:
            raise VideoError(path, "is coded in a way that FFmpeg cannot decode", "convert it to H.264")
        stream.codec_context.thread_count = DECODER_THREADS
        if strict:
            stream.codec_context.options = {"err_detect": "explode"}
        yield container, stream


def packet_table(container: InputContainer, stream: av.VideoStream) -> Table:
    """Read the presentation times from the packets of a stream.

    Raises:
        VideoError: No frame is presented.
    """
    packets = list(_packets(container, stream))
    n_packets, lacking = len(packets), _lacking(container, stream, packets)
    if lacking:
        packets = _before_cut(packets)
    exact = len({packet.stamp for packet in packets} - {None}) == len(packets)
    packets = [packet for packet in packets if packet.stamp is not None]
    pts = np.array([packet.stamp for packet in packets], np.int64)
    hidden = np.array([packet.hidden for packet in packets], np.bool_)
    by_time = np.argsort(pts, kind="stable")
    shown = by_time[~hidden[by_time]]
    if not len(shown):
        raise VideoError(container.name.removeprefix("file:"), "holds no whole frame", "give a whole video file")
    index = np.full(len(pts), -1, np.int64)
    index[shown] = np.arange(len(shown))
    broken = next((at for at, packet in enumerate(packets) if not packet.sound), len(packets))
    start = [at for at in _entries(packets, pts) if index[at] > 0] if _seekable(container) else []
    return Table(
        pts=pts[shown],
        decoding=index[index >= 0],
        entry=np.array([0, *index[start]], np.int64),
        # At an entry no packet is out of order, so its index by time is its index in the file.
        entry_packet=np.array([0, *start], np.int64),
        tick_s=Fraction(stream.time_base or 1),
        last_duration=packets[shown[-1]].duration or _usual_duration(pts[shown], stream),
        n_packets=n_packets,
        exact=exact,
        checked=stream.codec_context.codec.canonical_name in _ENTRY_NALS,
        n_sound=int(index[broken:][index[broken:] >= 0].min(initial=len(shown))),
        lacking=lacking,
    )


def _usual_duration(pts: Int64, stream: av.VideoStream) -> int:
    if len(pts) > 1:
        return int(np.median(np.diff(pts)))
    return round(1 / stream.average_rate / stream.time_base) if stream.average_rate and stream.time_base else 0


def _lacking(container: InputContainer, stream: av.VideoStream, packets: list[_Packet]) -> str:
    """Describe frames that a container promises and lacks: FFmpeg takes a file that was cut short for a short one."""
    if "mov" in container.format.name and stream.frames > len(packets):
        return f"its header lists {counted(stream.frames, 'frame')}, the file holds {len(packets)}"
    # Matroska has no frame count, but its usual writers note how long each track is.
    if (
        packets
        and stream.time_base
        and (promise := re.fullmatch(r"(\d+):(\d+):(\d+\.\d+)", stream.metadata.get("DURATION", "")))
    ):
        promised_s = 3600 * int(promise[1]) + 60 * int(promise[2]) + float(promise[3])
        held_s = float(max((packet.stamp or 0) + packet.duration for packet in packets) * stream.time_base)
        if promised_s - held_s > 0.5:
            return f"its header promises {promised_s:.1f} s, the file holds {held_s:.1f} s"
    # In MPEG-TS the mark stands for a lost piece of the broadcast, anywhere.
    cut_through = packets and packets[-1].corrupt and container.format.name != "mpegts"
    return "its last packet is cut through" if cut_through else ""


def _before_cut(packets: list[_Packet]) -> list[_Packet]:
    """Return the packets whose frames surely follow one another: near a cut, some that are shown earlier are lost."""
    cut_through = packets and packets[-1].corrupt
    last = packets[-1] if packets else None
    kept = packets[:-1] if cut_through else packets
    lags = [packet.stamp - packet.dts for packet in kept if packet.stamp is not None and packet.dts is not None]
    if last is None or last.dts is None or not lags:
        return kept
    # Nothing that is lost is decoded before this, nor shown sooner after being decoded than the rest.
    lost = last.dts + (0 if cut_through else last.duration) + min(lags)
    return [packet for packet in kept if packet.stamp is None or packet.stamp < lost]


def _seekable(container: InputContainer) -> bool:
    return any(name in container.format.name for name in _SEEKABLE)


def _packets(container: InputContainer, stream: av.VideoStream) -> Iterator[_Packet]:
    codec = stream.codec_context.codec.canonical_name
    # avcC and hvcC headers start with 1 and give the size of the length before each NAL unit; Annex B has start codes.
    header = stream.codec_context.extradata or b"\0"
    length_bytes = (header[4 if codec == "h264" else 21] & 3) + 1 if codec in _ENTRY_NALS and header[0] == 1 else 0
    for packet in container.demux(stream):
        if not packet.size:
            continue
        entry, sound = packet.is_keyframe, True
        if codec in _ENTRY_NALS:
            types, sound = _nal_units(bytes(packet), codec, length_bytes)
            entry = entry and not types.isdisjoint(_ENTRY_NALS[codec])
        yield _Packet(
            stamp=packet.dts if packet.pts is None else packet.pts,
            dts=packet.dts,
            duration=packet.duration or 0,
            key=packet.is_keyframe,
            entry=entry,
            hidden=packet.is_discard,
            corrupt=packet.is_corrupt,
            sound=sound,
        )


def _nal_units(data: bytes, codec: str, length_bytes: int) -> tuple[set[int], bool]:
    """Return the types of a packet's NAL units, and whether its data are free of obvious damage."""
    sound, bounds, end = True, [], 0
    if length_bytes:
        while end + length_bytes < len(data):
            start = end + length_bytes
            end = start + int.from_bytes(data[end:start], "big")
            bounds.append((start, end))
            if end == start or end > len(data):
                sound = False
                break
    else:
        starts = [match.end() for match in re.finditer(b"\0\0\1(?=.)", data, re.DOTALL)]
        bounds = list(zip(starts, [*starts[1:], len(data)], strict=False))
    types = set()
    for start, end in bounds:
        kind = data[start] & 31 if codec == "h264" else data[start] >> 1 & 63
        types.add(kind)
        # Coded pictures contain no four zero bytes in a row, but lost sectors and broken downloads are full of them.
        picture = 1 <= kind <= 5 if codec == "h264" else kind < 32
        sound &= not (picture and b"\0\0\0\0" in data[start:end].rstrip(b"\0"))
    return types, sound


def _entries(packets: list[_Packet], pts: Int64) -> list[int]:
    """Find the packets after the first at which both decoders may start.

    A keyframe will do on two conditions. No frame crosses it: those before are shown before it, those after are shown
    after it, which open groups of pictures violate. And it is shown before the next keyframe is decoded, because
    decord's FFmpeg seeks by decoding time.
    """
    before = np.maximum.accumulate(pts)
    after = np.minimum.accumulate(pts[::-1])[::-1]
    keys = [at for at, packet in enumerate(packets) if packet.key]
    entries = []
    for at, later in zip(keys, [*keys[1:], None], strict=False):
        alone = at > 0 and before[at - 1] < pts[at] == after[at]
        next_dts = None if later is None else packets[later].dts
        if packets[at].entry and alone and (next_dts is None or pts[at] < next_dts):
            entries.append(at)
    return entries


def frame_table(path: Path, table: Table) -> Table:
    """Decode a whole file for its times, which its packets lack."""
    stamps: list[int | None] = []
    lacking = table.lacking
    with opened(path) as (container, stream):
        try:
            stamps.extend(frame.pts for frame in container.decode(stream))
        except av.FFmpegError as error:
            lacking = f"no more of it can be decoded ({error.strerror})"
    known = [stamp for stamp in stamps if stamp is not None]
    n, start = len(stamps), np.zeros(1, np.int64)
    pts = np.array(known, np.int64)
    counted = len(known) < n or bool((np.diff(pts) <= 0).any())
    if counted:
        # AVI knows no presentation times: a frame's number is its time.
        pts = np.arange(n) * max(table.last_duration, 1)
    order = np.arange(n)
    return replace(
        table,
        pts=pts,
        decoding=order,
        entry=start,
        entry_packet=start,
        exact=False,
        n_sound=n,
        lacking=lacking,
        counted=counted,
    )
