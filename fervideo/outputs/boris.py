"""BORIS: a project with one observation, which BORIS opens, and its table of events, for BORIS's tools of analysis.

The projects of a folder also become one project with all observations.

Faces are subjects, labels are behaviours with a duration, kinds of events are categories.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from fervideo import atomic
from fervideo.outputs import tiers
from fervideo.outputs.saving import Files
from fervideo.outputs.tiers import Tier, printable
from fervideo.timeline.record import Timeline

FILES = {"project": "*.boris", "table": "*.boris.tsv"}
#: Name of the project of all timelines of a folder.
JOINED = "all.boris"
#: A date that BORIS can read; the video's own is not known.
_DATE = "1970-01-01T00:00:00"
#: Columns of BORIS's tabular events.
_COLUMNS = (
    *("Observation id", "Observation date", "Description", "Observation duration", "Observation type", "Source"),
    *("Time offset (s)", "Media duration (s)", "FPS (frame/s)", "Subject", "Behavior", "Behavioral category"),
    *("Behavior type", "Time", "Media file name", "Image index", "Image file path", "Comment"),
)
_DESCRIPTION = "apparent expressions, by fervideo"


class _Mark(NamedTuple):
    """The start or the end of an event; of equal times, ends come first."""

    time_ms: int
    is_start: bool
    subject: str
    behavior: str
    category: str


def write(timeline: Timeline, files: Files) -> None:
    """Write the events of a timeline.

    Raises:
        OSError: A file cannot be written.
    """
    found = tiers.of_events(timeline)
    marks = sorted(mark for tier in found for mark in _marks(tier))
    media = printable(_media_path(timeline, files.parent))
    name = printable(Path(files.stem).name)
    project = {
        "time_format": "hh:mm:ss",
        "project_date": _DATE,
        "project_name": name,
        "project_description": _DESCRIPTION,
        "project_format_version": "7.0",
        "subjects_conf": _numbered({"key": "", "name": person, "description": ""} for person in _persons(found)),
        "behaviors_conf": _numbered(_behaviors(timeline, found)),
        "observations": {name: _observation(timeline, marks, media)},
        "behavioral_categories": _categories(found),
        "independent_variables": {},
        "coding_map": {},
        "behaviors_coding_map": [],
        "converters": {},
    }
    files.parts["project"].write_text(json.dumps(project, indent=1, ensure_ascii=False), encoding="utf-8")
    with files.parts["table"].open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\r\n")
        table.writerow(_COLUMNS)
        table.writerows(_rows(timeline, marks, media, name))


def join(projects: Mapping[str, Path], path: Path) -> None:
    """Write one project with the observations of several, their media named from the new project's folder.

    Args:
        projects: Projects that `write` wrote, by the names that their observations get: paths below the folder.
        path: The new project.

    Raises:
        OutputError: It cannot be written.
    """
    read = {name: json.loads(project.read_bytes()) for name, project in projects.items()}
    joined: dict[str, Any] = {**next(iter(read.values())), "project_name": path.stem, "observations": {}}
    for key, name in (("subjects_conf", "name"), ("behaviors_conf", "code")):
        items = {item[name]: item for project in read.values() for item in project[key].values()}
        joined[key] = _numbered(iter(items.values()))
    joined["behavioral_categories"] = list(
        dict.fromkeys(category for project in read.values() for category in project["behavioral_categories"])
    )
    for name, project in read.items():
        for observation in project["observations"].values():
            (media,) = observation["file"]["1"]
            moved = (PurePosixPath(name).parent / media).as_posix()
            info = observation["media_info"]
            facts = {key: {moved: info[key][media]} for key in ("length", "fps", "hasVideo", "hasAudio")}
            file = {**observation["file"], "1": [moved]}
            joined["observations"][printable(name)] = {**observation, "file": file, "media_info": {**info, **facts}}
    with atomic.written(path) as temporary:
        temporary.write_text(json.dumps(joined, indent=1, ensure_ascii=False), encoding="utf-8")


def _marks(tier: Tier) -> Iterator[_Mark]:
    for start, end, label in tiers.milliseconds(tier.spans):
        yield _Mark(start, True, tier.person, printable(label), tier.kind)
        yield _Mark(end, False, tier.person, printable(label), tier.kind)


def _persons(found: list[Tier]) -> list[str]:
    return list(dict.fromkeys(tier.person for tier in found))


def _categories(found: list[Tier]) -> list[str]:
    return list(dict.fromkeys([tiers.EXPRESSION, *(tier.kind for tier in found)]))


def _numbered(items: Iterator[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {str(number): item for number, item in enumerate(items)}


def _behaviors(timeline: Timeline, found: list[Tier]) -> Iterator[dict[str, Any]]:
    """Yield the ethogram: the model's expressions, whether they occur or not, and the labels of other kinds."""
    category = dict.fromkeys(map(printable, timeline.labels), tiers.EXPRESSION)
    for tier in found:
        category |= {printable(span.label): tier.kind for span in tier.spans if printable(span.label) not in category}
    for label, kind in category.items():
        facts = {"type": "State event", "key": "", "code": label, "description": "", "color": "", "category": kind}
        yield {**facts, "modifiers": {}, "excluded": "", "coding map": ""}


def _observation(timeline: Timeline, marks: list[_Mark], media: str) -> dict[str, Any]:
    info = timeline.info
    return {
        "file": {"1": [media], **{str(player): [] for player in range(2, 9)}},
        "type": "MEDIA",
        "date": _DATE,
        "description": _DESCRIPTION,
        "time offset": 0.0,
        "events": [[mark.time_ms / 1000, mark.subject, mark.behavior, "", "", "NA"] for mark in marks],
        "observation time interval": [0, 0],
        "independent_variables": {},
        "visualize_spectrogram": False,
        "visualize_waveform": False,
        "media_creation_date_as_offset": False,
        "media_scan_sampling_duration": 0,
        "image_display_duration": 1,
        "close_behaviors_between_videos": False,
        "media_info": {
            "length": {media: _duration_s(timeline, marks)},
            "fps": {media: round(info.mean_fps, 3)},
            "hasVideo": {media: True},
            "hasAudio": {media: False},
            "offset": {"1": 0.0},
        },
    }


def _rows(timeline: Timeline, marks: list[_Mark], media: str, name: str) -> Iterator[list[str]]:
    """Yield the rows of BORIS's tabular events."""
    duration = f"{_duration_s(timeline, marks):.3f}"
    before = [name, _DATE.replace("T", " "), _DESCRIPTION, duration, "Media file(s)", f"player #1:{media}", "0.0"]
    before += [duration, f"{timeline.info.mean_fps:.3f}"]
    for mark in marks:
        event = [mark.subject, mark.behavior, mark.category, "START" if mark.is_start else "STOP"]
        yield [*before, *event, f"{mark.time_ms / 1000:.3f}", media, "NA", "NA", ""]


def _duration_s(timeline: Timeline, marks: list[_Mark]) -> float:
    """Return the length of the media; BORIS leaves out an event that it takes to come after it, however little."""
    last_s = max((mark.time_ms for mark in marks), default=0) / 1000
    return round(max(tiers.media_start_s(timeline) + timeline.info.duration_s, last_s) + 1e-6, 6)


def _media_path(timeline: Timeline, folder: Path) -> str:
    """Return the path of the video: from the project's folder if it lies there, since the two may move together."""
    path = tiers.video_path(timeline)
    relative = tiers.relative_path(path, folder)
    return path.as_posix() if relative is None or relative.startswith("../") else relative
