"""The facts of a video file: its size, its presentation times, and the decoder that reads it."""

from __future__ import annotations

from pathlib import Path

import av

from fervideo.errors import VideoError
from fervideo.records import VideoInfo
from fervideo.settings import VideoSettings
from fervideo.video.decoders import choose, first_frames, turned, turning, undecodable
from fervideo.video.images import IMAGE_SUFFIXES, probe_images
from fervideo.video.packets import Table, Video, fingerprint, frame_table, opened, packet_table


def probe(path: Path, settings: VideoSettings) -> Video:
    """Read the facts and the presentation times of a file, and decide which decoder reads it.

    Args:
        path: The file, or a folder of images.
        settings: `decoder`, or for a folder `image_fps`, is used.

    Raises:
        VideoError: There is no such file, it contains no video, or not even its first frame can be decoded.
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
            codec, header_frames = stream.codec_context.codec.canonical_name, int(stream.frames)
        if not table.exact or [frame.pts for frame in first] != table.pts[: len(first)].tolist():
            # Field pairs, leading frames that cannot be decoded, containers without presentation times.
            table = frame_table(path, table)
    except av.FFmpegError as error:
        remedy = "give a whole video file; a copy that was cut short will not do"
        raise VideoError(path, f"cannot be read as a video ({error.strerror})", remedy) from error
    turn, rotation_deg = turning(first[0])
    picture = turned(first[0], turn, (first[0].width, first[0].height))
    info = VideoInfo(
        path=path,
        fingerprint=digest,
        codec=codec,
        decoder=choose(path, settings.decoder, table, picture),
        width_px=picture.shape[1],
        height_px=picture.shape[0],
        n_frames=len(table.pts),
        header_frames=header_frames,
        duration_s=table.duration_s,
        mean_fps=table.mean_fps,
        variable_rate=table.variable_rate,
        rotation_deg=rotation_deg,
        start_s=float(int(table.pts[0]) * table.tick_s),
    )
    return _video(info, table, turn)


def _video(info: VideoInfo, table: Table, turn: tuple[bool, int, int]) -> Video:
    damage = f"is cut short after frame {info.n_frames - 1}: {table.lacking}" if table.lacking else ""
    if table.n_sound < info.n_frames:
        damage = undecodable(table.n_sound, table.time_s, "its data are damaged")
    return Video(
        info=info,
        time_s=table.time_s,
        pts=table.pts,
        decoding=table.decoding,
        entry=table.entry,
        entry_packet=table.entry_packet,
        turn=turn,
        counted=table.counted,
        n_sound=table.n_sound,
        damage=damage,
    )
