"""The models of a run: their weights are found and checked once, and travel as a record from then on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from fervideo import checkpoint, classifiers
from fervideo.classifiers import FrameClassifier
from fervideo.errors import WeightsError
from fervideo.records import EXPRESSIONS
from fervideo.sequence import SequenceModel
from fervideo.sequence.load import load_model, read_header
from fervideo.settings import ClassifierSettings, SequenceSettings, Settings

#: The package's frame CNN, the sequence model that reads it, and the one that reads any other frame classifier.
CNN_WEIGHTS = checkpoint.SHIPPED / "frame.safetensors"
SEQUENCE_WEIGHTS = checkpoint.SHIPPED / "sequence.safetensors"
SMOOTHER_WEIGHTS = checkpoint.SHIPPED / "smoother.safetensors"
#: The kinds of checkpoint that each classifier of the settings may be read from.
KINDS = {"cnn": ("frame_cnn",), "transfer": ("transfer", "vgg16"), "svm": ("svm",), "mlp": ("mlp",)}
#: Classifiers whose input is landmarks alone.
GEOMETRIC = ("svm", "mlp")


@dataclass(frozen=True, kw_only=True)
class FrameWeights:
    """Weights of a run's frame classifier.

    Attributes:
        path: The checkpoint.
        digest: SHA-256 of the file, in hexadecimal.
        reads: Input of the classifier.
        precision: `auto`, `float32` or `bfloat16`, for the frame CNN.
        device: `auto`, `cpu` or `cuda`.
    """

    path: Path
    digest: str
    reads: Literal["crops", "landmarks"]
    precision: str = "auto"
    device: str = "auto"

    @property
    def key(self) -> str:
        """Name of its predictions in the cache."""
        return self.digest[:16] if self.precision == "auto" else f"{self.digest[:16]}-{self.precision}"


@dataclass(frozen=True, kw_only=True)
class SequenceWeights:
    """Weights of a run's sequence model.

    Attributes:
        path: The checkpoint.
        digest: SHA-256 of the file, in hexadecimal.
        device: `auto`, `cpu` or `cuda`.
    """

    path: Path
    digest: str
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
    frame = frame_weights(settings.classifier, device)
    path = sequence_path(settings.sequence, frame.path)
    digest = _sequence_digest(path, checkpoint.stamp(path), frame.digest)
    return Models(frame=frame, sequence=SequenceWeights(path=path, digest=digest, device=device))


def frame_weights(chosen: ClassifierSettings, device: str = "auto") -> FrameWeights:
    """Find and check a frame classifier's weights.

    Args:
        chosen: The classifier.
        device: `auto`, `cpu` or `cuda`.

    Raises:
        WeightsError: They are missing, broken, or those of another classifier.
    """
    path = _frame_path(chosen)
    return _checked(chosen, path, checkpoint.stamp(path), device)


def frame_classifier(weights: FrameWeights) -> FrameClassifier:
    """Return the frame classifier of this process; it is loaded once.

    Raises:
        WeightsError: Its arrays do not fit its network.
        UsageError: `cuda` is asked for where there is none.
    """
    return _frame_classifier(weights, checkpoint.stamp(weights.path))


def sequence_model(models: Models) -> SequenceModel:
    """Return the sequence model of this process; it is loaded once.

    Raises:
        WeightsError: Its arrays do not fit its network.
        UsageError: `cuda` is asked for where there is none.
    """
    return _sequence_model(models, checkpoint.stamp(models.sequence.path))


def sequence_path(chosen: SequenceSettings, frame: Path) -> Path:
    """Return the path of the sequence model that settings name.

    Args:
        chosen: The settings.
        frame: Path of the frame classifier's weights.
    """
    if chosen.model == "default":
        return SEQUENCE_WEIGHTS if frame == CNN_WEIGHTS else SMOOTHER_WEIGHTS
    path = Path(chosen.model).expanduser()
    # The folder that `fervideo train` wrote stands for the model in it.
    return path / "model.safetensors" if path.is_dir() else path


def _frame_path(chosen: ClassifierSettings) -> Path:
    if chosen.weights != "default":
        return Path(chosen.weights).expanduser()
    if chosen.name == "cnn":
        return CNN_WEIGHTS
    dlib = "-dlib" if chosen.name in GEOMETRIC and chosen.landmarks == "dlib" else ""
    return checkpoint.SHIPPED / f"{chosen.name}{dlib}.safetensors"


@lru_cache
def _checked(chosen: ClassifierSettings, path: Path, stamp: int, device: str) -> FrameWeights:  # noqa: ARG001  (a key)
    if chosen.weights == "default" and chosen.landmarks == "dlib" and not path.exists():
        reason = "is not part of fervideo, since the licence of dlib's landmark model is non-commercial"
        recipe = f"tools/train_classifiers.py {chosen.name} ... --landmarks dlib"
        raise WeightsError(path, reason, f"train it ({recipe}) and give it with --set classifier.weights=FILE")
    stored = checkpoint.read(path)
    stored.expect(labels=EXPRESSIONS)
    if (kind := stored.header.get("kind")) not in KINDS[chosen.name]:
        owner = next((name for name, kinds in KINDS.items() if kind in kinds), None)
        remedy = f"choose --classifier {owner}, or other weights" if owner else "give weights of a frame classifier"
        raise WeightsError(path, f"made for kind = {kind!r}, here it is {chosen.name!r}", remedy)
    if chosen.name in GEOMETRIC:
        stored.expect(landmarks=chosen.landmarks)
    reads = classifiers.reads(stored.header)
    precision = chosen.precision if chosen.name == "cnn" else "auto"
    return FrameWeights(path=path, digest=stored.digest, reads=reads, precision=precision, device=device)


@lru_cache(maxsize=1)
def _frame_classifier(weights: FrameWeights, stamp: int) -> FrameClassifier:  # noqa: ARG001  (part of the key)
    from fervideo.classifiers.nets import resolve_device

    return classifiers.load(weights.path, resolve_device(weights.device), weights.precision)


@lru_cache(maxsize=1)
def _sequence_model(models: Models, stamp: int) -> SequenceModel:  # noqa: ARG001  (part of the key)
    from fervideo.classifiers.nets import resolve_device

    return load_model(models.sequence.path, models.frame.digest, resolve_device(models.sequence.device))


@lru_cache
def _sequence_digest(path: Path, stamp: int, frame: str) -> str:  # noqa: ARG001  (part of the key)
    """Check and read a file once for as long as it stays the same."""
    return read_header(path, frame).digest
