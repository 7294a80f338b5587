"""A model and its baselines on samples: clips, frames, segments, calibration.

The baselines see the same features: the majority class of the training clips, the frame CNN averaged over the clip, and
the frame CNN smoothed in time, of which a clip is what it shows most of the time. A clip without a face is an error of
every system.
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
from fervideo.sequence import windows
from fervideo.sequence.lstm import SequenceLSTM
from fervideo.settings import TrainingSettings
from fervideo.training import metrics
from fervideo.training.features import Sample, nearest

#: Standard deviation of the smoothed baseline.
_SMOOTH_S = 0.5
_BATCH = 64
#: A clip's answer: probabilities per step (S, C) and as a whole (C,).
Answer = tuple[Float32, Float32]


@dataclass(frozen=True)
class System:
    """Hold what one system says of every sample.

    Attributes:
        name: Of the system.
        answers: Probabilities per step float32 (S, C) and of the clip float32 (C,); None where no face was found.
        is_calibrated: Whether its numbers are meant as probabilities.
    """

    name: str
    answers: list[Answer | None]
    is_calibrated: bool = True


@torch.inference_mode()
def predict(model: SequenceLSTM, samples: Sequence[Sample], settings: TrainingSettings) -> list[Answer | None]:
    """Run a model over samples: short ones in batches, long ones in windows as `fervideo timeline` does."""
    longest = round(settings.sequence.window_s * MODEL_RATE_HZ)
    answers: list[Answer | None] = [None] * len(samples)
    short = sorted(
        (len(sample.course), place) for place, sample in enumerate(samples) if 0 < len(sample.course) <= longest
    )
    device = model.centre.device
    for start in range(0, len(short), _BATCH):
        drawn = short[start : start + _BATCH]
        padded = np.zeros((len(drawn), drawn[-1][0], samples[drawn[0][1]].course.shape[1]), np.float32)
        for row, (length, place) in enumerate(drawn):
            padded[row, :length] = samples[place].course
        mask = torch.from_numpy(np.arange(drawn[-1][0]) < np.array([[length] for length, _ in drawn]))
        steps, clips = (
            logits.softmax(-1).cpu().numpy() for logits in model(torch.from_numpy(padded).to(device), mask.to(device))
        )
        for row, (length, place) in enumerate(drawn):
            answers[place] = (
                model.settled(steps[row, :length].astype(np.float64), settings.sequence),
                clips[row],
            )
    for place, sample in enumerate(samples):
        if len(sample.course) > longest:
            answers[place] = model.predict(sample.course, settings.sequence)
    sigma_s = settings.sequence.smooth_s
    return [
        _as_asked(sample, answer, sigma_s) if answer and sigma_s else answer
        for sample, answer in zip(samples, answers, strict=True)
    ]


def _as_asked(sample: Sample, answer: Answer, sigma_s: float) -> Answer:
    """Smooth a course by what the settings ask for, as `fervideo timeline --smooth` does."""
    steps = windows.smooth(answer[0].astype(np.float64), sample.step_time_s, sigma_s)
    return (steps / steps.sum(1, keepdims=True)).astype(np.float32), answer[1]


def baselines(samples: Sequence[Sample], labels: tuple[str, ...], train_counts: Sequence[float]) -> list[System]:
    """Return the baselines; `train_counts` tells how often each label was trained on."""
    shares = (np.array(train_counts, np.float32) / max(sum(train_counts), 1e-9)).astype(np.float32)
    courses = [frame_course(sample, labels) for sample in samples]
    seen = [course if len(course) else None for course in courses]
    majority = [
        (np.tile(shares, (len(sample.course), 1)), shares) if len(sample.course) else None for sample in samples
    ]
    mean = [None if course is None else (course, course.mean(0)) for course in seen]
    smoothed = [None if course is None else _smoothed(course) for course in seen]
    return [System("majority", majority), System("mean of frames", mean), System("smoothed frames", smoothed, False)]


def frame_course(sample: Sample, labels: tuple[str, ...]) -> Float32:
    """Return what the frame CNN says at each step, float32 (S, C), over the labels that it knows; where no face was seen, the nearest."""
    known = [labels.index(name) for name in EXPRESSIONS if name in labels]
    steps = np.flatnonzero(sample.course[:, -1] > 0)
    course = np.full((len(sample.course), len(labels)), 1e-9, np.float32)
    if not len(steps):
        return course[:0]
    seen = steps[nearest(steps.astype(np.float64), np.arange(len(course), dtype=np.float64))]
    course[:, known] = np.exp(
        sample.course[seen][:, [place for place, name in enumerate(EXPRESSIONS) if name in labels]]
    )
    course /= course.sum(1, keepdims=True)
    return course


def _smoothed(course: Float32) -> Answer:
    smooth = gaussian_filter1d(course, _SMOOTH_S * MODEL_RATE_HZ, axis=0, mode="nearest")
    shown = np.bincount(smooth.argmax(1), minlength=course.shape[1]) / len(course)
    return smooth.astype(np.float32), shown.astype(np.float32)


def frame_answer(sample: Sample, answer: Answer | None) -> Float32 | None:
    """Return probabilities at the clip's frames, float32 (T, C): between two steps interpolated, outside the nearest carried on."""
    if answer is None:
        return None
    return np.stack([np.interp(sample.time_s, sample.step_time_s, column) for column in answer[0].T], 1).astype(
        np.float32
    )


