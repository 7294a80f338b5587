"""Movements of a face from its landmarks, by a small network that Google's FaceLandmarker taught.

The network reads landmarks where they lie in the face's crop, that is without position, size and tilt.
`tools/train_movements.py` trains it; `weights/movements.md` lists how well each movement follows its teacher.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from pathlib import Path

import numpy as np

from fervideo import checkpoint
from fervideo.measures.facing import FacingFaces
from fervideo.movements import MOVEMENTS
from fervideo.records import CROP_PX, Float32, Float64

WEIGHTS = checkpoint.SHIPPED / "movements.safetensors"
#: Inputs further from their mean than this, in standard deviations, count as this far.
MOST_DEVIATIONS = 6.0


def movement(name: str) -> Callable[[FacingFaces], Float64]:
    """Return the function of a movement: faces to float64 (M,), 0 to 1."""

    def of(faces: FacingFaces) -> Float64:
        return faces.once(_all)[name]

    return of


@dataclass(frozen=True)
class Network:
    """A dense network: layers of weights and offsets with SiLU between them and a sigmoid at the end.

    Attributes:
        landmarks: int64 (L,), the landmarks that it reads.
        mean: float32 (I,), mean of each input in training; I = 2 L.
        scale: float32 (I,), their standard deviation.
        layers: Weights float32 (inputs, outputs) and offsets float32 (outputs,) of each layer.
        names: The movement that each of the last outputs stands for.
    """

    landmarks: tuple[int, ...]
    mean: Float32
    scale: Float32
    layers: tuple[tuple[Float32, Float32], ...]
    names: tuple[str, ...]

    def __call__(self, inputs: Float32) -> Float32:
        """Run on inputs float32 (M, I): movements float32 (M, len(names)), 0 to 1."""
        state = ((inputs - self.mean) / self.scale).clip(-MOST_DEVIATIONS, MOST_DEVIATIONS)
        for weight, offset in self.layers[:-1]:
            state = state @ weight + offset
            state = state * _sigmoid(state)
        weight, offset = self.layers[-1]
        return _sigmoid(state @ weight + offset)


def inputs(faces: FacingFaces, landmarks: tuple[int, ...]) -> Float32:
    """Return the inputs of a network: float32 (M, 2 L), x and y of each landmark in sides of the crop."""
    points = faces.landmarks_px.take(landmarks, axis=1)[:, :, :2]
    alignment = faces.found.alignment.astype(np.float32)
    turned = points @ alignment[:, :, :2].transpose(0, 2, 1) + alignment[:, None, :, 2]
    result: Float32 = (turned / CROP_PX - 0.5).reshape(len(points), 2 * len(landmarks))
    return result


@lru_cache
def load(path: Path = WEIGHTS) -> Network:
    """Read the network's weights.

    Raises:
        WeightsError: The file is missing, or is not such a network, or lacks a movement.
    """
    stored = checkpoint.read(path)
    stored.expect(kind="movements", movements=list(MOVEMENTS))
    tensors, layers = stored.tensors, []
    width = len(tensors["mean"]) if "mean" in tensors else 0
    for number in count():
        name, offset = f"layers.{number}.weight", f"layers.{number}.offset"
        if name not in tensors:
            break
        outputs = tensors[name].shape[-1]
        stored.check_shapes({name: (width, outputs), offset: (outputs,)})
        layers.append((tensors[name], tensors[offset]))
        width = outputs
    n_inputs = 2 * len(tensors.get("landmarks", ()))
    stored.check_shapes(
        {"mean": (n_inputs,), "scale": (n_inputs,), f"layers.{len(layers) - 1}.offset": (len(MOVEMENTS),)}
    )
    return Network(
        landmarks=tuple(tensors["landmarks"].tolist()),
        mean=tensors["mean"],
        scale=tensors["scale"],
        layers=tuple(layers),
        names=tuple(MOVEMENTS),
    )


def _all(faces: FacingFaces) -> dict[str, Float64]:
    """Return every movement, float64 (M,) by name."""
    network = load()
    found = network(inputs(faces, network.landmarks)).astype(np.float64)
    return dict(zip(network.names, found.T, strict=True))


def _sigmoid(values: Float32) -> Float32:
    # float32 holds exp(80), and no sigmoid differs from 0 there.
    result: Float32 = 1 / (1 + np.exp(-values.clip(-80, 80)))
    return result
