"""Parts that the networks of this package share: crops as input, parameters from a file, batches on one thread."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from fervideo import checkpoint
from fervideo.errors import UsageError
from fervideo.records import EXPRESSIONS, Float32, UInt8

#: Faces that go through a network at once; more cost memory and gain no speed.
BATCH = 32


def standardise(crops: Tensor) -> Tensor:
    """Bring each crop to mean 0 and standard deviation 1, so that light and contrast do not matter.

    Args:
        crops: uint8 or float (M, CROP_PX, CROP_PX), 0 to 255.

    Returns:
        float32 (M, 1, CROP_PX, CROP_PX); a crop of one grey stays near 0.
    """
    return centred(crops.float(), 1.0)


def centred(images: Tensor, least_variance: float) -> Tensor:
    """Standardise float32 images (M, H, W) as `standardise` does; `least_variance` is added to the variance."""
    around_zero = images - images.mean((1, 2), keepdim=True)
    return (around_zero / around_zero.square().mean((1, 2), keepdim=True).add(least_variance).sqrt())[:, None]


def dense_head(n_in: int, hidden: int) -> nn.Sequential:
    """Build a new dense head: one hidden layer, one output per expression."""
    return nn.Sequential(
        nn.Linear(n_in, hidden), nn.ReLU(inplace=True), nn.Dropout(0.5), nn.Linear(hidden, len(EXPRESSIONS))
    )


def fill(module: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Set a module's parameters from a file's.

    Raises:
        WeightsError: Some are missing, or have another shape; the message names them, and the shapes of both sides.
    """
    # A norm layer's count of batches has no part in its output.
    wanted = {name: tensor for name, tensor in module.state_dict().items() if not name.endswith("num_batches_tracked")}
    given = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    checkpoint.check_shapes(path, {name: tuple(tensor.shape) for name, tensor in wanted.items()}, given)
    module.load_state_dict({name: tensors[name] for name in wanted}, strict=False)


def n_parameters(module: nn.Module) -> int:
    """Count the numbers that were learned."""
    return sum(parameter.numel() for parameter in module.parameters())


def run(module: nn.Module, inputs: Float32 | UInt8, device: torch.device) -> Float32:
    """Run a network over rows in batches, on one thread.

    Args:
        module: In evaluation mode.
        inputs: uint8 or float32 (M, ...).
        device: Device of the module.

    Returns:
        float32 (M, C).
    """
    results = [np.empty((0, len(EXPRESSIONS)), np.float32)]
    with torch.inference_mode(), one_thread():
        for start in range(0, len(inputs), BATCH):
            batch = torch.from_numpy(inputs[start : start + BATCH]).to(device)
            results.append(module(batch).float().cpu().numpy())
    return np.concatenate(results)


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one thread: small batches gain nothing from more, and sums are equal on any number of cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def resolve_device(wanted: str) -> str:
    """Choose where the networks run: `cpu` or `cuda`.

    Args:
        wanted: `auto`, `cpu` or `cuda`.

    Raises:
        UsageError: `cuda` is asked for where there is none.
    """
    there = torch.cuda.is_available()
    if wanted == "cuda" and not there:
        remedy = "use --device cpu, or install a CUDA build of torch"
        raise UsageError("--device cuda", "torch finds no CUDA device here", remedy)
    return "cuda" if wanted != "cpu" and there else "cpu"