def evaluate(
    systems: Sequence[System], samples: Sequence[Sample], labels: tuple[str, ...], settings: TrainingSettings
) -> dict[str, Any]:
    """Score systems on samples.

    Returns:
        JSON-able: `n_clips`, `n_frames`, `coverage` (share of labelled clips in which a face was found), and by
        system's name `clips` and `frames` with scores, 95 % intervals (`_ci`) and confusion, each where there are such
        labels.
    """
    whole = [sample for sample in samples if sample.label >= 0]
    report: dict[str, Any] = {
        "labels": list(labels),
        "n_clips": len(whole),
        "n_frames": int(sum((sample.frame_label >= 0).sum() for sample in samples if _has_frames(sample))),
        "coverage": float(np.mean([len(sample.course) > 0 for sample in whole])) if whole else math.nan,
        "groups": len({sample.clip.group for sample in samples}),
        "systems": {},
    }
    for system in systems:
        scores = {}
        if whole:
            scores["clips"] = _clip_scores(system, samples, len(labels), settings)
        if report["n_frames"]:
            scores["frames"] = _frame_scores(system, samples, labels, settings)
        report["systems"][system.name] = scores
    return _jsonable(report)  # type: ignore[no-any-return]


def _has_frames(sample: Sample) -> bool:
    """Tell whether a sample has frame labels of its own: those that were made up are not to be scored by."""
    return sample.clip.frame_labels != "synthetic" and bool((sample.frame_label >= 0).any())


def _counted(counts: list[Int64], samples: Sequence[Sample], settings: TrainingSettings) -> dict[str, Any]:
    total = np.sum(counts, 0)
    scores: dict[str, Callable[[Float64], float]] = {
        "war": metrics.war,
        "uar": metrics.uar,
        "macro_f1": metrics.macro_f1,
    }
    groups = [sample.clip.group for sample in samples]
    intervals = metrics.bootstrap(counts, groups, scores, settings.train.bootstrap, settings.train.seed)
    told: dict[str, Any] = {name: score(total) for name, score in scores.items()}
    return told | {f"{name}_ci": interval for name, interval in intervals.items()} | {"confusion": total.tolist()}


def _clip_scores(
    system: System, samples: Sequence[Sample], n_labels: int, settings: TrainingSettings
) -> dict[str, Any]:
    pairs = [(sample, answer) for sample, answer in zip(samples, system.answers, strict=True) if sample.label >= 0]
    guesses = [-1 if answer is None else int(answer[1].argmax()) for _, answer in pairs]
    counts = [
        metrics.confusion(np.array([sample.label]), np.array([guess]), n_labels)
        for (sample, _), guess in zip(pairs, guesses, strict=True)
    ]
    told = _counted(counts, [sample for sample, _ in pairs], settings)
    sure = [(sample.label, answer[1]) for sample, answer in pairs if answer is not None]
    if system.is_calibrated and sure:
        truth, p = np.array([label for label, _ in sure]), np.stack([p for _, p in sure])
        told |= {"ece": metrics.ece(truth, p), "nll": metrics.nll(truth, p), "brier": metrics.brier(truth, p)}
    return told


