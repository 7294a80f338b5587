"""Frame classifiers: the expression of each face by itself. Each kind of checkpoint has one.

| kind | description | reads |
|---|---|---|
| `frame_cnn` | our residual network, whose embedding the sequence model reads, too (cnn.py) | the crop |
| `transfer` | a small CNN body that was trained for another task, with a new dense head (transfer.py) | the crop |
| `vgg16` | VGG16 (Simonyan & Zisserman 2015) with a new dense head (transfer.py) | the crop |
| `svm` | distances, heights and angles between landmarks into a support vector machine (svm.py) | landmarks |
| `mlp` | aligned landmark coordinates into a dense network (mlp.py) | landmarks |

`tools/train_frame.py` and `tools/train_classifiers.py` train them on FER+.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Protocol

from fervideo import checkpoint
from fervideo.checkpoint import Checkpoint
from fervideo.errors import WeightsError
from fervideo.faces import dlib
from fervideo.records import EXPRESSIONS, Float32, FramePredictions, UInt8
from fervideo.settings import ClassifierSettings

#: The package's frame CNN.
CNN_WEIGHTS = checkpoint.SHIPPED / "frame.safetensors"
#: Earlier frame CNNs of the package, by the start of their digest: models trained on their features go on reading them.
_EARLIER_CNNS = "frame-*.safetensors"
#: Kinds of checkpoint that each classifier of the settings may be read from.
KINDS = {"cnn": ("frame_cnn",), "transfer": ("transfer", "vgg16"), "svm": ("svm",), "mlp": ("mlp",)}
#: Classifiers whose input is landmarks alone.
GEOMETRIC = ("svm", "mlp")


@dataclass(frozen=True, kw_only=True)
class FrameWeights:
    """Weights of a run's frame classifier.

    Attributes:
        path: The checkpoint.
        digest: SHA-256 of the file, in hexadecimal.
        key: Name of its predictions in the cache.
        reads: Input of the classifier.
        precision: `auto`, `float32` or `bfloat16`, for the frame CNN.
        device: `auto`, `cpu` or `cuda`.
    """

    path: Path
    digest: str
    key: str
    reads: Literal["crops", "landmarks"]
    precision: str = "auto"
    device: str = "auto"


class FrameClassifier(Protocol):
    """A classifier of faces, each by itself.

    Attributes:
        header: Header of its checkpoint.
        n_parameters: Numbers that were learned.
        reads: Which argument of `predict` it looks at.
    """

    @property
    def header(self) -> dict[str, Any]: ...

    @property
    def n_parameters(self) -> int: ...

    @property
    def reads(self) -> Literal["crops", "landmarks"]: ...

    def predict(self, crops: UInt8, landmarks_px: Float32) -> FramePredictions:
        """Classify faces.

        Args:
            crops: uint8 (M, CROP_PX, CROP_PX), grey, aligned; may be empty where landmarks are read.
            landmarks_px: float32 (M, N_LANDMARKS, 3) of mediapipe; NaN for a face without landmarks, which gets the log
                prior of the training data from classifiers that read them. May be empty where crops are read.
        """


@dataclass(frozen=True)
class _OnDlib:
    """A classifier of dlib's 68 landmarks, which are found in the crop.

    Attributes:
        classifier: The classifier that reads the landmarks.
    """

    classifier: FrameClassifier
    reads: Literal["crops"] = "crops"

    @property
    def header(self) -> dict[str, Any]:
        return self.classifier.header

    @property
    def n_parameters(self) -> int:
        return self.classifier.n_parameters

    def predict(self, crops: UInt8, landmarks_px: Float32) -> FramePredictions:  # noqa: ARG002  (the protocol)
        return self.classifier.predict(crops, dlib.dlib_landmarks(crops))


def weights(chosen: ClassifierSettings, device: str = "auto") -> FrameWeights:
    """Find and check a frame classifier's weights; needs no torch.

    Args:
        chosen: The classifier.
        device: `auto`, `cpu` or `cuda`.

    Raises:
        WeightsError: They are missing, broken, or those of another classifier.
    """
    path = _path(chosen)
    if chosen.weights == "default" and chosen.landmarks == "dlib" and not path.exists():
        reason = "is not part of fervideo, since the licence of dlib's landmark model is non-commercial"
        recipe = f"tools/train_classifiers.py {chosen.name} ... --landmarks dlib"
        raise WeightsError(path, reason, f"train it ({recipe}) and give it with --set classifier.weights=FILE")
    stored = checkpoint.read_header(path)
    stored.expect(labels=EXPRESSIONS)
    if (kind := stored.header.get("kind")) not in KINDS[chosen.name]:
        owner = owner_of(kind)
        remedy = f"choose --classifier {owner}, or other weights" if owner else "give weights of a frame classifier"
        raise WeightsError(path, f"made for kind = {kind!r}, here it is {chosen.name!r}", remedy)
    if chosen.name in GEOMETRIC:
        stored.expect(landmarks=chosen.landmarks)
    precision = chosen.precision if chosen.name == "cnn" else "auto"
    key = stored.digest[:16]
    return FrameWeights(
        path=path,
        digest=stored.digest,
        key=key if precision == "auto" else f"{key}-{precision}",
        reads="landmarks" if stored.header.get("landmarks") == "mediapipe" else "crops",
        precision=precision,
        device=device,
    )


def earlier_cnn(digest: str) -> Path | None:
    """Return the path of an earlier frame CNN of the package by its digest; None where the package has none of it."""
    return next((path for path in checkpoint.SHIPPED.glob(_EARLIER_CNNS) if checkpoint.digest(path) == digest), None)


def owner_of(kind: object) -> str | None:
    """Return the classifier of the settings that reads a kind of checkpoint; None for a kind of something else."""
    return next((name for name, kinds in KINDS.items() if kind in kinds), None)


def _path(chosen: ClassifierSettings) -> Path:
    if chosen.weights != "default":
        return Path(chosen.weights).expanduser()
    if chosen.name == "cnn":
        return CNN_WEIGHTS
    dlib = "-dlib" if chosen.name in GEOMETRIC and chosen.landmarks == "dlib" else ""
    return checkpoint.SHIPPED / f"{chosen.name}{dlib}.safetensors"


def loaded(found: FrameWeights) -> FrameClassifier:
    """Return the frame classifier of this process; it is loaded once for as long as its file stays the same.

    Raises:
        WeightsError: Its arrays do not fit its network.
        UsageError: `cuda` is asked for where there is none.
    """
    return _loaded(found, checkpoint.stamp(found.path))


@lru_cache(maxsize=1)
def _loaded(found: FrameWeights, stamp: int) -> FrameClassifier:  # noqa: ARG001  (part of the key)
    from fervideo.classifiers.nets import resolve_device

    return load(found.path, resolve_device(found.device), found.precision)


def load(path: Path, device: str = "cpu", precision: str = "auto") -> FrameClassifier:
    """Read a frame classifier of any kind.

    Args:
        path: The checkpoint.
        device: `cpu` or `cuda`; a support vector machine stays on the CPU.
        precision: `auto`, `float32` or `bfloat16`, for the frame CNN.

    Raises:
        WeightsError: The file is missing, is not safetensors, or was made for other labels, crops or features.
    """
    stored = checkpoint.read(path)
    kind = stored.header.get("kind")
    if owner_of(kind) is None:
        known = ", ".join(kind for kinds in KINDS.values() for kind in kinds)
        reason = f"made for kind = {kind!r}, here it is one of {known}"
        raise WeightsError(path, reason, "give the checkpoint of a frame classifier")
    stored.expect(labels=EXPRESSIONS)
    classifier = _load(stored, device, precision)
    return _OnDlib(classifier) if stored.header.get("landmarks") == "dlib" else classifier


def _load(stored: Checkpoint, device: str, precision: str) -> FrameClassifier:
    # Imported at the point of use: torch takes a second, and only some of these need it.
    kind = stored.header["kind"]
    if kind == "frame_cnn":
        from fervideo.classifiers.cnn import Cnn

        return Cnn(stored, device, precision)
    if kind == "svm":
        from fervideo.classifiers.svm import Svm

        return Svm(stored)
    if kind == "mlp":
        from fervideo.classifiers.mlp import Mlp

        return Mlp(stored, device)
    from fervideo.classifiers.transfer import Transfer

    return Transfer(stored, device)
