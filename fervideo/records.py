"""Records that pass from stage to stage, and the names that they share.

T frames in a clip, n in a window, M face observations, K landmarks, D embedding, C expressions. Every
record is frozen, checks its own shapes and dtypes, and prints shapes. Missing is NaN or empty, never a guess.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fervideo.landmarks import N_LANDMARKS
from fervideo.shaped import Shaped, check_array

#: Expressions in the order of every probability vector, as in FER+ (Barsoum et al. 2016).
EXPRESSIONS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
#: Expressions that count as negative in valence, as FaceReader defines it.
NEGATIVE = ("sadness", "anger", "disgust", "fear", "contempt")
#: Width and height of a face crop.
CROP_PX = 56
#: Usual number of frames that are analysed in one segment: the unit of caching, resuming and parallel work.
SEGMENT_FRAMES = 256
#: Steps per second of the sequence model: fast enough for the shortest expression (a blink lasts 0.15 s, a
#: microexpression 0.2 s).
MODEL_RATE_HZ = 20.0
#: Stands for the digest of a frame classifier where a sequence model reads no embedding, and so fits any of them.
ANY_FRAME_MODEL = "any"
#: Rows and columns of the grey thumbnail from which shot cuts are found.
THUMBNAIL_SHAPE = (12, 16)
#: The grey pictures by which a face is recognised from frame to frame: the aligned face, and the face with all that is
#: around it; rows and columns of each.
LOOK_SHAPE = (2, 14, 14)
#: Value of their pixels that lie outside the frame.
OUTSIDE = 0
#: Most faces that are analysed in each frame unless more are asked for.
AUTO_FACES = 4
#: Score of the second detector from which on a face is confirmed. Clutter that FaceMesh took for a face had 0.61 at
#: most; faces 0.81 at least, 0.71 behind a drawn mask.
CONFIRMED = 0.65

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
UInt8 = npt.NDArray[np.uint8]
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class VideoInfo:
    """Facts of a video file.

    Attributes:
        path: Path of the file.
        fingerprint: SHA-256 of the file's bytes, in hexadecimal.
        codec: Name of the codec, as FFmpeg spells it.
        decoder: `decord` or `pyav`: which one reads the frames.
        width_px: Width of the first frame as it is shown: upright, with square pixels.
        height_px: Height of that frame.
        n_frames: Frames that the container presents (hidden pre-roll left out).
        header_frames: Frames that the container's header claims; 0 where it makes no claim.
        duration_s: From the first frame's presentation time to the end of the last frame.
        mean_fps: For display only; times come from presentation timestamps.
        variable_rate: True where frame durations differ by more than the container's rounding.
        rotation_deg: Clockwise rotation that turns a stored frame upright: 0, 90, 180 or 270.
        start_s: Presentation time of the first frame in the container's own clock.
        media_start_s: Time of the first frame on a player's clock, which begins with the file's earliest stream.
        holes: Spans in which frames are missing from the file, and why; empty where there are none.
        ends_early: Why frames are missing after the last one; empty where none are.
        pixel_aspect: Width of a stored pixel by its height; 1 is square.
    """

    path: Path
    fingerprint: str
    codec: str
    decoder: str
    width_px: int
    height_px: int
    n_frames: int
    header_frames: int
    duration_s: float
    mean_fps: float
    variable_rate: bool
    rotation_deg: int
    start_s: float
    media_start_s: float
    holes: str
    ends_early: str
    pixel_aspect: float


@dataclass(frozen=True, repr=False)
class DetectedFaces(Shaped):
    """Faces found in some frames, one row per face per frame, ordered by frame: all that needs the frames' pixels.

    Attributes:
        frame: int64 (M,), 0-based index in the file.
        box_px: float32 (M, 4): x0, y0, x1, y1 around the landmarks.
        landmarks_px: float32 (M, N_LANDMARKS, 3): x, y in pixels, z in the same scale, towards the camera negative.
        alignment: float64 (M, 2, 3), image pixels to crop pixels: from it the same crop can be cut again.
        blur: float32 (M,), of the crop: 0 sharp to 1 blurred (Crete et al. 2007).
        brightness: float32 (M,), mean of the crop: 0 black to 1 white.
        look: uint8 (M, *LOOK_SHAPE), grey: the aligned face, and the face with all that is around it. Pixels OUTSIDE
            lie outside the frame.
        confirmation: float32 (M,), score of the second detector, 0 to 1; NaN where it did not look.
    """

    frame: Int64
    box_px: Float32
    landmarks_px: Float32
    alignment: Float64
    blur: Float32
    brightness: Float32
    look: UInt8
    confirmation: Float32

    def __post_init__(self) -> None:
        m = len(self.frame)
        check_array(self, "frame", np.int64, (m,))
        check_array(self, "box_px", np.float32, (m, 4))
        check_array(self, "landmarks_px", np.float32, (m, N_LANDMARKS, 3))
        check_array(self, "alignment", np.float64, (m, 2, 3))
        check_array(self, "blur", np.float32, (m,))
        check_array(self, "brightness", np.float32, (m,))
        check_array(self, "look", np.uint8, (m, *LOOK_SHAPE))
        check_array(self, "confirmation", np.float32, (m,))
        if (np.diff(self.frame) < 0).any():
            raise ValueError("DetectedFaces.frame: must not fall")

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, rows: npt.NDArray[np.bool_] | Int64) -> DetectedFaces:
        """Return the rows that a mask or an index picks."""
        return DetectedFaces(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    @staticmethod
    def concatenate(parts: Sequence[DetectedFaces]) -> DetectedFaces:
        """Join parts that follow each other in time; no parts give no faces."""
        names = [field.name for field in fields(DetectedFaces)]
        return DetectedFaces(
            **{name: np.concatenate([getattr(part, name) for part in (_NOBODY, *parts)]) for name in names}
        )


_NOBODY = DetectedFaces(
    frame=np.empty(0, np.int64),
    box_px=np.empty((0, 4), np.float32),
    landmarks_px=np.empty((0, N_LANDMARKS, 3), np.float32),
    alignment=np.empty((0, 2, 3), np.float64),
    blur=np.empty(0, np.float32),
    brightness=np.empty(0, np.float32),
    look=np.empty((0, *LOOK_SHAPE), np.uint8),
    confirmation=np.empty(0, np.float32),
)


@dataclass(frozen=True, repr=False)
class FramePredictions(Shaped):
    """Predictions of a frame classifier, one row per face.

    Attributes:
        embedding: float32 (M, D), from the frame CNN; D is 0 with any other frame classifier.
        logits: float32 (M, C); their softmax gives calibrated probabilities in the order of EXPRESSIONS.
    """

    embedding: Float32
    logits: Float32

    def __post_init__(self) -> None:
        check_array(self, "logits", np.float32, (None, len(EXPRESSIONS)))
        check_array(self, "embedding", np.float32, (len(self.logits), None))

    def __len__(self) -> int:
        return len(self.logits)

    @staticmethod
    def concatenate(parts: Sequence[FramePredictions]) -> FramePredictions:
        """Join the rows of parts; at least one."""
        embedding, logits = ([getattr(part, name) for part in parts] for name in ("embedding", "logits"))
        return FramePredictions(embedding=np.concatenate(embedding), logits=np.concatenate(logits))


@dataclass(frozen=True, repr=False)
class FaceObservations(Shaped):
    """Faces with their predictions and measures, one row per face per frame, ordered by frame.

    Attributes:
        frame: int64 (M,), 0-based index in the file.
        box_px: float32 (M, 4): x0, y0, x1, y1 around the landmarks.
        landmarks_px: float32 (M, K, 3): x, y in pixels, z in the same scale, towards the camera negative. K is
            N_LANDMARKS, or 0 once the landmarks are no longer needed (they are nine tenths of the bytes).
        embedding: float32 (M, D), from the frame CNN; D is 0 with any other frame classifier.
        frame_logits: float32 (M, C), from the frame classifier; their softmax is calibrated.
        measures: float32 (M,) by the name of each measure in `columns.MEASURES`.
    """

    frame: Int64
    box_px: Float32
    landmarks_px: Float32
    embedding: Float32
    frame_logits: Float32
    measures: Mapping[str, Float32]

    def __post_init__(self) -> None:
        m = len(self.frame)
        check_array(self, "frame", np.int64, (m,))
        check_array(self, "box_px", np.float32, (m, 4))
        check_array(self, "landmarks_px", np.float32, (m, None, 3))
        check_array(self, "embedding", np.float32, (m, None))
        check_array(self, "frame_logits", np.float32, (m, len(EXPRESSIONS)))
        for name, values in self.measures.items():
            if values.dtype != np.float32 or values.shape != (m,):
                found = f"{values.dtype} {values.shape}"
                raise ValueError(f"FaceObservations.measures[{name!r}]: is {found}, must be float32 ({m},)")
        if self.landmarks_px.shape[1] not in (0, N_LANDMARKS):
            n = self.landmarks_px.shape[1]
            raise ValueError(f"FaceObservations.landmarks_px: {n} landmarks, must be {N_LANDMARKS} or 0")
        if (np.diff(self.frame) < 0).any():
            raise ValueError("FaceObservations.frame: must not fall")

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, rows: npt.NDArray[np.bool_] | Int64) -> FaceObservations:
        """Return the rows that a mask or an index picks."""
        arrays = {name: getattr(self, name)[rows] for name in _FACE_ARRAYS}
        return FaceObservations(**arrays, measures={name: values[rows] for name, values in self.measures.items()})

    def moved(self, way_px: tuple[int, int]) -> FaceObservations:
        """Return the same rows, moved to the right and down by some pixels."""
        if way_px == (0, 0):
            return self
        way = np.array(way_px, np.float32)
        landmarks_px = self.landmarks_px + np.append(way, np.float32(0))
        return replace(self, box_px=self.box_px + np.tile(way, 2), landmarks_px=landmarks_px)

    def without_landmarks(self) -> FaceObservations:
        """Return the same rows with no landmarks, a tenth of the size."""
        return replace(self, landmarks_px=np.empty((len(self), 0, 3), np.float32))

    @staticmethod
    def concatenate(parts: Sequence[FaceObservations]) -> FaceObservations:
        """Join parts that follow each other in time; at least one."""
        arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _FACE_ARRAYS}
        measures = {name: np.concatenate([part.measures[name] for part in parts]) for name in parts[0].measures}
        return FaceObservations(**arrays, measures=measures)


#: The attributes of FaceObservations that are arrays with a row per face.
_FACE_ARRAYS = ("frame", "box_px", "landmarks_px", "embedding", "frame_logits")


@dataclass(frozen=True, repr=False)
class SegmentFaces(Shaped):
    """The first stage of one segment: its frames, and the faces found in them.

    Attributes:
        segment: Which segment of the clip.
        frame: int64 (n,), frames to analyse.
        time_s: float64 (n,), their presentation times.
        sound: bool (n,), False for frames that cannot be decoded.
        size_px: int64 (n, 2), width and height of each picture that was looked at; a call may change them.
        thumbnail: uint8 (n, *THUMBNAIL_SHAPE), grey, to find shot cuts; black for frames that cannot be decoded.
        faces: The faces in them, in pixels of the pictures that were looked at.
        damage: Why the first frame that is not sound cannot be decoded; empty if all are.
        rotate_deg: By how much the frames were turned clockwise, after the container's own turn.
        corner_px: Position (x, y) of the upper left corner of these pictures in the whole ones.
    """

    segment: int
    frame: Int64
    time_s: Float64
    sound: Bool
    size_px: Int64
    thumbnail: UInt8
    faces: DetectedFaces
    damage: str = ""
    rotate_deg: int = 0
    corner_px: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        _check_frames(self)


@dataclass(frozen=True, repr=False)
class FeatureShard(Shaped):
    """All that later stages need of one segment.

    Attributes:
        segment: Which segment of the clip, in order.
        frame, time_s, sound, size_px, thumbnail: As in SegmentFaces.
        observations: The faces in them, M.
        look: uint8 (M, *LOOK_SHAPE), as in `DetectedFaces`.
        confirmation: float32 (M,), as in `DetectedFaces`.
        damage: As in SegmentFaces.
    """

    segment: int
    frame: Int64
    time_s: Float64
    sound: Bool
    size_px: Int64
    thumbnail: UInt8
    observations: FaceObservations
    look: UInt8
    confirmation: Float32
    damage: str = ""

    def __post_init__(self) -> None:
        _check_frames(self)
        check_array(self, "look", np.uint8, (len(self.observations), *LOOK_SHAPE))
        check_array(self, "confirmation", np.float32, (len(self.observations),))


def _check_frames(shard: SegmentFaces | FeatureShard) -> None:
    n = len(shard.frame)
    check_array(shard, "frame", np.int64, (n,))
    check_array(shard, "time_s", np.float64, (n,))
    check_array(shard, "sound", np.bool_, (n,))
    check_array(shard, "thumbnail", np.uint8, (n, *THUMBNAIL_SHAPE))
    check_array(shard, "size_px", np.int64, (n, 2))


@dataclass(frozen=True, repr=False)
class ClipFeatures(Shaped):
    """A whole clip: all its frames, and all its faces joined into tracks.

    Attributes:
        info: The video.
        frame: int64 (T,), every frame to analyse.
        time_s: float64 (T,), their presentation times.
        sound: bool (T,), False for frames that cannot be decoded.
        observations: Faces in tracks, M rows, landmarks dropped.
        track: int64 (M,), 0-based; 0 is on screen longest.
        maybe: int64 (tracks,), the earlier track whose person each may show; -1 where there is none.
        damage: Which frames cannot be decoded, and why; empty if all can.
    """

    info: VideoInfo
    frame: Int64
    time_s: Float64
    sound: Bool
    observations: FaceObservations
    track: Int64
    maybe: Int64
    damage: str = ""

    def __post_init__(self) -> None:
        check_array(self, "frame", np.int64, (None,))
        check_array(self, "time_s", np.float64, (len(self.frame),))
        check_array(self, "sound", np.bool_, (len(self.frame),))
        check_array(self, "track", np.int64, (len(self.observations),))
        check_array(self, "maybe", np.int64, (self.n_tracks,))

    @property
    def n_tracks(self) -> int:
        return int(self.track.max(initial=-1)) + 1


@dataclass(frozen=True, repr=False)
class TrackExpressions(Shaped):
    """A sequence model's predictions for one track; C is the number of its labels.

    Attributes:
        track: Which track of ClipFeatures.
        frame: int64 (n,), every frame from the first detection to the last that is seen or bridged, rising.
        probabilities: float32 (n, C), smoothed; each row sums to 1.
        clip_probabilities: float32 (C,), the track as a whole; sums to 1.
    """

    track: int
    frame: Int64
    probabilities: Float32
    clip_probabilities: Float32

    def __post_init__(self) -> None:
        check_array(self, "frame", np.int64, (None,))
        check_array(self, "clip_probabilities", np.float32, (None,))
        check_array(self, "probabilities", np.float32, (len(self.frame), len(self.clip_probabilities)))


@dataclass(frozen=True, repr=False)
class ClipExpressions(Shaped):
    """A sequence model's predictions for a clip.

    Attributes:
        tracks: One for each track of ClipFeatures.
        labels: The model's labels, in the order of its probabilities.
        device: Device that computed them, `cpu` or `cuda`.
    """

    tracks: tuple[TrackExpressions, ...]
    labels: tuple[str, ...]
    device: str
