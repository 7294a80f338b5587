"""Every knob of an analysis, with its unit, range and effect: the code's defaults, TOML files and `--set` in one place.

Settings that change features (`video`, `faces`, `classifier`) are part of the cache key; the rest never makes a video
decode again.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, overload

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fervideo.errors import UsageError


class Section(BaseModel):
    """Reject unknown keys and changes after the fact."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class VideoSettings(Section):
    """How frames are read."""

    sample_fps: float | None = Field(
        None, gt=0, le=1000, description="frames per second to look at, picked by time; unset: every frame"
    )
    decoder: Literal["auto", "decord", "pyav"] = Field(
        "auto",
        description="auto: decord for clips of at most 512 MB decoded, PyAV for all else; the same frames from both",
    )
    image_fps: float = Field(
        25.0, gt=0, le=1000, description="frame rate of a folder of images, which counts as a video"
    )


class FaceSettings(Section):
    """How faces are found."""

    max_faces: Literal["auto"] | int = Field(
        "auto", description="faces per frame, 1 to 16; auto: as many as some frames spread over the clip show, 1 to 4"
    )
    min_detection_confidence: float = Field(
        0.5, ge=0, le=1, description="FaceMesh's face detector; lower finds more, and more that is no face"
    )
    min_tracking_confidence: float = Field(
        0.5, ge=0, le=1, description="FaceMesh's landmark tracker; below it the detector looks again"
    )


class ClassifierSettings(Section):
    """What tells the expression of a face in a single frame."""

    name: Literal["cnn", "transfer", "svm", "mlp"] = Field(
        "cnn",
        description="cnn: our network; transfer: a network first trained for another task; svm: a support vector machine on "
        "distances and angles of landmarks; mlp: a dense network on landmarks",
    )
    landmarks: Literal["mediapipe", "dlib"] = Field(
        "mediapipe", description="whose landmarks svm and mlp read; dlib needs fervideo[dlib]"
    )
    weights: str = Field("default", description="path of weights of your own; default: those in the package")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="what cnn computes with; auto: bfloat16 where the CPU does so natively (half the time, and one label in a "
        "thousand differs), float32 elsewhere",
    )


class TrackingSettings(Section):
    """How faces of successive frames are joined."""

    max_gap_s: float = Field(
        1.0,
        ge=0,
        le=10,
        description="longest time that a face may be lost and stay the same face; bridged as status gap",
    )
    max_cost: float = Field(
        0.6,
        gt=0,
        le=1,
        description="largest distance between two sightings of one face: 0 same place and shape, 1 nothing alike",
    )
    min_track_s: float = Field(0.2, ge=0, le=60, description="shorter tracks are taken for false alarms and dropped")
    shot_cut: float = Field(
        0.12, gt=0, le=1, description="change of the picture from one frame to the next, 0 to 1, that counts as a cut"
    )


class SequenceSettings(Section):
    """How the sequence model runs over a track."""

    model: str = Field("default", description="path of a trained sequence model; default: the one in the package")
    window_s: float = Field(120.0, ge=6, le=600, description="long tracks run in windows of this length")
    overlap_s: float = Field(6.0, ge=2, le=60, description="windows overlap by this much and are blended there")
    smooth_s: float = Field(
        0.0, ge=0, le=10, description="extra Gaussian smoothing of the probabilities, standard deviation in seconds"
    )
    stay: Literal["auto"] | float = Field(
        "auto",
        description="auto, 0, or 0.5 to below 1: how likely an expression is to last for another 0.05 s; nearer to 1 drops more of those "
        "that are short or in doubt; 0: drops none; auto: as the model was fitted",
    )
    uncertain_below: float = Field(
        0.0,
        ge=0,
        le=1,
        description="the summary calls a face uncertain whose top expression is less probable than this; 0: never",
    )


class EventSettings(Section):
    """How probabilities become events."""

    enter: float = Field(
        0.5,
        gt=0,
        lt=1,
        description="an expression begins when its probability reaches this, or leads with nothing else held",
    )
    hold: float = Field(0.35, gt=0, lt=1, description="it goes on while its probability stays at or above this")
    min_duration_s: float = Field(0.2, ge=0, le=10, description="shorter events are merged into their neighbours")


