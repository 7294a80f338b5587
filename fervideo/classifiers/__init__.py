"""Frame classifiers: the expression of each face by itself. Each kind of checkpoint has one.

| kind | what it is | reads |
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
from pathlib import Path
from typing import Any, Literal, Protocol

from fervideo import checkpoint
from fervideo.checkpoint import Checkpoint
from fervideo.errors import WeightsError
from fervideo.faces import dlib
from fervideo.records import EXPRESSIONS, Float32, FramePredictions, UInt8

#: Kinds of checkpoint that `load` reads.
KINDS = ("frame_cnn", "transfer", "vgg16", "svm", "mlp")


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
        classifier: What reads the landmarks.
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


def reads(header: dict[str, Any]) -> Literal["crops", "landmarks"]:
    """Return which input the classifier of a checkpoint's header reads; needs no torch."""
    return "landmarks" if header.get("landmarks") == "mediapipe" else "crops"


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
    if kind not in KINDS:
        reason = f"made for kind = {kind!r}, here it is one of {', '.join(KINDS)}"
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
