"""From a clip's faces and their probabilities to its timeline.

Values are rounded when the tables are built, so that a saved timeline reads back equal. Everything that follows from
other columns (expression, valence, events, summary) is computed from the rounded values, and so can be checked against
the files.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from fervideo import columns
from fervideo.columns import TIME_DECIMALS
from fervideo.records import EXPRESSIONS, NEGATIVE, ClipFeatures, Float32, Float64, Int64, TrackExpressions
from fervideo.settings import Settings
from fervideo.timeline import certainty, courses
from fervideo.timeline.events import event_table
from fervideo.timeline.record import SCHEMA, Timeline
from fervideo.timeline.summary import summary_table
from fervideo.timeline.tables import box_values, make_table, rounded_shares


def build(
    features: ClipFeatures,
    tracks: Sequence[TrackExpressions],
    settings: Settings,
    provenance: Mapping[str, Any],
    labels: Sequence[str] = EXPRESSIONS,
) -> Timeline:
    """Join a clip's faces and their probabilities by the sequence model.

    Args:
        features: The clip; its faces in tracks.
        tracks: One for each track of the clip.
        settings: Those of the run; `events`, `sequence.uncertain_below` and `sequence.certain_from` are used here.
        provenance: More keys of run.json, JSON-able; see `Timeline.provenance` for the keys that are taken.
        labels: The model's expressions, in the order of its probabilities.

    Raises:
        ValueError: The tracks are not those of the clip, or the provenance is not JSON-able.
    """
    tracks = sorted(tracks, key=lambda track: track.track)
    bounds_s = _bounds_s(features)
    frames = _frame_table(features, tracks, bounds_s, settings, labels)
    events = event_table(features, bounds_s, frames, settings.events, labels)
    return Timeline(
        info=features.info,
        labels=tuple(labels),
        frames=frames,
        events=events,
        summary=summary_table(
            features, tracks, bounds_s, frames, events, settings, labels, provenance.get("faces_seen")
        ),
        provenance=_record(features, settings, provenance, labels),
    )


def _record(
    features: ClipFeatures, settings: Settings, provenance: Mapping[str, Any], labels: Sequence[str]
) -> dict[str, Any]:
    """Return the record of the run: the caller's keys, except those that the timeline has itself."""
    reason = "; ".join(filter(None, (features.damage, features.info.holes, features.info.ends_early)))
    own = {
        "schema": SCHEMA,
        "status": "damaged" if reason else "complete",
        "reason": reason,
        "video": {**asdict(features.info), "path": str(features.info.path)},
        # A relative path alone would not distinguish two videos that were analysed in different folders.
        "absolute_path": os.path.abspath(features.info.path),  # noqa: PTH100  (also where the current folder is gone)
        "labels": list(labels),
        "settings": settings.model_dump(mode="json"),
    }
    # Once through JSON, so that it compares equal when it is read back: a tuple would come back as a list.
    record: dict[str, Any] = json.loads(json.dumps({**own, **provenance, **own}, allow_nan=False))
    return record


def _bounds_s(features: ClipFeatures) -> Float64:
    """Return where each analysed frame begins and, at the end, where the last one ends: float64 (T + 1,), rounded."""
    start_s = np.round(features.time_s, TIME_DECIMALS)
    # A lone frame lasts as long as the file's frames do on average, which is the whole of a clip of one frame.
    last_s = (
        np.median(np.diff(start_s)) if len(start_s) > 1 else features.info.duration_s / max(features.info.n_frames, 1)
    )
    end_s = start_s[-1] + last_s if len(start_s) else 0.0
    return np.round(np.append(start_s, end_s), TIME_DECIMALS)


