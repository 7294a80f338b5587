"""Evaluation of a model and its baselines on samples: clips, frames, segments, calibration.

The baselines see the same features. They are the majority class of the training clips, the frame CNN averaged over the
clip, and the frame CNN smoothed in time. The last one predicts for a clip the label of most of its steps. A clip
without a face is an error of every system.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d

from fervideo.records import EXPRESSIONS, MODEL_RATE_HZ, Float32, Float64, Int64
from fervideo.sequence import SequenceModel, windows
from fervideo.sequence.lstm import SequenceLSTM
from fervideo.settings import TrainingSettings
from fervideo.training import metrics
from fervideo.training.features import Sample, nearest
from fervideo.training.gain import Gain, gain
from fervideo.training.scores import (
    DEFAULT,
    START,
    ClipScores,
    FrameScores,
    Report,
    SystemScores,
    as_rows,
    headline,
    rounded,
)

#: Standard deviation of the smoothed baseline.
_SMOOTH_S = 0.5
_BATCH = 64


@dataclass(frozen=True)
class Prediction:
    """The probabilities that a system predicts for a sample.

    Attributes:
        steps: float32 (S, C), for each step.
        clip: float32 (C,), for the clip as a whole.
    """

    steps: Float32
    clip: Float32


@dataclass(frozen=True)
class System:
    """The predictions of one system for every sample.

    Attributes:
        name: Name of the system.
        predictions: One for each sample; None where no face was found.
        is_calibrated: Whether its numbers are meant as probabilities.
    """

    name: str
    predictions: list[Prediction | None]
    is_calibrated: bool = True


@torch.inference_mode()
def predict(model: SequenceModel, samples: Sequence[Sample], settings: TrainingSettings) -> list[Prediction | None]:
    """Run a model over samples: short ones in batches, long ones in windows as `fervideo timeline` does."""
    longest = round(settings.sequence.window_s * MODEL_RATE_HZ)
    predictions = _predict_short(model, samples, longest, settings) if isinstance(model, SequenceLSTM) else {}
    for row, sample in enumerate(samples):
        if row not in predictions and len(sample.course):
            steps, clip = model.predict(sample.course, settings.sequence)
            predictions[row] = Prediction(steps=steps, clip=clip)
    sigma_s = settings.sequence.smooth_s
    return [
        _smoothed(sample, predictions[row], sigma_s) if row in predictions else None
        for row, sample in enumerate(samples)
    ]


def _predict_short(
    model: SequenceLSTM, samples: Sequence[Sample], longest: int, settings: TrainingSettings
) -> dict[int, Prediction]:
    """Run a model over the samples of at most `longest` steps, in batches of about one length."""
    predictions = {}
    short = sorted((len(sample.course), row) for row, sample in enumerate(samples) if 0 < len(sample.course) <= longest)
    device = model.centre.device
    for start in range(0, len(short), _BATCH):
        drawn = short[start : start + _BATCH]
        padded = np.zeros((len(drawn), drawn[-1][0], samples[drawn[0][1]].course.shape[1]), np.float32)
        for i, (length, row) in enumerate(drawn):
            padded[i, :length] = samples[row].course
        mask = torch.from_numpy(np.arange(drawn[-1][0]) < np.array([[length] for length, _ in drawn]))
        steps, clips = (
            logits.softmax(-1).cpu().numpy() for logits in model(torch.from_numpy(padded).to(device), mask.to(device))
        )
        for i, (length, row) in enumerate(drawn):
            settled = model.settled(steps[i, :length].astype(np.float64), settings.sequence)
            predictions[row] = Prediction(steps=settled, clip=clips[i])
    return predictions


def _smoothed(sample: Sample, prediction: Prediction, sigma_s: float) -> Prediction:
    """Smooth a course as `fervideo timeline --smooth` does."""
    if not sigma_s:
        return prediction
    steps = windows.smooth(prediction.steps.astype(np.float64), sample.step_time_s, sigma_s)
    return Prediction(steps=(steps / steps.sum(1, keepdims=True)).astype(np.float32), clip=prediction.clip)


def predict_as(
    model: SequenceModel, samples: Sequence[Sample], settings: TrainingSettings, labels: tuple[str, ...]
) -> list[Prediction | None]:
    """Run a model that may have other labels, and bring its predictions to those given; one it lacks gets nothing."""
    known = [name for name in labels if name in model.labels]
    rows, columns = [labels.index(name) for name in known], [model.labels.index(name) for name in known]

    def brought(p: Float32) -> Float32:
        among = np.full((*p.shape[:-1], len(labels)), 1e-9, np.float32)
        among[..., rows] = np.maximum(p[..., columns], 1e-9)
        shares: Float32 = among / among.sum(-1, keepdims=True)
        return shares

    return [
        None if found is None else Prediction(steps=brought(found.steps), clip=brought(found.clip))
        for found in predict(model, samples, settings)
    ]


def baselines(samples: Sequence[Sample], labels: tuple[str, ...], train_counts: Sequence[float]) -> list[System]:
    """Predict with the baselines.

    Args:
        samples: The samples.
        labels: Names of the labels.
        train_counts: How often the model was trained on each label.
    """
    shares = (np.array(train_counts, np.float32) / max(sum(train_counts), 1e-9)).astype(np.float32)
    courses = [frame_course(sample, labels) for sample in samples]
    majority = [
        Prediction(steps=np.tile(shares, (len(sample.course), 1)), clip=shares) if len(sample.course) else None
        for sample in samples
    ]
    mean = [Prediction(steps=course, clip=course.mean(0)) if len(course) else None for course in courses]
    smoothed = [_smoothed_frames(course) if len(course) else None for course in courses]
    return [
        System("majority", majority),
        System("mean of frames", mean),
        System("smoothed frames", smoothed, is_calibrated=False),
    ]


def frame_course(sample: Sample, labels: tuple[str, ...]) -> Float32:
    """Return the frame CNN's probabilities at each step; at a step without a face those of the nearest one with a face.

    Returns:
        float32 (S, C), over the labels that the frame CNN knows; S is 0 where no face was found.
    """
    known = [labels.index(name) for name in EXPRESSIONS if name in labels]
    steps = np.flatnonzero(sample.course[:, -1] > 0)
    course = np.full((len(sample.course), len(labels)), 1e-9, np.float32)
    if not len(steps):
        return course[:0]
    seen = steps[nearest(steps.astype(np.float64), np.arange(len(course), dtype=np.float64))]
    columns = [column for column, name in enumerate(EXPRESSIONS) if name in labels]
    course[:, known] = np.exp(sample.course[seen][:, columns])
    course /= course.sum(1, keepdims=True)
    return course


def _smoothed_frames(course: Float32) -> Prediction:
    smooth = gaussian_filter1d(course, _SMOOTH_S * MODEL_RATE_HZ, axis=0, mode="nearest")
    shares = np.bincount(smooth.argmax(1), minlength=course.shape[1]) / len(course)
    return Prediction(steps=smooth.astype(np.float32), clip=shares.astype(np.float32))


def frame_probabilities(sample: Sample, prediction: Prediction | None) -> Float32 | None:
    """Return probabilities at the clip's frames: interpolated between two steps, the nearest step's outside them.

    Returns:
        float32 (T, C); None without a prediction.
    """
    if prediction is None:
        return None
    columns = [np.interp(sample.time_s, sample.step_time_s, column) for column in prediction.steps.T]
    return np.stack(columns, 1).astype(np.float32)


def evaluate(
    systems: Sequence[System], samples: Sequence[Sample], labels: tuple[str, ...], settings: TrainingSettings
) -> Report:
    """Score systems on samples.

    Args:
        systems: Their predictions for the samples.
        samples: The samples.
        labels: Names of the labels.
        settings: `train.bootstrap` and `train.seed` count.
    """
    whole = [sample for sample in samples if sample.label >= 0]
    framed = [sample for sample in samples if _has_frames(sample)]
    coverage = float(np.mean([len(sample.course) > 0 for sample in whole])) if whole else math.nan
    scored = whole or framed
    return Report(
        labels=labels,
        n_clips=len(whole),
        n_frames=int(sum((sample.frame_label >= 0).sum() for sample in framed)),
        coverage=rounded(coverage),
        groups=len({sample.clip.group for sample in scored}),
        items="intervals" if scored and not any(math.isnan(sample.clip.start_s) for sample in scored) else "clips",
        systems={
            system.name: SystemScores(
                clips=_clip_scores(system, samples, len(labels), settings) if whole else None,
                frames=_frame_scores(system, samples, labels, settings) if framed else None,
            )
            for system in systems
        },
    )


def gains(
    systems: Sequence[System], samples: Sequence[Sample], labels: tuple[str, ...], settings: TrainingSettings
) -> tuple[Gain, ...]:
    """Compare the first system with those that were there before it: by frames where they have labels, else by clips.

    Args:
        systems: Their predictions for the samples.
        samples: The samples.
        labels: Names of the labels.
        settings: `train.bootstrap` and `train.seed` count.
    """
    kind, count = "frames", _frame_confusions
    if not any(map(_has_frames, samples)):
        kind, count = "clips", _clip_confusions
    new, groups = count(systems[0], samples, len(labels))
    others = [system for system in systems if system.name in (START, DEFAULT)] if new else []
    return tuple(
        gain(other.name, kind, new, count(other, samples, len(labels))[0], groups, settings.train) for other in others
    )


def _has_frames(sample: Sample) -> bool:
    """Return whether a sample has frame labels of its own; synthetic ones are not scored."""
    return sample.clip.frame_labels != "synthetic" and bool((sample.frame_label >= 0).any())


def _common(confusions: list[Int64], groups: Sequence[str], settings: TrainingSettings) -> dict[str, Any]:
    """Return the fields of `Scores`, from the confusion and the subject of each sample."""
    scores: dict[str, Callable[[Float64], float]] = {
        "war": metrics.war,
        "uar": metrics.uar,
        "macro_f1": metrics.macro_f1,
        "kappa": metrics.kappa,
    }
    intervals = metrics.bootstrap(confusions, groups, scores, settings.train.bootstrap, settings.train.seed)
    total = np.sum(confusions, 0)
    return {
        **vars(headline(total)),
        "kappa": rounded(metrics.kappa(total)),
        **{f"{name}_ci": tuple(map(rounded, interval)) for name, interval in intervals.items()},
        "confusion": as_rows(total),
    }


def _clip_confusions(system: System, samples: Sequence[Sample], n_labels: int) -> tuple[list[Int64], list[str]]:
    """Return the confusion (C, C + 1) and the subject of each labelled clip."""
    pairs = [pair for pair in zip(samples, system.predictions, strict=True) if pair[0].label >= 0]
    predicted = [-1 if prediction is None else int(prediction.clip.argmax()) for _, prediction in pairs]
    confusions = [
        metrics.confusion(np.array([sample.label]), np.array([label]), n_labels)
        for (sample, _), label in zip(pairs, predicted, strict=True)
    ]
    return confusions, [sample.clip.group for sample, _ in pairs]


def _frame_confusions(system: System, samples: Sequence[Sample], n_labels: int) -> tuple[list[Int64], list[str]]:
    """Return the confusion (C, C + 1) and the subject of each clip with labelled frames."""
    pairs = [pair for pair in zip(samples, system.predictions, strict=True) if _has_frames(pair[0])]
    confusions = [
        metrics.confusion(sample.frame_label, _frames_predicted(sample, prediction), n_labels)
        for sample, prediction in pairs
    ]
    return confusions, [sample.clip.group for sample, _ in pairs]


def _frames_predicted(sample: Sample, prediction: Prediction | None) -> Int64:
    """Return the predicted label of each of a clip's frames, int64 (T,); -1 without a prediction."""
    p = frame_probabilities(sample, prediction)
    return np.full(len(sample.time_s), -1) if p is None else p.argmax(1)


