"""Names of a clip's faces, by where they are in the picture or by how much they are seen."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from fervideo.errors import UsageError, counted
from fervideo.settings.values import positions
from fervideo.study import faces
from fervideo.timeline import Timeline


def named(timeline: Timeline, names: str) -> Timeline:
    """Return a timeline whose tables have a column `name` at their end, empty for faces without one.

    Args:
        timeline: The timeline.
        names: Names by position, as `settings.values.positions` reads them.

    Raises:
        UsageError: There is no face at one of the positions, or only one face at two of them.
    """
    table, found = faces.seen(timeline.frames), dict[int, str]()
    for position, name in positions(names).items():
        chosen = faces.choose(table, position, 0.0 if position.isdecimal() else faces.MIN_COVERAGE).faces
        if not chosen or chosen[0] in found:
            also = f", and {found[chosen[0]]} is the same one" if chosen else ""
            reason = f"has no face for {position}={name}: it shows {counted(len(table), 'face')}{also}"
            raise UsageError(timeline.info.path, reason, "choose --names that fit, or leave them out for this clip")
        found[chosen[0]] = name
    frames, events, summary = (
        _with_names(each, found) for each in (timeline.frames, timeline.events, timeline.summary)
    )
    return replace(timeline, frames=frames, events=events, summary=summary)


def _with_names(table: pd.DataFrame, names: dict[int, str]) -> pd.DataFrame:
    # The dtype of texts is that of `status` or of any other column of text.
    text = pd.Series([""]).dtype
    return table.assign(name=table["face"].map(names).astype(text))
