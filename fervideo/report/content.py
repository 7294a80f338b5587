"""The content of a clip's page: its tables as numbers and text that the page's code reads."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from fervideo import __version__, columns
from fervideo.columns import Column
from fervideo.outputs import tiers
from fervideo.palette import colours
from fervideo.records import EXPRESSIONS
from fervideo.report.numbers import Numbers
from fervideo.timeline import certainty
from fervideo.timeline.record import Timeline
from fervideo.timeline.tables import name_of

#: Charts beside that of the probabilities: key, title, and columns.
CHARTS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("valence", "Valence", ("valence",)),
    ("movements", "Movements", tuple(name for name in columns.MEASURES if name.startswith(columns.MOVE))),
    ("gaze", "Gaze", ("gaze_yaw_deg", "gaze_pitch_deg")),
    ("pose", "Head", ("yaw_deg", "pitch_deg", "roll_deg")),
    ("eyes", "Eyes and mouth", ("eye_open_left", "eye_open_right", "mouth_open", "smile", "brow_raise")),
    ("speaking", "Talking", ("speaking", "eyes_closed", "towards_camera")),
    ("quality", "Quality", ("quality", "blur", "brightness", "inside")),
)
_STATUS = {"ok": 0, "gap": 1, "cut_off": 2}


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """The pictures of a clip, as `data:` addresses.

    Attributes:
        faces: A picture of each face, by its number.
        sprite: Frames of the clip in one picture, side by side; empty without.
        sprite_times_s: Time of each of them, as `time_s`.
        sprite_columns: Frames in a row of the sprite.
        sprite_size_px: Width and height of each of them.
        proxy: A small copy of the video; empty without.
        turn_deg: Clockwise turn that a player leaves out, since the file does not record it: 0, 90, 180 or 270.
    """

    faces: Mapping[int, str]
    sprite: str = ""
    sprite_times_s: Sequence[float] = ()
    sprite_columns: int = 1
    sprite_size_px: tuple[int, int] = (0, 0)
    proxy: str = ""
    turn_deg: int = 0


#: No pictures: the video cannot be read.
NO_PICTURES = Pictures(faces={})


def of_clip(
    timeline: Timeline, pictures: Pictures, address: str, missing: str, marks: Iterable[Mapping[str, Any]] = ()
) -> tuple[dict[str, Any], Numbers]:
    """Collect the content of a clip's page.

    Args:
        timeline: The timeline.
        pictures: Its pictures.
        address: Address of the video, as seen from the page; empty without.
        missing: Why the page has no video; empty where it has one.
        marks: Stretches of a coder, as `coder.read` returns them.

    Returns:
        Everything except the numbers, for JSON; and the numbers that it refers to.
    """
    numbers, info, shift_s = Numbers(), timeline.info, tiers.media_start_s(timeline)
    start_s, end_s, of_row = tiers.frame_bounds_s(timeline)
    labels = timeline.labels
    shown = [column for column in columns.frames(labels) if column.name in _wanted(labels)]
    content = {
        "name": tiers.printable(info.path.name),
        "clip": tiers.printable(tiers.video_path(timeline)),
        "fingerprint": info.fingerprint,
        "version": __version__,
        "labels": labels,
        "rawLabels": EXPRESSIONS,
        "colours": colours((*labels, *(name for name in EXPRESSIONS if name not in labels))),
        "video": {
            "address": address,
            "missing": missing,
            "proxy": pictures.proxy,
            # The clock of a proxy begins with the first frame.
            "proxyStart": shift_s,
            "codec": info.codec,
            "width": info.width_px,
            "height": info.height_px,
            "turn": pictures.turn_deg,
        },
        "facts": [
            f"{info.width_px} × {info.height_px}",
            f"{info.mean_fps:.4g} frames/s{' on average' if info.variable_rate else ''}",
            info.codec,
        ],
        "start": float(start_s[0]) if len(start_s) else shift_s,
        "end": float(end_s[-1]) if len(end_s) else shift_s + info.duration_s,
        "times": numbers.whole(np.round(start_s * 1e6)),
        "sprite": {
            "picture": pictures.sprite,
            "times": [round(time_s + shift_s, 3) for time_s in pictures.sprite_times_s],
            "columns": pictures.sprite_columns,
            "size": pictures.sprite_size_px,
        },
        "columns": {column.name: _about(column) for column in shown},
        "charts": [{"key": key, "title": title, "columns": names} for key, title, names in CHARTS],
        "lowQuality": certainty.LEAST_QUALITY,
        "faces": _faces(timeline, pictures, of_row, numbers, shown),
        "events": _events(timeline, shift_s),
        "damaged": of_row[(timeline.frames["status"] == "damaged").to_numpy()].tolist(),
        "marks": list(marks),
        "notes": [tiers.printable(note) for note in (timeline.damage, *timeline.provenance.get("notes", ())) if note],
    }
    return content, numbers


def _wanted(labels: Sequence[str]) -> set[str]:
    """Return the names of the columns that a page has."""
    named = {name for _, _, names in CHARTS for name in names}
    return {*columns.prefixed("p", labels), *columns.prefixed("raw"), *named, *columns.BOX}


def _about(column: Column) -> dict[str, Any]:
    """Return the facts of a column that a chart shows."""
    title = column.name.removeprefix(columns.MOVE).removesuffix("_deg").replace("_", " ")
    unit = column.source.rpartition(", ")[2] if ", AU" in column.source else column.unit
    return {"title": title, "unit": unit, "meaning": column.meaning, "decimals": column.decimals}


def _faces(
    timeline: Timeline, pictures: Pictures, of_row: Any, numbers: Numbers, shown: Sequence[Column]
) -> list[dict[str, Any]]:
    """Return each face of a clip: its facts, and its rows as numbers."""
    number = timeline.frames["face"]
    faces = []
    for facts in timeline.summary.dropna(subset=["face"]).to_dict("records"):
        face = int(facts["face"])
        is_own = (number == face).fillna(False).to_numpy(bool)
        own = timeline.frames[is_own]
        status = own["status"].map(_STATUS).fillna(0).to_numpy(np.uint32)
        faces.append(
            {
                "number": face,
                "name": tiers.printable(name_of(facts) or f"face {face}"),
                "picture": pictures.faces.get(face, ""),
                "facts": {str(name): plain(value) for name, value in facts.items()},
                "frames": numbers.whole(of_row[is_own]),
                "status": numbers.whole(status),
                "values": {
                    column.name: numbers.column(own[column.name].to_numpy(np.float64), _decimals(column))
                    for column in shown
                    if column.name in own
                },
            }
        )
    return faces


def _decimals(column: Column) -> int | None:
    """Return the decimals that a chart needs: a pixel is enough for boxes."""
    return 0 if column.name in columns.BOX else column.decimals


def _events(timeline: Timeline, shift_s: float) -> list[dict[str, Any]]:
    """Return the events of all faces, by time; times are the player's."""
    events = tiers.with_kind(timeline.events)
    texts = tiers.labels(events)
    rows = [
        {
            "face": int(row["face"]),
            "kind": str(row["kind"]),
            "label": text,
            "start": round(row["onset_s"] + shift_s, 6),
            "apex": round(row["apex_s"] + shift_s, 6),
            "end": round(row["offset_s"] + shift_s, 6),
            "confidence": plain(row["mean_confidence"]),
            "amplitude": plain(row.get("amplitude")),
            "uncertain": bool(unsure),
        }
        for row, text, unsure in zip(events.to_dict("records"), texts, certainty.is_uncertain(events), strict=True)
    ]
    return sorted(rows, key=lambda row: (row["start"], row["face"]))


def plain(value: Any) -> Any:
    """Return a cell of a table as JSON has it: missing is null."""
    if value is None or value is pd.NA or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value.item() if isinstance(value, np.generic) else value
