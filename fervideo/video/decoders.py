"""Pictures from PyAV, or from decord if it is asked for; 8-bit 4:2:0 video comes out of both equal to the byte.

decord counts frames and never gives their timestamps. It shows damaged frames as if they were whole, more or fewer from
run to run. It keeps any number of decoded frames in memory, and takes more time than PyAV.

So it reads only files whose packets can be checked (H.264, HEVC) and are sound. Their frames have one shape, eight bits
and square pixels. It starts only where counting is right. If it fails, PyAV goes on, which knows the packet and the
errors of each frame, and finds the damage.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np

from fervideo.errors import VideoError
from fervideo.pictures import Picture
from fervideo.records import Int64, UInt8
from fervideo.video.display import is_plain, picture, shown, turning
from fervideo.video.frames import Frames
from fervideo.video.packets import DECODER_THREADS, Listing, url
from fervideo.video.record import Video
from fervideo.video.table import Table


def choose(path: Path, wanted: str, listing: Listing, table: Table, frame: av.VideoFrame) -> str:
    """Decide which decoder reads a file: decord only if it is wanted, and reads the same pictures as PyAV.

    Args:
        path: The file.
        wanted: `auto`, `decord` or `pyav`.
        listing: Its packets.
        table: Its time table.
        frame: The first frame in PyAV.

    Returns:
        `decord` or `pyav`.

    Raises:
        VideoError: decord is wanted and cannot.
    """
    if wanted != "decord":
        return "pyav"
    remedy = "set video.decoder=auto"
    whole = table.exact and listing.checked and listing.seekable and table.sound.all() and not listing.lacking
    if not (whole and listing.one_shape and is_plain(frame)):
        raise VideoError(path, "decord cannot be trusted with such a file, or with damage", remedy)
    first = shown(frame, turning(frame)[0])
    reason = "decord reads other frames from it than FFmpeg does"
    try:
        reader = _DecordReader(path)
        image = reader.read()
        # Another FFmpeg may round in another way, but it must be the same picture, the same way up.
        same = image.shape == first.shape and np.abs(image.astype(np.int16) - first).mean() < 4
        if same and reader.n_packets == listing.n_packets:
            return "decord"
    except ImportError:
        reason = "decord is not installed"
    except _decord_errors():
        reason = "decord cannot decode it"
    raise VideoError(path, reason, remedy)


def pictures(video: Video, frame: Int64) -> Iterator[Picture | str]:
    """Decode frames, in order.

    Args:
        video: The video.
        frame: int64 (n,), rising frame indices.

    Yields:
        The picture, as the file wants it turned, or the reason why the frame cannot be decoded. A stream may change its
        shape midway.
    """
    done = 0
    if video.info.decoder == "decord":
        try:
            for image in _decord_pictures(video, frame):
                yield Picture.of(image)
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
            image: UInt8 = self.reader.next().asnumpy()
        except StopIteration as error:
            raise RuntimeError("decord takes the file to end here") from error
        self.index, self.count = self.index + 1, self.count + 1
        return image


def _entry_before(video: Video, index: int) -> int:
    """Return the index of the last entry at or before a frame."""
    return int(np.searchsorted(video.entry, index, "right")) - 1


def _decord_pictures(video: Video, frame: Int64) -> Iterator[UInt8]:
    reader = _DecordReader(video.info.path)
    for index in frame.tolist():
        reader.go_to(video, index)
        yield reader.read()


def _pyav_pictures(video: Video, frame: Int64) -> Iterator[Picture | str]:
    wanted = deque(frame.tolist())
    frames = Frames(video, frame)
    try:
        for index, decoded in frames:
            while wanted and wanted[0] < index:
                wanted.popleft()
                yield frames.why
            if wanted and wanted[0] == index:
                wanted.popleft()
                yield picture(decoded, video.turn)
            if not wanted:
                return
    except av.FFmpegError as error:
        # The file is gone, or is another one by now.
        frames.why = error.strerror or str(error)
    yield from (frames.why for _ in wanted)
