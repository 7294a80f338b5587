"""Parts of a timeline: a stretch of time, or some of its faces."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from fervideo import columns
from fervideo.columns import SHARE_DECIMALS
from fervideo.errors import UsageError
from fervideo.settings import EventSettings
from fervideo.study import faces
from fervideo.timeline import Timeline
from fervideo.timeline.summary import behaviour, main_expression
from fervideo.timeline.tables import make_table, rounded_shares

#: Columns of events that a cut makes unknown; results of earlier versions lack some.
_OF_WHOLE_EVENTS = ("mean_confidence", "rise_s", "second_expression", "second_confidence", "uncertain")


def between(timeline: Timeline, start_s: float, end_s: float) -> Timeline:
    """Return the stretch [start_s, end_s) of a timeline; its times stay those of the whole video.

    Args:
        timeline: The timeline.
        start_s: Start of the stretch.
        end_s: Its end, which does not belong to it.

    Raises:
        UsageError: The stretch contains no frame.
    """
    time_s = timeline.frames["time_s"]
    frames = timeline.frames[(time_s >= start_s) & (time_s < end_s)].reset_index(drop=True)
    if frames.empty:
        reason = f"contains no frame; the video has {time_s.min():g} to {time_s.max():g} s"
        raise UsageError(f"between {start_s:g} and {end_s:g} s", reason, "give seconds of the video")
    events = _cut(timeline.events, start_s, end_s)
    stretch = [max(float(start_s), float(time_s.min())), min(float(end_s), _end_s(timeline))]
    return replace(
        timeline,
        frames=frames,
        events=events,
        summary=_summary(timeline, frames, events, stretch[1]),
        provenance={**timeline.provenance, "between_s": stretch},
    )


def select(timeline: Timeline, face: str | int) -> Timeline:
    """Return a timeline with some of its faces; a frame that shows none of them keeps its time, as `no_face`.

    Args:
        timeline: The timeline.
        face: `all`, `longest`, `largest`, `left`, `right`, or the number or the name of a face.

    Raises:
        UsageError: No face is like that.
    """
    frames = timeline.frames
    chosen = faces.choose(faces.seen(frames), str(face), min_coverage=0.0).faces
    if not chosen:
        there = ", ".join(map(str, sorted(frames["face"].dropna().unique()))) or "none"
        raise UsageError(f"face {face}", "is not in this timeline", f"its faces are {there}")
    events, summary = (
        table[table["face"].isin(chosen)].reset_index(drop=True) for table in (timeline.events, timeline.summary)
    )
    return replace(timeline, frames=faces.take(frames, chosen), events=events, summary=summary)


def _end_s(timeline: Timeline) -> float:
    """Return where the last frame ends, as far as the tables show it."""
    ends_s = [timeline.frames["time_s"].max(), timeline.summary["end_s"].max(), timeline.events["offset_s"].max()]
    return float(np.nanmax(np.array(ends_s, float)))


def _cut(events: pd.DataFrame, start_s: float, end_s: float) -> pd.DataFrame:
    """Cut events to a stretch; an apex or a peak outside it is unknown."""
    kept = events[(events["offset_s"] > start_s) & (events["onset_s"] < end_s)].reset_index(drop=True)
    outside = (kept["apex_s"] < start_s) | (kept["apex_s"] >= end_s)
    is_cut = (kept["onset_s"] < start_s) | (kept["offset_s"] > end_s)
    kept.loc[outside, ["apex_s", "peak_confidence"]] = np.nan
    kept.loc[is_cut, [name for name in _OF_WHOLE_EVENTS if name in kept]] = pd.NA
    onset_s, offset_s = kept["onset_s"].clip(lower=start_s), kept["offset_s"].clip(upper=end_s)
    media_onset_s = (kept["media_onset_s"] + onset_s - kept["onset_s"]).round(6)
    duration_s = (offset_s - onset_s).round(6)
    return kept.assign(onset_s=onset_s, offset_s=offset_s, duration_s=duration_s, media_onset_s=media_onset_s)


def _summary(timeline: Timeline, frames: pd.DataFrame, events: pd.DataFrame, end_s: float) -> pd.DataFrame:
    """Sum up a stretch; values that need more than its tables, such as those of the clip head, are unknown."""
    labels, settings = timeline.labels, timeline.provenance["settings"]["events"]
    least = settings.get("summary_share", EventSettings().summary_share)
    time_s = np.unique(frames["time_s"])
    lasting_s = dict(zip(time_s.tolist(), np.diff(np.append(time_s, end_s)).clip(1e-9).tolist(), strict=True))
    n_frames = frames.loc[frames["status"] != "damaged", "frame"].nunique()
    rows: list[dict[str, Any]] = []
    for face, own in frames.groupby("face"):
        its_events = events[events["face"] == face]
        weight = own["time_s"].map(lasting_s).to_numpy(float)
        shown = own["expression"].to_numpy(object)
        time = rounded_shares(np.array([[weight[shown == name].sum() for name in labels]]))[0]
        main = labels[main_expression(time, labels, least)]
        at = shown == main
        p = own[f"p_{main}"].to_numpy(float)
        rows.append(
            {
                "face": face,
                "start_s": own["time_s"].iloc[0],
                "end_s": own["time_s"].iloc[-1] + lasting_s[own["time_s"].iloc[-1]],
                "coverage": (own["status"] == "ok").sum() / max(n_frames, 1),
                "expression": main,
                "confidence": round(np.average(p[at], weights=weight[at]), SHARE_DECIMALS) if at.any() else np.nan,
                **dict(zip(columns.prefixed("time", labels), time, strict=True)),
                "events_per_min": 60 * (its_events["kind"] == "expression").sum() / weight.sum(),
                "mean_valence": np.average(own["valence"], weights=weight),
                **behaviour(own, its_events, weight),
                **({"name": own["name"].iloc[0]} if "name" in own else {}),
            }
        )
    video = timeline.summary["video"].iloc[0] if len(timeline.summary) else timeline.info.path.name
    measures = timeline.provenance["settings"].get("measures", {})
    known = [each for each in columns.of_run(labels, measures)["summary"] if each.name in timeline.summary]
    return make_table(known, {**pd.DataFrame(rows or [{"coverage": 0.0}]), "video": video})
