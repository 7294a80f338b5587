"""Teach a face recognition network expressions, so that it can teach the frame CNN.

    python tools/train_teacher.py FERPLUS.npz LANDMARKS.npz RUN [--epochs 7] [--seed 1] [--steps N]

It begins with dlib's face recognition network, a residual network of 29 convolutions (King 2017). That one learned to
distinguish 7,485 people on 3 million photographs, was released into the public domain, and comes with `pip install
'fervideo[dlib]'`. FER+ alone is too little to learn faces from. The student needs neither this network nor dlib.

RUN/last.pt is a checkpoint per epoch: the same command goes on from it. `tools/train_frame.py --teacher RUN/last.pt`
uses it.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import cast

import cv2
import ferplus
import numpy as np
import torch
from augment import cover, degrade, jitter, relight
from loop import Pace, fit, mixed_precision, scores
from torch import Tensor, nn
from torch.nn import functional

from fervideo.records import CROP_PX, EXPRESSIONS

PICTURE_PX = 150
#: Size of a picture's face beside a crop's: recognition needs some forehead and chin.
FACE_SHARE = 0.75
#: Learning rate of the new head, as a multiple of the body's.
HEAD_SHARE = 5.0
MIXUP_ALPHA = 0.2
#: Channels of the residual blocks; one whose `down` is set halves height and width.
BLOCKS = (
    [(32, False)] * 3
    + [(64, True)]
    + [(64, False)] * 3
    + [(128, True)]
    + [(128, False)] * 2
    + [(256, True)]
    + [(256, False)] * 2
)
BLOCKS += [(256, True)]
N_FEATURES = 256


class Layer(nn.Sequential):
    """A convolution and its batch norm."""

    def __init__(self, n_in: int, n_out: int, kernel: int, *, stride: int = 1, padding: int = 0) -> None:
        super().__init__(nn.Conv2d(n_in, n_out, kernel, stride, padding, bias=False), nn.BatchNorm2d(n_out))


class Block(nn.Module):
    """dlib's residual block: its shortcut is average pooling, with zeros for the channels that it lacks."""

    def __init__(self, n_in: int, n_out: int, *, down: bool) -> None:
        super().__init__()
        self.down, self.more = down, n_out - n_in
        self.one = Layer(n_in, n_out, 3, stride=2, padding=0) if down else Layer(n_in, n_out, 3, padding=1)
        self.two = Layer(n_out, n_out, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.two(functional.relu(self.one(x)))
        if self.down:
            x = functional.pad(functional.avg_pool2d(x, 2), (0, 0, 0, 0, 0, self.more))
            y = functional.pad(y, (0, x.shape[3] - y.shape[3], 0, x.shape[2] - y.shape[2]))
        return functional.relu(x + y)


class Teacher(nn.Module):
    """The face recognition network with a head for expressions.

    It maps pictures, float32 (B, 1, PICTURE_PX, PICTURE_PX) from `prepare`, to features (B, N_FEATURES) and logits
    (B, 8).
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = Layer(1, 32, 7, stride=2)
        widths = [32, *(width for width, _ in BLOCKS)]
        self.blocks = nn.Sequential(
            *(Block(n_in, n_out, down=down) for n_in, (n_out, down) in zip(widths, BLOCKS, strict=False))
        )
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(N_FEATURES, len(EXPRESSIONS))
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        x = functional.max_pool2d(functional.relu(self.stem(pictures)), 3, 2)
        features = self.blocks(x).mean((2, 3), dtype=torch.float32)
        return features, self.head(self.dropout(features))

    def layers(self) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
        """Return all convolutions with their batch norms, from the input on."""
        return [
            cast("tuple[nn.Conv2d, nn.BatchNorm2d]", tuple(module))
            for module in self.modules()
            if isinstance(module, Layer)
        ]


def augmented(image: np.ndarray, transform: np.ndarray, seed: tuple[int, int, int] | None) -> np.ndarray:
    """Cut a teacher's picture out of an image: uint8 (PICTURE_PX, PICTURE_PX).

    Args:
        image: uint8 (H, W).
        transform: float64 (2, 3), image pixels to crop pixels.
        seed: The crop's, so that both are moved and degraded alike; noise and the covered part differ. None for no
            augmentation.
    """
    matrix = np.vstack([transform, (0, 0, 1)])
    if seed is None:
        return picture(image, matrix)
    rng = np.random.default_rng(seed)
    matrix = jitter(rng) @ matrix
    return cover(relight(picture(degrade(image, rng), matrix), rng), rng)


def picture(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Cut a teacher's picture out; the matrix, float64 (3, 3), maps image pixels to crop pixels."""
    scale, crop_middle, middle = PICTURE_PX / CROP_PX * FACE_SHARE, (CROP_PX - 1) / 2, (PICTURE_PX - 1) / 2
    shift = middle - scale * crop_middle
    wide = np.array([(scale, 0, shift), (0, scale, shift), (0, 0, 1)]) @ matrix
    return cv2.warpAffine(
        image, wide[:2], (PICTURE_PX, PICTURE_PX), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )


def prepare(pictures: Tensor) -> Tensor:
    """Convert pictures, uint8 (B, PICTURE_PX, PICTURE_PX), to the light and range of dlib's: float32 (B, 1, H, W)."""
    x = pictures.float()
    x = (x - x.mean((1, 2), keepdim=True)) / (x.std((1, 2), keepdim=True) + 8) * 60 + 128
    return ((x - 114.694) / 256)[:, None].contiguous(memory_format=torch.channels_last)


def integer(data: bytes, at: int) -> tuple[int, int]:
    """Read an integer of dlib's serialisation (dlib/serialize.h); return it and the position after it.

    The first byte is the number of bytes that follow.
    """
    end = at + 1 + (data[at] & 15)
    return int.from_bytes(data[at + 1 : end], "little"), end


def tensors(data: bytes, kind: bytes) -> Iterator[np.ndarray]:
    """Yield the parameters of a file's layers of a kind (`con_4`, `affine_`), from the input on: float32 (N,)."""
    for match in re.finditer(re.escape(kind), data):
        at, size = match.end(), 1
        _, at = integer(data, at)  # the version
        for _ in range(4):
            length, at = integer(data, at)
            size *= length
        yield np.frombuffer(data, "<f4", size, at)


def recogniser(pictures: Tensor) -> Teacher:
    """Build a teacher with dlib's weights.

    dlib turned its batch norms into fixed scales and offsets after training. Here each becomes a batch norm again that
    changes nothing on `pictures` (prepared), so that it can go on learning.

    Raises:
        SystemExit: dlib's weights are not installed.
    """
    # The package's own function needs setuptools.
    carrier = find_spec("face_recognition_models")
    if carrier is None or carrier.origin is None:
        raise SystemExit("face_recognition_models is not installed: pip install 'fervideo[dlib]'")
    data = (Path(carrier.origin).parent / "models" / "dlib_face_recognition_resnet_model_v1.dat").read_bytes()
    teacher, hooks = Teacher().eval(), []
    parts = zip(teacher.layers(), tensors(data, b"con_4"), tensors(data, b"affine_"), strict=True)
    for (convolution, norm), kernel, affine in parts:
        n_out, n_in, height, width = convolution.weight.shape
        # The file has a layer's kernels and then a bias for each.
        kernels = torch.from_numpy(kernel[:-n_out].reshape(n_out, -1, height, width).copy())
        if n_in == 1:  # Kernels for colours read the same grey three times.
            kernels = kernels.sum(1, keepdim=True)
        scale, offset = torch.from_numpy(affine.copy()).chunk(2)
        bias = torch.from_numpy(kernel[-n_out:].copy()) * scale + offset
        with torch.no_grad():
            convolution.weight.copy_(kernels * scale[:, None, None, None])
        hooks.append(norm.register_forward_pre_hook(offset_only(bias)))
    with torch.no_grad():
        teacher(pictures)
    for hook in hooks:
        hook.remove()
    return teacher


def offset_only(bias: Tensor) -> Callable[[nn.BatchNorm2d, tuple[Tensor]], None]:
    """Return a hook that sets a batch norm so that it adds a bias to its next batch and changes nothing else."""

    def hook(norm: nn.BatchNorm2d, inputs: tuple[Tensor]) -> None:
        mean, variance = inputs[0].mean((0, 2, 3)), inputs[0].var((0, 2, 3), unbiased=False)
        state = {
            "running_mean": mean,
            "running_var": variance,
            "weight": (variance + norm.eps).sqrt(),
            "bias": mean + bias,
        }
        norm.load_state_dict(state, strict=False)

    return hook


def load(path: Path) -> Teacher:
    """Load the averaged weights of a finished training's checkpoint.

    Raises:
        SystemExit: The training has not finished.
    """
    state, teacher = torch.load(path, weights_only=True), Teacher()
    done, epochs = state["epoch"] + 1, state["recipe"]["epochs"]
    if done < epochs:
        raise SystemExit(f"{path} has {done} of {epochs} epochs: finish tools/train_teacher.py first")
    prefix = "module."
    teacher.load_state_dict(
        {name.removeprefix(prefix): value for name, value in state["taken"].items() if name.startswith(prefix)}
    )
    return teacher


class Pictures(torch.utils.data.Dataset[tuple[Tensor, Tensor]]):
    """Pairs of (picture, target), augmented if a seed is given."""

    def __init__(self, faces: ferplus.FerPlus, seed: int | None = None) -> None:
        self.faces, self.seed = faces, seed

    def __len__(self) -> int:
        return len(self.faces)

    def __getitem__(self, key: tuple[int, int] | int) -> tuple[Tensor, Tensor]:
        row, draw = key if isinstance(key, tuple) else (key, 0)
        seed = None if self.seed is None else (self.seed, draw, row)
        cut = augmented(self.faces.images[row], self.faces.transform(row), seed)
        return torch.from_numpy(cut), torch.from_numpy(self.faces.target[row])


@torch.inference_mode()
def logits_of(teacher: nn.Module, faces: ferplus.FerPlus) -> np.ndarray:
    """Compute the logits of a whole split, float32 (N, 8), without augmentation."""
    teacher.eval()
    loader = torch.utils.data.DataLoader(Pictures(faces), batch_size=256)
    with mixed_precision():
        return torch.cat([teacher(prepare(pictures))[1].float() for pictures, _ in loader]).numpy()


def loss_of(teacher: Teacher, pictures: Tensor, target: Tensor, rng: np.random.Generator) -> Tensor:
    """Compute the cross-entropy of a mixed batch of pictures, uint8 (B, PICTURE_PX, PICTURE_PX)."""
    share, other, x = rng.beta(MIXUP_ALPHA, MIXUP_ALPHA), torch.randperm(len(target)), prepare(pictures)
    x, target = share * x + (1 - share) * x[other], share * target + (1 - share) * target[other]
    with mixed_precision():
        logits = teacher(x)[1]
    return functional.cross_entropy(logits.float(), target)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", type=Path)
    parser.add_argument("landmarks", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--epochs", type=int, default=7)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, help="steps per epoch, to try the recipe; default: all images")
    args = parser.parse_args()
    args.run.mkdir(parents=True, exist_ok=True)
    faces = ferplus.load(args.archive, args.landmarks, "train")
    check = ferplus.load(args.archive, args.landmarks, "validation")
    torch.manual_seed(args.seed)
    some = np.stack([augmented(faces.images[row], faces.transform(row), None) for row in range(min(128, len(faces)))])
    teacher = recogniser(prepare(torch.from_numpy(some)))
    fit(
        teacher,
        [
            {"params": [*teacher.stem.parameters(), *teacher.blocks.parameters()]},
            {"params": [*teacher.head.parameters()], "share": HEAD_SHARE},
        ],
        Pictures(faces, args.seed),
        faces,
        loss_of,
        lambda averaged: scores(logits_of(averaged, check), check.majority),
        Pace(peak_rate=1e-3, warm_up=300, ema_decay=0.995, clip=1.0),
        {name: getattr(args, name) for name in ("epochs", "seed", "steps")},
        args.run,
    )


if __name__ == "__main__":
    main()