def _frame_scores(
    system: System, samples: Sequence[Sample], labels: tuple[str, ...], settings: TrainingSettings
) -> dict[str, Any]:
    counts, scored, courses, true_courses, pairs, edits, onsets = [], [], [], [], [], [], []
    background = labels.index("neutral") if "neutral" in labels else None
    for sample, answer in zip(samples, system.answers, strict=True):
        known = np.flatnonzero(sample.frame_label >= 0)
        if not _has_frames(sample):
            continue
        p = frame_answer(sample, answer)
        shown = np.full(len(sample.time_s), -1) if p is None else p.argmax(1)
        counts.append(metrics.confusion(sample.frame_label[known], shown[known], len(labels)))
        scored.append(sample)
        # What lies on two sides of frames without a label are two courses: nobody knows what happened between them.
        for rows in np.split(known, np.flatnonzero(np.diff(known) > 1) + 1):
            truth, guess, time_s = sample.frame_label[rows], shown[rows], sample.time_s[rows]
            pairs.append((truth, guess))
            courses.append((guess, duration_s := float(time_s[-1] - time_s[0])))
            true_courses.append((truth, duration_s))
            edits.append(metrics.edit_score(truth, guess))
            onsets.append(metrics.onset_errors_s(truth, guess, time_s, background))
    errors_s = np.concatenate(onsets)
    return _counted(counts, scored, settings) | {
        "edit": float(np.mean(edits)),
        **{f"f1_at_{share}": metrics.f1_at(pairs, share / 100, background) for share in (10, 25, 50)},
        "onset_error_median_s": float(np.median(errors_s)) if len(errors_s) else math.nan,
        "onset_error_p90_s": float(np.percentile(errors_s, 90)) if len(errors_s) else math.nan,
        "changes_per_min": metrics.changes_per_min(courses),
        "true_changes_per_min": metrics.changes_per_min(true_courses),
    }


def _jsonable(value: Any) -> Any:
    """Round numbers to four decimals, and write NaN as null."""
    if isinstance(value, dict):
        return {key: _jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(item) for item in value]
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, 4)
    return value


def per_class(report: dict[str, Any], system: str, kind: str) -> list[dict[str, Any]]:
    """Return support, recall, precision and F1 of each label; None where the truth lacks it."""
    counts = np.array(report["systems"][system][kind]["confusion"])
    named = counts.sum(0)
    rows = zip(report["labels"], metrics.recalls(counts), metrics.f1_scores(counts), strict=True)
    return [
        {
            "label": label,
            "support": int(counts[place].sum()),
            "recall": _jsonable(float(recall)),
            "precision": _jsonable(float(counts[place, place] / named[place])) if named[place] else None,
            "f1": _jsonable(float(f1)),
        }
        for place, (label, recall, f1) in enumerate(rows)
    ]


def describe(report: dict[str, Any], main: str) -> str:
    """Write the tables for the terminal: every system, then the main one's classes."""
    blocks = []
    for kind, unit in (("clips", "n_clips"), ("frames", "n_frames")):
        if not report[unit]:
            continue
        columns = [
            "war",
            "uar",
            "macro_f1",
            *(["ece", "nll", "brier"] if kind == "clips" else ["edit", "f1_at_50", "changes_per_min"]),
        ]
        lines = [[f"{report[unit]} {kind}", *columns]]
        for name, scores in report["systems"].items():
            told = scores[kind]
            cells = [_cell(told.get(column), told.get(f"{column}_ci")) for column in columns]
            lines.append([name, *cells])
        blocks.append(_table(lines))
        classes = [["label", "support", "recall", "precision", "f1"]]
        classes += [[str(_shown(value)) for value in row.values()] for row in per_class(report, main, kind)]
        blocks.append(f"{main}, {kind}:\n{_table(classes)}")
    if report["coverage"] is not None and report["coverage"] < 1:
        blocks.append(f"no face found in {1 - report['coverage']:.1%} of the clips; they count as errors")
    return "\n\n".join(blocks)


def _cell(value: float | None, interval: Sequence[float] | None) -> str:
    text = _shown(value)
    return f"{text} [{_shown(interval[0])}, {_shown(interval[1])}]" if interval and value is not None else text


def _shown(value: Any) -> str:
    return "-" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)


def _table(lines: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )
