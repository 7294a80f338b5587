"""Frames by PyAV, each known by its packet; after damage, decoding goes on at the next sound keyframe.

The stretch from one entry to the next is decoded by itself, with an empty decoder. So its frames depend on its packets
alone, wherever decoding began, and damage in it never reaches the next.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer

from fervideo.errors import VideoError
from fervideo.records import Int64
from fervideo.video.display import PixelShape
from fervideo.video.packets import Numbered, decode, demuxed, drained, is_seekable, numbered, opened, spare
from fervideo.video.record import DAMAGED, Video

_Frames = Iterator[tuple[int, av.VideoFrame]]
#: Number beyond those of all packets.
_NONE = 2**62


def first_frames(path: Path, most_pixels: int) -> list[av.VideoFrame]:
    """Decode the first frames: at least one, and enough to check that packets and frames are one to one.

    Args:
        path: The file.
        most_pixels: Most pixels that a frame may have.

    Returns:
        Frames with the numbers of their packets as `pts`.

    Raises:
        VideoError: There is none, or it is too large.
        av.FFmpegError: The file or its first frame cannot be read.
    """
    frames: list[av.VideoFrame] = []
    with opened(path, most_pixels) as (container, stream):
        shape = PixelShape(stream)
        try:
            for number, packet in numbered(demuxed(container, stream)):
                frames += shape.note(decode(stream, number, packet))
                if len(frames) >= 3:
                    break
            else:
                frames += shape.note(drained(stream))
        except av.FFmpegError:
            frames += shape.note(drained(stream))
            if not frames:
                raise
    if not frames:
        raise VideoError(path, "holds no frame that can be decoded", "give a whole video file")
    return frames[:3]


class Frames:
    """Frames of a video without those that are lost in damage, as pairs of index and frame, indices rising.

    Stretches without frames that are wanted are passed over. So are, in H.264, frames that are neither wanted nor
    needed by others.

    Args:
        video: The opened video.
        wanted: int64 (n,), rising indices of the frames that are wanted, at least one; others may come, too.

    Attributes:
        why: Reason why the latest frames were lost.
    """

    def __init__(self, video: Video, wanted: Int64) -> None:
        self.why = DAMAGED
        self._video = video
        self._shape: PixelShape | None = None
        stretch = np.searchsorted(video.entry, wanted, "right") - 1
        #: The last frame that is wanted of each stretch that has any.
        self._last = dict(zip(stretch.tolist(), wanted.tolist(), strict=True))
        self._start = int(stretch[0])
        self._wanted = set(video.packet[wanted].tolist())
        self._index = np.full(int(video.packet.max()) + 1, -1, np.int64)
        self._index[video.packet] = np.arange(len(video.packet))
        self._keys = set(video.keys.tolist())
        self._unsound = set(video.packet[~video.sound].tolist())
        # A frame is safe once all frames that are decoded before it have come: damage to one of them spoils it, too.
        order = np.argsort(video.packet)
        self._needs = np.empty(len(order), np.int64)
        self._needs[order] = np.maximum.accumulate(order)

    def __iter__(self) -> _Frames:
        # decord has failed where it was to read this file, so something may be wrong with it.
        strict = self._video.info.decoder == "decord"
        for seeks in (True, False):
            with opened(self._video.info.path, self._video.max_pixels, strict=strict) as (container, stream):
                self._shape = PixelShape(stream)
                packets = self._at_entry(container, stream) if seeks else numbered(demuxed(container, stream))
                if packets is not None:
                    for at, last in self._last.items():
                        for index, frame in self._stretch(at, packets, stream):
                            yield index, frame
                            if index >= last:
                                break
                        stream.codec_context.flush_buffers()
                    return

    def _at_entry(self, container: InputContainer, stream: av.VideoStream) -> Numbered | None:
        """Return the packets from the first entry on, or from the start; None where the entry is not found."""
        video, at = self._video, self._start
        packets = demuxed(container, stream)
        if not at or not is_seekable(container):
            return numbered(packets)
        container.seek(int(video.pts[video.entry[at]]), stream=stream)
        found = next((packet for packet in packets if packet.size and packet.pos == video.entry_position[at]), None)
        return None if found is None else numbered(chain([found], packets), int(video.entry_packet[at]))

    def _stretch(self, at: int, packets: Numbered, stream: av.VideoStream) -> _Frames:
        """Decode the stretch from an entry to the next."""
        video, waits = self._video, False
        is_last = at + 1 == len(video.entry)
        end = len(video.packet) if is_last else int(video.entry[at + 1])
        last = _NONE if is_last else int(video.entry_packet[at + 1]) - 1
        run = _Run(video.packet, self._needs, int(video.entry[at]), resumes=False)
        is_spare = spare(stream)
        for number, packet in _between(packets, int(video.entry_packet[at]), last):
            index = int(self._index[number]) if number < len(self._index) else -1
            if waits:
                if index < 0 or number not in self._keys or number in self._unsound:
                    continue
                run, waits = _Run(video.packet, self._needs, index, resumes=True), False
            if number in self._unsound:
                # Frames shown before the keyframe at which decoding went on are lost already.
                if index < run.floor:
                    continue
                run.fail(number, DAMAGED)
            elif index >= 0 and number not in self._wanted and is_spare(packet):
                run.leave_out(index)
            else:
                try:
                    self._take(run, decode(stream, number, packet))
                except av.FFmpegError as error:
                    if number >= video.packet[run.floor]:
                        run.fail(number, error.strerror or str(error))
            waits = run.bad < _NONE
            yield from self._close(run, end, stream) if waits else run.safe()
        if not waits:
            yield from self._close(run, end, stream)

    def _take(self, run: _Run, frames: list[av.VideoFrame]) -> None:
        assert self._shape is not None
        for frame in self._shape.note(frames):
            if frame.pts is not None and 0 <= frame.pts < len(self._index):
                run.take(int(self._index[frame.pts]), frame)

    def _close(self, run: _Run, end: int, stream: av.VideoStream) -> _Frames:
        """End a run at its damage or before the frame `end`, and empty the decoder."""
        self._take(run, drained(stream))
        frames = run.rest(end)
        self.why = run.why or self.why
        yield from frames


class _Run:
    """Decoded frames from an entry or a keyframe up to damage, held back until they are known to be good.

    Args:
        packet: int64 (T,), the packet of each frame.
        needs: int64 (T,), the last of the frames that each frame may need.
        floor: Index of the first frame.
        resumes: Whether it begins after damage: then a frame may lack before the first one that is good.

    Attributes:
        floor: Index of the first frame.
        bad: Number of the first packet that is damaged; _NONE where none is known.
        why: Reason of the damage.
    """

    def __init__(self, packet: Int64, needs: Int64, floor: int, *, resumes: bool) -> None:
        self.floor, self.bad, self.why = floor, _NONE, ""
        self._packet, self._needs = packet, needs
        self._next = -1 if resumes else floor
        self._held: deque[tuple[int, av.VideoFrame]] = deque()
        self._left_out: set[int] = set()

    def fail(self, number: int, why: str) -> None:
        """Note that a packet is damaged."""
        self.bad, self.why = min(self.bad, number), self.why or why

    def leave_out(self, index: int) -> None:
        """Note that a frame is not decoded."""
        self._left_out.add(index)

    def take(self, index: int, frame: av.VideoFrame) -> None:
        """Take the next frame that the decoder gives."""
        if index < max(self.floor, self._next):
            return  # hidden, or from before the start
        if frame.is_corrupt:
            self.fail(int(self._packet[index]), DAMAGED)
        elif self.bad == _NONE and self._next >= 0 and (lacks := self._lacking(range(self._next, index))):
            self.fail(int(self._packet[lacks].min()), "it is missing")
        if not frame.is_corrupt and self._packet[index] < self.bad:
            self._held.append((index, frame))
        if self.bad == _NONE:
            self._next = index + 1

    def safe(self) -> _Frames:
        """Yield the frames that no damage can reach any more."""
        while self._held and self._needs[self._held[0][0]] < self._next:
            yield self._held.popleft()

    def _lacking(self, frames: Iterable[int]) -> list[int]:
        return [index for index in frames if index not in self._left_out]

    def rest(self, end: int) -> list[tuple[int, av.VideoFrame]]:
        """Return the other frames before the frame `end` that are good; the decoder has given all it has."""
        if self._next < 0:
            return []
        held = {index for index, _ in self._held}
        lacks = [index for index in self._lacking(range(self._next, end)) if index not in held]
        if lacks := [index for index in lacks if self._packet[index] < self.bad]:
            self.fail(int(self._packet[lacks].min()), "the stream ends")
        return [(index, frame) for index, frame in self._held if self._packet[index] < self.bad]


def _between(packets: Numbered, first: int, last: int) -> Numbered:
    """Yield the packets from one number to another, up to where the container cannot be read."""
    try:
        for number, packet in packets:
            if number >= first:
                yield number, packet
            if number == last:
                return
    except av.FFmpegError:
        return
