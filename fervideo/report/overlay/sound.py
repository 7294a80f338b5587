"""The sound of a video on its way into another file: copied, or coded anew where browsers do not play it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer, OutputContainer

#: Codecs that browsers play in an MP4 file.
_COPIED = ("aac", "mp3", "opus", "flac")
_CODED_ANEW = "aac"


class Sound:
    """The sound of a video, given to an output container bit by bit.

    Args:
        source: The container of the video; None without sound.
        output: The container to write to; its streams are added before anything is written.
        start_s: Time in the source's clock that is 0 in the output.

    Attributes:
        lost: Packets that were left out, since they cannot be decoded or fall behind those before them.
    """

    def __init__(self, source: InputContainer | None, output: OutputContainer, start_s: float) -> None:
        self.lost = 0
        self._output, self._start_s = output, start_s
        self._packets: Iterator[Any] = iter(())
        self._next: Any | None = None
        self._last_dts: int | None = None
        self._resampler: av.AudioResampler | None = None
        stream: Any = source.streams.best("audio") if source is not None else None
        if source is None or stream is None or stream.codec_context is None:
            return
        if stream.codec_context.name in _COPIED:
            self._stream: Any = output.add_stream_from_template(stream)
        else:
            rate = min(stream.codec_context.sample_rate or 48_000, 48_000)
            self._stream = output.add_stream(_CODED_ANEW, rate=rate, layout="stereo")
            self._resampler = av.AudioResampler(format="fltp", layout="stereo", rate=rate)
        self._packets = _demuxed(source, stream)
        self._next = next(self._packets, None)

    def up_to(self, time_s: float) -> None:
        """Write the sound before a time of the output; infinity for the rest."""
        while (packet := self._next) is not None:
            at = packet.pts if packet.pts is not None else packet.dts
            if at is not None and float(at * packet.time_base) - self._start_s > time_s:
                return
            self._next = next(self._packets, None)
            if at is not None:
                self._copy(packet) if self._resampler is None else self._code(packet)
        if time_s == float("inf") and self._resampler is not None:
            self._mux([None])

    def _copy(self, packet: Any) -> None:
        shift = round(Fraction(self._start_s) / packet.time_base)
        dts = (packet.dts if packet.dts is not None else packet.pts) - shift
        if self._last_dts is not None and dts <= self._last_dts:
            self.lost += 1
            return
        self._last_dts = dts
        packet.pts, packet.dts = (packet.pts - shift if packet.pts is not None else dts), dts
        packet.stream = self._stream
        self._output.mux(packet)

    def _code(self, packet: Any) -> None:
        try:
            frames = packet.decode()
        except av.FFmpegError:
            self.lost += 1
            return
        for frame in frames:
            if frame.pts is not None:
                frame.pts -= round(Fraction(self._start_s) / frame.time_base)
            assert self._resampler is not None
            self._mux(self._resampler.resample(frame))

    def _mux(self, frames: Any) -> None:
        for frame in frames:
            for packet in self._stream.encode(frame):
                self._output.mux(packet)


def _demuxed(source: InputContainer, stream: Any) -> Iterator[Any]:
    """Yield the packets of sound, up to where the container cannot be read."""
    with suppress(av.FFmpegError):
        for packet in source.demux(stream):
            if packet.size:
                yield packet


@contextmanager
def opened(path: Path) -> Iterator[InputContainer | None]:
    """Open the container of a video for its sound; None for a folder of images, and where it cannot be opened."""
    if path.is_dir():
        yield None
        return
    try:
        container = av.open(f"file:{path}", metadata_errors="replace")
    except av.FFmpegError:
        yield None
        return
    with container:
        yield container
