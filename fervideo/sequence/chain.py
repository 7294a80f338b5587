"""A Markov chain over a model's probabilities: expressions last, so that a label that flickers is settled."""

from __future__ import annotations

import numpy as np

from fervideo.records import Float64

#: The chain's share in a settled prediction. Neighbouring steps show much the same, which makes the chain too sure; the
#: model's own probabilities are better calibrated. Chosen on the package's model, for labels and for calibration, and
#: used for all.
_CHAIN_SHARE = 0.4
#: A lower probability counts as this one: one wild step must not forbid an expression to the chain.
_LEAST = 1e-4


def settle(p: Float64, stay: float) -> Float64:
    """Mix a model's probabilities with the chain's posteriors, which have the weight _CHAIN_SHARE.

    An expression that the chain is sure of is shown, unless the model itself prefers another one by more than 2/3 at
    that step.

    Args:
        p: float64 (S, C), rows sum to 1.
        stay: Probability that the next step shows the same expression; 0 leaves p as it is.

    Returns:
        float64 (S, C), rows sum to 1.
    """
    return _CHAIN_SHARE * posteriors(p, stay) + (1 - _CHAIN_SHARE) * p if stay else p


def posteriors(p: Float64, stay: float) -> Float64:
    """Compute the probability of each state at each step of a Markov chain that takes p for evidence.

    This is the forward-backward algorithm (Rabiner 1989); all states are as likely to follow one another.

    Args:
        p: float64 (S, C), rows sum to 1.
        stay: Probability, above 0 and below 1, that the next step's state is the same.

    Returns:
        float64 (S, C), rows sum to 1.
    """
    evidence = np.maximum(p, _LEAST)
    change = (1 - stay) / (p.shape[1] - 1)
    ahead, behind = evidence.copy(), np.ones_like(evidence)
    for step in range(1, len(p)):
        before = ahead[step - 1]
        before /= before.sum()
        ahead[step] *= before * (stay - change) + change
    for step in range(len(p) - 2, -1, -1):
        after = behind[step + 1] * evidence[step + 1]
        after /= after.sum()
        behind[step] = after * (stay - change) + change
    both = ahead / ahead.sum(1, keepdims=True) * behind
    return np.asarray(both / both.sum(1, keepdims=True))