def _clip_scores(system: System, samples: Sequence[Sample], n_labels: int, settings: TrainingSettings) -> ClipScores:
    common = _common(*_clip_confusions(system, samples, n_labels), settings)
    pairs = [pair for pair in zip(samples, system.predictions, strict=True) if pair[0].label >= 0]
    courses = [(one.steps.argmax(1), len(one.steps) / MODEL_RATE_HZ) for _, one in pairs if one is not None]
    common["changes_per_min"] = rounded(metrics.changes_per_min(courses))
    found = [(sample.label, prediction.clip) for sample, prediction in pairs if prediction is not None]
    if not system.is_calibrated or not found:
        return ClipScores(**common)
    truth, p = np.array([label for label, _ in found]), np.stack([clip for _, clip in found])
    return ClipScores(
        **common,
        ece=rounded(metrics.ece(truth, p)),
        nll=rounded(metrics.nll(truth, p)),
        brier=rounded(metrics.brier(truth, p)),
    )


@dataclass(frozen=True)
class _Stretch:
    """Successive frames of a sample that all have labels.

    Attributes:
        truth: int64 (n,), true labels.
        predicted: int64 (n,), predicted labels.
        time_s: float64 (n,), times of the frames.
    """

    truth: Int64
    predicted: Int64
    time_s: Float64

    @property
    def duration_s(self) -> float:
        return float(self.time_s[-1] - self.time_s[0])


