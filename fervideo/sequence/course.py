"""Courses: one face's features as a sequence model reads them, brought from frames to the model's even grid of times.

The video's own frame rate does not matter from here on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fervideo.records import EXPRESSIONS, MODEL_RATE_HZ, Bool, FaceObservations, Float32, Float64, Int64
from fervideo.shaped import Shaped, check_array

if TYPE_CHECKING:
    from scipy.sparse import csr_array

#: The measures that a new model reads; one that is loaded reads those that its checkpoint lists.
INPUTS = (
    "yaw_deg",
    "pitch_deg",
    "roll_deg",
    "eye_open_left",
    "eye_open_right",
    "mouth_open",
    "smile",
    "brow_raise",
    "brow_furrow",
)
#: Detections further apart than this, and than the clip's frames usually are, are not interpolated.
_INTERPOLATED_S = 0.15
#: Time that remains of an absence: a model has forgotten the earlier frames by then.
_ABSENCE_S = 3.0
#: A step with no more weight than this lies on the far rim of its only detection: a copy, not a measurement.
_LEAST_WEIGHT = 0.25


@dataclass(frozen=True, repr=False)
class Course(Shaped):
    """One face's features on the model's grid of times; S steps, C expressions, I inputs, D embedding.

    Attributes:
        start_s: Time of step 0; step k is at start_s + k / MODEL_RATE_HZ.
        features: float32 (S, C + I + D + 1): log-probabilities of the frame classifier, the measures that the model
            reads, the embedding, and presence. Presence is 1 where a face was found, and 0, with all else 0, where not.
    """

    start_s: float
    features: Float32

    def __post_init__(self) -> None:
        check_array(self, "features", np.float32, (None, None))

    @property
    def time_s(self) -> Float64:
        return self.start_s + np.arange(len(self.features)) / MODEL_RATE_HZ

    @classmethod
    def of(cls, observations: FaceObservations, time_s: Float64, inputs: Sequence[str]) -> Course:
        """Bring a track's features to the model's grid.

        Each step takes the weighted mean of the detections around it: this averages a fast video and interpolates a
        slow one.

        Args:
            observations: The track's detections, at least one.
            time_s: float64 (M,), their presentation times, rising.
            inputs: Names of the measures that the model reads.

        Raises:
            KeyError: A name is no measure.
        """
        start_s = float(time_s[0])
        weight = _weights((time_s - start_s) * MODEL_RATE_HZ)
        total = weight.sum(1)
        found = total > _LEAST_WEIGHT
        mixed = (weight @ raw_features(observations, inputs)) / np.maximum(total, 1e-9)[:, None] * found[:, None]
        return cls(start_s=start_s, features=np.concatenate([mixed, found[:, None]], 1).astype(np.float32))


def raw_features(observations: FaceObservations, inputs: Sequence[str]) -> Float32:
    """Join the features of each detection.

    Args:
        observations: M detections.
        inputs: Names of the measures that the model reads.

    Returns:
        float32 (M, C + I + D): log-probabilities of the frame classifier, measures, embedding.

    Raises:
        KeyError: A name is no measure.
    """
    logits = observations.frame_logits
    measures = [observations.measures[name][:, None] for name in inputs]
    return np.concatenate([logits - _logsumexp(logits), *measures, observations.embedding], 1)


def n_features(inputs: Sequence[str], embedding_dim: int) -> int:
    """Return the width C + I + D of `raw_features`; a course is one wider."""
    return len(EXPRESSIONS) + len(inputs) + embedding_dim


def without_absences(time_s: Float64, max_gap_s: float) -> Float64:
    """Shorten the absences of a face, so that an hour away costs a model neither time nor memory.

    Args:
        time_s: float64 (M,), times of a track's detections, rising.
        max_gap_s: Longest gap in which the face is lost, not absent.

    Returns:
        float64 (M,), the times with every longer gap cut down to `_ABSENCE_S`, or to `max_gap_s` if that is longer.
    """
    step = np.diff(time_s, prepend=time_s[:1])
    longest = max(_ABSENCE_S, max_gap_s, 2 * float(np.median(step[1:])) if len(step) > 1 else 0.0)
    return time_s[:1] + np.cumsum(np.minimum(step, longest)) if (step > longest).any() else time_s


def bridged(seen: Int64, time_s: Float64, sound: Bool, max_gap_s: float) -> Int64:
    """Fill the short gaps between a track's detections, except for frames that cannot be decoded.

    Args:
        seen: int64 (M,), rising indices into time_s of the frames with a detection.
        time_s: float64 (T,), times of all frames.
        sound: bool (T,), False for frames that cannot be decoded.
        max_gap_s: Longest gap that is filled.

    Returns:
        int64, rising: the indices seen or bridged.
    """
    covered = np.zeros(len(time_s), bool)
    covered[seen] = True
    gaps = np.flatnonzero((np.diff(seen) > 1) & (np.diff(time_s[seen]) <= max_gap_s + 1e-9))
    for gap in gaps:
        covered[seen[gap] : seen[gap + 1]] = True
    return np.flatnonzero(covered & sound)


def _weights(position: Float64) -> csr_array:
    """Return the weight of each detection at each step.

    A detection's weight falls linearly to 0 over one step, or over the time to its neighbours where that is longer.

    Args:
        position: float64 (M,), where the detections lie on the grid, in steps; the first is 0.

    Returns:
        float64 (S, M), sparse.
    """
    # Workers and runs from the cache make no courses, and importing this takes a tenth of a second.
    from scipy.sparse import coo_array

    gap = np.diff(position)
    # A longer gap is one in which the face was lost: nothing is made up for it.
    gap[gap > max(_INTERPOLATED_S * MODEL_RATE_HZ, float(np.median(gap)) + 1e-6 if len(gap) else 0)] = 0
    reach = np.maximum(1.0, np.maximum(np.append(gap, 0), np.insert(gap, 0, 0)))[:, None] + 1e-6
    widest = int(np.ceil(reach.max()))
    step = np.floor(position)[:, None].astype(np.int64) + np.arange(-widest, widest + 1)
    weight = np.maximum(0, 1 - np.abs(step - position[:, None]) / reach)
    row = np.broadcast_to(np.arange(len(position))[:, None], step.shape)
    n_steps = int(position[-1] + 1e-6) + 1
    used = (weight > 0) & (step >= 0) & (step < n_steps)
    return coo_array((weight[used], (step[used], row[used])), shape=(n_steps, len(position))).tocsr()


def _logsumexp(logits: Float32) -> Float32:
    peak = logits.max(1, keepdims=True)
    total: Float32 = peak + np.log(np.exp(logits - peak).sum(1, keepdims=True))
    return total
