"""The models of a run: their weights are found and checked once, and travel as a record from then on."""

from __future__ import annotations

from dataclasses import dataclass

from fervideo import classifiers
from fervideo.classifiers import FrameWeights
from fervideo.sequence import load
from fervideo.sequence.load import SequenceWeights
from fervideo.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Models:
    """Weights of everything that a run predicts with.

    Attributes:
        frame: Weights of the frame classifier.
        sequence: Weights of the sequence model, which fits it.
        digests: SHA-256 of both files, by `frame` and `sequence`, as results record them.
    """

    frame: FrameWeights
    sequence: SequenceWeights
    digests: dict[str, str]


def resolve(settings: Settings) -> Models:
    """Find and check the weights that a run works with, before the long work.

    Raises:
        WeightsError: Weights are missing or broken, or the sequence model does not fit the frame classifier.
        UsageError: `cuda` is asked for where there is none.
    """
    if settings.run.device == "cuda":
        from fervideo.classifiers.nets import resolve_device

        resolve_device(settings.run.device)
    frame = classifiers.weights(settings.classifier, settings.run.device)
    sequence = load.weights(settings.sequence, frame)
    digests = {"frame": frame.digest, "sequence": sequence.digest}
    return Models(frame=frame, sequence=sequence, digests=digests)