class RunSettings(Section):
    """Where the work is done; nothing here changes a result."""

    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="where the networks run; auto: cuda where there is one"
    )
    workers: int = Field(0, ge=0, le=256, description="processes that extract segments; 0: one per core")
    cache: bool = Field(True, description="keep extracted features, so that a second run decodes nothing")


class TrainSettings(Section):
    """How `fervideo train` learns."""

    epochs: int = Field(40, ge=1, le=10_000, description="passes over the training clips")
    patience: int = Field(
        12, ge=1, le=10_000, description="stop after this many epochs without a lower validation loss"
    )
    batch: int = Field(16, ge=1, le=4096, description="clips per step")
    rate: float = Field(
        5e-4, gt=0, le=1, description="peak learning rate, reached after a tenth of the steps; falls to 0 as a cosine"
    )
    weight_decay: float = Field(0.01, ge=0, le=10, description="AdamW's")
    hidden: int = Field(64, ge=4, le=4096, description="LSTM state size per direction; with --init that of the model")
    layers: int = Field(1, ge=1, le=8, description="LSTM layers; with --init those of the model")
    dropout: float = Field(
        0.4, ge=0, lt=1, description="share of inputs and states dropped in training; with --init that of the model"
    )
    bidirectional: bool = Field(
        True, description="whether later frames may explain earlier ones; with --init that of the model"
    )
    clip_loss: float = Field(1.0, ge=0, le=100, description="weight of the loss of clips against that of frames")
    lent_weight: float = Field(
        0.3,
        ge=0,
        le=1,
        description="a clip without frame labels lends its own to its frames, at this weight; 0: not at all",
    )
    balance: float = Field(1.0, ge=0, le=1, description="1: every class counts alike in the loss, 0: every clip does")
    mix_looks: float = Field(
        0.3,
        ge=0,
        le=1,
        description="up to this share of how another clip's face looks is mixed into each clip's features",
    )
    max_s: float = Field(
        60.0, ge=1, le=3600, description="longer clips are cut into pieces of this length for training"
    )
    fold: str = Field(
        "1", coerce_numbers_to_str=True, description="which official fold is the test split, where a dataset has folds"
    )
    folds: int = Field(
        5,
        ge=2,
        le=100,
        description="folds of `cross-validate` where a dataset has none; 1 / folds is also the share of a split",
    )
    bootstrap: int = Field(1000, ge=100, le=100_000, description="resamples behind each interval")
    seed: int = Field(1, ge=0, le=2**31, description="of splits, weights, dropout, order and resamples")


class Settings(Section):
    """All settings of one run."""

    video: VideoSettings = VideoSettings()
    faces: FaceSettings = FaceSettings()
    classifier: ClassifierSettings = ClassifierSettings()
    tracking: TrackingSettings = TrackingSettings()
    sequence: SequenceSettings = SequenceSettings()
    events: EventSettings = EventSettings()
    run: RunSettings = RunSettings()


class TrainingSettings(Settings):
    """All settings of one training."""

    train: TrainSettings = TrainSettings()


S = TypeVar("S", bound=Settings)


@overload
def load(config: Path | None = None, changes: Sequence[tuple[str, str]] = ()) -> Settings: ...


@overload
def load(config: Path | None, changes: Sequence[tuple[str, str]], kind: type[S]) -> S: ...


def load(
    config: Path | None = None, changes: Sequence[tuple[str, str]] = (), kind: type[Settings] = Settings
) -> Settings:
    """Read the settings of a run: the defaults, changed by a file, changed by assignments.

    Args:
        config: A TOML file that holds only what differs from the defaults.
        changes: Where each comes from, for messages, and `section.key=value`; later ones win.
        kind: Which settings: TrainingSettings for a training.

    Raises:
        UsageError: The file cannot be read, or a key or value is not possible; for an unknown key the nearest is
            suggested.
    """
    values: dict[str, Any] = {}
    if config is not None:
        try:
            values = tomllib.loads(config.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                config, f"cannot be read ({error})", "give a TOML file, such as configs/fast.toml"
            ) from error
        except tomllib.TOMLDecodeError as error:
            raise UsageError(config, f"is not TOML ({error})", "see configs/default.toml for the form") from error
        values = resolved(values, str(config), kind).model_dump(exclude_unset=True)
    for source, change in changes:
        path, equals, text = change.partition("=")
        section, dot, key = path.strip().partition(".")
        if not (equals and dot and section and key):
            raise UsageError(source, "is not section.key=value", "write for example --set events.hold=0.3")
        values.setdefault(section, {})[key] = _value(text.strip())
        # One by one, so that a message names the change at fault.
        resolved(values, source, kind)
    return resolved(values, "settings", kind)


