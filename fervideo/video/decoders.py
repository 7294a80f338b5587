"""Frames from decord or PyAV; both convert to RGB alike, and 8-bit 4:2:0 video comes out equal to the byte.

decord counts frames and never gives their timestamps. It repeats frames that it cannot decode, and shows damaged ones
as if they were whole, more or fewer from run to run. It keeps any number of decoded frames in memory.

So decord reads only short files whose packets can be checked (H.264, HEVC) and are sound. It starts only where counting
is right. If it fails, PyAV goes on, which knows the timestamp and the errors of each frame, and reports the damage.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import Type
from av.video.reformatter import Interpolation

from fervideo.errors import DamagedVideo, VideoError
from fervideo.records import Float64, Int64, UInt8
from fervideo.video.packets import DECODER_THREADS, Table, opened, url
from fervideo.video.record import REMEDY, Video

#: Memory that decord may fill. While it waits for the first frame it reads on, a thousand frames and more, and decodes
#: them all. Only the length of the file bounds that.
_DECORD_BYTES = 512 * 2**20


def choose(path: Path, wanted: str, table: Table, first: UInt8) -> str:
    """Decide which decoder reads a file: decord if it reads the same pictures as PyAV, and the file is whole and short.

    Args:
        path: The file.
        wanted: `auto`, `decord` or `pyav`.
        table: The time table of the packets.
        first: uint8 (height, width, 3), the first frame in PyAV.

    Returns:
        `decord` or `pyav`.

    Raises:
        VideoError: decord is wanted and cannot.
    """
    whole = table.exact and table.checked and table.n_sound == len(table.pts) and not table.lacking
    if wanted == "pyav" or (wanted == "auto" and not (whole and table.n_packets * first.nbytes <= _DECORD_BYTES)):
        return "pyav"
    reason = "decord reads other frames from it than FFmpeg does"
    try:
        reader = _DecordReader(path)
        picture = reader.read()
        # Another FFmpeg may round in another way, but it must be the same picture, the same way up.
        same = picture.shape == first.shape and np.abs(picture.astype(np.int16) - first).mean() < 4
        if same and reader.n_packets == table.n_packets:
            return "decord"
    except ImportError:
        reason = "decord is not installed"
    except _decord_errors():
        reason = "decord cannot decode it"
    if wanted == "decord":
        raise VideoError(path, reason, "set video.decoder=auto")
    return "pyav"


def pictures(video: Video, frame: Int64) -> Iterator[UInt8]:
    """Decode frames, in order.

    Args:
        video: The video.
        frame: int64 (n,), rising frame indices.

    Yields:
        uint8 (height, width, 3), RGB, upright.

    Raises:
        DamagedVideo: A frame cannot be decoded; all before it have been yielded.
    """
    done = 0
    if video.info.decoder == "decord":
        try:
            for picture in _decord_pictures(video, frame):
                yield picture
                done += 1
        except _decord_errors():
            pass  # PyAV goes on from there: it gives the same frames, and finds the damage
    if done < len(frame):
        yield from _pyav_pictures(video, frame[done:])


def _decord() -> Any:
    import decord  # heavy, and absent on platforms that have no wheel of it

    return decord


def _decord_errors() -> tuple[type[Exception], ...]:
    decord = _decord()
    # The last one: a file name that is not UTF-8.
    return decord.DECORDError, decord.DECORDLimitReachedError, RuntimeError, AssertionError, UnicodeEncodeError


class _DecordReader:
    """A decord reader that counts the frames it has passed."""

    def __init__(self, path: Path) -> None:
        decord = _decord()
        decord.logging.set_level(decord.logging.QUIET)
        # Any share above 0 makes decord raise instead of repeating a frame that it cannot decode.
        self.reader = decord.VideoReader(url(path), num_threads=DECODER_THREADS, fault_tol=1e-9)
        self.n_packets = len(self.reader)
        self.keys = np.array(self.reader.get_key_indices())
        self.index = 0
        self.count = 0  # decord's own frame number, which counts hidden frames after a seek

    def go_to(self, video: Video, index: int) -> None:
        """Move to the frame that is read next; frames on the way are skipped without conversion."""
        at = _entry_before(video, index)
        if not video.entry[at] <= self.index <= index:
            # Seen from the last frame every entry lies behind, and decord finds its keyframe only backwards.
            self.reader.seek(self.n_packets - 1)
            self.reader.seek(int(video.entry_packet[at]))
            self.index, self.count = int(video.entry[at]), int(video.entry_packet[at])
        while self.index < index:
            # skip_frames must not meet a keyframe: it would seek to it, and with B-frames to the one after.
            ahead = int(self.keys[self.keys > self.count].min(initial=self.n_packets))
            step = min(index - self.index, ahead - self.count - 1)
            if step > 0:
                self.reader.skip_frames(step)
                self.index, self.count = self.index + step, self.count + step
            else:
                self.read()

    def read(self) -> UInt8:
        try:
            picture: UInt8 = self.reader.next().asnumpy()
        except StopIteration as error:
            raise RuntimeError("decord takes the file to end here") from error
        self.index, self.count = self.index + 1, self.count + 1
        return picture


def _entry_before(video: Video, index: int) -> int:
    """Return the index of the last entry at or before a frame."""
    return int(np.searchsorted(video.entry, index, "right")) - 1


def _decord_pictures(video: Video, frame: Int64) -> Iterator[UInt8]:
    reader = _DecordReader(video.info.path)
    for index in frame.tolist():
        reader.go_to(video, index)
        yield reader.read()


def _pyav_pictures(video: Video, frame: Int64) -> Iterator[UInt8]:
    wanted, last = set(frame.tolist()), int(frame[-1])
    size = video.info.width_px, video.info.height_px
    for index, decoded in _sound_frames(video, int(frame[0])):
        if index in wanted:
            yield turned(decoded, video.turn, size[::-1] if video.turn[0] else size)
        if index == last:
            return


def _sound_frames(video: Video, first: int) -> Iterator[tuple[int, av.VideoFrame]]:
    """Decode with PyAV from the entry before a frame on, up to the first frame that is missing or damaged.

    Damage to a frame that is shown later but decoded earlier spoils a frame as well. So frames are held back until no
    such frame can come.
    """
    order = np.argsort(video.decoding)
    delay = int((np.maximum.accumulate(video.decoding) - video.decoding).max())
    entry = _entry_before(video, first)
    start = int(video.pts[video.entry[entry]]) if entry else None
    index, why = int(video.entry[entry]), "the stream ends"
    held: deque[tuple[int, av.VideoFrame]] = deque()
    # decord has failed where it was to read this file, so something may be wrong with it.
    with opened(video.info.path, strict=video.info.decoder == "decord") as (container, stream):
        try:
            for frame in _decoded(container, stream, start):
                at = _index(video, frame, index)
                if at < index:
                    continue  # hidden, or from before the entry
                if at > index or frame.is_corrupt:
                    why = "it is missing" if at > index else "its data are damaged"
                    while held and order[held[-1][0]] > order[index]:
                        index = held.pop()[0]
                    break
                held.append((at, frame))
                index += 1
                if len(held) > delay:
                    yield held.popleft()
        except av.FFmpegError as error:
            why = error.strerror or str(error)
    yield from held
    if index < len(video.pts):
        raise DamagedVideo(video.info.path, undecodable(index, video.time_s, why), REMEDY)


def undecodable(index: int, time_s: Float64, why: str) -> str:
    """Return the reason of an error: the frame from which on a video cannot be decoded, and why."""
    return f"cannot be decoded from frame {index} ({time_s[index]:.3f} s) on: {why}"


def _index(video: Video, frame: av.VideoFrame, expected: int) -> int:
    """Return a decoded frame's index in the video, found by its time; -1 if none."""
    if video.counted:
        return expected if expected < len(video.pts) else -1
    stamp = frame.dts if frame.pts is None else frame.pts
    at = -1 if stamp is None else int(np.searchsorted(video.pts, stamp))
    return at if 0 <= at < len(video.pts) and video.pts[at] == stamp else -1