def _frame_scores(
    system: System, samples: Sequence[Sample], labels: tuple[str, ...], settings: TrainingSettings
) -> FrameScores:
    stretches = list[_Stretch]()
    for sample, prediction in zip(samples, system.predictions, strict=True):
        if not _has_frames(sample):
            continue
        predicted = _frames_predicted(sample, prediction)
        known = np.flatnonzero(sample.frame_label >= 0)
        # Frames without a label part two stretches: nobody knows the labels between them.
        stretches += [
            _Stretch(truth=sample.frame_label[rows], predicted=predicted[rows], time_s=sample.time_s[rows])
            for rows in np.split(known, np.flatnonzero(np.diff(known) > 1) + 1)
        ]
    background = labels.index("neutral") if "neutral" in labels else None
    common = _common(*_frame_confusions(system, samples, len(labels)), settings)
    return FrameScores(**common, **_segment_scores(stretches, background))


def _segment_scores(stretches: Sequence[_Stretch], background: int | None) -> dict[str, Any]:
    """Return the fields of `FrameScores` that are not in `Scores`."""
    pairs = [(stretch.truth, stretch.predicted) for stretch in stretches]
    errors_s = np.concatenate(
        [metrics.onset_errors_s(part.truth, part.predicted, part.time_s, background) for part in stretches]
    )
    scores = {
        "edit": float(np.mean([metrics.edit_score(*pair) for pair in pairs])),
        **{f"f1_at_{share}": metrics.f1_at(pairs, share / 100, background) for share in (10, 25, 50)},
        "onset_error_median_s": float(np.median(errors_s)) if len(errors_s) else math.nan,
        "onset_error_p90_s": float(np.percentile(errors_s, 90)) if len(errors_s) else math.nan,
        "changes_per_min": metrics.changes_per_min([(part.predicted, part.duration_s) for part in stretches]),
        "true_changes_per_min": metrics.changes_per_min([(part.truth, part.duration_s) for part in stretches]),
    }
    return {name: rounded(score) for name, score in scores.items()}
