"""The run's frame classifier, whichever the settings name: crops and landmarks become embeddings and calibrated logits."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from fervideo import checkpoint, classifiers
from fervideo.errors import WeightsError
from fervideo.faces import dlib
from fervideo.records import EXPRESSIONS, Float32, UInt8
from fervideo.settings import ClassifierSettings

#: The package's frame CNN.
CNN_WEIGHTS = checkpoint.SHIPPED / "frame.safetensors"
#: The kinds of checkpoint that each classifier of the settings may be read from.
KINDS = {"cnn": ("frame_cnn",), "transfer": ("transfer", "vgg16"), "svm": ("svm",), "mlp": ("mlp",)}
#: Classifiers that see landmarks and nothing else.
GEOMETRIC = ("svm", "mlp")


class FrameModel:
    """Classify faces one by one.

    Args:
        chosen: Which classifier, with which weights.
        device: `cpu` or `cuda`.

    Attributes:
        path: Its weights.

    Raises:
        WeightsError: The weights are missing, broken, or those of another classifier.
    """

    def __init__(self, chosen: ClassifierSettings, device: str = "cpu") -> None:
        digest(chosen)
        self.path = weights_path(chosen)
        self._cnn, self._classifier = None, None
        if chosen.name == "cnn":
            # Imported here, for the time that torch takes.
            from fervideo.classifiers.cnn import Embedder

            self._cnn = Embedder(self.path, device, chosen.precision)
        else:
            self._classifier = classifiers.load(self.path, device)

    def __call__(self, crops: UInt8, landmarks_px: Float32) -> tuple[Float32, Float32]:
        """Classify faces.

        Args:
            crops: uint8 (M, CROP_PX, CROP_PX), as `crops.crop` cuts them.
            landmarks_px: float32 (M, N_LANDMARKS, 3), in any image; NaN for a face without landmarks.

        Returns:
            Embeddings float32 (M, D), where D is 0 for all classifiers but the CNN, and logits float32 (M, C).
        """
        if self._cnn is not None:
            return self._cnn.embed(crops)
        assert self._classifier is not None
        points = dlib.dlib_landmarks(crops) if self._classifier.landmarks == "dlib" else landmarks_px
        return np.empty((len(crops), 0), np.float32), self._classifier.logits(crops, points)

    @property
    def n_parameters(self) -> int:
        """Numbers that were learned."""
        model = self._cnn or self._classifier
        assert model is not None
        return model.n_parameters


def of(chosen: ClassifierSettings, device: str = "cpu") -> FrameModel:
    """Return the frame model of this process; it is loaded once. Raises as FrameModel does."""
    return _kept(chosen, checkpoint.stamped(weights_path(chosen)), device)


def weights_path(chosen: ClassifierSettings) -> Path:
    """Return where a classifier's weights are."""
    if chosen.weights != "default":
        return Path(chosen.weights).expanduser()
    if chosen.name == "cnn":
        return CNN_WEIGHTS
    dlib = "-dlib" if chosen.name in GEOMETRIC and chosen.landmarks == "dlib" else ""
    return checkpoint.SHIPPED / f"{chosen.name}{dlib}.safetensors"


def digest(chosen: ClassifierSettings) -> str:
    """Return the SHA-256 of a classifier's weights.

    Raises:
        WeightsError: They are missing, broken, or those of another classifier.
    """
    return _checked(chosen, checkpoint.stamped(weights_path(chosen)))


@lru_cache(maxsize=1)
def _kept(chosen: ClassifierSettings, stamp: tuple[Path, int], device: str) -> FrameModel:  # noqa: ARG001  (part of the key)
    return FrameModel(chosen, device)


@lru_cache
def _checked(chosen: ClassifierSettings, stamp: tuple[Path, int]) -> str:
    path, _ = stamp
    if chosen.weights == "default" and chosen.landmarks == "dlib" and not path.exists():
        reason = "is not part of fervideo, since the licence of dlib's landmark model is non-commercial"
        remedy = f"train it (tools/train_classifiers.py {chosen.name} ... --landmarks dlib) and give it with --set classifier.weights=FILE"
        raise WeightsError(path, reason, remedy)
    stored = checkpoint.read(path)
    stored.expect(labels=EXPRESSIONS)
    if (kind := stored.header.get("kind")) not in KINDS[chosen.name]:
        owner = next((name for name, kinds in KINDS.items() if kind in kinds), None)
        remedy = f"choose --classifier {owner}, or other weights" if owner else "give weights of a frame classifier"
        raise WeightsError(path, f"made for kind = {kind!r}, here it is {chosen.name!r}", remedy)
    if chosen.name in GEOMETRIC:
        stored.expect(landmarks=chosen.landmarks)
    return stored.digest
