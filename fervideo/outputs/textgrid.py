"""Praat's TextGrid: a tier of intervals for each face and kind of event; its reader reads labels of other people, too.

The intervals of a tier tile the time from xmin to xmax, with empty ones where there is no event. The reader follows
Praat's own rule: only quoted texts, numbers that stand free and flags in angle brackets count. So the long and the
short form are one.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from fervideo import bounded
from fervideo.errors import UsageError
from fervideo.outputs import tiers
from fervideo.outputs.saving import Files
from fervideo.outputs.tiers import Span
from fervideo.timeline.record import Timeline

FILES = {"textgrid": "*.TextGrid"}
#: A comment, a text with its quotes doubled, a number or flag that stands free.
_TOKEN = re.compile(r'!.*|"(?P<text>(?:[^"]|"")*)"|(?<!\S)(?P<word><\w+>|[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?!\S)')
_REMEDY = "save it in Praat as a text file or a short text file"


class LabelTier(NamedTuple):
    """One tier of a file.

    Attributes:
        name: Its name.
        spans: Its intervals, empty ones included; none for a tier of points.
        n_points: Its points, which have no duration.
    """

    name: str
    spans: tuple[Span, ...]
    n_points: int


def write(timeline: Timeline, files: Files) -> None:
    """Write the events of a timeline.

    Raises:
        OSError: The file cannot be written.
    """
    found = tiers.of_events(timeline)
    named = [(tier.name, tier.spans) for tier in found] or [(tiers.EXPRESSION, ())]
    ends_s = [spans[-1].end_s for _, spans in named if spans]
    end_s = max([round(tiers.media_start_s(timeline) + timeline.info.duration_s, 6), *ends_s])
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {_number(end_s)}"]
    lines += ["tiers? <exists>", f"size = {len(named)}", "item []:"]
    for number, (name, spans) in enumerate(named, 1):
        tiles = list(_tiles(spans, end_s))
        lines += [f"    item [{number}]:", '        class = "IntervalTier"', f"        name = {_quoted(name)}"]
        lines += ["        xmin = 0", f"        xmax = {_number(end_s)}", f"        intervals: size = {len(tiles)}"]
        for index, tile in enumerate(tiles, 1):
            lines += [f"        intervals [{index}]:", f"            xmin = {_number(tile.start_s)}"]
            lines += [f"            xmax = {_number(tile.end_s)}", f"            text = {_quoted(tile.label)}"]
    files.parts["textgrid"].write_text("\n".join([*lines, ""]), encoding="utf-8")


def _tiles(spans: tuple[Span, ...], end_s: float) -> Iterator[Span]:
    """Yield stretches that tile the time from 0 to the end; those between events have no label."""
    at = 0.0
    for span in spans:
        if span.start_s > at:
            yield Span(at, span.start_s, "")
        if span.end_s > max(span.start_s, at):
            yield Span(max(span.start_s, at), span.end_s, span.label)
            at = span.end_s
    if end_s > at:
        yield Span(at, end_s, "")


def _number(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _quoted(text: str) -> str:
    return '"{}"'.format(tiers.printable(text).replace('"', '""').replace("\n", " "))


def read(path: Path) -> list[LabelTier]:
    """Read the tiers of a TextGrid in UTF-8 or UTF-16, long or short.

    Raises:
        UsageError: The file cannot be read, or is no TextGrid.
    """
    tokens = _tokens(path)
    try:
        if next(tokens) != "ooTextFile" or next(tokens) != "TextGrid":
            raise ValueError("it is no TextGrid")
        float(next(tokens)), float(next(tokens))
        if next(tokens) != "<exists>":
            return []
        return [_tier(tokens) for _ in range(int(next(tokens)))]
    except (StopIteration, RuntimeError):
        raise UsageError(path, "ends too early for a TextGrid", _REMEDY) from None
    except ValueError as error:
        raise UsageError(path, f"cannot be read as a TextGrid ({error})", _REMEDY) from None


def _tier(tokens: Iterator[str]) -> LabelTier:
    kind, name, _, _, size = next(tokens), next(tokens), next(tokens), next(tokens), int(next(tokens))
    if kind == "IntervalTier":
        spans = [Span(float(next(tokens)), float(next(tokens)), next(tokens)) for _ in range(size)]
        return LabelTier(name, tuple(spans), 0)
    if kind != "TextTier":
        raise ValueError(f"a tier of class {kind!r}")
    for _ in range(size):
        next(tokens), next(tokens)
    return LabelTier(name, (), size)


def _tokens(path: Path) -> Iterator[str]:
    """Read the file and return its tokens: texts without their quotes, numbers and flags as they stand.

    Raises:
        UsageError: The file cannot be read.
    """
    try:
        content = bounded.read(path, bounded.TABLE_BYTES)
        is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        text = content.decode("utf-16" if is_utf16 else "utf-8-sig")
    except OSError as error:
        raise UsageError(path, f"cannot be read ({error.strerror})", "check its permissions") from None
    except UnicodeDecodeError:
        raise UsageError(path, "is neither in UTF-8 nor in UTF-16", _REMEDY) from None
    except ValueError as error:
        raise UsageError(path, f"cannot be read ({error})", _REMEDY) from None
    for match in _TOKEN.finditer(text):
        if match["text"] is not None:
            yield match["text"].replace('""', '"')
        elif match["word"]:
            yield match["word"]
