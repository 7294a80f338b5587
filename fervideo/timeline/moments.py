"""Moments beside expressions: smiles, blinks, closed eyes, looks away from the camera.

A moment is found in the columns of one face's stay in the table of frames. It is relative to the person: a smile to the
face at rest, a blink to the open eye. Moments of different kinds may overlap, and leave time between them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from fervideo.columns import TIME_DECIMALS
from fervideo.records import Float64
from fervideo.timeline import eyes

#: The face at rest shows this quantile of its smile, but no more than the second number, which is a smile by itself.
_REST_QUANTILE, _MOST_AT_REST = 0.2, 0.3
#: A smile rises this far above rest, and lasts while it is above the second.
_SMILE, _SMILE_EDGE = 0.3, 0.12
#: Least durations.
_SMILE_S, _AWAY_S = 0.3, 0.3
_SMILES = ("move_mouth_smile_left", "move_mouth_smile_right")


class Moment(NamedTuple):
    """One moment; its fields are columns of the table of events, times in seconds."""

    kind: str
    onset_s: float
    apex_s: float
    offset_s: float
    duration_s: float
    amplitude: float
    rise_s: float


#: The columns of the table of frames that moments are found in.
READ = (*_SMILES, "eyes_closed", "eye_open_left", "eye_open_right", "towards_camera", "gaze_yaw_deg", "gaze_pitch_deg")
Values = Mapping[str, Float64]


def resting(values: Values) -> float:
    """Return the smile that a face shows at rest, 0 to 1, from the columns READ of all its rows."""
    smile = _smile(values)
    seen = smile[np.isfinite(smile)]
    return min(float(np.quantile(seen, _REST_QUANTILE)), _MOST_AT_REST) if len(seen) else 0.0


def find(values: Values, bounds_s: Float64, rest: float) -> Iterator[Moment]:
    """Yield the moments of one stay of one face.

    Args:
        values: float64 (n,), n at least 1, by the names of READ: the columns of its rows.
        bounds_s: float64 (n + 1,), where each row begins and the last one ends.
        rest: Result of `resting` for the face.
    """
    smile = _smile(values) - rest
    for first, last in eyes.runs(smile > _SMILE_EDGE):
        if smile[first:last].max() >= _SMILE and _lasts(first, last, bounds_s, _SMILE_S):
            yield _moment("smile", smile, first, last, bounds_s)
    narrow = -(values["eye_open_left"] + values["eye_open_right"])
    for first, last in eyes.runs(values["eyes_closed"] == 1):
        kind = "blink" if not _lasts(first, last, bounds_s, eyes.LONGEST_BLINK_S) else "eyes_closed"
        yield _moment(kind, narrow, first, last, bounds_s)._replace(amplitude=np.nan)
    away = np.hypot(values["gaze_yaw_deg"], values["gaze_pitch_deg"])
    for first, last in eyes.runs(_kept(values["towards_camera"]) == 0):
        if _lasts(first, last, bounds_s, _AWAY_S):
            yield _moment("looking_away", away, first, last, bounds_s)


def _smile(values: Values) -> Float64:
    left, right = (values[name] for name in _SMILES)
    smile: Float64 = (left + right) / 2
    return smile


def _lasts(first: int, last: int, bounds_s: Float64, least_s: float) -> bool:
    """Check whether rows from `first` to before `last` take at least some time."""
    return round(float(bounds_s[last] - bounds_s[first]), TIME_DECIMALS) >= least_s


def _kept(values: Float64) -> Float64:
    """Fill gaps with the last value before them: closed eyes keep the direction that they had."""
    known = np.isfinite(values)
    kept: Float64 = values[np.maximum.accumulate(np.where(known, np.arange(len(values)), 0))]
    return kept


def _moment(kind: str, course: Float64, first: int, last: int, bounds_s: Float64) -> Moment:
    """Describe rows from `first` to before `last` by a course whose highest value there is the apex."""
    part = course[first:last]
    apex = first + (int(np.nanargmax(part)) if np.isfinite(part).any() else 0)
    onset_s, apex_s, offset_s = (float(bounds_s[row]) for row in (first, apex, last))
    return Moment(
        kind=kind,
        onset_s=onset_s,
        apex_s=apex_s,
        offset_s=offset_s,
        duration_s=offset_s - onset_s,
        amplitude=float(course[apex]),
        rise_s=apex_s - onset_s,
    )
