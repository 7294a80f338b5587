"""Transfer learning: a CNN body that learned another task, and a new dense head for expressions.

There are two bodies. `tools/train_classifiers.py` first teaches `SmallNet`'s own where the landmarks of a face lie.
VGG16's is configuration D of Simonyan & Zisserman 2015, without batch normalisation. Its parameters carry torchvision's
names, so that a file of ImageNet weights fits.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from fervideo.checkpoint import Checkpoint
from fervideo.classifiers import nets, shape
from fervideo.errors import WeightsError
from fervideo.records import CROP_PX, Float32, FramePredictions, UInt8

#: Channels of VGG16's convolutions; 0 halves height and width.
_VGG16 = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)
#: Side to which crops are enlarged for VGG16, and mean and standard deviation of ImageNet's channels.
VGG16_PX = 112
_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class SmallNet(nn.Module):
    """Our own body, small and fast, with a dense head; its map keeps positions, since crops are aligned."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *_conv(1, 16, 5, stride=2), nn.AvgPool2d(2), *_conv(16, 32), *_conv(32, 48), nn.AvgPool2d(2),
            *_conv(48, 96), *_conv(96, 96), *_conv(96, 32, 1), nn.Flatten(),
        )  # fmt: skip
        self.n_features = 32 * (CROP_PX // 8) ** 2
        self.classifier = nets.dense_head(self.n_features, 128)

    def forward(self, crops: Tensor) -> Tensor:
        """Map crops, uint8 or float (M, CROP_PX, CROP_PX), to logits, float32 (M, C)."""
        logits: Tensor = self.classifier(self.features(self.prepare(crops)))
        return logits

    prepare = staticmethod(nets.standardise)


class VGG16(nn.Module):
    """VGG16's body with a new dense head."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        n_in = 3
        for width in _VGG16:
            layers += [nn.Conv2d(n_in, width, 3, padding=1), nn.ReLU(inplace=True)] if width else [nn.MaxPool2d(2)]
            n_in = width or n_in
        self.features = nn.Sequential(*layers)
        self.classifier = nets.dense_head(512, 256)

    def forward(self, crops: Tensor) -> Tensor:
        """Map crops, uint8 or float (M, CROP_PX, CROP_PX), to logits, float32 (M, C)."""
        logits: Tensor = self.classifier(self.features(self.prepare(crops)).mean((2, 3)))
        return logits

    @staticmethod
    def prepare(crops: Tensor) -> Tensor:
        """Prepare crops (M, CROP_PX, CROP_PX) for ImageNet's networks: float32 (M, 3, VGG16_PX, VGG16_PX)."""
        large = functional.interpolate(
            crops.float()[:, None] / 255, size=VGG16_PX, mode="bilinear", align_corners=False
        )
        mean, std = (
            torch.tensor(numbers, device=crops.device)[:, None, None] for numbers in (_IMAGENET_MEAN, _IMAGENET_STD)
        )
        prepared: Tensor = (large.expand(-1, 3, -1, -1) - mean) / std
        return prepared


#: The network of each kind of checkpoint.
NETWORKS: dict[str, type[SmallNet | VGG16]] = {"transfer": SmallNet, "vgg16": VGG16}


class Transfer:
    """A transferred network as a frame classifier.

    Args:
        stored: A checkpoint of a kind in NETWORKS.
        device: `cpu` or `cuda`.

    Attributes:
        header: Header of the checkpoint.
        n_parameters: Numbers that were learned.

    Raises:
        WeightsError: It was made for another crop, or its parameters do not fit.
    """

    reads: Literal["crops"] = "crops"

    def __init__(self, stored: Checkpoint, device: str = "cpu") -> None:
        stored.expect(crop_px=CROP_PX)
        self.header = stored.header
        self._device = torch.device(device)
        model = NETWORKS[stored.header["kind"]]()
        nets.fill(model, {name: torch.from_numpy(array) for name, array in stored.tensors.items()}, stored.path)
        self.n_parameters = nets.n_parameters(model)
        self._model = model.eval().to(self._device)

    def predict(self, crops: UInt8, landmarks_px: Float32) -> FramePredictions:  # noqa: ARG002  (the protocol)
        """Classify faces, as `FrameClassifier.predict`; landmarks are not read."""
        return shape.without_embedding(nets.run(self._model, crops, self._device))


def load_body(model: SmallNet | VGG16, path: Path) -> None:
    """Set a network's body from a safetensors file, whose own head is left out.

    Raises:
        WeightsError: The file is none, or lacks parameters of the body, or has them in other shapes.
    """
    try:
        state = load_file(path)
    except FileNotFoundError:
        raise WeightsError(path, "no such file", "give a .safetensors file") from None
    except (SafetensorError, OSError) as error:
        remedy = "convert it: `safetensors.torch.save_file(torch.load(FILE, weights_only=True), 'body.safetensors')`"
        raise WeightsError(path, f"not a safetensors file ({error})", remedy) from error
    nets.fill(nn.ModuleDict({"features": model.features}), state, path)


def _conv(n_in: int, n_out: int, size: int = 3, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(n_in, n_out, size, stride, size // 2, bias=False), nn.BatchNorm2d(n_out), nn.ReLU(inplace=True)]
