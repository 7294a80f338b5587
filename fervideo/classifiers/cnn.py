"""The frame CNN: a grey face crop becomes an embedding and expression logits.

It is a residual network (He et al. 2016) with squeeze-and-excitation gates (Hu et al. 2018). Average pooling stands in
place of strides, so that a small shift of the crop moves the features little (Zhang 2019). `tools/train_frame.py`
trains it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from fervideo import checkpoint
from fervideo.checkpoint import Checkpoint
from fervideo.classifiers import nets
from fervideo.records import CROP_PX, EXPRESSIONS, Float32, FramePredictions, UInt8

#: Units of an aligner's output: shift right and down in half crops, natural logarithm of the zoom, turn in radians.
OFFSET_UNITS = (0.25, 0.25, 0.1, 0.1)


class Block(nn.Module):
    """A residual block: two 3×3 convolutions, a channel gate and a shortcut.

    Args:
        n_in: Channels of the input.
        n_out: Channels of the output, a multiple of 8.
        pool: Whether to halve height and width.
    """

    def __init__(self, n_in: int, n_out: int, *, pool: bool) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(2, ceil_mode=True) if pool else nn.Identity()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(n_out)
        self.gate = nn.Sequential(nn.Linear(n_out, n_out // 8), nn.ReLU(), nn.Linear(n_out // 8, n_out), nn.Sigmoid())
        self.shortcut: nn.Module = (
            nn.Identity()
            if n_in == n_out
            else nn.Sequential(nn.Conv2d(n_in, n_out, 1, bias=False), nn.BatchNorm2d(n_out))
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(x)
        y = functional.relu(self.norm1(self.conv1(x)), inplace=True)
        y = self.norm2(self.conv2(y))
        y = y * self.gate(y.mean((2, 3)))[:, :, None, None]
        return functional.relu(y + self.shortcut(x), inplace=True)


class Aligner(nn.Module):
    """A spatial transformer (Jaderberg et al. 2015) that aligns the face in a crop once more.

    Landmarks of video locate a face within some two pixels and a twentieth of its size; the aligner takes most of that
    error away. It learned from the positions that landmarks give (`tools/train_aligner.py`), not from expressions.

    Args:
        widths: Channels of each convolution on crops of half the size; each after the first halves height and width.
    """

    def __init__(self, widths: Sequence[int] = (16, 32, 48, 64)) -> None:
        super().__init__()
        self.widths = list(widths)
        layers: list[nn.Module] = [nn.AvgPool2d(2)]
        n_in, side = 1, CROP_PX // 2
        for position, width in enumerate(widths):
            stride = 2 if position else 1
            layers += [
                nn.Conv2d(n_in, width, 3, stride, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
            ]
            n_in, side = width, (side + stride - 1) // stride
        self.body = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Linear(n_in * side**2, 64), nn.ReLU(inplace=True), nn.Linear(64, 4))

    def misplaced(self, crops: Tensor) -> Tensor:
        """Return how far the faces of crops lie from where an exact alignment puts them.

        Args:
            crops: float32 (M, 1, CROP_PX, CROP_PX), standardised.

        Returns:
            float32 (M, 4), in OFFSET_UNITS.
        """
        offset: Tensor = self.head(self.body(crops).flatten(1))
        return offset

    def forward(self, crops: Tensor) -> Tensor:
        """Map standardised crops float32 (M, 1, CROP_PX, CROP_PX) to such of exactly aligned faces."""
        matrix = similarity(self.misplaced(crops))
        linear = torch.linalg.inv(matrix[:, :, :2])
        back = torch.cat([linear, -linear @ matrix[:, :, 2:]], 2)
        # The rim moves, and with it the mean.
        return nets.centred(resample(crops, back)[:, 0], 0.01)


def similarity(offset: Tensor) -> Tensor:
    """Return similarity transforms from their parameters, in coordinates that run from -1 to 1 over the crop.

    Args:
        offset: float32 (M, 4): shift right and down, zoom and turn, in OFFSET_UNITS.

    Returns:
        float32 (M, 2, 3).
    """
    x, y, zoom, turn = (offset * offset.new_tensor(OFFSET_UNITS)).unbind(1)
    cos, sin = zoom.exp() * turn.cos(), zoom.exp() * turn.sin()
    return torch.stack([cos, -sin, x, sin, cos, y], 1).view(-1, 2, 3)


def resample(images: Tensor, matrix: Tensor) -> Tensor:
    """Sample square images (M, 1, H, H) at transformed positions of a crop's pixels.

    Returns:
        float32 (M, 1, CROP_PX, CROP_PX); the transforms are `matrix` (M, 2, 3).

    Bicubic, since bilinear sampling blurs, which cost 0.4 points of accuracy on FER+'s validation split.
    """
    # functional.affine_grid takes fifteen times as long as this.
    middles = torch.linspace(-1, 1, 2 * CROP_PX + 1, device=matrix.device)[1::2]
    along_x, along_y, shift = matrix[..., None, None].unbind(2)
    positions = along_x * middles + (along_y * middles[:, None] + shift)
    return functional.grid_sample(images, positions.permute(0, 2, 3, 1), "bicubic", "border", align_corners=False)


class FrameCNN(nn.Module):
    """The frame CNN's network: crops in, embeddings and logits out.

    Args:
        widths: Channels of each stage; each stage after the first halves height and width.
        blocks: Residual blocks of each stage.
        embedding_dim: D.
        aligner: Channels of the aligner; none, no aligner.
        dropout: Share of the embedding dropped in training.
        mirrored: Whether its prediction is the mean over a crop and its mirror image, and so the same for both.
    """

    def __init__(
        self,
        widths: tuple[int, ...] = (32, 64, 128, 256),
        blocks: tuple[int, ...] = (1, 1, 2, 1),
        embedding_dim: int = 128,
        aligner: Sequence[int] = (),
        dropout: float = 0.2,
        mirrored: bool = False,
    ) -> None:
        super().__init__()
        self.config: dict[str, Any] = {
            "widths": list(widths),
            "blocks": list(blocks),
            "embedding_dim": embedding_dim,
            "aligner": list(aligner),
            "mirrored": mirrored,
        }
        self.aligner = Aligner(aligner) if aligner else nn.Identity()
        stem = [
            nn.Conv2d(1, widths[0], 3, padding=1, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2, 1),
        ]
        stages: list[nn.Module] = []
        n_in = widths[0]
        for stage, (width, depth) in enumerate(zip(widths, blocks, strict=True)):
            for position in range(depth):
                stages.append(Block(n_in, width, pool=stage > 0 and position == 0))
                n_in = width
        self.body = nn.Sequential(*stem, *stages)
        self.embed = nn.Sequential(nn.Linear(n_in, embedding_dim), nn.BatchNorm1d(embedding_dim))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(embedding_dim, len(EXPRESSIONS))

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Map crops to embeddings and logits.

        Args:
            crops: float32 (M, 1, CROP_PX, CROP_PX), standardised by `standardise`.

        Returns:
            Embeddings float32 (M, D) and logits float32 (M, C).
        """
        if self.config["mirrored"]:
            crops = torch.cat([crops, crops.flip(3)])
        embedding, logits = self.predictions(self.pooled(self.aligner(crops)))
        if self.config["mirrored"]:
            embedding, logits = (torch.stack(both.chunk(2)).mean(0) for both in (embedding, logits))
        return embedding, logits

    def pooled(self, crops: Tensor) -> Tensor:
        """Map aligned crops to the means of the last feature maps, float32 (M, widths[-1])."""
        crops = crops.to(next(self.body.parameters()).dtype, memory_format=torch.channels_last)
        pooled: Tensor = self.body(crops).mean((2, 3), dtype=torch.float32)
        return pooled

    def predictions(self, pooled: Tensor) -> tuple[Tensor, Tensor]:
        """Map pooled features, as `pooled` returns them, to embeddings and logits."""
        embedding = self.embed(pooled)
        return embedding, self.head(self.dropout(functional.relu(embedding)))


