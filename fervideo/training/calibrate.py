"""Temperature scaling (Guo et al. 2017): one number per head, fitted on the validation split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from torch import nn

from fervideo.records import Float32, Int64
from fervideo.sequence.lstm import SequenceLSTM
from fervideo.training.evaluate import Prediction
from fervideo.training.features import Sample
from fervideo.training.metrics import nll

#: Fewer clips are no basis for a temperature: the steps of one clip are right or wrong together.
_FEWEST = 20
_RANGE = (0.2, 5.0)


@dataclass(frozen=True, kw_only=True)
class Temperatures:
    """The temperatures of a model's heads; 1 changes nothing.

    Attributes:
        clips: Temperature of the head for clips.
        steps: Temperature of the head for steps.
    """

    clips: float
    steps: float


def calibrate(model: SequenceLSTM, samples: Sequence[Sample], predictions: Sequence[Prediction | None]) -> Temperatures:
    """Fit temperatures, and divide the heads' weights by them.

    Args:
        model: The model; its heads are changed.
        samples: The validation split.
        predictions: The model's, for these samples.

    Returns:
        The temperatures; 1 where there are too few clips to fit one.
    """
    known = [
        (sample, prediction) for sample, prediction in zip(samples, predictions, strict=True) if prediction is not None
    ]
    clips = [(sample.label, prediction.clip) for sample, prediction in known if sample.label >= 0]
    # Without any frame label, frames were trained on their clip's label, and are calibrated on it.
    own = any((sample.step_label >= 0).any() for sample, _ in known)
    steps = [
        (label, p)
        for sample, prediction in known
        for label, p in zip(
            sample.step_label if own else [sample.label] * len(prediction.steps), prediction.steps, strict=True
        )
        if label >= 0
    ]
    enough = len(known) >= _FEWEST
    return Temperatures(
        clips=_rescale(model.clip_head, clips if enough else []),
        steps=_rescale(model.step_head, steps if enough else []),
    )


def _rescale(head: nn.Linear, pairs: Sequence[tuple[int, Float32]]) -> float:
    """Divide a head's weights by the temperature that fits labels and probabilities; return it, 1 without any."""
    if not pairs:
        return 1.0
    fitted = temperature(np.array([label for label, _ in pairs]), np.stack([p for _, p in pairs]))
    with torch.no_grad():
        head.weight.div_(fitted)
        head.bias.div_(fitted)
    return fitted


def temperature(truth: Int64, p: Float32) -> float:
    """Fit the number by which logits must be divided so that the truth has the least negative log-likelihood.

    Args:
        truth: int64 (n,).
        p: float32 (n, C), probabilities.
    """
    logits = np.log(np.maximum(p.astype(np.float64), 1e-12))

    def loss(log_t: float) -> float:
        scaled = logits / np.exp(log_t)
        return nll(truth, np.exp(scaled - np.logaddexp.reduce(scaled, axis=1, keepdims=True)))

    return round(float(np.exp(minimize_scalar(loss, bounds=np.log(_RANGE), method="bounded").x)), 4)
