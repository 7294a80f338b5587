"""The video with its results drawn on it, its sound and its true times kept, in a file that browsers play."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import cv2
import numpy as np
from tqdm import tqdm

from fervideo import atomic, models, palette, pipeline, video
from fervideo.errors import OutputError, UsageError
from fervideo.outputs import saving
from fervideo.records import FeatureShard, Float32, UInt8
from fervideo.report.overlay import drawing, people, sound, strip
from fervideo.report.overlay.drawing import Layout
from fervideo.report.overlay.labels import colour_of
from fervideo.report.source import opened
from fervideo.settings import Settings
from fervideo.timeline.record import Timeline
from fervideo.video import Video

#: The sentence in the file's metadata.
CONSENT = (
    "Made with fervideo: apparent expressions, not feelings. Show this film only with the consent of the people in it."
)
#: Ticks per second of the file's clock, as in MPEG.
_CLOCK = 90_000
#: A keyframe every two seconds or so, for quick seeking; a quicker way for pictures of more pixels.
_CODER = {"preset": "veryfast", "crf": "20", "g": "60"}
_LARGE_PX, _LARGE_CODER = 1_000_000, {**_CODER, "preset": "superfast"}
#: Frames decoded at once: few enough that their memory is used again and again.
_AT_ONCE = 4
#: Flag of FFmpeg's coders: a frame's duration is that of its packet.
_KEEPS_DURATION = 1 << 8
#: Numbers in FFmpeg of the colours that OpenCV converts to: BT.601 in limited range, on primaries of BT.709.
_COLOURS = {"colorspace": 6, "color_primaries": 1, "color_trc": 1, "color_range": 1}


@dataclass(frozen=True, kw_only=True)
class Look:
    """Parts that are drawn, or hidden.

    Attributes:
        landmarks: Whether landmarks are drawn.
        blur: Whether faces are blurred.
    """

    landmarks: bool = False
    blur: bool = False


class Written(NamedTuple):
    """A film that was written.

    Attributes:
        frames: Its frames.
        lost: Frames of the video that cannot be decoded.
        lost_sound: Packets of sound that were left out.
    """

    frames: int
    lost: int
    lost_sound: int


@contextmanager
def analysed(path: Path, settings: Settings, *, progress: bool) -> Iterator[tuple[Timeline, Iterator[FeatureShard]]]:
    """Analyse a video, or read it from the cache; provide its timeline, and its segments with their landmarks.

    Raises:
        FervideoError: As in `pipeline.analyze`.
    """
    run_models = models.resolve(settings)
    with atomic.scratch_folder() as scratch:
        extraction = pipeline.open_clip(path, settings, run_models, None if settings.run.cache else scratch)
        yield pipeline.finish(extraction, extraction.run(progress=progress)), extraction.shards()


def check(path: Path, output: Path, *, overwrite: bool) -> None:
    """Check that a film can be written, before the work.

    Raises:
        UsageError: Its name does not end in .mp4, or it is the video itself.
        OutputError: It is there already.
    """
    if output.suffix.lower() != ".mp4":
        raise UsageError(output, "has another end than .mp4", "write for example -o film.mp4")
    if output.exists() and path.exists() and output.samefile(path):
        raise UsageError(output, "is the video itself", "give the film another name")
    if output.is_dir():
        raise OutputError(output, "is a folder", "give the name of a file")
    if not overwrite:
        saving.check_free({"film": output})


def write(
    path: Path,
    output: Path,
    timeline: Timeline,
    look: Look,
    shards: Iterator[FeatureShard] | None = None,
    *,
    progress: bool = False,
) -> Written:
    """Write a video with its results drawn on it.

    Args:
        path: The video, or a folder of images.
        output: The film, .mp4; an earlier one is replaced, once the film is complete.
        timeline: The results.
        look: The parts that are drawn.
        shards: The segments of the video in order, for landmarks; None without.
        progress: Whether to show a progress bar on stderr, where that is a terminal.

    Raises:
        VideoError: The video cannot be read.
        UsageError: The timeline is that of another video.
        OutputError: The film cannot be written.
    """
    source = opened(timeline, path)
    drawer = _Drawer(source, timeline, look, shards)
    n_frames, n_lost = 0, 0
    hidden = None if progress else True
    with (
        atomic.written(output) as temporary,
        sound.opened(path) as with_sound,
        tqdm(total=source.info.n_frames, unit=" frames", disable=hidden, dynamic_ncols=True) as bar,
        _coder(temporary, source, drawer.layout) as (container, stream),
    ):
        start_s = source.info.start_s - source.info.media_start_s
        track = sound.Sound(with_sound, container, start_s)
        for window in video.windows(source, np.arange(source.info.n_frames), _AT_ONCE):
            n_lost += len(window.lost)
            for picture, frame in zip(window.frames, window.frame.tolist(), strict=True):
                at_s = float(source.time_s[frame]) + source.info.media_start_s
                track.up_to(at_s)
                container.mux(stream.encode(_coded(drawer(picture, frame), at_s, _lasting_s(source, frame))))
                n_frames += 1
            bar.update(len(window) + len(window.lost))
        container.mux(stream.encode(None))
        track.up_to(float("inf"))
    return Written(n_frames, n_lost, track.lost)


def _lasting_s(source: Video, frame: int) -> float:
    """Return how long a frame is shown."""
    end_s = source.time_s[frame + 1] if frame + 1 < len(source.time_s) else source.info.duration_s
    return float(end_s - source.time_s[frame])


@contextmanager
def _coder(path: Path, source: Video, layout: Layout) -> Iterator[tuple[Any, Any]]:
    """Provide the container to write to and its stream of pictures."""
    options = {"movflags": "+faststart"}
    with av.open(f"file:{path}", "w", format="mp4", options=options) as container:
        container.metadata["comment"] = CONSENT
        rate = Fraction(source.info.mean_fps).limit_denominator(1001) if source.info.mean_fps > 0 else Fraction(25)
        coder = _LARGE_CODER if layout.width * layout.height > _LARGE_PX else _CODER
        stream: Any = container.add_stream("libx264", rate=rate, options=coder)
        stream.width, stream.height = layout.size
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, _CLOCK)
        stream.codec_context.flags |= _KEEPS_DURATION
        for name, number in _COLOURS.items():
            setattr(stream.codec_context, name, number)
        yield container, stream


def _coded(picture: UInt8, at_s: float, lasting_s: float) -> av.VideoFrame:
    """Return a picture as the coder takes it."""
    # A fifth of the time that FFmpeg takes.
    planes = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420), np.uint8)
    frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
    frame.pts, frame.time_base = round(at_s * _CLOCK), Fraction(1, _CLOCK)
    frame.duration = round((at_s + lasting_s) * _CLOCK) - frame.pts
    return frame


class _Drawer:
    """The function that draws the results on each frame.

    Args:
        source: The video.
        timeline: The results.
        look: The parts that are drawn.
        shards: The segments of the video in order, for landmarks; None without.
    """

    def __init__(self, source: Video, timeline: Timeline, look: Look, shards: Iterator[FeatureShard] | None) -> None:
        self._time_s, self._end_s, self._look = source.time_s, source.info.duration_s, look
        self._people = people.of(timeline, source.time_s)
        self._colours = [colour_of(colour) for colour in palette.colours(timeline.labels).values()]
        self._shards = shards
        self._last_frame, self._landmarks = -1, dict[int, list[Float32]]()
        self.layout = Layout.of(source.info.width_px, source.info.height_px, len(self._people))
        self._canvas = drawing.blank(self.layout)

    def __call__(self, picture: UInt8, frame: int) -> UInt8:
        """Return the canvas with a frame and its results; the next call changes it."""
        if self._look.blur:
            picture = picture.copy()
            for person in self._people:
                if np.isfinite(person.hidden_px[frame, 0]):
                    drawing.blur(picture, person.hidden_px[frame])
        part, scale = drawing.fit(picture, self.layout, self._canvas)
        for landmarks in self._landmarks_of(frame):
            drawing.draw_landmarks(part, landmarks * scale, self.layout)
        for person in self._people:
            if np.isfinite(person.box_px[frame, 0]):
                drawing.draw_face(part, person.box_px[frame] * scale, person, int(person.row[frame]), self.layout)
        strip.draw(self._canvas, self._people, self._colours, float(self._time_s[frame]), self._end_s, self.layout)
        return self._canvas

    def _landmarks_of(self, frame: int) -> list[Float32]:
        """Return the landmarks of the faces that are drawn on a frame."""
        while self._shards is not None and self._look.landmarks and frame > self._last_frame:
            shard = next(self._shards, None)
            if shard is None:
                self._shards = None
                break
            self._last_frame = int(shard.frame[-1])
            self._landmarks = _by_frame(shard)
        boxes = [each.box_px[frame, :2] for each in self._people if np.isfinite(each.box_px[frame, 0])]
        found = self._landmarks.get(frame, [])
        # Detections that are no face of the timeline are left out.
        return [each for each in found if any(np.abs(each[:, :2].min(0) - box).max() < 1 for box in boxes)]


def _by_frame(shard: FeatureShard) -> dict[int, list[Float32]]:
    """Return the landmarks of a segment by frame."""
    found: dict[int, list[Float32]] = {}
    for frame, landmarks in zip(shard.observations.frame.tolist(), shard.observations.landmarks_px, strict=True):
        found.setdefault(frame, []).append(landmarks)
    return found
