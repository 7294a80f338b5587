"""The summary of each face: when it is on screen, and the expression that stands for all of that time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from fervideo import cells, columns
from fervideo.columns import SHARE_DECIMALS
from fervideo.records import ClipFeatures, Float64, TrackExpressions
from fervideo.settings import Settings
from fervideo.timeline.events import durations_s
from fervideo.timeline.record import UNCERTAIN
from fervideo.timeline.tables import make_table, rounded, rounded_shares

_NEUTRAL = "neutral"
#: Measures that change on every living face: it blinks, breathes and speaks.
_STILL_BELOW = ("eye_open_left", "eye_open_right", "mouth_open", "smile", "brow_raise")
#: Standard deviation below which all of them stand still, for at least so many seconds. Seen: 0.002 on a filmed
#: photograph, 0.04 and more on ten people, and 0.007 in the calmest 3 seconds of one of them.
_LIVELY, _STILL_S = 0.005, 3.0


def summary_table(
    features: ClipFeatures,
    tracks: Sequence[TrackExpressions],
    bounds_s: Float64,
    frames: pd.DataFrame,
    events: pd.DataFrame,
    settings: Settings,
    labels: Sequence[str],
    faces_seen: int | None,
) -> pd.DataFrame:
    """Make the summary: one row per face, or one without face and expression where the clip shows none.

    Args:
        features: The clip.
        tracks: One for each track of the clip.
        bounds_s: float64 (T + 1,), where each analysed frame begins and the last one ends.
        frames: The table of frames.
        events: The table of events.
        settings: `events.summary_share` and `sequence.uncertain_below` are used here.
        labels: The model's expressions.
        faces_seen: Faces that the clip shows at once; None where they were not counted.
    """
    shown = events[events["kind"] == "expression"]
    rows, n_events = frames.groupby("face"), shown["face"].value_counts()
    faces: list[dict[str, Any]] = []
    for track in tracks:
        own = rows.get_group(track.track)
        row = np.searchsorted(features.frame, own["frame"])
        seconds = np.diff(bounds_s)[row].sum()
        faces.append(
            {
                "face": track.track,
                "start_s": bounds_s[row[0]],
                "end_s": bounds_s[row[-1] + 1],
                "coverage": (own["status"] == "ok").sum() / max(features.sound.sum(), 1),
                "events_per_min": 60 * n_events[track.track] / seconds if seconds else np.nan,
                **_expressions(own, durations_s(bounds_s)[row], settings, labels),
                **_clip_expressions(track, labels),
                "maybe_face": int(features.maybe[track.track]) if features.maybe[track.track] >= 0 else None,
                "still": _is_still(own[own["status"] == "ok"]),
                **behaviour(own, events[events["face"] == track.track], durations_s(bounds_s)[row]),
            }
        )
    table = pd.DataFrame(faces or [{"coverage": 0.0}])
    video = cells.name_of(features.info.path.name)
    return make_table(columns.summary(labels), {**table, "video": video, "faces_seen": faces_seen})


def main_expression(time: Float64, labels: Sequence[str], least: float) -> int:
    """Find the expression that stands for a face: the one other than neutral that is shown longest, or neutral.

    Args:
        time: float64 (C,), share of the face's time in which each label is the most probable.
        labels: The model's expressions.
        least: Share of the time for which an expression other than neutral must be shown.

    Returns:
        Its index; without neutral among the labels that of the largest share, of equals the first.
    """
    if _NEUTRAL not in labels:
        return int(time.argmax())
    neutral = labels.index(_NEUTRAL)
    others = np.where(np.arange(len(labels)) == neutral, 0.0, time)
    longest = int(others.argmax())
    return longest if others[longest] > 0 and others[longest] >= least else neutral


def _is_still(seen: pd.DataFrame) -> int | None:
    """Check whether a face never moves, from its rows in the table of frames: 1 or 0, None where they are too few."""
    if len(seen) < 2 or seen["time_s"].iloc[-1] - seen["time_s"].iloc[0] < _STILL_S:
        return None
    return int(seen[list(_STILL_BELOW)].std().max() < _LIVELY)


def _expressions(rows: pd.DataFrame, weight: Float64, settings: Settings, labels: Sequence[str]) -> dict[str, Any]:
    """Sum up the expressions of a face from its rows in the table of frames, which are weighted by their durations."""
    p = rows[columns.prefixed("p", labels)].to_numpy()
    shown = p.argmax(axis=1)
    time = rounded_shares(np.array([[weight[shown == index].sum() for index in range(len(labels))]]))[0]
    main = main_expression(time, labels, settings.events.summary_share)
    at = shown == main
    # A large `events.summary_share` may leave neutral, although no frame shows it: its confidence is unknown.
    confidence = float(rounded(np.average(p[at, main], weights=weight[at]), SHARE_DECIMALS)) if at.any() else np.nan
    least = settings.sequence.uncertain_below
    return {
        "expression": labels[main] if confidence >= least or least == 0 else UNCERTAIN,
        "confidence": confidence,
        **dict(zip(columns.prefixed("time", labels), time, strict=True)),
        "mean_valence": np.average(rows["valence"], weights=weight),
    }


def behaviour(rows: pd.DataFrame, events: pd.DataFrame, weight: Float64) -> dict[str, Any]:
    """Sum up where a face looks, how often it blinks, and how long it smiles and talks, while it is seen.

    Args:
        rows: Its rows in the table of frames.
        events: Its rows in the table of events.
        weight: float64 (n,), durations of the frames in seconds.
    """
    seen = rows["eyes_closed"].notna().to_numpy()
    seconds = weight[seen].sum()
    if not seconds:
        return {}
    blinks, smiles = (events.loc[events["kind"] == kind, "duration_s"].to_numpy() for kind in ("blink", "smile"))
    yaw, pitch = (rows[name].to_numpy() for name in ("gaze_yaw_deg", "gaze_pitch_deg"))
    towards, sideways = rows["towards_camera"].to_numpy(), np.abs(yaw) >= np.abs(pitch)
    # Left and right are the person's own: to the person's left is to the right of the picture.
    directions = {
        "towards": towards == 1,
        "left": (towards == 0) & sideways & (yaw > 0),
        "right": (towards == 0) & sideways & (yaw < 0),
        "up": (towards == 0) & ~sideways & (pitch > 0),
        "down": (towards == 0) & ~sideways & (pitch < 0),
    }
    looking = weight[~np.isnan(yaw)].sum()
    shares = {f"{name}_share": weight[at].sum() / looking for name, at in directions.items() if looking}
    return {
        "blinks_per_min": 60 * len(blinks) / seconds,
        "closed_share": weight[rows["eyes_closed"] == 1].sum() / seconds,
        **shares,
        "smile_share": min(smiles.sum() / seconds, 1.0),
        "speaking_share": weight[rows["speaking"] >= 0.5].sum() / seconds,
    }


def _clip_expressions(track: TrackExpressions, labels: Sequence[str]) -> dict[str, Any]:
    """Return the prediction of the clip head for a face."""
    p = rounded_shares(track.clip_probabilities[None])[0]
    return {**dict(zip(columns.prefixed("clip_p", labels), p, strict=True)), "clip_expression": labels[p.argmax()]}
