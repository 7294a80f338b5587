"""The models of a run: their weights are found and checked once, and travel as a record from then on."""

from __future__ import annotations

from dataclasses import dataclass

from fervideo import checkpoint, classifiers
from fervideo.classifiers import FrameWeights
from fervideo.sequence import load
from fervideo.sequence.load import SequenceWeights
from fervideo.settings import ClassifierSettings, Settings


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
    frame = classifiers.weights(_with_earlier(settings), settings.run.device)
    sequence = load.weights(settings.sequence, frame)
    digests = {"frame": frame.digest, "sequence": sequence.digest}
    return Models(frame=frame, sequence=sequence, digests=digests)


def _with_earlier(settings: Settings) -> ClassifierSettings:
    """Return the classifier's settings, with the weights of an earlier frame CNN if the sequence model reads those."""
    chosen, model = settings.classifier, load.path_of(settings.sequence)
    if model is None or (chosen.name, chosen.weights) != ("cnn", "default"):
        return chosen
    earlier = classifiers.earlier_cnn(checkpoint.read_header(model).header.get("frame_cnn", ""))
    return chosen.model_copy(update={"weights": str(earlier)}) if earlier else chosen
