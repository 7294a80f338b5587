"""Metrics of clips, frames, segments and probabilities.

Labels are numbers from 0 to C - 1. A prediction of -1 is none, and always wrong; a truth of -1 leaves the frame out.
Classes that the truth lacks are left out of every mean over classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from sklearn.metrics import confusion_matrix

from fervideo.records import Float32, Float64, Int64
from fervideo.study import agreement

#: Bins of confidence between 0 and 1 in the calibration error, as in Guo et al. 2017.
ECE_BINS = 15


def confusion(truth: Int64, predicted: Int64, n_labels: int) -> Int64:
    """Count predictions by truth: int64 (C, C + 1), a row for each true label; the last column is no prediction."""
    known = truth >= 0
    if not known.any():
        return np.zeros((n_labels, n_labels + 1), np.int64)
    predicted = np.where(predicted < 0, n_labels, predicted)
    counts: Int64 = confusion_matrix(truth[known], predicted[known], labels=range(n_labels + 1))
    return counts[:n_labels].astype(np.int64)


def war(counts: Int64 | Float64) -> float:
    """Compute the weighted average recall, which is accuracy, from counts (C, C + 1); NaN where all counts are 0."""
    total = counts.sum()
    return float(np.trace(counts) / total) if total else float("nan")


def recalls(counts: Int64 | Float64) -> Float64:
    """Compute the recall of each class, float64 (C,); NaN for one that the truth lacks."""
    support = counts.sum(1)
    return np.where(support > 0, np.diagonal(counts) / np.maximum(support, 1e-12), np.nan)


def uar(counts: Int64 | Float64) -> float:
    """Compute the unweighted average recall."""
    return _mean(recalls(counts))


def f1_scores(counts: Int64 | Float64) -> Float64:
    """Compute the F1 of each class, float64 (C,); NaN for one that the truth lacks."""
    n = len(counts)
    support, predicted = counts.sum(1), counts.sum(0)[:n]
    return np.where(support > 0, 2 * np.diagonal(counts) / np.maximum(support + predicted, 1e-12), np.nan)


def macro_f1(counts: Int64 | Float64) -> float:
    """Compute the mean F1 of the classes; over all frames of a set it is the score of the ABAW challenges."""
    return _mean(f1_scores(counts))


def kappa(counts: Int64 | Float64) -> float:
    """Compute Cohen's kappa from counts (C, C + 1); a prediction that is none agrees with no label."""
    square = np.zeros((counts.shape[1], counts.shape[1]))
    square[: len(counts)] = counts
    return agreement.kappa(square)


def _mean(values: Float64) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def segments(labels: Int64) -> tuple[Int64, Int64, Int64]:
    """Cut a course of labels into segments of equal labels.

    Returns:
        Label, first index, and index after the last of each segment, int64 (k,).
    """
    first = np.flatnonzero(np.diff(labels, prepend=labels[:1] - 1)) if len(labels) else np.empty(0, np.int64)
    return labels[first], first, np.append(first, len(labels))[1:]


def edit_score(truth: Int64, predicted: Int64) -> float:
    """Compute the edit score of two orders of segments (Lea et al. 2016).

    Returns:
        100 less the Levenshtein distance of the orders, in per cent of the longer one.
    """
    a, b = segments(truth)[0].tolist(), segments(predicted)[0].tolist()
    if not a and not b:
        return 100.0
    row = list(range(len(b) + 1))
    for i, one in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (one != other))
    return 100.0 * (1 - row[-1] / max(len(a), len(b)))


def matches(truth: Int64, predicted: Int64, overlap: float, background: int | None = None) -> tuple[int, int, int]:
    """Match predicted segments with true ones of the same label (Lea et al. 2017).

    Each predicted segment, in order, is compared with the true one of its label that it overlaps best. It is a hit
    where their intersection over union reaches `overlap` and that true segment was not hit before.

    Args:
        truth: int64 (n,), labels of successive frames.
        predicted: int64 (n,), likewise.
        overlap: Least intersection over union of a hit.
        background: A label that is left out.

    Returns:
        Hits, false alarms, misses.
    """
    (true_label, true_first, true_end), (label, first, end) = segments(truth), segments(predicted)
    kept, alarms = true_label != background, (label != background) & (label >= 0)
    true_label, true_first, true_end = true_label[kept], true_first[kept], true_end[kept]
    hit = np.zeros(len(true_label), bool)
    for name, begin, stop in zip(label[alarms], first[alarms], end[alarms], strict=True):
        share = _overlaps(begin, stop, true_first, true_end) * (true_label == name)
        if len(share) and share.max() >= overlap and not hit[share.argmax()]:
            hit[share.argmax()] = True
    hits = int(hit.sum())
    return hits, int(alarms.sum()) - hits, len(hit) - hits


def _overlaps(begin: int, stop: int, first: Int64, end: Int64) -> Float64:
    """Compute the intersection over union of one segment with each of several, float64 (k,)."""
    both = (np.minimum(stop, end) - np.maximum(begin, first)).clip(0)
    shares: Float64 = both / (np.maximum(stop, end) - np.minimum(begin, first))
    return shares


