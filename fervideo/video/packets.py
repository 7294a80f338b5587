"""The packets of a video stream, as its container lists them: stamps, keyframes and obvious damage, without decoding.

A packet's number is its index among the packets of its stream that have contents. Stamps may lack or repeat, and
decoders pass them on as they are. So a packet is given its number as its stamp before it is decoded: the frame that
comes out has it, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition

from fervideo.errors import VideoError, counted
from fervideo.records import Int64
from fervideo.video.display import check_size
from fervideo.video.matroska import is_whole
from fervideo.video.transport import losses

#: FFmpeg's AVERROR_INVALIDDATA, as a positive number.
_INVALID_DATA = 1094995529
#: Packets with their numbers.
Numbered: TypeAlias = "Iterator[tuple[int, av.Packet[Any]]]"
#: Threads per decoder. Segments run side by side in processes, so one each; with more, errors would arrive late.
DECODER_THREADS = 1
#: NAL unit types of pictures that need none before them: H.264 IDR; HEVC BLA, IDR and CRA.
_ENTRY_NALS = {"h264": {5}, "hevc": set(range(16, 22))}
#: Codecs whose decoders gloss over damage unless they are to stop at it. Others would stop at harmless oddities, too.
_STRICT = ("mjpeg", "wmv1", "wmv2")
#: Codecs whose data hardly ever contain a long run of zero bytes: lost sectors and broken downloads are full of them.
_NEVER_ZERO = ("vp8", "vp9")
_ZEROS = bytes(64)
#: Containers in which a seek finds a keyframe exactly.
_SEEKABLE = ("mov", "matroska")
#: Containers without presentation times; FFmpeg makes some up, which are wrong for frames out of order.
_TIMELESS = ("avi",)
#: NAL unit type of the sequence parameter set, which states the shape of the pictures that follow.
_SHAPE_NAL = {"h264": 7, "hevc": 33}


class Packet(NamedTuple):
    """One packet of a video stream.

    Attributes:
        number: Its index among the packets of the stream that have contents.
        pts: Presentation time in the container's clock; None where it is unknown.
        dts: Decoding time; None where it is unknown.
        position: Its first byte in the file; None where it is unknown.
        duration: Ticks for which its frame is shown; 0 where they are unknown.
        key: Whether it is marked as a keyframe.
        entry: Whether it is a keyframe that needs no frame before it.
        hidden: Whether its frame is not shown.
        corrupt: Whether the container marks it as damaged.
        sound: Whether its data are free of obvious damage.
        shape: The sequence parameter set that it brings, which states the shape of pictures; empty without one.
    """

    number: int
    pts: int | None
    dts: int | None
    position: int | None
    duration: int
    key: bool
    entry: bool
    hidden: bool
    corrupt: bool
    sound: bool
    shape: bytes


@dataclass(frozen=True)
class Listing:
    """The packets of a stream, and the facts that their container declares.

    Attributes:
        packets: The packets whose frames surely follow one another, in the order of the file.
        n_packets: Packets in the file, with those near a cut.
        codec: Name of the codec, as FFmpeg spells it.
        tick_s: Unit of the container's clock.
        usual_duration: Ticks of a frame at the declared rate; 0 where it declares none.
        header_frames: Frames that the header declares; 0 without any.
        media_start: Ticks at which a player's clock is 0, the start of the earliest stream; None if it is unknown.
        seekable: Whether a seek in the container finds a keyframe exactly.
        broken: Whether the structure of the container is damaged, so that frames may be missing in between.
        timeless: Whether the container has no presentation times.
        lacking: Evidence that the file should contain more after its last frame; empty where there is none.
        one_shape: Whether all frames are coded in one shape, as far as H.264 and HEVC state it.
    """

    packets: list[Packet]
    n_packets: int
    codec: str
    tick_s: Fraction
    usual_duration: int
    header_frames: int
    media_start: int | None
    seekable: bool
    broken: bool
    timeless: bool
    lacking: str
    one_shape: bool

    @property
    def checked(self) -> bool:
        """Whether damaged packets can be recognised, as in H.264 and HEVC."""
        return self.codec in _ENTRY_NALS


def url(path: Path) -> str:
    """Return a path as FFmpeg wants it: the start of a bare name with a colon would be taken for a protocol."""
    return f"file:{path}"


@contextmanager
def opened(path: Path, most_pixels: int, *, strict: bool = False) -> Iterator[tuple[InputContainer, av.VideoStream]]:
    """Open a file in PyAV, at its best video stream.

    Args:
        path: The file.
        most_pixels: Most pixels that a frame may have.
        strict: Whether the decoder stops at errors that it could gloss over.

    Raises:
        VideoError: It contains no video stream that FFmpeg has a decoder for, or pictures that are too large.
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
        check_size(path, stream.width, stream.height, most_pixels)
        stream.codec_context.thread_count = DECODER_THREADS
        options = {"max_pixels": str(most_pixels)}
        if strict or stream.codec_context.codec.canonical_name in _STRICT:
            options["err_detect"] = "explode+bitstream"
        stream.codec_context.options = options
        yield container, stream


