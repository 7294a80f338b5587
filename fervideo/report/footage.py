"""The video of a timeline: found, checked to be the same, and the faces of some moments cut out of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from fervideo import video
from fervideo.errors import UsageError
from fervideo.records import UInt8
from fervideo.report import canvas, courses, figures
from fervideo.report.canvas import Figure
from fervideo.report.courses import Moment
from fervideo.settings import VideoSettings
from fervideo.timeline.record import Timeline
from fervideo.video import Video

#: Side of a picture of a face, and of its square by the longer side of the face's box.
_SIDE_PX, _AROUND = 192, 1.35


def opened(timeline: Timeline, path: Path) -> Video:
    """Open the video of a timeline, turned as it was when it was analysed.

    Args:
        timeline: The timeline.
        path: The video, or a copy of it with the same frames.

    Raises:
        VideoError: The video cannot be read.
        UsageError: It has another number or shape of frames than the one that was analysed.
    """
    used = timeline.provenance.get("settings", {}).get("video", {})
    settings = VideoSettings(**{name: used[name] for name in ("max_pixels",) if name in used})
    source, info = video.probe(path, settings), timeline.info
    turned = source.rotated((info.rotation_deg - source.info.rotation_deg) % 360)
    for own, wanted, noun in (
        (turned.info.n_frames, info.n_frames, "frames"),
        ((turned.info.width_px, turned.info.height_px), (info.width_px, info.height_px), "pixels"),
    ):
        if own != wanted:
            shown = [" x ".join(map(str, size)) if isinstance(size, tuple) else str(size) for size in (own, wanted)]
            reason = f"has {shown[0]} {noun}, and the timeline of {info.path.name} has {shown[1]}"
            raise UsageError(path, reason, "give the video that was analysed")
    return turned


def beside(timeline: Timeline, where: Path) -> Path:
    """Return the path of a timeline's video: the path itself, or a file of its name in a folder.

    A folder of images counts as a video, and has the video's own name.
    """
    name = timeline.info.path.name
    return where / name if where.is_dir() and where.name != name else where


def faces(source: Video, moments: Iterable[Moment]) -> dict[int, UInt8]:
    """Cut the faces of some moments out of a video.

    Args:
        source: The opened video.
        moments: The moments.

    Returns:
        By slot uint8 (_SIDE_PX, _SIDE_PX, 3), RGB; a frame that cannot be decoded has none.
    """
    of_frame: dict[int, list[Moment]] = {}
    for moment in moments:
        of_frame.setdefault(moment.frame, []).append(moment)
    found = dict[int, UInt8]()
    frame = np.array(sorted(of_frame), np.int64)
    # Frames after one keyframe together, so that none is decoded twice and none in vain.
    entry = np.searchsorted(source.entry, frame, "right")
    for own in np.split(frame, np.flatnonzero(np.diff(entry)) + 1) if len(frame) else ():
        for window in video.windows(source, own):
            for index, picture in zip(window.frame.tolist(), window.frames, strict=True):
                found |= {moment.slot: _cut(picture, moment.box_px) for moment in of_frame[index]}
    return found


def _cut(picture: UInt8, box_px: Sequence[float]) -> UInt8:
    """Cut a square around a box, moved into the picture where that has room."""
    left, top, width, height = box_px
    rows, columns = picture.shape[:2]
    side = max(min(round(max(width, height) * _AROUND), rows, columns), 1)
    x, y = left + width / 2 - side / 2, top + height / 2 - side / 2 - 0.05 * height
    x0, y0 = round(min(max(x, 0), columns - side)), round(min(max(y, 0), rows - side))
    cut = picture[y0 : y0 + side, x0 : x0 + side]
    how = cv2.INTER_AREA if side > _SIDE_PX else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(cut, (_SIDE_PX, _SIDE_PX), interpolation=how), np.uint8)


def plot(
    timelines: Sequence[Timeline],
    names: Sequence[str],
    where: Path | None = None,
    *,
    face: str = "all",
    n_pictures: int | None = None,
    width: str = "two",
) -> Figure:
    """Draw timelines as a figure, with faces out of their videos.

    Args:
        timelines: The timelines.
        names: Their names, for titles.
        where: The video of a single timeline, or the folder with the videos of all; None for a figure without faces.
        face: Rule that chooses the faces.
        n_pictures: Pictures along the axis; None for as many as the width can show well.
        width: `one` or `two` columns.

    Raises:
        UsageError: A width, a face, a number or a video is not possible.
        VideoError: A video cannot be read.
    """
    canvas.check_width(width)
    n = figures.PICTURES[width] if n_pictures is None else n_pictures
    if not 1 <= n <= courses.MOST_PICTURES:
        raise UsageError(f"{n} pictures", "are no row of pictures", f"choose from 1 to {courses.MOST_PICTURES}")
    rows = figures.rows(timelines, names, face)
    if where is None:
        return figures.timelines(rows, width)
    sources: dict[int, Video] = {}
    shown: list[tuple[Sequence[Moment], Mapping[int, UInt8]]] = []
    for row, moments in zip(rows, figures.moments(rows, n), strict=True):
        if id(row.timeline) not in sources:
            sources[id(row.timeline)] = opened(row.timeline, beside(row.timeline, where))
        shown.append((moments, faces(sources[id(row.timeline)], moments)))
    return figures.timelines(rows, width, n, shown)
