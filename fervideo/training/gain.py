"""Gains of a trained model over the models that were there before, on the same test items.

A model that is no better than the one it began with is of no use. Scores alone do not show that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fervideo.records import Float64, Int64
from fervideo.sequence.load import SMOOTHER_WEIGHTS
from fervideo.settings import TrainSettings
from fervideo.training import metrics
from fervideo.training.scores import DEFAULT, FEWEST_ITEMS, FEWEST_PEOPLE, Interval, cell, rounded


@dataclass(frozen=True, kw_only=True)
class Gain:
    """The UAR of a model beside that of another one.

    Attributes:
        over: Name of the other model among the systems of the report.
        kind: `clips` or `frames`.
        uar: UAR of the model.
        before: UAR of the other one, on the same items.
        ci: 95 % interval of the difference, by resampling people; None where they are too few to tell.
    """

    over: str
    kind: str
    uar: float
    before: float
    ci: Interval | None = None


def gain(
    over: str,
    kind: str,
    new: Sequence[Int64],
    old: Sequence[Int64],
    groups: Sequence[str],
    settings: TrainSettings,
) -> Gain:
    """Compare two models on the same items.

    Args:
        over: As in `Gain`.
        kind: As in `Gain`.
        new: The model's confusion (C, C + 1) of each item, as `metrics.bootstrap` takes them.
        old: Those of the other model.
        groups: The person of each item.
        settings: `bootstrap` and `seed` count.
    """
    n = len(new[0])

    def difference(both: Float64) -> float:
        return metrics.uar(both[:, : n + 1]) - metrics.uar(both[:, n + 1 :])

    interval = None
    if len(set(groups)) >= FEWEST_PEOPLE and len(new) >= FEWEST_ITEMS:
        pairs = [np.concatenate(pair, 1) for pair in zip(new, old, strict=True)]
        found = metrics.bootstrap(pairs, groups, {"uar": difference}, settings.bootstrap, settings.seed)["uar"]
        interval = (rounded(found[0]), rounded(found[1]))
    scores = [round(metrics.uar(np.sum(counts, 0)), 4) for counts in (new, old)]
    return Gain(over=over, kind=kind, uar=scores[0], before=scores[1], ci=interval)


def describe(gains: Sequence[Gain], init: str | None) -> str:
    """Write a sentence for each gain, and the advice that follows.

    Args:
        gains: The gains.
        init: The `--init` of the training.
    """
    lines = [f"{_sentence(one)}: UAR of {one.kind} {one.uar:.3f}, there {one.before:.3f}" for one in gains]
    best = max(gains, key=lambda one: one.before, default=None)
    if best is not None and best.uar <= best.before:
        lines.append(advice(best.over, init))
    return "\n".join(lines)


def advice(better: str, init: str | None) -> str:
    """Return the advice to use a model that was there before, by the name of its system."""
    if better == DEFAULT:
        return "nothing was gained: use the package's model, fervideo timeline VIDEO"
    own = SMOOTHER_WEIGHTS if init == "default" else init
    return f"nothing was gained: use the starting model, fervideo timeline VIDEO --model {own}"


def _sentence(one: Gain) -> str:
    change = one.uar - one.before
    if change <= 0:
        return f"no gain over the {one.over}"
    if one.ci is None:
        return f"gained {change:+.3f} over the {one.over}, on too few to tell it from chance"
    low, high = one.ci
    sure = low is not None and low > 0
    rest = "" if sure else ", which may be chance"
    return f"gained {change:+.3f} [{cell(low)}, {cell(high)}] over the {one.over}{rest}"