def demuxed(container: InputContainer, stream: av.VideoStream) -> Iterator[av.Packet[Any]]:
    """Yield the packets of a stream.

    Raises:
        av.FFmpegError: The container cannot be read any further.
    """
    try:
        yield from container.demux(stream)
    except IndexError as error:
        # PyAV looks up a stream that damage in a transport stream makes up.
        raise av.InvalidDataError(_INVALID_DATA, "its data are damaged") from error


def numbered(packets: Iterable[av.Packet[Any]], first: int = 0) -> Numbered:
    """Yield the packets that have contents, with their numbers from `first` on."""
    for packet in packets:
        if packet.size:
            yield first, packet
            first += 1


def decode(stream: av.VideoStream, number: int, packet: av.Packet[Any]) -> list[av.VideoFrame]:
    """Decode a packet; the frames that come out have the number of their packet as `pts`.

    Raises:
        av.FFmpegError: The packet cannot be decoded.
    """
    packet.pts = number
    return stream.codec_context.decode(packet)


def drained(stream: av.VideoStream) -> list[av.VideoFrame]:
    """Return the frames that a decoder still has, up to one that fails, and make it ready for a new start."""
    frames: list[av.VideoFrame] = []
    # The frames before an error are lost with it, and are found missing.
    with suppress(av.FFmpegError):
        frames = stream.codec_context.decode(None)
    stream.codec_context.flush_buffers()
    return frames


def is_seekable(container: InputContainer) -> bool:
    """Check whether a seek finds a keyframe exactly; other containers (MPEG-TS, AVI) are read from their start."""
    return any(name in container.format.name for name in _SEEKABLE)


def list_packets(path: Path, container: InputContainer, stream: av.VideoStream) -> Listing:
    """List the packets of a stream of a file, up to where a damaged container cannot be read.

    Raises:
        av.FFmpegError: Not even the first packet can be read.
    """
    packets: list[Packet] = []
    lacking = ""
    # A stream's start is known before its packets are read.
    start, time_base = container.start_time, Fraction(stream.time_base or 1)
    try:
        packets.extend(_described(container, stream))
    except av.FFmpegError as error:
        if not packets:
            raise
        lacking = f"no more of it can be read ({error.strerror})"
    if container.format.name == "mpegts":
        packets = _without_lost_pieces(packets, losses(path, stream.id))
    lacking = _lacking(container, stream, packets) or lacking
    rate = stream.average_rate
    return Listing(
        packets=_before_cut(packets) if lacking else packets,
        n_packets=len(packets),
        codec=stream.codec_context.codec.canonical_name,
        tick_s=time_base,
        usual_duration=round(1 / rate / time_base) if rate else 0,
        header_frames=int(stream.frames),
        media_start=None if start is None else round(Fraction(start, av.time_base) / time_base),
        seekable=is_seekable(container),
        broken="matroska" in container.format.name and not is_whole(path),
        timeless=container.format.name in _TIMELESS,
        lacking=lacking,
        one_shape=len({packet.shape for packet in packets} - {b""}) <= 1,
    )


def _without_lost_pieces(packets: list[Packet], lost: Int64) -> list[Packet]:
    """Mark the last packet before each loss of a transport stream as damaged: it, or one after it, is not whole."""
    position = np.array([-1 if packet.position is None else packet.position for packet in packets], np.int64)
    before = set((np.searchsorted(np.maximum.accumulate(position), lost) - 1).tolist())
    # FFmpeg marks a packet before a joint as damaged: the last, or the one before that.
    good = {near for at in before if _is_joint(packets[at : at + 2]) for near in (at - 1, at)}
    return [
        packet._replace(sound=at in good or (packet.sound and at not in before)) for at, packet in enumerate(packets)
    ]


def _is_joint(pair: list[Packet]) -> bool:
    """Check whether another recording begins between two packets: with a keyframe, and with its own clock."""
    clocks = [packet.dts for packet in pair if packet.dts is not None]
    return len(clocks) == 2 and pair[1].key and clocks[1] < clocks[0]


def without_times(listing: Listing) -> bool:
    """Return whether no packet has a presentation time that can be trusted."""
    return listing.timeless or all(packet.pts is None for packet in listing.packets)


def _lacking(container: InputContainer, stream: av.VideoStream, packets: list[Packet]) -> str:
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
        held_s = float(max((packet.pts or 0) + packet.duration for packet in packets) * stream.time_base)
        if promised_s - held_s > 0.5:
            return f"its header promises {promised_s:.1f} s, the file holds {held_s:.1f} s"
    # In MPEG-TS the mark stands for a lost piece of the broadcast, anywhere.
    cut_through = packets and packets[-1].corrupt and container.format.name != "mpegts"
    return "its last packet is cut through" if cut_through else ""