def resolved(values: Mapping[str, Any], source: str, kind: type[Settings] = Settings) -> Settings:
    """Check a tree of values and fill in the defaults.

    Raises:
        UsageError: A key or a value is not possible.
    """
    try:
        settings = kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = [str(part) for part in first["loc"]]
        if first["type"] == "extra_forbidden":
            raise UsageError(source, f"unknown setting {'.'.join(place)}", _suggestion(place, kind)) from None
        # A union's location names its branches after the key.
        key = ".".join(place[:2])
        raise UsageError(
            source, f"{key} = {first['input']!r}: {first['msg'].lower()}", f"{_described(place, kind)}"
        ) from None
    faces = settings.faces.max_faces
    if faces != "auto" and not 1 <= faces <= 16:
        raise UsageError(
            source, f"faces.max_faces = {faces}: there must be 1 to 16 faces to look for", "give 1 to 16, or auto"
        )
    stay = settings.sequence.stay
    if stay != "auto" and stay != 0 and not 0.5 <= stay < 1:
        raise UsageError(
            source,
            f"sequence.stay = {stay}: a probability from 0.5 to below 1 is wanted, or 0",
            "give for example 0.99, or auto",
        )
    if settings.events.hold > settings.events.enter:
        raise UsageError(
            source,
            f"events.hold = {settings.events.hold} is above events.enter = {settings.events.enter}",
            "lower hold or raise enter",
        )
    if settings.sequence.overlap_s * 3 > settings.sequence.window_s:
        raise UsageError(
            source, "sequence.overlap_s is more than a third of sequence.window_s", "lower overlap_s or raise window_s"
        )
    return settings


def cache_digests(settings: Settings) -> tuple[str, str]:
    """Return digests of the settings that change faces, and of those that change expressions of the same features.

    Both are parts of keys in the cache; the digests of the models' weights stand beside them there.
    """
    # The rate of an image folder is part of its fingerprint; for files it means nothing.
    faces = settings.model_dump(include={"video": {"sample_fps", "decoder"}, "faces": True})
    expressions = settings.model_dump(
        include={"sequence": True, "tracking": True}, exclude={"sequence": {"model", "uncertain_below"}}
    )
    return _digest(faces), _digest(expressions)


def _digest(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def to_toml(settings: Settings) -> str:
    """Write settings as a TOML file that `load` reads back; keys without a value are left out."""
    lines = []
    for section, values in settings.model_dump(mode="json").items():
        # JSON's numbers, texts and booleans are TOML's too.
        lines += [
            f"[{section}]",
            *(f"{key} = {json.dumps(value)}" for key, value in values.items() if value is not None),
            "",
        ]
    return "\n".join(lines)


def _value(text: str) -> Any:
    """Read a value as TOML does; a bare word is a text, `none` unsets."""
    if text.lower() in ("none", "null", ""):
        return None
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _suggestion(place: list[str], kind: type[Settings]) -> str:
    """Name the setting or section that was meant."""
    sections = {name: list(field.default.__class__.model_fields) for name, field in kind.model_fields.items()}
    if len(place) == 1:
        near = difflib.get_close_matches(place[0], sections, 1, 0.4)
        return f"did you mean {near[0]}?" if near else f"known sections: {', '.join(sections)}"
    # A key is misspelt in its own section, or right and in the wrong one.
    near = difflib.get_close_matches(place[1], sections[place[0]], 1, 0.6)
    if near:
        return f"did you mean {place[0]}.{near[0]}?"
    elsewhere = {key: section for section, keys in sections.items() for key in keys}
    near = difflib.get_close_matches(place[1], elsewhere, 1, 0.5)
    return (
        f"did you mean {elsewhere[near[0]]}.{near[0]}?" if near else f"known settings: {', '.join(sections[place[0]])}"
    )


def _described(place: list[str], kind: type[Settings]) -> str:
    field = kind.model_fields.get(place[0])
    keys = field.default.__class__.model_fields if field else {}
    if len(place) > 1 and place[1] in keys:
        return f"it is: {keys[place[1]].description}"
    return f"write a section as [{place[0]}] with keys {', '.join(keys)}"
