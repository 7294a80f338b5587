"""WebVTT for the video in a browser or player: captions of the expressions, and metadata cues for a page's own code.

A metadata cue lasts as long as a frame. Its text is JSON: `frame`, and `faces` with the columns of each face's row.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from fervideo.outputs import jsonl, tiers
from fervideo.outputs.saving import Files
from fervideo.outputs.tiers import Span
from fervideo.timeline.record import Timeline

FILES = {"captions": "*.vtt", "metadata": "*.metadata.vtt"}
#: Columns of frames that are the cue's own times and number.
_OF_THE_CUE = ("frame", "time_s")


def write(timeline: Timeline, files: Files) -> None:
    """Write the expressions of a timeline as captions, and its frames as metadata cues.

    Raises:
        OSError: A file cannot be written.
    """
    captions = [
        (start, end, _escaped(f"{tier.person}: {label}"))
        for tier in tiers.of_events(timeline)
        if tier.kind == tiers.EXPRESSION
        for start, end, label in tiers.milliseconds(tier.spans)
    ]
    for name, cues in (("captions", sorted(captions)), ("metadata", list(_frames(timeline)))):
        blocks = ["WEBVTT", *(f"{_time(start)} --> {_time(end)}\n{text}" for start, end, text in cues)]
        files.parts[name].write_text("\n\n".join([*blocks, ""]), encoding="utf-8", newline="\n")


def _frames(timeline: Timeline) -> Iterator[tuple[int, int, str]]:
    """Yield a cue for each frame that shows a face: start and end in milliseconds, and text."""
    starts_s, ends_s, of_row = tiers.frame_bounds_s(timeline)
    has_face = timeline.frames["face"].notna().to_numpy()
    texts: dict[int, list[dict[str, Any]]] = {}
    for cue, row in zip(of_row[has_face].tolist(), jsonl.records(timeline.frames[has_face]), strict=True):
        texts.setdefault(cue, []).append(row)
    spans = (
        Span(starts_s[cue], ends_s[cue], _json({"frame": found[0]["frame"], "faces": [_face(row) for row in found]}))
        for cue, found in texts.items()
    )
    yield from tiers.milliseconds(spans)


def _face(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None and name not in _OF_THE_CUE}


def _json(value: Any) -> str:
    """Return JSON without `-->`, which would end a cue, and without markup."""
    text = json.dumps(value, separators=(",", ":"))
    return text.replace(">", r"\u003e").replace("<", r"\u003c").replace("&", r"\u0026")


def _escaped(text: str) -> str:
    text = " ".join(tiers.printable(text).split())
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _time(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:03d}"
