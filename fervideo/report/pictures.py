"""Pictures inside a page: each face, frames of the clip side by side, and a small copy of the video."""

from __future__ import annotations

import base64
import io
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from fervideo import columns, video
from fervideo.errors import FervideoError
from fervideo.records import Float64, Int64, UInt8
from fervideo.report import source
from fervideo.report.content import Pictures
from fervideo.timeline.record import Timeline
from fervideo.video import Video

#: Side of a face's picture, and the part of the box that is added on each side.
_FACE_PX, _FACE_MARGIN = 112, 0.25
#: Frames in the sprite and their longer side: for videos that browsers play, and for others.
_PREVIEWS, _STILLS = (100, 128), (240, 300)
#: Most pixels of a row or column of the sprite: browsers decode 16,384.
_MOST_PX = 8192
#: Longer side of the copy of the video, and its quality (x264's rate factor).
_PROXY_PX, _PROXY_CRF = 480, 30
#: Codecs and kinds of file that current browsers play.
_PLAYED = {"h264", "vp8", "vp9", "av1"}
_PLAYED_SUFFIXES = {".mp4", ".m4v", ".mov", ".webm", ".mkv"}


def of_clip(timeline: Timeline, path: Path, *, with_proxy: bool) -> Pictures:
    """Make the pictures of a clip's page.

    Args:
        timeline: The timeline.
        path: The video.
        with_proxy: Whether to make a small copy of it.

    Raises:
        VideoError: The file is missing, cannot be read, or is not the video of the timeline.
    """
    opened = source.opened(timeline, path, same_file=True)
    is_played = opened.info.codec in _PLAYED and path.suffix.lower() in _PLAYED_SUFFIXES
    count, width = _PREVIEWS if is_played or with_proxy else _STILLS
    sprite, index, columns, size = _sprite(opened, count, width)
    return Pictures(
        faces={face: _data("jpeg", picture) for face, picture in _faces(timeline, opened).items()},
        sprite=_data("jpeg", sprite) if sprite else "",
        sprite_times_s=opened.time_s[index].tolist(),
        sprite_columns=columns,
        sprite_size_px=size,
        proxy=f"data:video/mp4;base64,{_base64(_proxy(opened))}" if with_proxy else "",
        turn_deg=opened.rotate_deg,
    )


def _faces(timeline: Timeline, opened: Video) -> dict[int, bytes]:
    """Return a JPEG of each face, from the frame in which it is large, facing the camera and of good quality."""
    found: dict[int, bytes] = {}
    seen = timeline.frames[timeline.frames["status"] == "ok"]
    for face in timeline.summary["face"].dropna().astype(int).tolist():
        rows = seen[seen["face"] == face]
        if rows.empty:
            continue
        score = rows["quality"].fillna(0) * np.sqrt(rows["face_px"]) * np.cos(np.deg2rad(rows["yaw_deg"].fillna(60)))
        best = rows.loc[score.idxmax()]
        for _, picture in video.scattered(opened, np.array([best["frame"]], np.int64)):
            found[face] = _jpeg(_square(picture.at(1), best[list(columns.BOX)].to_numpy(np.float64)))
    return found


def _square(picture: UInt8, box_px: Float64) -> UInt8:
    """Cut a square around a box (left, top, width, height), as far as it lies in the picture."""
    left, top, width, height = box_px
    side = max(width, height) * (1 + 2 * _FACE_MARGIN)
    x, y = left + width / 2 - side / 2, top + height / 2 - side / 2
    scale = _FACE_PX / side
    matrix = np.array([[scale, 0, -x * scale], [0, scale, -y * scale]])
    cut = cv2.warpAffine(picture, matrix, (_FACE_PX, _FACE_PX), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cut, np.uint8)


def _sprite(opened: Video, count: int, width: int) -> tuple[bytes, Int64, int, tuple[int, int]]:
    """Put frames of a clip side by side.

    Returns:
        A JPEG, the frames, how many stand in a row, and width and height of each; an empty JPEG where none can be
        decoded.
    """
    size = _fitted(opened, width)
    wanted = video.spread(opened, count)
    pictures = [
        (index, cv2.resize(picture.at(1), size, interpolation=cv2.INTER_AREA))
        for index, picture in video.scattered(opened, wanted)
    ]
    index = np.array([index for index, _ in pictures], np.int64)
    if not pictures:
        return b"", index, 1, size
    columns = min(len(pictures), max(_MOST_PX // 4 // size[0], 1))
    rows = -(-len(pictures) // columns)
    sheet = np.zeros((rows * size[1], columns * size[0], 3), np.uint8)
    for at, (_, picture) in enumerate(pictures):
        y, x = at // columns * size[1], at % columns * size[0]
        sheet[y : y + size[1], x : x + size[0]] = picture
    return _jpeg(sheet, 68), index, columns, size


def _fitted(opened: Video, longer: int) -> tuple[int, int]:
    """Return an even width and height, at most `longer`."""
    width, height = opened.info.width_px, opened.info.height_px
    scale = min(longer / max(width, height), 1)
    return max(round(width * scale / 2) * 2, 2), max(round(height * scale / 2) * 2, 2)


def _proxy(opened: Video) -> bytes:
    """Return a small H.264 copy with all frames at their own times; its clock begins with the first frame."""
    file, size, clock = io.BytesIO(), _fitted(opened, _PROXY_PX), Fraction(1, 90000)
    with av.open(file, "w", format="mp4") as container:
        options = {"crf": str(_PROXY_CRF), "preset": "veryfast", "g": "25", "bf": "0"}
        stream = container.add_stream("libx264", rate=30, options=options)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.time_base = stream.codec_context.time_base = clock
        for index, picture in video.pictures(opened, np.arange(opened.info.n_frames)):
            if isinstance(picture, str):
                continue
            small = cv2.resize(picture.at(1), size, interpolation=cv2.INTER_AREA)
            frame = av.VideoFrame.from_ndarray(np.asarray(small, np.uint8), format="rgb24")
            frame.pts, frame.time_base = round(opened.time_s[index] * clock.denominator), clock
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()


def _jpeg(picture: UInt8, quality: int = 80) -> bytes:
    done, content = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise FervideoError("a picture of the report", "cannot be written as JPEG", "try another video")
    return content.tobytes()


def _data(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{_base64(content)}"


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
