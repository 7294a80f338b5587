"""Video files as windows of upright RGB frames with their presentation times.

`probe` reads the packets of a file once, decoding only its first frames, and so knows every presentation time and every
frame at which decoding may safely start. `windows` decodes any run of frames from there.

    packets.py    the presentation time table, from the packets alone
    decoders.py   frames, from decord or PyAV
    images.py     folders of images, which count as videos
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from fervideo.errors import DamagedVideo, VideoError
from fervideo.records import SEGMENT_FRAMES, Float64, FrameWindow, Int64, UInt8, VideoInfo
from fervideo.settings import VideoSettings
from fervideo.video.decoders import choose, first_frames, pictures, turned, turning, undecodable
from fervideo.video.images import IMAGE_SUFFIXES, image_files, image_numbers, image_pictures, probe_images, read_image
from fervideo.video.packets import REMEDY, Table, Video, fingerprint, frame_table, missing, opened, packet_table

__all__ = [
    "IMAGE_SUFFIXES",
    "Video",
    "fingerprint",
    "image_files",
    "image_numbers",
    "missing",
    "probe",
    "read_image",
    "select",
    "spread",
    "windows",
]


def probe(path: Path, settings: VideoSettings) -> Video:
    """Read the facts and the presentation times of a file, and decide which decoder reads it.

    Args:
        path: The file, or a folder of images.
        settings: `decoder`, or for a folder `image_fps`, is used.

    Raises:
        VideoError: There is no such file, it holds no video, or not even its first frame can be decoded.
    """
    if path.is_dir():
        return probe_images(path, settings.image_fps)
    if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file():
        raise VideoError(path, "is a photograph, not a video", "use fervideo image, or give a folder of images")
    digest = fingerprint(path)
    try:
        first = first_frames(path)
        with opened(path) as (container, stream):
            table = packet_table(container, stream)
            facts = stream.codec_context.codec.canonical_name, int(stream.frames)
        if not table.exact or [frame.pts for frame in first] != table.pts[: len(first)].tolist():
            # Field pairs, leading frames that cannot be decoded, containers without presentation times.
            table = frame_table(path, table)
    except av.FFmpegError as error:
        remedy = "give a whole video file; a copy that was cut short will not do"
        raise VideoError(path, f"cannot be read as a video ({error.strerror})", remedy) from error
    turn, rotation_deg = turning(first[0])
    picture = turned(first[0], turn, (first[0].width, first[0].height))
    decoder = choose(path, settings.decoder, table, picture)
    info = _info(path, digest, facts, decoder, picture, table, rotation_deg)
    time_s = (table.pts - table.pts[0]) * float(table.tick_s)
    damage = f"is cut short after frame {info.n_frames - 1}: {table.lacking}" if table.lacking else ""
    if table.n_sound < info.n_frames:
        damage = undecodable(table.n_sound, time_s, "its data are damaged")
    return Video(
        info,
        time_s,
        table.pts,
        table.decoding,
        table.entry,
        table.entry_packet,
        turn,
        table.counted,
        table.n_sound,
        damage,
    )


def _info(
    path: Path, digest: str, facts: tuple[str, int], decoder: str, picture: UInt8, table: Table, rotation_deg: int
) -> VideoInfo:
    pts, n = table.pts, len(table.pts)
    duration_s = float((int(pts[-1] - pts[0]) + table.last_duration) * table.tick_s)
    step = float(pts[-1] - pts[0]) / max(n - 1, 1)
    return VideoInfo(
        path=path,
        fingerprint=digest,
        codec=facts[0],
        decoder=decoder,
        width_px=picture.shape[1],
        height_px=picture.shape[0],
        n_frames=n,
        header_frames=facts[1],
        duration_s=duration_s,
        mean_fps=1 / (step * float(table.tick_s)) if n > 1 else n / duration_s if duration_s else 0.0,
        # Rounding to the container's clock moves a timestamp by at most one tick off the straight line.
        variable_rate=bool(np.abs(pts - pts[0] - step * np.arange(n)).max() > 1),
        rotation_deg=rotation_deg,
        start_s=float(int(pts[0]) * table.tick_s),
    )


def select(time_s: Float64, sample_fps: float | None) -> Int64:
    """Choose the frames to look at: for each k the first one at or after k / sample_fps.

    Args:
        time_s: float64 (T,), presentation times, rising, the first 0.
        sample_fps: Frames per second; None for every frame.

    Returns:
        int64 (n,), frame indices, rising.
    """
    if sample_fps is None:
        return np.arange(len(time_s))
    # Containers round times to a millisecond or less: a frame that is early by that much is still on time.
    slack_s = min(1e-3, 0.1 / sample_fps)
    ticks_s = np.arange(int((time_s[-1] + slack_s) * sample_fps) + 1) / sample_fps
    chosen = np.unique(np.searchsorted(time_s, ticks_s - slack_s))
    return chosen[chosen < len(time_s)].astype(np.int64)


def spread(video: Video, count: int) -> Int64:
    """Choose frames spread over a clip, each at a place that is quick to reach if its part of the clip has one.

    Args:
        video: What `probe` found.
        count: How many; short clips give fewer.

    Returns:
        int64 (n,), frame indices, rising.
    """
    n = video.info.n_frames
    edges = np.unique(np.linspace(0, n, min(count, n) + 1).astype(np.int64))
    entry = video.entry[np.minimum(np.searchsorted(video.entry, edges[:-1]), len(video.entry) - 1)]
    reached = (edges[:-1] <= entry) & (entry < edges[1:])
    return np.where(reached, entry, (edges[:-1] + edges[1:]) // 2)


def windows(video: Video, frame: Int64, batch: int = 32) -> Iterator[FrameWindow]:
    """Decode frames of one segment, in order, a few at a time; the frames are those of decoding from the start.

    Args:
        video: What `probe` found.
        frame: int64 (n,), rising frame indices: all that are wanted of a segment.
        batch: Frames in a window; the last may have fewer.

    Raises:
        DamagedVideo: A frame cannot be decoded, or this is the last segment and the file lacks what should follow; all
            frames before that have been yielded.
    """
    info, sound = video.info, frame[frame < video.n_sound]
    decoded = image_pictures(video, sound) if info.decoder == "images" else pictures(video, sound)
    for start in range(0, len(sound), batch):
        index = sound[start : start + batch]
        frames, n, damage = np.empty((len(index), info.height_px, info.width_px, 3), np.uint8), 0, None
        try:
            while n < len(index):
                frames[n] = next(decoded)
                n += 1
        except DamagedVideo as error:
            damage = error
        if n:
            yield FrameWindow(frames[:n], index[:n], video.time_s[index[:n]])
        if damage:
            raise damage
    at_end = len(frame) and frame[-1] // SEGMENT_FRAMES == (info.n_frames - 1) // SEGMENT_FRAMES
    if len(sound) < len(frame) or (video.damage and video.n_sound == info.n_frames and at_end):
        raise DamagedVideo(info.path, video.damage, REMEDY)