def _frame_table(
    features: ClipFeatures,
    tracks: Sequence[TrackExpressions],
    bounds_s: Float64,
    settings: Settings,
    labels: Sequence[str],
) -> pd.DataFrame:
    """Make the table of frames: one row per face per frame, and one for each frame without a face."""
    observations = features.observations
    number, row, seen, p = _joined(features, tracks, len(labels))
    is_face, is_sound = number >= 0, np.append(features.sound, False)[row]
    by_label = dict(zip(labels, p.T, strict=True))
    logits = observations.frame_logits
    raw = np.exp(_picked(logits - logits.max(axis=1, keepdims=True), seen))
    values = {
        "frame": np.append(features.frame, features.frame.max(initial=-1) + 1)[row],
        "time_s": bounds_s[row],
        "media_time_s": bounds_s[row] + features.info.media_start_s,
        "face": pd.Series(number, dtype="Int64").mask(~is_face),
        "status": np.select([seen >= 0, is_face, is_sound], ["ok", "gap", "no_face"], "damaged"),
        "expression": np.where(is_face, np.array(labels, object)[p.argmax(axis=1)], np.nan),
        "confidence": p.max(axis=1),
        **dict(zip(columns.prefixed("p", labels), p.T, strict=True)),
        **dict(zip(columns.prefixed("raw"), rounded_shares(raw).T, strict=True)),
        "valence": _valence(by_label, len(p)),
        **box_values(_picked(observations.box_px, seen)),
        **{name: _picked(each[:, None], seen)[:, 0] for name, each in courses.values(features, settings).items()},
    }
    status = np.where(values["cut_off"] == 1, "cut_off", values["status"])
    doubts = certainty.of_frames(p, labels, status, values["quality"], settings.sequence.certain_from)
    wanted = columns.frames(labels, unsmoothed=settings.measures.unsmoothed)
    return make_table(wanted, {**values, "status": status, **doubts})


def _joined(
    features: ClipFeatures, tracks: Sequence[TrackExpressions], n_labels: int
) -> tuple[Int64, Int64, Int64, Float64]:
    """Join tracks, frames and observations to the rows of the table of frames, in their order.

    Returns:
        Three indices int64 (n,) and the probabilities. The first is the number of the face, -1 where there is none. The
        second is the row in the clip's frames, T after the last one of a clip that ends early. The third is the row in
        the observations, -1 where there is none. The probabilities are float64 (n, C), rounded, NaN without a face.

    Raises:
        ValueError: The tracks are not those of the clip.
    """
    none = np.empty(0, np.int64)
    frame = np.concatenate([none, *(track.frame for track in tracks)])
    number = np.concatenate([none, *(np.full(len(track.frame), track.track) for track in tracks)])
    row = pd.Index(features.frame).get_indexer(frame)
    seen = pd.MultiIndex.from_arrays([features.track, features.observations.frame]).get_indexer(
        pd.MultiIndex.from_arrays([number, frame])
    )
    known = np.array_equal([track.track for track in tracks], np.unique(features.track))
    if not known or (row < 0).any() or (seen >= 0).sum() != len(features.observations):
        raise ValueError("tracks: they and their frames must be those of the clip")

    faceless = np.setdiff1d(np.arange(len(features.frame) + bool(features.info.ends_early)), row)
    p = np.concatenate(
        [*(rounded_shares(track.probabilities) for track in tracks), np.full((len(faceless), n_labels), np.nan)]
    )
    nothing = np.full(len(faceless), -1)
    number, row, seen = np.append(number, nothing), np.append(row, faceless), np.append(seen, nothing)
    order = np.lexsort((number, row))
    return number[order], row[order], seen[order], p[order]


def _valence(by_label: Mapping[str, Float64], n: int) -> Float64:
    """Return happiness minus the strongest negative expression, as FaceReader defines it.

    Returns:
        float64 (n,); NaN for a model that lacks happiness or all negative expressions.
    """
    unknown = np.full(n, np.nan)
    negative = [by_label[name] for name in NEGATIVE if name in by_label] or [unknown]
    valence: Float64 = by_label.get("happiness", unknown) - np.max(negative, axis=0)
    return valence


def _picked(values: Float32 | Float64, rows: Int64) -> Float64:
    """Return the rows (n,) of values (m, columns) as float64 (n, columns); row -1 is NaN."""
    return np.append(values, np.full((1, values.shape[1]), np.nan), axis=0)[rows]
