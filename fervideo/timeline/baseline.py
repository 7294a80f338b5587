"""A person's own baseline: a face at rest, and columns relative to that.

The same muscles at rest look different in different people. So measures and movements come a second time, less their
median at rest. A stated stretch stands for that, or the calmest frames, or all of them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from fervideo import columns
from fervideo.errors import UsageError, counted
from fervideo.sequence.calm import calmest
from fervideo.settings.values import stretch_s
from fervideo.timeline import certainty
from fervideo.timeline.record import Timeline
from fervideo.timeline.tables import make_table, rounded

_REMEDY = "choose another stretch, median or calmest"


def relative(timeline: Timeline, how: str, stored: pd.DataFrame | None = None, digest: str = "") -> Timeline:
    """Return a timeline with `_rel` columns at the end of its frames, and the baselines in its record.

    Args:
        timeline: The timeline.
        how: `median`, `calmest`, a stretch `START:END` in seconds, or the file that `stored` was read from.
        stored: Baselines from another clip, as `columns.baseline` describes them; None to find them in this one.
        digest: SHA-256 of the file, for the record; empty without one.

    Raises:
        UsageError: The clip lacks the stretch or a good frame in it, or `stored` does not fit its faces.
    """
    numbers = [int(face) for face in timeline.summary["face"].dropna()]
    if stored is None:
        rows = _found(timeline, how, numbers)
    else:
        rows = _matched(timeline, how, numbers, stored)
    table = _table(rows)
    record = {"how": how, "digest": digest, "faces": _plain(table)}
    lacking = [face for face in numbers if face not in set(table["face"])]
    notes = [*timeline.provenance.get("notes", ())]
    if lacking:
        notes.append(f"no baseline of face {', '.join(map(str, lacking))}: its _rel columns are empty")
    return replace(
        timeline,
        frames=_with_relative(timeline.frames, table),
        provenance={**timeline.provenance, "notes": notes, "baseline": record},
    )


def table_of(timeline: Timeline) -> pd.DataFrame:
    """Return the baselines of a clip's faces from its record, one row per face."""
    return _table(timeline.provenance["baseline"]["faces"])


def _found(timeline: Timeline, how: str, numbers: list[int]) -> list[dict[str, Any]]:
    """Find the baselines of a clip's faces, one row for each that has a good frame."""
    frames, stretch = timeline.frames, stretch_s(how)
    good = frames[(frames["status"] == "ok") & (frames["quality"] >= certainty.LEAST_QUALITY)]
    if stretch is not None:
        _check_inside(timeline, how, stretch)
        good = good[(good["time_s"] >= stretch[0]) & (good["time_s"] < stretch[1])]
    if numbers and good.empty:
        reason = f"has no good frame of a face for --baseline {how} (quality of {certainty.LEAST_QUALITY:g} or more)"
        raise UsageError(timeline.info.path, reason, _REMEDY)
    names = list(columns.RELATIVE)
    rows = []
    for face, own in good.groupby("face"):
        chosen = own.iloc[calmest(own["raw_neutral"].to_numpy())] if how == "calmest" else own
        name = {columns.NAME.name: own["name"].iloc[0]} if columns.NAME.name in own else {}
        rows.append(
            {
                "video": timeline.summary["video"].iloc[0],
                "face": face,
                **name,
                "frames": len(chosen),
                **dict(zip(names, chosen[names].median().tolist(), strict=True)),
            }
        )
    return rows


def _check_inside(timeline: Timeline, how: str, stretch: tuple[float, float]) -> None:
    start_s, end_s = timeline.provenance.get("between_s", (0.0, timeline.info.duration_s))
    # People round the length of a video up.
    if stretch[0] < start_s or stretch[1] > np.ceil(end_s):
        reason = f"--baseline {how} lies outside of {start_s:g} to {end_s:g} s, which are analysed"
        raise UsageError(timeline.info.path, reason, _REMEDY)


def _matched(timeline: Timeline, how: str, numbers: list[int], stored: pd.DataFrame) -> list[dict[str, Any]]:
    """Match baselines of another clip to the faces of this one: the only face, or faces by their names."""
    if len(stored) == 1 and len(numbers) <= 1:
        return [{**row, "face": face} for row in _rows(stored) for face in numbers]
    rows: list[dict[str, Any]] = []
    if (name := columns.NAME.name) in timeline.summary:
        face_of = {row[name]: row["face"] for row in _rows(timeline.summary.dropna(subset=["face", name]))}
        rows = [{**row, "face": face_of[row[name]]} for row in _rows(stored) if row[name] in face_of]
    if not rows:
        there = f"{counted(len(stored), 'face')}, and the clip {counted(len(numbers), 'face')}"
        reason = f"--baseline {how} has {there}, and no name is the same"
        raise UsageError(timeline.info.path, reason, "give --names to both clips, or a baseline of its own")
    return rows


def _table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    wanted = columns.baseline()
    return make_table(wanted, {**pd.DataFrame(rows, columns=columns.names(wanted))})


def _with_relative(frames: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    of_face, relative = table.set_index(table["face"].astype("Int64")), {}
    for column in columns.relative():
        name = column.name.removesuffix(columns.REL)
        rest = frames["face"].map(of_face[name]).astype("float64")
        relative[column.name] = rounded((frames[name] - rest).to_numpy(), column.decimals) + 0.0
    return pd.concat([frames, pd.DataFrame(relative, index=frames.index)], axis=1)


def _plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows as JSON has them, without empty cells."""
    return [
        {
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in row.items()
            if pd.notna(value)
        }
        for row in _rows(table)
    ]


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table, each by the names of its columns."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
