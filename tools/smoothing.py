"""Cheap ways to smooth the frame CNN's predictions in time, as a baseline for the sequence model.

Each takes probabilities float64 (S, C) at an even rate, and an amount of smoothing. Its unit does not depend on the
rate. Each returns the expressions shown, int64 (S,), and probabilities float64 (S, C). `calmest` chooses the amount, as
it does for the sequence model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d, median_filter, uniform_filter1d

from fervideo.records import MODEL_RATE_HZ, Float64, Int64
from fervideo.training import metrics

#: The expression shown at each step, and the probabilities.
Shown = tuple[Int64, Float64]
#: The least probability: one wild frame must not forbid an expression to the Markov model.
_FLOOR = 1e-4
#: The price of fewer changes in `calmest`: percentage points of accuracy + edit score + F1@50.
_PRICE_OF_CALM = 1.0


@dataclass(frozen=True)
class Smoother:
    """One way to smooth.

    Attributes:
        name: As in the table.
        apply: Maps probabilities, their rate in hertz and an amount to the expressions shown.
        amounts: Those worth trying, rising.
    """

    name: str
    apply: Callable[[Float64, float, float], Shown]
    amounts: tuple[float, ...]


def top(p: Float64) -> Shown:
    """Show the most probable expression at each step."""
    return p.argmax(1), p


def box(p: Float64, rate_hz: float, width_s: float) -> Shown:
    """Average the probabilities over a window around each step."""
    return top(uniform_filter1d(p, _odd(width_s * rate_hz), axis=0, mode="nearest"))


def gaussian(p: Float64, rate_hz: float, sigma_s: float) -> Shown:
    """Average the probabilities with a Gaussian's weights, of the given standard deviation."""
    return top(gaussian_filter1d(p, sigma_s * rate_hz, axis=0, mode="nearest"))


def median(p: Float64, rate_hz: float, width_s: float) -> Shown:
    """Take the median of each probability over a window around each step; they are scaled to sum to 1."""
    middle = median_filter(p, (_odd(width_s * rate_hz), 1), mode="nearest") + 1e-9
    return top(middle / middle.sum(1, keepdims=True))


def viterbi(p: Float64, rate_hz: float, stay: float) -> Shown:
    """Find the most probable path of a hidden Markov model (Rabiner 1989); its evidence is the CNN's probabilities.

    All expressions are equally likely to follow one another. A faster video brings no more evidence per second than
    MODEL_RATE_HZ steps. The probabilities are the model's posteriors (forward-backward).

    Args:
        p: float64 (S, C).
        rate_hz: Steps per second.
        stay: Probability that the expression is the same 1 / MODEL_RATE_HZ seconds later.
    """
    pace = MODEL_RATE_HZ / rate_hz
    evidence = pace * np.log(np.maximum(p, _FLOOR))
    n = p.shape[1]
    kept = stay**pace
    change = np.full((n, n), (1 - kept) / (n - 1))
    np.fill_diagonal(change, kept)
    score, log_change, back = evidence[0], np.log(change), np.empty(p.shape, np.int64)
    for step in range(1, len(p)):
        paths = score[:, None] + log_change
        back[step] = paths.argmax(0)
        score = paths.max(0) + evidence[step]
    path = np.empty(len(p), np.int64)
    path[-1] = score.argmax()
    for step in range(len(p) - 1, 0, -1):
        path[step - 1] = back[step, path[step]]
    return path, _posteriors(np.exp(evidence), change)


def _posteriors(evidence: Float64, change: Float64) -> Float64:
    """Compute each state's probability at each step, float64 (S, C), by forward-backward; `change` is symmetric."""
    ahead, behind = np.empty_like(evidence), np.ones_like(evidence)
    ahead[0] = evidence[0] / evidence[0].sum()
    for step in range(1, len(evidence)):
        mass = (ahead[step - 1] @ change) * evidence[step]
        ahead[step] = mass / mass.sum()
    for step in range(len(evidence) - 2, -1, -1):
        mass = change @ (behind[step + 1] * evidence[step + 1])
        behind[step] = mass / mass.sum()
    both = ahead * behind
    return np.asarray(both / both.sum(1, keepdims=True))


def calmest(amounts: Sequence[float], shown: Callable[[float], list[tuple[Int64, Int64]]]) -> float:
    """Choose the amount of smoothing: the most that costs little, since fewer changes are better.

    Little is at most _PRICE_OF_CALM of accuracy + edit score + F1@50. A standard error is no such bound. It depends on
    the number of sequences, and differs from draw to draw by more than models do.

    Args:
        amounts: The amounts to choose from; a larger one smooths more.
        shown: Maps an amount to (truth, guess) of each sequence, int64 (S,) both.
    """
    merit = {amount: _merit(shown(amount)) for amount in amounts}
    return max(amount for amount in amounts if merit[amount] >= max(merit.values()) - _PRICE_OF_CALM)


def _merit(courses: list[tuple[Int64, Int64]]) -> float:
    """Return accuracy + edit score + F1@50, all in per cent, of (truth, guess) of each sequence."""
    right = sum(int((truth == guess).sum()) for truth, guess in courses)
    accuracy = 100 * right / sum(len(truth) for truth, _ in courses)
    edit = sum(metrics.edit_score(truth, guess) for truth, guess in courses) / len(courses)
    return accuracy + edit + metrics.f1_at(courses, 0.5)


def _odd(size: float) -> int:
    """Return the odd whole number nearest to a size, at least 1: a window needs a middle."""
    return max(2 * round((size - 1) / 2) + 1, 1)


_SECONDS = (0.15, 0.25, 0.35, 0.45, 0.65, 0.85, 1.05, 1.45, 2.05)
SMOOTHERS = (
    Smoother("CNN + box", box, _SECONDS),
    Smoother("CNN + Gaussian", gaussian, (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.7, 1.0)),
    Smoother("CNN + median", median, _SECONDS),
    Smoother("CNN + HMM", viterbi, (0.9, 0.97, 0.99, 0.997, *(1 - 10.0**-k for k in range(3, 11)))),
)
