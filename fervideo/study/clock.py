"""Other clocks: from video time to the time of another device or of day, by anchors that both clocks have."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fervideo.errors import UsageError
from fervideo.outputs.found import Found
from fervideo.records import Float64
from fervideo.study import design as designs
from fervideo.study.design import Index

_LOG = logging.getLogger("fervideo")
#: Column that tables get, and that anchors have.
CLOCK = "clock"
#: Column of anchors with the time of the video.
VIDEO = "video_s"
#: Distance of an anchor from the line through all of them, in seconds, that a warning names.
_FAR_S = 0.1


@dataclass(frozen=True, kw_only=True)
class Clock:
    """A clock that runs evenly beside a video's.

    Attributes:
        offset_s: Its time at the start of the video, in seconds; since `origin` for a time of day.
        rate: Its seconds per second of the video.
        origin: The moment from which a time of day counts; None for a clock in seconds.
    """

    offset_s: float
    rate: float
    origin: datetime | None

    def of(self, time_s: Float64) -> Any:
        """Return the clock at times of the video: float64 (n,) in seconds, or texts (n,) of date and time."""
        own_s = self.offset_s + self.rate * time_s
        if self.origin is None:
            return np.round(own_s, 6)
        moments = pd.Timestamp(self.origin) + pd.to_timedelta(np.round(own_s, 6), unit="s")
        texts = np.array([moment.isoformat(timespec="microseconds") for moment in moments], object)
        return np.where(np.isfinite(own_s), texts, "")

    def to_video(self, moment: str) -> float:
        """Return the time of the video, in seconds, at a reading of the clock.

        Raises:
            ValueError: The text is no reading of this clock.
        """
        own_s, origin = _reading(moment, self.origin)
        if (origin is None) != (self.origin is None):
            raise ValueError(f"{moment!r} is no time of the same clock as the anchors")
        return (own_s - self.offset_s) / self.rate


class Clocks:
    """The clock of each clip.

    Args:
        by_clip: Clocks by the name of the clip's results; the one of the name `` holds for all others.
    """

    def __init__(self, by_clip: dict[str, Clock]) -> None:
        self._by_clip = by_clip

    @classmethod
    def read(cls, path: Path, clips: Sequence[Found]) -> Clocks:
        """Read anchors: `video_s,clock`, and `clip` where clips have clocks of their own.

        Args:
            path: The table; `clock` is in seconds, or date and time such as 2026-11-28T10:15:00.250+01:00.
            clips: The results.

        Raises:
            UsageError: The table cannot be read, or a clip has fewer than two anchors.
        """
        table = designs.read_table(path, (VIDEO, CLOCK))
        key = next((name for name in designs.CLIP_COLUMNS if name in table), None)
        index = Index(clips)
        anchors: dict[str, list[tuple[float, str]]] = {}
        for number, row in enumerate(table.to_dict("records"), 2):
            names = [result.stem for result in index.find(row[key])] if key else [""]
            if len(names) > 1:
                raise UsageError(f"{path}:{number}", f"{row[key]} fits several clips", "name clips with their folders")
            try:
                video_s = float(row[VIDEO])
            except ValueError:
                raise UsageError(f"{path}:{number}", f"{row[VIDEO]!r} is no time in seconds", "mend the row") from None
            for name in names:
                anchors.setdefault(name, []).append((video_s, row[CLOCK]))
        found = cls({name: _fit(pairs, f"{path}{f' ({name})' if name else ''}") for name, pairs in anchors.items()})
        for clip in clips:
            found.of(clip.stem, path)
        return found

    @property
    def has_dates(self) -> bool:
        """Whether clocks show date and time."""
        return any(clock.origin is not None for clock in self._by_clip.values())

    def of(self, clip: str, path: Path | str = "anchors") -> Clock:
        """Return the clock of a clip.

        Raises:
            UsageError: It has none.
        """
        clock = self._by_clip.get(clip) or self._by_clip.get("")
        if clock is None:
            raise UsageError(path, f"has no anchors of {clip}", "add two rows, or leave the clip out of the design")
        return clock


def _reading(text: str, origin: datetime | None) -> tuple[float, datetime | None]:
    """Read a clock: its seconds, and the moment from which they count.

    Raises:
        ValueError: The text is neither seconds nor date and time.
    """
    try:
        return float(text), None
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is neither seconds nor a date and time") from None
    origin = origin or moment
    if (moment.tzinfo is None) != (origin.tzinfo is None):
        raise ValueError(f"{text!r} has a time zone, or lacks one, unlike the first")
    return (moment - origin).total_seconds(), origin


def _fit(pairs: Sequence[tuple[float, str]], subject: str) -> Clock:
    """Fit the line through anchors by least squares.

    Raises:
        UsageError: There are fewer than two, they are no readings, or the clock does not run forward.
    """
    own_s, origin = list[float](), None
    kinds = set[bool]()
    try:
        for _, text in pairs:
            seconds, origin = _reading(text, origin)
            own_s.append(seconds)
            kinds.add(origin is None)
    except ValueError as error:
        raise UsageError(subject, str(error), "give seconds, or 2026-11-28T10:15:00.250") from None
    video_s = np.array([each for each, _ in pairs])
    if len(kinds) > 1:
        raise UsageError(subject, "mixes seconds with dates and times", "give one kind of clock")
    if len(np.unique(video_s)) < 2:
        raise UsageError(subject, "has fewer than two anchors at different times", "give two or more pairs")
    rate, offset_s = np.polyfit(video_s, np.array(own_s), 1)
    if rate <= 0:
        raise UsageError(subject, "has a clock that runs backwards", "check the order of the two columns")
    far_s = np.abs(offset_s + rate * video_s - own_s)
    if far_s.max() > _FAR_S:
        at = int(far_s.argmax())
        _LOG.warning(
            "%s: the anchor at %g s is %.3f s off the line through all anchors", subject, video_s[at], far_s[at]
        )
    return Clock(offset_s=float(offset_s), rate=float(rate), origin=origin)