def _before_cut(packets: list[Packet]) -> list[Packet]:
    """Return the packets whose frames surely follow one another: near a cut, some that are shown earlier are lost."""
    cut_through = packets and packets[-1].corrupt
    last = packets[-1] if packets else None
    kept = packets[:-1] if cut_through else packets
    lags = [packet.pts - packet.dts for packet in kept if packet.pts is not None and packet.dts is not None]
    if last is None or last.dts is None or not lags:
        return kept
    # Nothing that is lost is decoded before this, nor shown sooner after being decoded than the rest.
    lost = last.dts + (0 if cut_through else last.duration) + min(lags)
    return [packet for packet in kept if packet.pts is None or packet.pts < lost]


def _described(container: InputContainer, stream: av.VideoStream) -> Iterator[Packet]:
    codec = stream.codec_context.codec.canonical_name
    length_bytes = _length_bytes(stream)
    for number, packet in numbered(demuxed(container, stream)):
        entry = key = packet.is_keyframe and _is_intra(bytes(packet), codec)
        # In MPEG-TS the mark stands for a lost piece of the broadcast.
        shape = bytes(packet.get_sidedata("new_extradata")) if packet.has_sidedata("new_extradata") else b""
        sound = not packet.is_corrupt and not (codec in _NEVER_ZERO and _ZEROS in bytes(packet))
        if codec in _ENTRY_NALS:
            types, whole, own_shape = _nal_units(bytes(packet), codec, length_bytes)
            sound, shape = sound and whole, shape or own_shape
            entry = key and not types.isdisjoint(_ENTRY_NALS[codec])
        yield Packet(
            number=number,
            pts=packet.pts,
            dts=packet.dts,
            position=packet.pos,
            duration=packet.duration or 0,
            key=key,
            entry=entry,
            hidden=packet.is_discard,
            corrupt=packet.is_corrupt,
            sound=sound,
            shape=shape,
        )


def _length_bytes(stream: av.VideoStream) -> int:
    """Return the size of the length before each NAL unit; 0 where start codes separate them, or there are none."""
    codec = stream.codec_context.codec.canonical_name
    # avcC and hvcC headers start with 1 and give that size; Annex B has start codes.
    header = stream.codec_context.extradata or b"\0"
    return (header[4 if codec == "h264" else 21] & 3) + 1 if codec in _ENTRY_NALS and header[0] == 1 else 0


def spare(stream: av.VideoStream) -> Callable[[av.Packet[Any]], bool]:
    """Return a function that finds packets without which all other frames can be decoded; it knows those of H.264."""
    length_bytes, known = _length_bytes(stream), stream.codec_context.codec.canonical_name == "h264"

    def is_spare(packet: av.Packet[Any]) -> bool:
        data = bytes(packet) if known else b""
        headers = [data[start] for start, _ in _bounds(data, length_bytes) if 1 <= data[start] & 31 <= 5]
        # nal_ref_idc: whether a slice is one of a picture that others refer to.
        return bool(headers) and not any(header >> 5 & 3 for header in headers)

    return is_spare


def _is_intra(data: bytes, codec: str) -> bool:
    """Check whether a packet is a keyframe as marked: the index of an AVI file may mark every frame as one."""
    if codec == "mpeg4":
        at = data.find(b"\0\0\1\xb6")
        return at >= 0 and data[at + 4 : at + 5] < b"\x40"
    if codec in ("mpeg1video", "mpeg2video"):
        at = data.find(b"\0\0\1\0")
        return at >= 0 and len(data) > at + 5 and data[at + 5] >> 3 & 7 == 1
    return True


def _nal_units(data: bytes, codec: str, length_bytes: int) -> tuple[set[int], bool, bytes]:
    """Return the types of a packet's NAL units, whether its data are free of obvious damage, and the shape they set."""
    bounds, shape = _bounds(data, length_bytes), b""
    sound = not length_bytes or all(start < end <= len(data) for start, end in bounds)
    types = set()
    for start, end in bounds:
        kind = data[start] & 31 if codec == "h264" else data[start] >> 1 & 63
        types.add(kind)
        if kind == _SHAPE_NAL[codec]:
            shape = data[start:end]
        # Coded pictures contain no four zero bytes in a row, but lost sectors and broken downloads are full of them.
        picture = 1 <= kind <= 5 if codec == "h264" else kind < 32
        sound &= not (picture and b"\0\0\0\0" in data[start:end].rstrip(b"\0"))
    return types, sound, shape


def _bounds(data: bytes, length_bytes: int) -> list[tuple[int, int]]:
    """Return where NAL units start and end, up to one that is damaged: it is empty or reaches beyond the data."""
    if not length_bytes:
        starts = [match.end() for match in re.finditer(b"\0\0\1(?=.)", data, re.DOTALL)]
        return list(zip(starts, [*starts[1:], len(data)], strict=False))
    bounds, end = [], 0
    while end + length_bytes < len(data):
        start = end + length_bytes
        end = start + int.from_bytes(data[end:start], "big")
        bounds.append((start, end))
        if end == start or end > len(data):
            break
    return bounds
