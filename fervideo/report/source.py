"""The video of a timeline: found, opened as it was when it was analysed, and checked to be the same."""

from __future__ import annotations

from pathlib import Path

from fervideo import video
from fervideo.errors import UsageError, VideoError
from fervideo.settings import VideoSettings
from fervideo.timeline.record import Timeline
from fervideo.video import Video

#: Settings that choose the pictures. People want to see whole ones, and all of the clip.
_SETTINGS = ("decoder", "image_fps", "rotate", "max_pixels")


def opened(timeline: Timeline, path: Path, *, same_file: bool = False) -> Video:
    """Open the video of a timeline, turned as it was when it was analysed.

    Args:
        timeline: The timeline.
        path: The video, or a copy of it with the same frames.
        same_file: Whether a copy will not do.

    Raises:
        VideoError: The video is missing, cannot be read, or is not the same file.
        UsageError: It has another number or shape of frames than the one that was analysed.
    """
    if not path.exists():
        raise video.missing(path)
    used = timeline.provenance.get("settings", {}).get("video", {})
    found = video.probe(path, VideoSettings.model_validate({name: used[name] for name in _SETTINGS if name in used}))
    if same_file and found.info.fingerprint != timeline.info.fingerprint:
        raise VideoError(path, "has changed since it was analysed", "analyse it again")
    # Faces that stood on their heads were turned, which the file does not record.
    turned = found.rotated((timeline.info.rotation_deg - found.info.rotation_deg) % 360)
    own, wanted = turned.info, timeline.info
    for seen, expected, noun in (
        (f"{own.n_frames}", f"{wanted.n_frames}", "frames"),
        (f"{own.width_px} x {own.height_px}", f"{wanted.width_px} x {wanted.height_px}", "pixels"),
    ):
        if seen != expected:
            reason = f"has {seen} {noun}, and the timeline of {wanted.path.name} has {expected}"
            raise UsageError(path, reason, "give the video that was analysed")
    return turned


def beside(timeline: Timeline, where: Path) -> Path:
    """Return the path of a timeline's video: the path itself, or a file of its name in a folder.

    A folder of images counts as a video, and has the video's own name.
    """
    name = timeline.info.path.name
    return where / name if where.is_dir() and where.name != name else where
