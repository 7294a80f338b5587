"""Events of BORIS, tabular or aggregated: times of an observation become times of its videos.

An observation may queue several videos in one player and add an offset to its times. An event's time counts from the
start of the first video, plus the offset. So an event can begin in one video and end in the next.
"""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path

from fervideo.training.datasets.files import clip_named, first_lines, seconds, text_of
from fervideo.training.datasets.generic import add_interval, folder_of, named, tables
from fervideo.training.manifest import Manifest

_Row = dict[str, str]
#: Columns that name the video of an event, in releases and kinds of tables.
_MEDIA = ("Media file name", "Media file(s)", "Media file path", "Media file")
#: Entries that stand for none.
_NONE = ("", "NA", "Not found", "No focal subject")


def is_boris(root: Path) -> bool:
    return any(_header(path) is not None for path in tables(root))


def _header(path: Path) -> int | None:
    """Return the number of lines before BORIS's header, which has facts above it in older versions; None for others."""
    for number, line in enumerate(first_lines(path, 60)):
        if "Behavior" in line and ("Status" in line or "Behavior type" in line):
            return number
    return None


def boris(root: Path) -> Manifest:
    """Read BORIS's tabular events, or its aggregated events.

    Tabular events have one row for each START and STOP. Aggregated events have `Start (s)` and `Stop (s)` in one row.
    """
    found = Manifest(root, "boris")
    for table in tables(root):
        if (skipped := _header(table)) is not None:
            _add_events(found, table, skipped)
    return named(found)


def _add_events(found: Manifest, table: Path, skipped: int) -> None:
    """Add the events of a table to a manifest; `skipped` lines precede the table's header."""
    text = text_of(table, found).splitlines()[skipped:]
    if not text:
        return
    delimiter = "\t" if "\t" in text[0] else ","
    (columns,) = _split(text[:1], delimiter)
    open_since: dict[tuple[str, ...], tuple[_Row, str]] = {}
    for number, cells in enumerate(_split(text[1:], delimiter), skipped + 2):
        row = dict(zip(columns, cells, strict=False))
        origin, label = f"{table}:{number}", row.get("Behavior", "")
        kind = (row.get("Behavior type") or row.get("Status") or "").upper()
        # BORIS pairs events by observation, subject, behavior and modifiers; a video may end in between.
        modifiers = (cell for name, cell in row.items() if name.startswith("Modifier"))
        key = (row.get("Observation id", ""), row.get("Subject", ""), label, *modifiers)
        if not row.get("Source"):
            key = (*key, _media(row))
        if kind == "STATE" or (kind != "POINT" and "Start (s)" in row):
            _add_stretch(found, table, origin, row, row.get("Start (s)", ""), row.get("Stop (s)", ""))
        elif kind == "START":
            open_since[key] = row, origin
        elif kind == "STOP" and key in open_since:
            start, origin = open_since.pop(key)
            _add_stretch(found, table, origin, start, start.get("Time", ""), row.get("Time", ""))
        else:
            found.add_problem(
                origin, f"{kind or 'the event'} {label!r} has no duration: a START before a STOP is needed"
            )
    for start, origin in open_since.values():
        found.add_problem(origin, f"START {start.get('Behavior', '')!r} has no STOP")


def _add_stretch(found: Manifest, table: Path, origin: str, row: _Row, start: str, stop: str) -> None:
    """Add an event from one time of its observation to another: a stretch in each video that it runs through."""
    try:
        span_s = seconds(start), seconds(stop)
        offset_s, queue = _offset_s(row), _queue(row)
    except ValueError as error:
        found.add_problem(origin, str(error))
        return
    subject = row.get("Subject", "")
    subject = "" if subject in _NONE else subject
    if not queue or math.isnan(sum(span_s)):
        queue = [(_media(row) or table.stem, 0.0, math.inf)]
    added = 0
    for media, begin_s, end_s in queue:
        inside_s = [min(max(time_s - offset_s, begin_s), end_s) - begin_s for time_s in span_s]
        if inside_s[0] < inside_s[1] or math.isnan(sum(span_s)):
            # A stretch in the second video is another row of the manifest.
            each = f"{origin}:{media}" if added else origin
            begin, end = ("" if math.isnan(time_s) else f"{time_s:.6f}" for time_s in inside_s)
            path = clip_named(folder_of(found.root), media)
            add_interval(found, each, path, begin, end, row.get("Behavior", ""), subject=subject)
            added += 1
    if not added:
        found.add_problem(
            origin, f"{start} to {stop} s is no stretch of its video, from which {offset_s:g} s are taken"
        )


def _offset_s(row: _Row) -> float:
    """Return the time that an observation adds to that of its videos.

    Raises:
        ValueError: The cell is no time.
    """
    text = row.get("Time offset (s)", "")
    return 0.0 if text in _NONE else seconds(text)


def _queue(row: _Row) -> list[tuple[str, float, float]]:
    """Return the videos of an observation's first player, with their starts and ends; empty where they are not listed.

    The last one has no end: its duration may be rounded.

    Raises:
        ValueError: A duration is missing, or is no time.
    """
    first = row.get("Source", "").split("|")[0]
    if first in _NONE:
        return []
    videos = [_name(name) for name in re.sub(r"^player #\d+:", "", first).split(";")]
    durations = row.get("Media duration (s)", "").split("|")[0].split(";")
    if len(videos) == 1:
        return [(videos[0], 0.0, math.inf)]
    if len(durations) != len(videos) or any(text in _NONE for text in durations):
        raise ValueError("lists several videos, and not the duration of each in Media duration (s)")
    ends = [sum(map(seconds, durations[: count + 1])) for count in range(len(videos))]
    return list(zip(videos, [0.0, *ends[:-1]], [*ends[:-1], math.inf], strict=True))


def _media(row: _Row) -> str:
    """Return the name of the video that a row names, or of the first of its source; empty without any."""
    named_media = next((row[column] for column in _MEDIA if row.get(column, "") not in _NONE), "")
    return _name(named_media or row.get("Source", "").split("|")[0].split(";")[0])


def _name(media: str) -> str:
    """Return a video's name without a player (`player #1:clip.mp4`) and the folders of another machine."""
    return media.replace("\\", "/").rpartition("/")[2].rpartition(":")[2]


def _split(lines: list[str], delimiter: str) -> list[list[str]]:
    return [[cell.strip() for cell in cells] for cells in csv.reader(lines, delimiter=delimiter) if cells]
