"""Sequence models: the expressions of a face seen as a course in time, not frame by frame.

    course.py    features of one face on the model's grid of times
    windows.py   overlapping windows, and smoothing in time
    chain.py     a Markov chain that settles labels that flicker
    calm.py      the calm stretches of a face
    person.py    the model that ships with the package: a face beside its own calm stretches
    lstm.py      the network that `fervideo train` trains (needs torch)
    load.py      checkpoints: checked, loaded, written

`predict_clip` runs any model that implements the protocol `SequenceModel`, so this module needs no torch.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from fervideo.records import ClipExpressions, ClipFeatures, Float32, TrackExpressions
from fervideo.sequence import windows
from fervideo.sequence.course import INPUTS, Course, bridged, without_absences
from fervideo.settings import SequenceSettings

__all__ = ["INPUTS", "Course", "SequenceModel", "predict_clip"]


class SequenceModel(Protocol):
    """A model that turns one face's course into probabilities of expressions."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The expressions that it distinguishes, in the order of its probabilities."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the measures that it reads, each a key of `columns.MEASURES`."""

    @property
    def device(self) -> str:
        """Device on which it runs, `cpu` or `cuda`."""

    def predict(self, features: Float32, settings: SequenceSettings) -> tuple[Float32, Float32]:
        """Run over one course of any length.

        Args:
            features: float32 (S, C + I + D + 1), as in `Course`, with the measures that `inputs` names.
            settings: Windows, and how much to settle.

        Returns:
            Probabilities per step, float32 (S, labels), settled; and of the course as a whole, float32 (labels,).
        """


def predict_clip(
    model: SequenceModel, features: ClipFeatures, settings: SequenceSettings, max_gap_s: float
) -> ClipExpressions:
    """Run a model over every track of a clip.

    Args:
        model: Any model that implements the protocol.
        features: The clip.
        settings: Windows and smoothing.
        max_gap_s: Frames between two detections at most this far apart are bridged; others get no probabilities.
    """
    tracks = tuple(_predict_track(model, features, track, settings, max_gap_s) for track in range(features.n_tracks))
    return ClipExpressions(tracks=tracks, labels=model.labels, device=model.device)


def _predict_track(
    model: SequenceModel, features: ClipFeatures, track: int, settings: SequenceSettings, max_gap_s: float
) -> TrackExpressions:
    rows = np.flatnonzero(features.track == track)
    seen = np.searchsorted(features.frame, features.observations.frame[rows])
    seen_s = features.time_s[seen]
    present_s = without_absences(seen_s, max_gap_s)
    # A face whose mouth or eyes lie outside the picture is as good as lost, unless it is never seen whole.
    whole = features.observations.measures["cut_off"][rows] == 0
    read = whole if whole.any() else ~whole
    course = Course.of(features.observations.take(rows[read]), present_s[read], model.inputs)
    steps, clip = model.predict(course.features, settings)
    covered = bridged(seen, features.time_s, features.sound, max_gap_s)
    time_s = np.interp(features.time_s[covered], seen_s, present_s)
    probabilities = np.stack([np.interp(time_s, course.time_s, column) for column in steps.T], 1)
    if settings.smooth_s > 0:
        probabilities = windows.smooth(probabilities, time_s, settings.smooth_s)
    probabilities /= probabilities.sum(1, keepdims=True)
    return TrackExpressions(
        track=track,
        frame=features.frame[covered],
        probabilities=probabilities.astype(np.float32),
        clip_probabilities=clip,
    )
