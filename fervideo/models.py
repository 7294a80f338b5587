"""The models of a run: their weights are found and checked once, and travel as a record from then on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from fervideo import checkpoint, classifiers
from fervideo.classifiers import FrameWeights
from fervideo.settings import SequenceSettings, Settings

if TYPE_CHECKING:
    from fervideo.sequence import SequenceLSTM

#: The sequence model that reads the package's frame CNN, and the one that reads any other frame classifier.
SEQUENCE_WEIGHTS = checkpoint.SHIPPED / "sequence.safetensors"
SMOOTHER_WEIGHTS = checkpoint.SHIPPED / "smoother.safetensors"


@dataclass(frozen=True, kw_only=True)
class SequenceWeights:
    """Weights of a run's sequence model.

    Attributes:
        path: The checkpoint.
        digest: SHA-256 of the file, in hexadecimal.
        frame: Digest of the frame classifier that it reads.
        device: `auto`, `cpu` or `cuda`.
    """

    path: Path
    digest: str
    frame: str
    device: str = "auto"


@dataclass(frozen=True, kw_only=True)
class Models:
    """Weights of everything that a run predicts with.

    Attributes:
        frame: Of the frame classifier.
        sequence: Of the sequence model, which fits it.
    """

    frame: FrameWeights
    sequence: SequenceWeights

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of both files, by `frame` and `sequence`."""
        return {"frame": self.frame.digest, "sequence": self.sequence.digest}


def resolve(settings: Settings) -> Models:
    """Find and check the weights that a run works with, before the long work.

    Raises:
        WeightsError: Weights are missing or broken, or the sequence model does not fit the frame classifier.
        UsageError: `cuda` is asked for where there is none.
    """
    device = settings.run.device
    if device == "cuda":
        from fervideo.classifiers.nets import resolve_device

        resolve_device(device)
    frame = classifiers.weights(settings.classifier, device)
    return Models(frame=frame, sequence=_sequence_weights(settings.sequence, frame, device))


def _sequence_weights(chosen: SequenceSettings, frame: FrameWeights, device: str) -> SequenceWeights:
    path = _sequence_path(chosen, frame.path)
    digest = checkpoint.read_sequence_model(path, frame.digest).digest
    return SequenceWeights(path=path, digest=digest, frame=frame.digest, device=device)


def _sequence_path(chosen: SequenceSettings, frame: Path) -> Path:
    if chosen.model == "default":
        return SEQUENCE_WEIGHTS if frame == classifiers.CNN_WEIGHTS else SMOOTHER_WEIGHTS
    path = Path(chosen.model).expanduser()
    # The folder that `fervideo train` wrote stands for the model in it.
    return path / "model.safetensors" if path.is_dir() else path


def sequence_model(found: SequenceWeights) -> SequenceLSTM:
    """Return the sequence model of this process; it is loaded once.

    Raises:
        WeightsError: Its arrays do not fit its network.
        UsageError: `cuda` is asked for where there is none.
    """
    return _sequence_model(found, checkpoint.stamp(found.path))


@lru_cache(maxsize=1)
def _sequence_model(found: SequenceWeights, stamp: int) -> SequenceLSTM:  # noqa: ARG001  (part of the key)
    from fervideo import sequence
    from fervideo.classifiers.nets import resolve_device

    return sequence.load(found.path, found.frame, resolve_device(found.device))
