"""Temperature scaling: one number per head, fitted on the validation split and folded into the head's weights (Guo et al. 2017)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.optimize import minimize_scalar

from fervideo.records import Float32, Int64
from fervideo.sequence.lstm import SequenceLSTM
from fervideo.training.evaluate import Answer
from fervideo.training.features import Sample
from fervideo.training.metrics import nll

#: Fewer clips tell nothing of how sure answers should be; the steps of one clip are right or wrong together.
_FEWEST = 20
_RANGE = (0.2, 5.0)


def calibrate(model: SequenceLSTM, samples: Sequence[Sample], answers: Sequence[Answer | None]) -> dict[str, float]:
    """Make a model as sure as it is right.

    Args:
        model: Whose heads are changed.
        samples: The validation split.
        answers: What the model says of them.

    Returns:
        The temperature of `clips` and `steps`; 1 where there is too little to go by.
    """
    known = [(sample, answer) for sample, answer in zip(samples, answers, strict=True) if answer is not None]
    clips = [(sample.label, answer[1]) for sample, answer in known if sample.label >= 0]
    # Where no frame is labelled, frames were taught their clip's label, and are as sure of it as they are right.
    own = any((sample.step_label >= 0).any() for sample, _ in known)
    steps = [
        (label, p)
        for sample, (course, _) in known
        for label, p in zip(sample.step_label if own else [sample.label] * len(course), course, strict=True)
        if label >= 0
    ]
    found = {}
    for name, pairs, head in (("clips", clips, model.clip_head), ("steps", steps, model.step_head)):
        enough = pairs and len(known) >= _FEWEST
        found[name] = (
            temperature(np.array([label for label, _ in pairs]), np.stack([p for _, p in pairs])) if enough else 1.0
        )
        with torch.no_grad():
            head.weight.div_(found[name])
            head.bias.div_(found[name])
    return found


def temperature(truth: Int64, p: Float32) -> float:
    """Return by what logits must be divided so that the truth is least surprising."""
    logits = np.log(np.maximum(p.astype(np.float64), 1e-12))

    def surprise(log_t: float) -> float:
        scaled = logits / np.exp(log_t)
        return nll(truth, np.exp(scaled - np.logaddexp.reduce(scaled, axis=1, keepdims=True)))

    return round(float(np.exp(minimize_scalar(surprise, bounds=np.log(_RANGE), method="bounded").x)), 4)
