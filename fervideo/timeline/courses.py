"""Columns that follow a face through time: smoothed movements, closed eyes, looks into the camera, talking.

A face is followed over each of its stays: as long as no two detections are further apart than a gap that is bridged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from fervideo import columns
from fervideo.records import ClipFeatures, Float32, Float64, Int64
from fervideo.settings import Settings
from fervideo.timeline import eyes, speech

#: Standard deviation of the smoothing of movements. It looks ahead as far as back, so that nothing comes late.
_SMOOTH_S = 0.035
#: Detections to either side that it reads at most.
_SMOOTH_ROWS = 4
_GAZE = ("gaze_yaw_deg", "gaze_pitch_deg")


def values(features: ClipFeatures, settings: Settings) -> dict[str, Float64]:
    """Compute the columns of the table of frames that stand behind the boxes.

    Args:
        features: A clip with M detections.
        settings: `measures` and `tracking.max_gap_s` are used here.

    Returns:
        float64 (M,) by name: the measures, movements among them smoothed and gaze empty while the eyes are closed, and
        `columns.COURSES`.
    """
    observations = features.observations
    measured = {name: each.astype(np.float64) for name, each in observations.measures.items()}
    time_s = features.time_s[np.searchsorted(features.frame, observations.frame)]
    moving = [name for name in measured if name.startswith(columns.MOVE)]
    raw = np.stack([measured[name] for name in moving], 1) if moving else np.empty((len(time_s), 0))
    smooth, shut, talk = raw.copy(), np.zeros(len(time_s)), np.full(len(time_s), np.nan)
    for rows in stays(features, time_s, settings.tracking.max_gap_s):
        smooth[rows] = smoothed(raw[rows], time_s[rows])
        talk[rows] = speech.speaking(measured["mouth_open"][rows], time_s[rows])
    for rows in (np.flatnonzero(features.track == track) for track in range(features.n_tracks)):
        shut[rows] = eyes.closed(measured["eye_open_left"][rows], measured["eye_open_right"][rows], time_s[rows])[0]
    measured |= dict(zip(moving, smooth.T, strict=True))
    for name in _GAZE:
        measured[name] = np.where(shut > 0, np.nan, measured[name])
    measured["eyes_closed"] = shut
    measured["towards_camera"] = _towards(measured, settings.measures.towards_camera_deg)
    measured["speaking"] = talk
    if settings.measures.unsmoothed:
        measured |= {f"{name}_unsmoothed": each for name, each in zip(moving, raw.T, strict=True)}
    return measured


def stays(features: ClipFeatures, time_s: Float64, max_gap_s: float) -> Iterator[Int64]:
    """Yield the rows of each stay of each face among the detections, int64 (k,); `time_s` are their times."""
    for track in range(features.n_tracks):
        rows = np.flatnonzero(features.track == track)
        yield from np.split(rows, np.flatnonzero(np.diff(time_s[rows]) > max_gap_s + 1e-9) + 1)


def smoothed(course: Float64, time_s: Float64) -> Float64:
    """Smooth courses in time with a Gaussian, by the detections' own times.

    Args:
        course: float64 (n, k).
        time_s: float64 (n,), rising.

    Returns:
        float64 (n, k).
    """
    total, weights = course.copy(), np.ones(len(time_s))
    for way in range(1, min(_SMOOTH_ROWS, len(time_s) - 1) + 1):
        weight = np.exp(-0.5 * ((time_s[way:] - time_s[:-way]) / _SMOOTH_S) ** 2)
        total[way:] += weight[:, None] * course[:-way]
        total[:-way] += weight[:, None] * course[way:]
        weights[way:] += weight
        weights[:-way] += weight
    return total / weights[:, None]


def _towards(measured: Mapping[str, Float32 | Float64], cone_deg: float) -> Float64:
    """Return 1 where a gaze lies within a cone around the camera, else 0; empty where the gaze is."""
    away = np.hypot(*(measured[name] for name in _GAZE))
    return np.where(np.isnan(away), np.nan, away <= cone_deg)
