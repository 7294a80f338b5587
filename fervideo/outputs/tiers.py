"""Events as tiers, one for each face and kind of event, for formats of annotations.

Times here are the player's: those that a player shows beside the video. They are later than `time_s` by
`media_start_s` of the video, which is not 0 where the first frame comes after the sound has begun.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from fervideo.records import Float64, Int64
from fervideo.timeline.record import UNCERTAIN, Timeline

#: The kind of events in a table that has no column `kind`.
EXPRESSION = "expression"
#: Characters that neither XML nor UTF-8 can represent.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class Span(NamedTuple):
    """A labelled stretch of time, half-open.

    Attributes:
        start_s: Its start, on the player's clock.
        end_s: Its end.
        label: Its label.
    """

    start_s: float
    end_s: float
    label: str


class Tier(NamedTuple):
    """The stretches of one face and kind, in order and without overlaps.

    Attributes:
        face: Number of the face in the video.
        kind: Kind of the events.
        spans: The stretches.
        person: Name of the face, or its number in words.
    """

    face: int
    kind: str
    spans: tuple[Span, ...]
    person: str

    @property
    def name(self) -> str:
        return f"{self.person} {self.kind}"


def of_events(timeline: Timeline) -> list[Tier]:
    """Return the tiers of a timeline, by face; expressions come before other kinds.

    A tier `uncertain` has the stretches of the expressions that are marked so. No stretch goes on after the video, as
    the last event does where few of its frames were analysed. BORIS would leave out its end.
    """
    events = with_kind(timeline.events)
    if "uncertain" in events:
        doubtful = events[(events["uncertain"] == 1).fillna(False).to_numpy(bool)]
        events = pd.concat([events, doubtful.assign(kind=UNCERTAIN, expression=np.nan)], ignore_index=True)
    shift_s, last_s = media_start_s(timeline), _end_s(timeline)
    tiers = []
    keys: Any
    for keys, rows in events.groupby(["face", "kind"]):
        end_s = rows["offset_s"].where(rows["onset_s"] >= last_s, rows["offset_s"].clip(upper=last_s))
        spans = [
            Span(round(start + shift_s, 6), round(end + shift_s, 6), label)
            for start, end, label in zip(rows["onset_s"], end_s, labels(rows), strict=True)
        ]
        tiers.append(Tier(int(keys[0]), str(keys[1]), tuple(spans), _person(rows)))
    return sorted(tiers, key=lambda tier: (tier.face, tier.kind != EXPRESSION, tier.kind))


def _person(events: pd.DataFrame) -> str:
    """Return the name of the face that events belong to, or its number in words."""
    first = events.iloc[0]
    named = "name" in events and pd.notna(first["name"])
    return printable(first["name"]) if named else f"face {first['face']}"


def media_start_s(timeline: Timeline) -> float:
    """Return the time at which a player shows the first frame."""
    return timeline.info.media_start_s


def with_kind(events: pd.DataFrame) -> pd.DataFrame:
    """Return a table of events that has a column `kind`."""
    return events if "kind" in events else events.assign(kind=EXPRESSION)


def labels(events: pd.DataFrame) -> list[str]:
    """Return the label of each event: its expression, or its kind where it has no expression."""
    return [str(label) for label in events["expression"].where(events["expression"].notna(), events["kind"])]


def milliseconds(spans: Iterable[Span], origin_ms: int = 0) -> Iterator[tuple[int, int, str]]:
    """Yield stretches in whole milliseconds, none of them empty and none over another.

    Args:
        spans: Stretches in order.
        origin_ms: The player's time at which the file's own clock begins. Earlier parts of stretches are left out.
    """
    free = 0
    for span in spans:
        start, end = (round(1000 * time_s) - origin_ms for time_s in (span.start_s, span.end_s))
        if origin_ms <= 0 or end > 0:
            start = max(start, free)
            free = max(end, start + 1)
            yield start, free, span.label


def frame_bounds_s(timeline: Timeline) -> tuple[Float64, Float64, Int64]:
    """Return where each analysed frame begins and ends on the player's clock, and the frame of each row.

    A frame ends where the next one begins, and the last one where the video, or its analysed part, ends.

    Returns:
        float64 (T,) and float64 (T,), rising; int64 (rows,), indices into them.
    """
    start_s, of_row = np.unique(timeline.frames["time_s"].to_numpy(), return_inverse=True)
    end_s = np.append(start_s[1:], max([_end_s(timeline), *start_s[-1:]]))[: len(start_s)]
    shift_s = media_start_s(timeline)
    return start_s + shift_s, end_s + shift_s, of_row


def _end_s(timeline: Timeline) -> float:
    """Return where the video ends, or the part of it that was analysed."""
    return float(timeline.provenance.get("between_s", (0.0, timeline.info.duration_s))[1])


def video_path(timeline: Timeline) -> Path:
    """Return the path of the video in full, as it was when the video was analysed."""
    return Path(os.path.abspath(timeline.provenance.get("absolute_path") or timeline.info.path))  # noqa: PTH100


def relative_path(path: Path, folder: Path) -> str | None:
    """Return the path of a file as seen from a folder, with `/`; None where there is none, on another drive."""
    try:
        return Path(os.path.relpath(path, folder.absolute())).as_posix()
    except ValueError:
        return None


def printable(text: Any) -> str:
    """Return text that every format can contain: other characters, such as bytes that are not UTF-8, become U+FFFD."""
    return _UNWRITABLE.sub("\ufffd", str(text))
