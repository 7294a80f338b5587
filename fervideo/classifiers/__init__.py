"""The classic frame classifiers, each by the kind that its checkpoint names.

| kind | what it is | sees |
|---|---|---|
| `svm` | distances, heights and angles between landmarks into a support vector machine | landmarks |
| `mlp` | aligned landmark coordinates into a dense network | landmarks |
| `transfer` | a small CNN body that was trained for another task, with a new dense head | the crop |
| `vgg16` | VGG16 (Simonyan & Zisserman 2015) with a new dense head | the crop |

`tools/train_classifiers.py` trains them on FER+. A fifth, the frame CNN of `fervideo/embedding.py`, has a module of its
own, since its embedding feeds the sequence model.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from fervideo import checkpoint
from fervideo.errors import WeightsError
from fervideo.records import EXPRESSIONS, Float32, UInt8

#: Kinds of checkpoint that `load` reads.
KINDS = ("svm", "mlp", "transfer", "vgg16")


class FrameClassifier(Protocol):
    """Tell the expression of faces, each by itself.

    Attributes:
        header: Header of its checkpoint.
        n_parameters: Numbers that were learned.
        landmarks: Which landmarks `logits` takes: `mediapipe`, `dlib`, or `none` where it looks at the crops alone.
    """

    header: dict[str, Any]
    n_parameters: int
    landmarks: str

    def logits(self, crops: UInt8, landmarks_px: Float32) -> Float32:
        """Classify faces.

        Args:
            crops: uint8 (M, CROP_PX, CROP_PX), grey, aligned.
            landmarks_px: float32 (M, N_LANDMARKS, 3) of mediapipe; where `landmarks` is `dlib`, (M, 68, 2 or 3) of
                dlib. NaN for a face without landmarks, which gets the log prior of the training data from classifiers
                that need them.

        Returns:
            float32 (M, C); softmax gives calibrated probabilities in the order of EXPRESSIONS.
        """


def load(path: Path, device: str = "cpu") -> FrameClassifier:
    """Read a frame classifier; its header says which kind it is.

    Args:
        path: The checkpoint.
        device: `cpu` or `cuda`; a support vector machine stays on the CPU.

    Raises:
        WeightsError: The file is missing, is not safetensors, or was made for other labels, crops or features.
    """
    stored = checkpoint.read(path)
    kind = stored.header.get("kind")
    if kind not in KINDS:
        raise WeightsError(
            path,
            f"made for kind = {kind!r}, here it is one of {', '.join(KINDS)}",
            "give the checkpoint of a classifier",
        )
    stored.expect(labels=EXPRESSIONS)
    if kind == "svm":
        from fervideo.classifiers.svm import Svm

        return Svm(stored)
    if kind == "mlp":
        from fervideo.classifiers.mlp import Mlp

        return Mlp(stored, device)
    from fervideo.classifiers.transfer import Transfer

    return Transfer(stored, device)
