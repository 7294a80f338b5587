"""The facts of a video file: its size, its presentation times, and the decoder that reads it."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import av
import numpy as np

from fervideo.errors import VideoError
from fervideo.records import VideoInfo
from fervideo.settings import VideoSettings
from fervideo.settings.values import region_px
from fervideo.video.decoders import choose
from fervideo.video.display import check_size, pixel_aspect, shown, shown_width, turning
from fervideo.video.files import fingerprint, state
from fervideo.video.frames import first_frames
from fervideo.video.images import IMAGE_SUFFIXES, check_moving, image_files, probe_images
from fervideo.video.packets import Listing, list_packets, opened
from fervideo.video.record import Video
from fervideo.video.table import Table, time_table

#: Frames' usual durations in a damaged container that count as a hole.
_HOLE = 2.5


def probe(path: Path, settings: VideoSettings) -> Video:
    """Read the facts and the presentation times of a file, and decide which decoder reads it.

    Args:
        path: The file, or a folder of images.
        settings: How the file is to be read.

    Raises:
        VideoError: There is no such file, it contains no video, its pictures are too large, or not even the first one
            can be decoded. Or it lacks the part that the settings choose.
    """
    if path.is_dir():
        return _part(probe_images(path, settings), settings)
    if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file():
        check_moving(path)
    at = state(path)
    digest = fingerprint(path)
    try:
        first = first_frames(path, settings.max_pixels)
        check_size(path, shown_width(first[0]), first[0].height, settings.max_pixels)
        with opened(path, settings.max_pixels) as (container, stream):
            listing = list_packets(path, container, stream)
        table = time_table(path, listing, [int(frame.pts or 0) for frame in first], settings.max_pixels)
    except av.FFmpegError as error:
        remedy = "give a whole video file; a copy that was cut short will not do"
        raise VideoError(path, f"cannot be read as a video ({error.strerror})", remedy) from error
    turn, rotation_deg = turning(first[0])
    picture = shown(first[0], turn)
    n = len(table.pts)
    info = VideoInfo(
        path=path,
        fingerprint=digest,
        codec=listing.codec,
        decoder=choose(path, settings.decoder, listing, table, first[0]),
        width_px=picture.shape[1],
        height_px=picture.shape[0],
        n_frames=n,
        header_frames=listing.header_frames,
        duration_s=table.duration_s,
        mean_fps=table.mean_fps,
        variable_rate=table.variable_rate,
        pixel_aspect=float(pixel_aspect(first[0])),
        rotation_deg=rotation_deg,
        start_s=float(int(table.pts[0]) * table.tick_s),
        media_start_s=_media_start_s(listing, table),
        holes=_holes(listing, table),
        ends_early=f"is cut short after frame {n - 1}: {listing.lacking}" if listing.lacking else "",
    )
    positions = {packet.number: packet.position for packet in listing.packets}
    entry_position = [positions[number] for number in table.entry_packet.tolist()]
    video = Video(
        info=info,
        time_s=table.time_s,
        pts=table.pts,
        packet=table.packet,
        sound=table.sound,
        entry=table.entry,
        entry_packet=table.entry_packet,
        entry_position=np.array([-1 if byte is None else byte for byte in entry_position], np.int64),
        keys=table.keys,
        turn=turn,
        notes=tuple(filter(None, (table.note, _late_start(info)))),
        state=at,
        max_pixels=settings.max_pixels,
    )
    return _part(video, settings)


def _part(video: Video, settings: VideoSettings) -> Video:
    """Take the region of a video and turn it, as the settings want it.

    Whether faces stand on their heads is not known yet.

    Raises:
        VideoError: The region or the stretch of time is not in the video.
    """
    info = video.info
    for option, time_s in (("--from", settings.from_s), ("--to", settings.to_s)):
        # People round the length of a video up.
        if time_s is not None and time_s > math.ceil(info.duration_s):
            reason = f"{option} {time_s:g} s is beyond its end at {info.duration_s:g} s"
            raise VideoError(info.path, reason, f"give an earlier time, or leave {option} out")
    if settings.region is not None:
        region = region_px(settings.region, info.width_px, info.height_px)
        if region is None:
            reason = f"--region {settings.region} is no part of its picture of {info.width_px} x {info.height_px} px"
            raise VideoError(info.path, reason, "give x,y,width,height inside it, at least 16 px wide and high")
        video = replace(video, region=region)
    return video if settings.rotate == "auto" else video.rotated(settings.rotate)


def _holes(listing: Listing, table: Table) -> str:
    """Report frames that are or may be missing from a file whose container is damaged; empty if it is whole."""
    if not listing.broken:
        return ""
    step = np.diff(table.time_s)
    usual = float(np.median(step)) if len(step) else 0.0
    spans = [
        f"{start + usual:.3f} s to {end:.3f} s"
        for start, end in pairwise(table.time_s.tolist())
        if end - start > _HOLE * usual
    ]
    if spans:
        return f"its container is damaged, and frames are missing: {', '.join(spans)}"
    # A lost end is reported by `ends_early`.
    return "" if listing.lacking else "its container is damaged: frames may be missing, at its end for example"


def changed(video: Video) -> str:
    """Report a file that has changed since it was opened, or a folder that has more or fewer images; else empty."""
    path, before = video.info.path, video.state
    now = state(path)
    if now == before or not now[1]:
        return ""
    if video.info.decoder == "images":
        files = len(image_files(path))
        return "" if files == video.info.n_frames else f"was still being written: it has {files} images by now"
    if now[0] == before[0]:
        return "" if fingerprint(path) == video.info.fingerprint else "has changed while it was read"
    sizes = f"from {before[0] / 1e6:.2f} to {now[0] / 1e6:.2f} MB"
    return f"was still being written: it went {sizes} while it was read; run again when it is complete"


def _media_start_s(listing: Listing, table: Table) -> float:
    """Return the time of the first frame on a player's clock; 0 where other streams begin less than a frame earlier."""
    if listing.media_start is None or len(table.pts) == 0:
        return 0.0
    late = int(table.pts[0]) - listing.media_start
    frame = float(np.median(np.diff(table.pts))) if len(table.pts) > 1 else table.last_duration
    # Coders of sound begin some milliseconds early.
    return float(late * table.tick_s) if late >= max(frame, 1) else 0.0


def _late_start(info: VideoInfo) -> str:
    """Return a note for pictures that begin later than the sound; empty where they do not."""
    if not info.media_start_s:
        return ""
    start = f"{info.media_start_s:.3f} s"
    return f"the pictures begin {start} late: time_s counts from the first frame, media_time_s as a player does"
