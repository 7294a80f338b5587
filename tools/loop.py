"""The training loop of the frame CNN and its teacher: learning rates, averaged weights, a checkpoint per epoch."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ferplus
import numpy as np
import torch
from sklearn.metrics import accuracy_score, f1_score
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from fervideo.classifiers.cnn import resolve_precision

#: Images in a step.
BATCH = 64
WEIGHT_DECAY = 0.05
#: With 0 all images are equally likely to be drawn, with 1 all expressions.
BALANCE = 0.5


@dataclass(frozen=True)
class Pace:
    """The pace at which a network learns.

    Attributes:
        peak_rate: The learning rate after the warm-up; a parameter group's `share` multiplies it.
        warm_up: Steps of the warm-up; None for two epochs or a tenth of the training, whichever is less.
        ema_decay: Share of the averaged weights that one step leaves.
        clip: The largest norm of a gradient.
        steady: Stay at the peak, and take the mean of the averaged weights after every epoch (Izmailov et al. 2018).
            Otherwise the rate falls to 0 (cosine), and the averaged weights of the end are taken.
    """

    peak_rate: float
    warm_up: int | None
    ema_decay: float
    clip: float
    steady: bool = False

    def rate(self, step: int, total: int, warm_up_steps: int) -> float:
        """Return the learning rate of a step."""
        fall = 1.0 if self.steady else 0.5 * (1 + math.cos(math.pi * step / total))
        return self.peak_rate * min((step + 1) / warm_up_steps, fall)


def draw_rows(faces: ferplus.FerPlus, rng: np.random.Generator) -> np.ndarray:
    """Draw an epoch's rows, rare expressions more often."""
    prior = faces.target.mean(0)
    weight = faces.target @ prior**-BALANCE
    return rng.choice(len(faces), len(faces), p=weight / weight.sum())


def scores(logits: np.ndarray, majority: np.ndarray) -> dict[str, float]:
    """Score logits, float32 (N, 8), against majorities, int64 (N,); faces without a majority (-1) are skipped."""
    kept = majority >= 0
    truth, guess = majority[kept], logits[kept].argmax(1)
    return {
        "n": int(kept.sum()),
        "accuracy": float(accuracy_score(truth, guess)),
        "macro_f1": float(f1_score(truth, guess, average="macro")),
    }


def channels_last(model: nn.Module) -> None:
    """Reorder a network's weights in memory so that its convolutions are fastest."""
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's own annotation lacks it


def mixed_precision() -> torch.autocast:
    """Compute convolutions in bfloat16 if the CPU does so natively.

    This halves the time; emulated, bfloat16 takes nine times as long as float32.
    """
    return torch.autocast("cpu", torch.bfloat16, enabled=resolve_precision("auto", "cpu") == torch.bfloat16)


def fit(
    model: nn.Module,
    groups: list[dict[str, Any]],
    dataset: torch.utils.data.Dataset[Any],
    faces: ferplus.FerPlus,
    loss_of: Callable[..., Tensor],
    scores_of: Callable[[Any], dict[str, float]],
    pace: Pace,
    recipe: dict[str, Any],
    run: Path,
) -> None:
    """Train a network in place; it ends with the averaged weights (see Pace.steady).

    Args:
        model: The network.
        groups: Its parameters in groups as AdamW takes them, with an optional `share` (see Pace; default 1).
        dataset: Yields tensors for keys (row of `faces`, number of the draw).
        faces: The images from which rows are drawn.
        loss_of: Maps (model, a batch's tensors..., generator) to the loss.
        scores_of: Scores the network with its averaged weights; called every five epochs and at the end.
        pace: The pace of learning.
        recipe: `epochs`, `seed`, `steps` (per epoch; None for all images) and all else that distinguishes this training
            from others.
        run: Folder of `last.pt`.

    Raises:
        SystemExit: `run` contains the checkpoint of another recipe.
    """
    epochs, seed = recipe["epochs"], recipe["seed"]
    channels_last(model)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(pace.ema_decay), use_buffers=True)
    taken = AveragedModel(model, use_buffers=True) if pace.steady else average
    # The decay is for groups that set none of their own.
    optimiser = torch.optim.AdamW([{"share": 1.0, **group} for group in groups], weight_decay=WEIGHT_DECAY)
    per_epoch = recipe["steps"] or len(faces) // BATCH
    total = epochs * per_epoch
    warm_up = pace.warm_up or min(2 * per_epoch, total // 10 + 1)
    first = 0
    if (run / "last.pt").exists():
        state = torch.load(run / "last.pt", weights_only=True)
        if state["recipe"] != recipe:
            raise SystemExit(f"{run / 'last.pt'} belongs to {state['recipe']}, this is {recipe}: give another RUN")
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        taken.load_state_dict(state["taken"])
        optimiser.load_state_dict(state["optimiser"])
        first = state["epoch"] + 1
    for epoch in range(first, epochs):
        started, rng = time.monotonic(), np.random.default_rng((seed, epoch))
        torch.manual_seed(seed * 1000 + epoch)
        rows = [(int(row), epoch * len(faces) + k) for k, row in enumerate(draw_rows(faces, rng)[: per_epoch * BATCH])]
        loader = torch.utils.data.DataLoader(dataset, batch_size=BATCH, sampler=rows, num_workers=1, prefetch_factor=8)
        model.train()
        loss_sum = 0.0
        for step, batch in enumerate(loader, epoch * per_epoch):
            for group in optimiser.param_groups:
                group["lr"] = pace.rate(step, total, warm_up) * group["share"]
            loss = loss_of(model, *batch, rng)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), pace.clip)
            optimiser.step()
            average.update_parameters(model)
            loss_sum += float(loss.detach())
        if pace.steady:
            taken.update_parameters(average.module)
        state = {"model": model.state_dict(), "average": average.state_dict(), "taken": taken.state_dict()}
        state |= {"optimiser": optimiser.state_dict(), "recipe": recipe, "epoch": epoch}
        torch.save(state, run / "last.tmp")
        (run / "last.tmp").rename(run / "last.pt")
        report = {"epoch": epoch, "loss": loss_sum / per_epoch, "seconds": round(time.monotonic() - started)}
        if epoch % 5 == 4 or epoch == epochs - 1:
            report |= scores_of(taken.module)
        print(json.dumps(report), flush=True)
    model.load_state_dict(taken.module.state_dict())