def _decoded(container: InputContainer, stream: av.VideoStream, start: int | None) -> Iterator[av.VideoFrame]:
    """Decode from a keyframe on, or from the start; when a packet fails, the frames before it come before the error."""
    if start is not None:
        container.seek(start, stream=stream)
    try:
        for packet in container.demux(stream):
            if start is None or packet.pts == start:
                start = None
                yield from packet.decode()
    except av.FFmpegError:
        yield from stream.decode(None)
        raise


def first_frames(path: Path) -> list[av.VideoFrame]:
    """Decode the first frames with PyAV: at least one, and enough to check that packets and frames are one to one.

    Raises:
        VideoError: There is none.
        av.FFmpegError: The file or its first frame cannot be read.
    """
    frames: list[av.VideoFrame] = []
    with opened(path) as (container, stream):
        try:
            for frame in container.decode(stream):
                frames.append(frame)
                if len(frames) == 3:
                    break
        except av.FFmpegError:
            if not frames:
                raise
    if not frames:
        raise VideoError(path, "holds no frame that can be decoded", "give a whole video file")
    return frames


def turning(frame: av.VideoFrame) -> tuple[tuple[bool, int, int], int]:
    """Return the turn that the container wants, as `Video.turn` and as clockwise degrees (mirroring left out)."""
    try:
        sides: Any = frame.side_data
        matrix = sides.get(Type.DISPLAYMATRIX)
    except ValueError:
        # Side data of a kind that PyAV has no name for, such as EXIF of MJPEG.
        matrix = None
    if matrix is None:
        return (False, 1, 1), 0
    # The pixel stored at (x, y) is shown at (a x + c y, b x + d y), y downwards.
    a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32)[:5].tolist()
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return (False, -1 if d < 0 else 1, -1 if a < 0 else 1), 180 if d < 0 else 0
    return (True, -1 if b < 0 else 1, -1 if c < 0 else 1), 270 if b < 0 else 90


def turned(frame: av.VideoFrame, turn: tuple[bool, int, int], stored: tuple[int, int]) -> UInt8:
    """Convert a frame to RGB and turn it upright.

    Args:
        frame: The frame.
        turn: As in `Video`.
        stored: Width and height before turning; a stream may change them midway.

    Returns:
        uint8 (height, width, 3).
    """
    width, height = stored
    # decord's own flags, on one thread: the only ones that give its very bytes.
    flags = int(Interpolation.BILINEAR)
    picture = frame.to_ndarray(format="rgb24", width=width, height=height, interpolation=flags, threads=1)
    swap, rows, columns = turn
    upright: UInt8 = np.asarray(picture.swapaxes(0, 1) if swap else picture, np.uint8)[::rows, ::columns]
    return upright
