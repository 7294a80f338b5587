"""Values of settings that are written as text: times, regions of the picture, names of faces, stretches of time."""

from __future__ import annotations

import datetime
import re
from typing import Any, NamedTuple

_CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d{1,2}(?:[.,]\d+)?)")
_NUMBER = re.compile(r"\d+(?:\.\d+)?%?")
#: Ways to find a baseline in a clip, beside a stretch of it.
WAYS = ("median", "calmest")
#: A part of the picture that is smaller than this shows no face.
_LEAST_SIDE_PX = 16


def seconds(value: Any) -> Any:
    """Return a time as seconds: `75.5`, `1:15.5`, `1:15,5` and `0:01:15.5` are the same.

    Args:
        value: Seconds, text, or the time of day that TOML makes of `00:01:15`; all else is returned as it is.
    """
    if isinstance(value, datetime.time):
        return value.hour * 3600 + value.minute * 60 + value.second + value.microsecond / 1e6
    if isinstance(value, str) and (found := _CLOCK.fullmatch(value.strip())):
        hours, minutes, rest = found.groups(default="0")
        return int(hours) * 3600 + int(minutes) * 60 + float(rest.replace(",", "."))
    return value


class Region(NamedTuple):
    """A rectangle in a picture, in whole pixels: its left upper corner, its width and its height."""

    x: int
    y: int
    w: int
    h: int


def region(text: str) -> str:
    """Check a region, `x,y,w,h`, each in pixels or with % of the picture's width or height; return it without blanks.

    Raises:
        ValueError: It is not of this form.
    """
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != len(Region._fields) or not all(map(_NUMBER.fullmatch, parts)):
        raise ValueError("is not x,y,w,h")
    return ",".join(parts)


def region_px(text: str, width_px: int, height_px: int) -> Region | None:
    """Return a region in the pixels of a picture; None where it does not lie in it, or is smaller than 16 pixels.

    Args:
        text: The region, as `region` returns it.
        width_px: Width of the picture.
        height_px: Its height.
    """
    sides = (width_px, height_px, width_px, height_px)
    x, y, w, h = (
        float(part[:-1]) / 100 * side if part.endswith("%") else float(part)
        for part, side in zip(text.split(","), sides, strict=True)
    )
    left, top, right, bottom = (round(edge) for edge in (x, y, x + w, y + h))
    fits = right <= width_px and bottom <= height_px
    large = min(right - left, bottom - top) >= _LEAST_SIDE_PX
    return Region(left, top, right - left, bottom - top) if fits and large else None


def positions(text: str) -> dict[str, str]:
    """Return the names of faces by their positions: `left=therapist,right=client`.

    Args:
        text: Pairs of a position (a rule or a number of a face) and a name.

    Raises:
        ValueError: It is not of this form, or a position or a name comes twice or is no position or no name.
    """
    pairs = [tuple(part.strip() for part in pair.split("=")) for pair in text.split(",")]
    named = {pair[0]: pair[-1] for pair in pairs}
    whole = all(len(pair) == 2 and _is_position(pair[0]) and pair[1] and not _is_position(pair[1]) for pair in pairs)
    # No position of a face but a rule of studies, which would not find a face of this name.
    if not whole or "all" in named.values() or not len(named) == len(set(named.values())) == len(pairs):
        raise ValueError("is not POSITION=NAME,POSITION=NAME")
    return named


def _is_position(word: str) -> bool:
    return word in ("left", "right", "longest", "largest") or word.isdecimal()


def stretch_s(text: str) -> tuple[float, float] | None:
    """Return the start and the end of a stretch `START:END` in seconds; None for a text of another form."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?):(\d+(?:\.\d+)?)", text)
    return (float(found[1]), float(found[2])) if found else None


def baseline(text: str) -> str | None:
    """Check the choice of a baseline; None for `none`.

    Raises:
        ValueError: It is neither a way nor a stretch nor the name of a CSV file.
    """
    stretch = stretch_s(text)
    if not (text in ("none", *WAYS) or is_file(text) or (stretch and stretch[0] < stretch[1])):
        raise ValueError("is no baseline")
    return None if text == "none" else text


def is_file(baseline: str) -> bool:
    """Check whether the choice of a baseline names a file."""
    return baseline.lower().endswith(".csv")
