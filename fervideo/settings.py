"""Every knob of an analysis, with its unit, range and effect: the code's defaults, TOML files and `--set` in one place.

Settings that change features (`video`, `faces`) are part of the cache key; the rest never makes a video decode again.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fervideo.errors import UsageError


class Section(BaseModel):
    """Reject unknown keys and changes after the fact."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class VideoSettings(Section):
    """How frames are read."""

    sample_fps: float | None = Field(None, gt=0, le=1000, description="frames per second to look at, picked by time; unset: every frame")
    decoder: Literal["auto", "decord", "pyav"] = Field(
        "auto", description="auto: decord for clips of at most 512 MB decoded, PyAV for all else; the same frames from both"
    )


class FaceSettings(Section):
    """How faces are found."""

    max_faces: Literal["auto"] | int = Field(
        "auto", description="faces per frame, 1 to 16; auto: as many as some frames spread over the clip show, 1 to 4"
    )
    min_detection_confidence: float = Field(
        0.5, ge=0, le=1, description="FaceMesh's face detector; lower finds more, and more that is no face"
    )
    min_tracking_confidence: float = Field(0.5, ge=0, le=1, description="FaceMesh's landmark tracker; below it the detector looks again")


class TrackingSettings(Section):
    """How faces of successive frames are joined."""

    max_gap_s: float = Field(
        1.0, ge=0, le=10, description="longest time that a face may be lost and stay the same face; bridged as status gap"
    )
    max_cost: float = Field(
        0.6, gt=0, le=1, description="largest distance between two sightings of one face: 0 same place and shape, 1 nothing alike"
    )
    min_track_s: float = Field(0.2, ge=0, le=60, description="shorter tracks are taken for false alarms and dropped")
    shot_cut: float = Field(0.12, gt=0, le=1, description="change of the picture from one frame to the next, 0 to 1, that counts as a cut")


class SequenceSettings(Section):
    """How the sequence model runs over a track."""

    model: str = Field("default", description="path of a trained sequence model; default: the one in the package")
    window_s: float = Field(30.0, ge=6, le=600, description="long tracks run in windows of this length")
    overlap_s: float = Field(6.0, ge=2, le=60, description="windows overlap by this much and are blended there")
    smooth_s: float = Field(0.0, ge=0, le=10, description="extra Gaussian smoothing of the probabilities, standard deviation in seconds")


class EventSettings(Section):
    """How probabilities become events."""

    enter: float = Field(
        0.5, gt=0, lt=1, description="an expression begins when its probability reaches this, or leads with nothing else held"
    )
    hold: float = Field(0.35, gt=0, lt=1, description="it goes on while its probability stays at or above this")
    min_duration_s: float = Field(0.2, ge=0, le=10, description="shorter events are merged into their neighbours")


class RunSettings(Section):
    """Where the work is done; nothing here changes a result."""

    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="where the networks run; auto: cuda where there is one")
    workers: int = Field(0, ge=0, le=256, description="processes that extract segments; 0: one per core")
    cache: bool = Field(True, description="keep extracted features, so that a second run decodes nothing")


class Settings(Section):
    """All settings of one run."""

    video: VideoSettings = VideoSettings()
    faces: FaceSettings = FaceSettings()
    tracking: TrackingSettings = TrackingSettings()
    sequence: SequenceSettings = SequenceSettings()
    events: EventSettings = EventSettings()
    run: RunSettings = RunSettings()


def load(config: Path | None = None, changes: Sequence[tuple[str, str]] = ()) -> Settings:
    """Read the settings of a run: the defaults, changed by a file, changed by assignments.

    Args:
        config: A TOML file that holds only what differs from the defaults.
        changes: Where each comes from, for messages, and `section.key=value`; later ones win.

    Raises:
        UsageError: The file cannot be read, or a key or value is not possible; for an unknown key the nearest is suggested.
    """
    values: dict[str, Any] = {}
    if config is not None:
        try:
            values = tomllib.loads(config.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(config, f"cannot be read ({error})", "give a TOML file, such as configs/fast.toml") from error
        except tomllib.TOMLDecodeError as error:
            raise UsageError(config, f"is not TOML ({error})", "see configs/default.toml for the form") from error
        values = resolved(values, str(config)).model_dump(exclude_unset=True)
    for source, change in changes:
        path, equals, text = change.partition("=")
        section, dot, key = path.strip().partition(".")
        if not (equals and dot and section and key):
            raise UsageError(source, "is not section.key=value", "write for example --set events.hold=0.3")
        values.setdefault(section, {})[key] = _value(text.strip())
        # One by one, so that a message names the change at fault.
        resolved(values, source)
    return resolved(values, "settings")


def resolved(values: Mapping[str, Any], source: str) -> Settings:
    """Check a tree of values and fill in the defaults.

    Raises:
        UsageError: A key or a value is not possible.
    """
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = [str(part) for part in first["loc"]]
        if first["type"] == "extra_forbidden":
            raise UsageError(source, f"unknown setting {'.'.join(place)}", _suggestion(place)) from None
        # A union's location names its branches after the key.
        key = ".".join(place[:2])
        raise UsageError(source, f"{key} = {first['input']!r}: {first['msg'].lower()}", f"{_described(place)}") from None
    faces = settings.faces.max_faces
    if faces != "auto" and not 1 <= faces <= 16:
        raise UsageError(source, f"faces.max_faces = {faces}: there must be 1 to 16 faces to look for", "give 1 to 16, or auto")
    if settings.events.hold > settings.events.enter:
        raise UsageError(
            source, f"events.hold = {settings.events.hold} is above events.enter = {settings.events.enter}", "lower hold or raise enter"
        )
    if settings.sequence.overlap_s * 3 > settings.sequence.window_s:
        raise UsageError(source, "sequence.overlap_s is more than a third of sequence.window_s", "lower overlap_s or raise window_s")
    return settings


def feature_digest(settings: Settings) -> str:
    """Return a digest of the settings that change features, for the cache key."""
    relevant = settings.model_dump(include={"video", "faces"})
    return hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()[:16]


def _value(text: str) -> Any:
    """Read a value as TOML does; a bare word is a text, `none` unsets."""
    if text.lower() in ("none", "null", ""):
        return None
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _suggestion(place: list[str]) -> str:
    """Name the setting or section that was meant."""
    sections = {name: list(field.default.__class__.model_fields) for name, field in Settings.model_fields.items()}
    if len(place) == 1:
        near = difflib.get_close_matches(place[0], sections, 1, 0.4)
        return f"did you mean {near[0]}?" if near else f"known sections: {', '.join(sections)}"
    # A key is misspelt in its own section, or right and in the wrong one.
    near = difflib.get_close_matches(place[1], sections[place[0]], 1, 0.6)
    if near:
        return f"did you mean {place[0]}.{near[0]}?"
    elsewhere = {key: section for section, keys in sections.items() for key in keys}
    near = difflib.get_close_matches(place[1], elsewhere, 1, 0.5)
    return f"did you mean {elsewhere[near[0]]}.{near[0]}?" if near else f"known settings: {', '.join(sections[place[0]])}"


def _described(place: list[str]) -> str:
    field = Settings.model_fields.get(place[0])
    keys = field.default.__class__.model_fields if field else {}
    if len(place) > 1 and place[1] in keys:
        return f"it is: {keys[place[1]].description}"
    return f"write a section as [{place[0]}] with keys {', '.join(keys)}"