def resolve_precision(wanted: str, device: str) -> torch.dtype:
    """Choose the dtype that the frame CNN's convolutions compute in.

    Args:
        wanted: `auto`, `float32` or `bfloat16`.
        device: `cpu` or `cuda`.
    """
    if wanted == "auto":
        # Elsewhere bfloat16 is emulated, which takes longer. torch before 2.11 does not report it.
        known = torch.cpu.get_capabilities() if device == "cpu" and hasattr(torch.cpu, "get_capabilities") else {}
        wanted = "bfloat16" if known.get("avx512_bf16") or known.get("amx_bf16") else "float32"
    return torch.bfloat16 if wanted == "bfloat16" else torch.float32


class Cnn:
    """The frame CNN as a frame classifier, its network ready for inference.

    Args:
        stored: A checkpoint of kind `frame_cnn`.
        device: `cpu` or `cuda`.
        precision: `auto`, `float32` or `bfloat16`, as `resolve_precision` reads it.

    Attributes:
        header: Header of the checkpoint.
        n_parameters: Numbers that were learned; the network that runs has folded some of them into others.

    Raises:
        WeightsError: The file was made for other labels or another crop, or describes another network.
    """

    reads: Literal["crops"] = "crops"

    def __init__(self, stored: Checkpoint, device: str = "cpu", precision: str = "auto") -> None:
        self.header = stored.header
        model = network(stored)
        self.n_parameters = nets.n_parameters(model)
        self._device = torch.device(device)
        self._model = fuse(model).to(self._device)
        # The layers before and behind the body are little of the work, and their sums decide.
        self._model.body.to(resolve_precision(precision, device))
        # torch's own annotation lacks memory_format.
        self._model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def predict(self, crops: UInt8, landmarks_px: Float32) -> FramePredictions:  # noqa: ARG002  (the protocol)
        """Classify faces, as `FrameClassifier.predict`; landmarks are not read."""
        embeddings = [np.empty((0, self._model.config["embedding_dim"]), np.float32)]
        logits = [np.empty((0, len(EXPRESSIONS)), np.float32)]
        with torch.inference_mode(), nets.one_thread():
            for start in range(0, len(crops), nets.BATCH):
                x = nets.standardise(torch.from_numpy(crops[start : start + nets.BATCH]).to(self._device))
                embedding, logit = self._model(x)
                embeddings.append(embedding.cpu().numpy())
                logits.append(logit.cpu().numpy())
        return FramePredictions(embedding=np.concatenate(embeddings), logits=np.concatenate(logits))


