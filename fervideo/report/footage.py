"""Figures with faces, which are cut out of the videos of their timelines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from fervideo import video
from fervideo.errors import UsageError
from fervideo.records import UInt8
from fervideo.report import canvas, courses, figures, source
from fervideo.report.canvas import Figure
from fervideo.report.courses import Moment
from fervideo.timeline.record import Timeline
from fervideo.video import Video

#: Side of a picture of a face, and of its square by the longer side of the face's box.
_SIDE_PX, _AROUND = 192, 1.35


def faces(opened: Video, moments: Iterable[Moment]) -> dict[int, UInt8]:
    """Cut the faces of some moments out of a video.

    Args:
        opened: The video.
        moments: The moments.

    Returns:
        By slot uint8 (_SIDE_PX, _SIDE_PX, 3), RGB; a frame that cannot be decoded has none.
    """
    of_frame: dict[int, list[Moment]] = {}
    for moment in moments:
        of_frame.setdefault(moment.frame, []).append(moment)
    found = dict[int, UInt8]()
    for index, picture in video.scattered(opened, np.array(sorted(of_frame), np.int64)):
        found |= {moment.slot: _cut(picture.at(1), moment.box_px) for moment in of_frame[index]}
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
            sources[id(row.timeline)] = source.opened(row.timeline, source.beside(row.timeline, where))
        shown.append((moments, faces(sources[id(row.timeline)], moments)))
    return figures.timelines(rows, width, n, shown)
