"""Sections of the settings: one record each, with the range and the effect of every key.

Settings that change features (`video`, `faces`, `classifier`) are part of the cache key; the rest never makes a video
decode again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.config import JsonDict

from fervideo.settings import values

#: Options of the commands, and keywords in Python, that are short for a setting. Python has a word `from` of its own.
OPTIONS: Mapping[str, str] = {
    "classifier": "classifier.name",
    "faces": "faces.max_faces",
    "sample_fps": "video.sample_fps",
    "rotate": "video.rotate",
    "from_": "video.from_s",
    "to": "video.to_s",
    "region": "video.region",
    "names": "measures.names",
    "baseline": "measures.baseline",
    "smooth": "sequence.smooth_s",
    "cache": "run.cache",
    "device": "run.device",
    "workers": "run.workers",
    "model": "sequence.model",
}
#: Ranges that types alone do not show.
_PATH: JsonDict = {"range": "a path, or default"}
_TIME: JsonDict = {"range": "seconds or hh:mm:ss, or unset"}
_Seconds = Annotated[float, BeforeValidator(values.seconds), Field(ge=0, le=1e6)]
_Region = Annotated[str, AfterValidator(values.region)]


class Section(BaseModel):
    """A group of settings that cannot be changed, and that rejects unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class VideoSettings(Section):
    """Reading of video."""

    sample_fps: float | None = Field(
        None,
        gt=0,
        le=1000,
        description="Frames to look at in each second, picked by time; unset: every frame.",
        examples=[10.0],
    )
    decoder: Literal["auto", "decord", "pyav"] = Field(
        "auto",
        description="Library that decodes; auto: PyAV. decord gives the same frames, and does not see all damage.",
    )
    image_fps: float = Field(
        25.0, gt=0, le=1000, description="Frame rate of a folder of images, which counts as a video."
    )
    rotate: Literal["auto", 0, 90, 180, 270] = Field(
        "auto",
        description="Degrees by which the picture is turned clockwise, after the file's own note of its rotation; "
        "auto: 180 if faces stand on their heads in frames spread over the clip, else 0.",
    )
    from_s: _Seconds | None = Field(
        None,
        description="Time of the video at which the analysis begins; unset: its start. Times stay those of the video.",
        examples=[3.5],
        json_schema_extra=_TIME,
    )
    to_s: _Seconds | None = Field(
        None,
        description="Time before which it ends; unset: the end of the video.",
        examples=[7.8],
        json_schema_extra=_TIME,
    )
    region: _Region | None = Field(
        None,
        description="Part of the picture in which faces are looked for, as a player shows it, before any rotate. "
        "Boxes stay those of the whole picture.",
        examples=["50%,0,50%,100%"],
        json_schema_extra={"range": "x,y,width,height in pixels or with %, or unset"},
    )
    max_pixels: int = Field(
        200_000_000,
        ge=256,
        le=2**31,
        description="Most pixels of a frame or photograph; larger ones are refused before they fill the memory.",
    )


class FaceSettings(Section):
    """Detection of faces."""

    max_faces: Literal["auto"] | Annotated[int, Field(ge=1, le=16)] = Field(
        "auto",
        description="Faces to look for in each frame; auto: as many as some frames spread over the clip show, 1 to 4. "
        "The summary lists how many these show in all.",
    )
    min_detection_confidence: float = Field(
        0.5, ge=0, le=1, description="Threshold of FaceMesh's detector; lower finds more, also more that is no face."
    )
    min_tracking_confidence: float = Field(
        0.5, ge=0, le=1, description="Threshold of FaceMesh's landmark tracker; below it the detector looks again."
    )


class ClassifierSettings(Section):
    """Classification of a face's expression in a single frame."""

    name: Literal["cnn", "transfer", "svm", "mlp"] = Field(
        "cnn",
        description="Classifier of single frames. cnn: a residual network on the face's picture. "
        "transfer: a network on the picture that was first trained for another task. "
        "svm: a support vector machine on distances and angles of landmarks. mlp: a dense network on landmarks.",
    )
    landmarks: Literal["mediapipe", "dlib"] = Field(
        "mediapipe", description="Landmarks that svm and mlp read; dlib needs fervideo[dlib]."
    )
    weights: str = Field(
        "default", description="Weights of your own; default: those in the package.", json_schema_extra=_PATH
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="Number format in which cnn computes; auto: bfloat16 where the CPU has it, float32 elsewhere. "
        "bfloat16 takes half the time and changes one label in a thousand.",
    )