def fuse(model: FrameCNN) -> FrameCNN:
    """Fold each batch normalisation into the layer before it: the same function for inference, a third faster."""
    model.eval()
    pairs: list[tuple[nn.Module, str, str]] = [(model.body, "0", "1"), (model.embed, "0", "1")]
    if isinstance(model.aligner, Aligner):
        pairs += [
            (model.aligner.body, str(k), str(k + 1))
            for k, layer in enumerate(model.aligner.body)
            if isinstance(layer, nn.Conv2d)
        ]
    for block in model.body:
        if isinstance(block, Block):
            pairs += [(block, "conv1", "norm1"), (block, "conv2", "norm2")]
            if isinstance(block.shortcut, nn.Sequential):
                pairs.append((block.shortcut, "0", "1"))
    for parent, layer_name, norm_name in pairs:
        layer, norm = parent.get_submodule(layer_name), parent.get_submodule(norm_name)
        if isinstance(layer, nn.Linear):
            fused: nn.Module = fuse_linear_bn_eval(layer, norm)  # type: ignore[arg-type]
        else:
            fused = fuse_conv_bn_eval(layer, norm)  # type: ignore[type-var,arg-type]
        parent.set_submodule(layer_name, fused)
        parent.set_submodule(norm_name, nn.Identity())
    return model


def save(model: FrameCNN, path: Path, header: dict[str, Any]) -> None:
    """Write a frame CNN with its header."""
    described = {"kind": "frame_cnn", "config": model.config, "labels": EXPRESSIONS, "crop_px": CROP_PX, **header}
    checkpoint.write(
        path, described, {name: tensor.detach().cpu().numpy() for name, tensor in model.state_dict().items()}
    )


def load(path: Path) -> FrameCNN:
    """Read a frame CNN's network, ready for inference on the CPU.

    Raises:
        WeightsError: The file is missing, broken, or made for other labels, another crop or another network.
    """
    return network(checkpoint.read(path))


def network(stored: Checkpoint) -> FrameCNN:
    """Build the network of a checkpoint, ready for inference on the CPU.

    Raises:
        WeightsError: It was made for other labels or another crop, or describes another network.
    """
    stored.expect(kind="frame_cnn", labels=EXPRESSIONS, crop_px=CROP_PX)
    model = stored.build(FrameCNN)
    stored.check_shapes({name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}, whole=True)
    model.load_state_dict({name: torch.from_numpy(array) for name, array in stored.tensors.items()})
    return model.eval()
