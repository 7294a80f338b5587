"""A dense network (multilayer perceptron) over the coordinates of aligned landmarks."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from fervideo.checkpoint import Checkpoint
from fervideo.classifiers import nets, shape
from fervideo.records import EXPRESSIONS, Float32, Float64, FramePredictions, UInt8

_WIDTHS = (256, 128)


class DenseNet(nn.Module):
    """A dense network: flattened offsets from the mean face in, logits out.

    Args:
        n_in: Landmarks times dimensions.
    """

    def __init__(self, n_in: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.BatchNorm1d(n_in)]
        for width in _WIDTHS:
            layers += [
                nn.Linear(n_in, width, bias=False),
                nn.BatchNorm1d(width),
                nn.ReLU(inplace=True),
                nn.Dropout(0.5),
            ]
            n_in = width
        self.layers = nn.Sequential(*layers, nn.Linear(n_in, len(EXPRESSIONS)))

    def forward(self, offsets: Tensor) -> Tensor:
        """Map float32 (M, n_in) to logits, float32 (M, C)."""
        logits: Tensor = self.layers(offsets)
        return logits


class Mlp:
    """The dense network as a frame classifier.

    Args:
        stored: A checkpoint of kind `mlp`.
        device: `cpu` or `cuda`.

    Attributes:
        header: Header of the checkpoint.
        landmarks: Kind of the landmarks that it was made for, `mediapipe` or `dlib`.
        n_parameters: Numbers that were learned.

    Raises:
        WeightsError: It was made for other landmarks, or its arrays do not fit.
    """

    reads: Literal["landmarks"] = "landmarks"

    def __init__(self, stored: Checkpoint, device: str = "cpu") -> None:
        self.header = stored.header
        self.landmarks = shape.check(stored)
        tensors = dict(stored.tensors)
        self._mean_face = tensors.pop("mean_face").astype(np.float64)
        self._log_prior = np.log(tensors.pop("prior"))
        self._device = torch.device(device)
        model = DenseNet(self._mean_face.size)
        nets.fill(model, {name: torch.from_numpy(array) for name, array in tensors.items()}, stored.path)
        self.n_parameters = nets.n_parameters(model)
        self._model = model.eval().to(self._device)

    def predict(self, crops: UInt8, landmarks_px: Float32) -> FramePredictions:  # noqa: ARG002  (the protocol)
        """Classify faces, as `FrameClassifier.predict`; crops are not read."""
        logits = np.tile(self._log_prior.astype(np.float32), (len(landmarks_px), 1))
        rows = np.flatnonzero(shape.known(landmarks_px))
        inputs = describe(landmarks_px[rows], self._mean_face, self.landmarks)
        logits[rows] = nets.run(self._model, inputs, self._device)
        return shape.without_embedding(logits)


def describe(landmarks_px: Float32, mean_face: Float64, landmarks: str) -> Float32:
    """Return offsets of aligned landmarks from the mean face: float32 (M, K, 2 or 3) without NaN to (M, K * d)."""
    offsets = shape.take(landmarks_px, mean_face, landmarks) - mean_face
    return offsets.reshape(len(offsets), mean_face.size).astype(np.float32)