class TrackingSettings(Section):
    """Joining of the faces of successive frames."""

    max_gap_s: float = Field(
        1.0,
        ge=0,
        le=10,
        description="Longest time for which a lost face is bridged; its rows have status gap.",
    )
    max_cost: float = Field(
        0.6,
        gt=0,
        le=1,
        description="Largest distance between two detections of a face; 0: same position and shape, 1: nothing alike.",
    )
    min_track_s: float = Field(0.2, ge=0, le=60, description="Shorter tracks count as false alarms and are dropped.")
    shot_cut: float = Field(
        0.12,
        gt=0,
        le=1,
        description="Change of the picture from one frame to the next that counts as a cut. There a face that looks "
        "different is a new one.",
    )


class SequenceSettings(Section):
    """The sequence model, which reads each face's whole course."""

    model: str = Field(
        "default",
        description="File of a sequence model, or the folder that `fervideo train` wrote; "
        "default: the one in the package.",
        json_schema_extra=_PATH,
    )
    window_s: float = Field(120.0, ge=6, le=600, description="Longer tracks run in windows of this length.")
    overlap_s: float = Field(6.0, ge=2, le=60, description="Windows overlap by this much and are blended there.")
    smooth_s: float = Field(
        0.0, ge=0, le=10, description="Extra Gaussian smoothing of the probabilities, as standard deviation."
    )
    stay: Literal["auto"] | float = Field(
        "auto",
        description="Probability that an expression lasts for another 0.05 s. Nearer to 1 drops more expressions "
        "that are short or in doubt, 0 drops none; auto: as the model was fitted.",
        json_schema_extra={"range": "auto, 0, or 0.5 to below 1"},
    )
    uncertain_below: float = Field(
        0.0,
        ge=0,
        le=1,
        description="The summary calls a face uncertain if its top expression is less probable than this; 0: never.",
    )
    certain_from: float = Field(
        0.65,
        ge=0,
        le=1,
        description="Frames are marked uncertain if their expression is less probable than this; 0: only those of poor "
        "quality, and those without the whole face.",
    )


class EventSettings(Section):
    """Events, found in the course of the probabilities."""

    enter: float = Field(
        0.5,
        gt=0,
        lt=1,
        description="An expression begins when its probability reaches this, or leads with nothing else held.",
    )
    hold: float = Field(0.35, gt=0, lt=1, description="It goes on while its probability stays at or above this.")
    min_duration_s: float = Field(0.2, ge=0, le=10, description="Shorter events are merged into their neighbours.")
    summary_share: float = Field(
        0.1,
        ge=0,
        le=1,
        description="The summary names the expression other than neutral that is shown longest, "
        "if it is shown for at least this share of the time.",
    )


def _named(text: str) -> str:
    return ",".join(f"{position}={name}" for position, name in values.positions(text).items())


class MeasureSettings(Section):
    """Columns of faces beside their expressions; nothing here decodes a video again."""

    towards_camera_deg: float = Field(
        15.0, gt=0, le=90, description="A gaze within this angle of the camera counts as towards it."
    )
    unsmoothed: bool = Field(False, description="Whether movements come a second time, as each frame alone shows them.")
    names: Annotated[str, AfterValidator(_named)] | None = Field(
        None,
        description="Names of faces by their positions, left and right in the picture. All tables get a column `name`.",
        examples=["left=therapist,right=client"],
        json_schema_extra={"range": "POSITION=NAME,... with left, right, longest, largest or a number; or unset"},
    )
    baseline: Annotated[str, AfterValidator(values.baseline)] | None = Field(
        None,
        description="Frames that show a face at rest: a stretch, the calmest, or all (median). Measures and movements "
        "then come a second time, relative to that, and CLIP.baseline.csv has a row per face. Such a file of another "
        "clip of the same people serves, too.",
        examples=["calmest"],
        json_schema_extra={"range": "START:END in seconds, median, calmest, a baseline.csv, or unset (none)"},
    )