def f1_at(pairs: Sequence[tuple[Int64, Int64]], overlap: float, background: int | None = None) -> float:
    """Compute F1@overlap over several clips.

    Args:
        pairs: Truth and prediction of each clip, as in `matches`.
        overlap: As in `matches`.
        background: As in `matches`.

    Returns:
        In per cent, from counts summed over the clips; NaN where there is no segment.
    """
    counted = [matches(truth, predicted, overlap, background) for truth, predicted in pairs]
    hits, false, missed = np.sum(counted, 0) if counted else (0, 0, 0)
    total = 2 * hits + false + missed
    return float(200 * hits / total) if total else float("nan")


def onset_errors_s(truth: Int64, predicted: Int64, time_s: Float64, background: int | None = None) -> Float64:
    """Compute by how much the onsets of true segments are missed.

    Only a segment that a prediction of its label overlaps by half or more counts. A segment that the clip begins with
    has no onset.

    Args:
        truth: int64 (n,), labels of successive frames.
        predicted: int64 (n,), likewise.
        time_s: float64 (n,), times of the frames.
        background: A label that is left out.

    Returns:
        float64 (k,), in seconds.
    """
    (true_label, true_first, true_end), (label, first, end) = segments(truth), segments(predicted)
    errors = []
    for name, begin, stop in zip(true_label, true_first, true_end, strict=True):
        share = _overlaps(begin, stop, first, end) * (label == name)
        if begin > 0 and name != background and len(share) and share.max() >= 0.5:
            errors.append(abs(time_s[first[share.argmax()]] - time_s[begin]))
    return np.array(errors, np.float64)


def changes_per_min(courses: Sequence[tuple[Int64, float]]) -> float:
    """Compute how often the label changes per minute.

    Args:
        courses: Labels of successive frames, and the duration of each course in seconds.

    Returns:
        The rate over all courses; NaN where they have no duration.
    """
    minutes = sum(duration_s for _, duration_s in courses) / 60
    return sum(int((np.diff(labels) != 0).sum()) for labels, _ in courses) / minutes if minutes else float("nan")


def reliability(truth: Int64, p: Float32 | Float64) -> tuple[Float64, Float64, Int64]:
    """Compare confidence with accuracy in bins of confidence.

    Args:
        truth: int64 (n,).
        p: (n, C), probabilities.

    Returns:
        Mean confidence and accuracy of each bin, float64 (ECE_BINS,), NaN where it is empty; and its size, int64.
    """
    confidence, right = p.max(1).astype(np.float64), p.argmax(1) == truth
    # Bins are open below and closed above, as Guo et al. have them.
    bins = np.clip(np.ceil(confidence * ECE_BINS).astype(np.int64) - 1, 0, ECE_BINS - 1)
    size = np.bincount(bins, minlength=ECE_BINS)
    with np.errstate(invalid="ignore"):
        return np.bincount(bins, confidence, ECE_BINS) / size, np.bincount(bins, right, ECE_BINS) / size, size


def ece(truth: Int64, p: Float32 | Float64) -> float:
    """Compute the expected calibration error; NaN without samples."""
    confidence, accuracy, size = reliability(truth, p)
    return float(np.nansum(size * np.abs(confidence - accuracy)) / size.sum()) if len(truth) else float("nan")


def nll(truth: Int64, p: Float32 | Float64) -> float:
    """Compute the mean negative logarithm of the truth's probability; NaN without samples."""
    return float(-np.log(np.maximum(p[np.arange(len(truth)), truth], 1e-12)).mean()) if len(truth) else float("nan")


def brier(truth: Int64, p: Float32 | Float64) -> float:
    """Compute the mean squared distance of probabilities from the truth, 0 to 2 (Brier 1950); NaN without samples."""
    return float(((p - np.eye(p.shape[1])[truth]) ** 2).sum(1).mean()) if len(truth) else float("nan")


def bootstrap(
    counts: Sequence[Int64], groups: Sequence[str], scores: dict[str, Callable[[Float64], float]], n: int, seed: int
) -> dict[str, tuple[float, float]]:
    """Compute 95 % intervals of scores by resampling groups: subjects where they are known, clips elsewhere.

    Args:
        counts: The confusion (C, C + 1) of each clip.
        groups: The group of each clip.
        scores: Functions from a confusion to a score, by the score's name.
        n: Number of resamples.
        seed: Seed of the resampling.

    Returns:
        Lower and upper end by the score's name.
    """
    names, member = np.unique(np.array(groups), return_inverse=True)
    per_group = np.zeros((len(names), *counts[0].shape))
    np.add.at(per_group, member, np.stack(counts))
    drawn = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), n)
    samples = np.tensordot(drawn.astype(np.float64), per_group, 1)
    intervals = {}
    for name, score in scores.items():
        values = np.array([score(sample) for sample in samples])
        low, high = np.nanpercentile(values, [2.5, 97.5]) if np.isfinite(values).any() else (np.nan, np.nan)
        intervals[name] = (float(low), float(high))
    return intervals
