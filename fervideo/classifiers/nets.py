"""What the networks of this package share: to be filled from a checkpoint, and to run in batches."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from fervideo import checkpoint
from fervideo.records import EXPRESSIONS, Float32, UInt8

_BATCH = 32


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
    # A norm layer's count of batches says nothing of what it computes.
    wanted = {name: tensor for name, tensor in module.state_dict().items() if not name.endswith("num_batches_tracked")}
    given = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    checkpoint.check_shapes(path, {name: tuple(tensor.shape) for name, tensor in wanted.items()}, given)
    module.load_state_dict({name: tensors[name] for name in wanted}, strict=False)


def n_parameters(module: nn.Module) -> int:
    """Count the numbers that were learned."""
    return sum(parameter.numel() for parameter in module.parameters())


def run(module: nn.Module, inputs: Float32 | UInt8, device: torch.device) -> Float32:
    """Run a network over rows, on one thread, so that sums come out the same on any number of cores.

    Args:
        module: In evaluation mode.
        inputs: uint8 or float32 (M, ...).
        device: Where the module is.

    Returns:
        float32 (M, C).
    """
    results = [np.empty((0, len(EXPRESSIONS)), np.float32)]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            for start in range(0, len(inputs), _BATCH):
                batch = torch.from_numpy(inputs[start : start + _BATCH]).to(device)
                results.append(module(batch).float().cpu().numpy())
    finally:
        torch.set_num_threads(threads)
    return np.concatenate(results)
