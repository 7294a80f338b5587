"""A sequence model of a few numbers, which compares a face with its own calm stretches.

The same muscles at rest look sad in one face and friendly in another. A frame classifier takes that for an expression.
Here the course itself shows how a face looks when it is calm, and its difference from other calm faces is taken away.
Then a Markov chain settles the labels. It reads the predictions of the frame classifier alone, and needs no torch.
`tools/fit_person.py` fits it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from fervideo.records import EXPRESSIONS, Float32, Float64
from fervideo.sequence import chain
from fervideo.sequence.calm import calmest
from fervideo.settings import SequenceSettings

#: Weight of a neutral second in the label of a whole course, beside 1 for others.
NEUTRAL_SHARE = 0.5
_NEUTRAL = EXPRESSIONS.index("neutral")


class PersonModel:
    """The model; it implements the protocol `SequenceModel`.

    Args:
        typical: float64 (C,), mean log-probabilities of neutral faces of many people, less their mean.
        share: Share of the difference between a face's calm look and the typical one that is taken away.
        calm: Share of a course that counts as calm: its most neutral steps.
        stay: Probability that the next step shows the same expression.
        evidence: Weight of one step's log-probabilities in the chain; steps that follow one another show much the same.
        labels: The expressions, in the order of a frame classifier's.
    """

    inputs: tuple[str, ...] = ()
    device: Literal["cpu"] = "cpu"

    def __init__(
        self,
        typical: Float64,
        share: float,
        calm: float,
        stay: float,
        evidence: float,
        labels: Sequence[str] = EXPRESSIONS,
    ) -> None:
        self.labels = tuple(labels)
        self.typical = typical
        #: The arguments that a checkpoint keeps, beside labels and the typical face.
        self.config: dict[str, Any] = {
            "share": share,
            "calm": calm,
            "stay": stay,
            "evidence": evidence,
            "labels": len(self.labels),
        }

    def predict(self, features: Float32, settings: SequenceSettings) -> tuple[Float32, Float32]:
        """Run over one course; see `SequenceModel.predict`. A step without a face is bridged by its neighbours."""
        found = features[:, -1] > 0
        evidence = np.zeros((len(features), len(self.labels)))
        evidence[found] = self.config["evidence"] * self.relative(features[found, : len(self.labels)])
        stay = self.config["stay"] if settings.stay == "auto" else settings.stay
        # A chain in which all expressions are as likely to come next takes each step by itself.
        steps = chain.posteriors(_softmax(evidence), stay or 1 / len(self.labels))
        weight = np.where(np.arange(len(self.labels)) == _NEUTRAL, NEUTRAL_SHARE, 1.0)
        clip = steps[found].mean(0) * weight
        return steps.astype(np.float32), (clip / clip.sum()).astype(np.float32)

    def relative(self, log_p: Float32 | Float64) -> Float64:
        """Take away a face's own look, as it is when the face is calm.

        The less neutral the calmest steps are, the less is taken away: a face may smile throughout.

        Args:
            log_p: float (S, C), log-probabilities of steps with a face.

        Returns:
            float64 (S, C), each row less its mean.
        """
        centred: Float64 = log_p.astype(np.float64) - log_p.mean(1, keepdims=True)
        if not len(centred):
            return centred
        neutral = _softmax(centred)[:, _NEUTRAL]
        rows = calmest(neutral, self.config["calm"])
        special = centred[rows].mean(0) - self.typical
        relative: Float64 = centred - self.config["share"] * neutral[rows].mean() * special
        return relative


def _softmax(logits: Float64) -> Float64:
    p: Float64 = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    return p