class RunSettings(Section):
    """Machine and cache; nothing here changes a result."""

    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Processor of the networks; auto: cuda if there is one."
    )
    workers: int = Field(
        0, ge=0, le=256, description="Worker processes; 0: one per core, fewer if there is too little work for them."
    )
    cache: bool = Field(True, description="Whether extracted features are kept, so that a second run decodes nothing.")


class TrainSettings(Section):
    """Training with `fervideo train` and `fervideo cross-validate`."""

    epochs: int = Field(40, ge=1, le=10_000, description="Passes over the training clips.")
    patience: int = Field(
        12, ge=1, le=10_000, description="Training stops after this many epochs without a lower validation loss."
    )
    batch: int = Field(16, ge=1, le=4096, description="Clips per step.")
    rate: float = Field(
        5e-4,
        gt=0,
        le=1,
        description="Peak learning rate, reached after a tenth of the steps; it falls to 0 as a cosine. "
        "With --init half of it.",
    )
    weight_decay: float = Field(0.01, ge=0, le=10, description="AdamW's weight decay.")
    hidden: int = Field(64, ge=4, le=4096, description="LSTM state size per direction; with --init that of the model.")
    layers: int = Field(1, ge=1, le=8, description="LSTM layers; with --init those of the model.")
    dropout: float = Field(
        0.4, ge=0, lt=1, description="Share of inputs and states dropped in training; with --init that of the model."
    )
    bidirectional: bool = Field(
        True, description="Whether later frames may explain earlier ones; with --init that of the model."
    )
    clip_loss: float = Field(1.0, ge=0, le=100, description="Weight of the loss of clips against that of frames.")
    lent_weight: float = Field(
        0.3,
        ge=0,
        le=1,
        description="A clip without frame labels lends its own to its frames, at this weight; 0: not at all. "
        "Without it such a dataset teaches the timeline nothing.",
    )
    balance: float = Field(1.0, ge=0, le=1, description="1: every class counts alike in the loss; 0: every clip does.")
    mix_looks: float = Field(
        0.3,
        ge=0,
        le=1,
        description="Up to this share of how another clip's face looks is mixed into each clip's features; 0: none. "
        "A few faces are then not learnt by heart.",
    )
    max_s: float = Field(
        60.0, ge=1, le=3600, description="Longer clips are cut into pieces of this length for training."
    )
    fold: str = Field(
        "1",
        coerce_numbers_to_str=True,
        description="The official fold that is the test split, in datasets with folds.",
        json_schema_extra={"range": "name of a fold"},
    )
    folds: int = Field(
        5,
        ge=2,
        le=100,
        description="Folds of `cross-validate` in datasets without any; 1 / folds is also the share of a drawn split.",
    )
    bootstrap: int = Field(1000, ge=100, le=100_000, description="Resamples behind each interval.")
    seed: int = Field(1, ge=0, le=2**31, description="Seed of splits, weights, dropout, order and resamples.")


class Settings(Section):
    """All settings of one run."""

    video: VideoSettings = VideoSettings()
    faces: FaceSettings = FaceSettings()
    classifier: ClassifierSettings = ClassifierSettings()
    tracking: TrackingSettings = TrackingSettings()
    sequence: SequenceSettings = SequenceSettings()
    events: EventSettings = EventSettings()
    measures: MeasureSettings = MeasureSettings()
    run: RunSettings = RunSettings()


class TrainingSettings(Settings):
    """All settings of one training."""

    train: TrainSettings = TrainSettings()


def cache_digests(settings: Settings) -> tuple[str, str]:
    """Return digests of the settings that change faces, and of those that change expressions of the same features.

    Both are parts of keys in the cache; the digests of the models' weights stand beside them there.
    """
    # The rate of an image folder is part of its fingerprint; for files it means nothing.
    faces = settings.model_dump(include={"video": {"sample_fps", "decoder", "rotate"}, "faces": True})
    expressions = settings.model_dump(
        include={"sequence": True, "tracking": True}, exclude={"sequence": {"model", "uncertain_below", "certain_from"}}
    )
    # Segments are those of the whole video, for any part of it. Without a part the keys are as they always were.
    part = settings.model_dump(include={"video": {"from_s", "to_s"}}, exclude_none=True)["video"]
    if settings.video.region is not None:
        faces["video"]["region"] = settings.video.region
    return _digest(faces), _digest({**expressions, "part": part} if part else expressions)


def _digest(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]
