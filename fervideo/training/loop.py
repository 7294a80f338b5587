"""The training loop: balanced soft-label losses per frame and per clip, the best epoch, exact resuming.

Every epoch starts from its own seed and every step's rate follows from its number. So an epoch needs only the
state after the last one: a training that was broken off and resumed ends like one that was not.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from fervideo import atomic
from fervideo.classifiers.nets import one_thread
from fervideo.errors import TrainingError
from fervideo.progress import Lines
from fervideo.records import Float32
from fervideo.sequence.lstm import SequenceLSTM
from fervideo.settings import TrainSettings
from fervideo.training.batches import Batch, Piece, bucketed, collate, with_other_looks

#: Fine-tuning moves in smaller steps.
_FINE_TUNING = 0.5
_STATE = "resume.safetensors"


def class_weights(mass: Float32, balance: float) -> Tensor:
    """Compute weights that make classes count more alike; their mean over the data is 1.

    Args:
        mass: float32 (C,), sum of each class's labels.
        balance: 1 makes all classes count alike, 0 all samples.

    Returns:
        float32 (C,).
    """
    present = mass > 0
    weight = np.where(present, np.maximum(mass, 1e-9) ** -balance, 0)
    return torch.from_numpy((weight * mass.sum() / max((weight * mass).sum(), 1e-9)).astype(np.float32))


@dataclass(frozen=True)
class Loss:
    """The sum of the losses of frames and clips; unknown labels weigh nothing.

    Attributes:
        step_classes: float32 (C,), weight of each class among frames.
        clip_classes: float32 (C,), weight of each class among clips.
        clip_share: Weight of the loss of clips.
    """

    step_classes: Tensor
    clip_classes: Tensor
    clip_share: float

    @classmethod
    def of(cls, train: Sequence[Piece], settings: TrainSettings, device: str) -> Loss:
        n_labels = len(train[0].target)
        steps = sum(np.bincount(piece.step_label, piece.step_weight, n_labels) for piece in train)
        clips = sum(piece.target for piece in train)
        by_step, by_clip = (
            class_weights(np.asarray(mass, np.float32), settings.balance).to(device) for mass in (steps, clips)
        )
        return cls(by_step, by_clip, settings.clip_loss)

    def __call__(self, step_logits: Tensor, clip_logits: Tensor, batch: Batch) -> Tensor:
        weight = batch.step_weight * self.step_classes[batch.step_label]
        steps = functional.cross_entropy(step_logits.transpose(1, 2), batch.step_label, reduction="none")
        per_class = batch.target * self.clip_classes
        clips = -(per_class * clip_logits.log_softmax(-1)).sum(-1) * batch.clip_weight
        n_steps, n_clips = batch.step_weight.sum().clamp(min=1e-6), batch.clip_weight.sum().clamp(min=1e-6)
        total: Tensor = (weight * steps).sum() / n_steps + self.clip_share * clips.sum() / n_clips
        return total


class Epoch(NamedTuple):
    """The result of an epoch.

    The best epoch has the least validation loss. Recalls of a few dozen clips move in steps that may be chance, and
    prefer epochs in which a model is barely trained.

    Attributes:
        epoch: Its number, counted from 0.
        loss: Mean loss of its batches.
        validation_loss: Loss on the validation pieces after it.
        war: Weighted average recall on the validation samples.
        uar: Unweighted average recall on them.
        rate: Its last learning rate.
    """

    epoch: int
    loss: float
    validation_loss: float
    war: float
    uar: float
    rate: float


#: Function that computes a model's WAR and UAR on the validation samples, for the history and the progress bar.
Scorer = Callable[[SequenceLSTM], tuple[float, float]]


class Trainer:
    """The training of a model, epoch by epoch.

    Args:
        model: The model to train, on its device.
        train: Pieces to learn from.
        validation: Pieces to choose the best epoch by.
        scorer: Function that scores a model on the validation samples.
        settings: The settings of the training.
        run: Folder of the state.
        identity: Digest of settings and clips; the state of another training is not resumed.
        tuned: Whether the model was trained before.
    """

    def __init__(
        self,
        model: SequenceLSTM,
        train: Sequence[Piece],
        validation: Sequence[Piece],
        scorer: Scorer,
        settings: TrainSettings,
        run: Path,
        identity: str,
        tuned: bool,
    ) -> None:
        self.model, self.train, self.validation, self.scorer, self.settings = model, train, validation, scorer, settings
        self.path, self.identity, self.device = run / _STATE, identity, str(model.centre.device)
        #: Whether the networks compute in bfloat16; weights, losses and optimiser stay float32.
        self.mixed = self.device.startswith("cuda") and torch.cuda.is_bf16_supported()
        self.peak = settings.rate * (_FINE_TUNING if tuned else 1)
        self.loss = Loss.of(train, settings, self.device)
        self.optimiser = torch.optim.AdamW(model.parameters(), lr=self.peak, weight_decay=settings.weight_decay)
        self.history: list[Epoch] = []
        self.best = {name: tensor.clone() for name, tensor in model.state_dict().items()}

    def run(self, *, progress: bool, on_best: Callable[[], None] | None = None) -> list[Epoch]:
        """Train until the last epoch, or until patience ends; the model is then the best epoch's.

        Raises:
            TrainingError: The loss is no number; the state of the epoch before stays.
            OutputError: The state cannot be written.
        """
        lines = Lines("epochs", self.settings.epochs, shown=progress)
        lines.done = len(self.history)
        while len(self.history) < self.settings.epochs and not self._patience_ends():
            with one_thread():
                self._epoch(len(self.history), progress)
            newest = self.history[-1]
            lines.update(f"loss {newest.loss:.3f}, validation loss {newest.validation_loss:.3f}")
            if newest is self._best_epoch():
                self.best = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
            self._save()
            if newest is self._best_epoch() and on_best:
                on_best()
        self.model.load_state_dict(self.best)
        return self.history

    def _best_epoch(self) -> Epoch:
        return min(self.history, key=lambda epoch: (epoch.validation_loss, epoch.epoch))

    def _patience_ends(self) -> bool:
        return bool(self.history) and len(self.history) - 1 - self._best_epoch().epoch >= self.settings.patience

    def _epoch(self, number: int, progress: bool) -> None:
        seed = (self.settings.seed, number)
        torch.manual_seed(int(np.random.default_rng(seed).integers(2**62)))
        batches = bucketed(
            [len(piece.course) for piece in self.train], self.settings.batch, np.random.default_rng(seed)
        )
        total, losses = len(batches) * self.settings.epochs, []
        self.model.train()
        title = f"epoch {number + 1:>{len(str(self.settings.epochs))}}/{self.settings.epochs}"
        form = "{desc}  {n_fmt}/{total_fmt}  {elapsed}{postfix}"
        # None: tqdm shows no bar where stderr is no terminal.
        with tqdm(
            total=len(batches), desc=title, disable=None if progress else True, dynamic_ncols=True, bar_format=form
        ) as bar:
            for index, rows in enumerate(batches):
                step = number * len(batches) + index
                rate = self.peak * min((step + 1) / max(0.1 * total, 1), 0.5 * (1 + math.cos(math.pi * step / total)))
                losses.append(self._step([self.train[row] for row in rows], rate, number))
                bar.update()
            self.model.eval()
            validation_loss = self._validation_loss()
            war, uar = self.scorer(self.model)
            self.history.append(
                Epoch(
                    epoch=number,
                    loss=float(np.mean(losses)),
                    validation_loss=validation_loss,
                    war=war,
                    uar=uar,
                    rate=rate,
                )
            )
            bar.set_postfix_str(f"loss {self.history[-1].loss:.3f}  WAR {war:.3f}  UAR {uar:.3f}")

    def _forward(self, batch: Batch) -> Tensor:
        with torch.autocast(self.device.partition(":")[0], torch.bfloat16, enabled=self.mixed):
            steps, clips = self.model(batch.course, batch.mask)
        return self.loss(steps.float(), clips.float(), batch)

    def _step(self, drawn: list[Piece], rate: float, epoch: int) -> float:
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        batch = with_other_looks(collate(drawn, self.device), self.settings.mix_looks)
        loss = self._forward(batch)
        if not torch.isfinite(loss):
            bad = [piece.name for piece in drawn if not np.isfinite(piece.course).all()]
            names = ", ".join(bad or batch.names)
            reason = f"the loss is {float(loss.detach())} in epoch {epoch + 1}, in the batch of {names}"
            remedy = "lower train.rate or leave out these clips, then --resume; the last good epoch is kept"
            raise TrainingError(self.path.parent, reason, remedy)
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        return float(loss.detach())

    @torch.inference_mode()
    def _validation_loss(self) -> float:
        order = sorted(range(len(self.validation)), key=lambda index: len(self.validation[index].course))
        size, total = self.settings.batch, 0.0
        for start in range(0, len(order), size):
            drawn = [self.validation[index] for index in order[start : start + size]]
            total += len(drawn) * float(self._forward(collate(drawn, self.device)))
        return total / max(len(order), 1)

    def _save(self) -> None:
        """Write all that the next epoch needs, atomically."""
        tensors = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        tensors |= {f"best.{name}": tensor for name, tensor in self.best.items()}
        for number, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{number}.{name}": torch.as_tensor(value) for name, value in state.items()}
        header = {"identity": self.identity, "history": json.dumps(self.history)}
        with atomic.written(self.path, "make room; --resume goes on from there") as temporary:
            temporary.write_bytes(
                save({name: np.ascontiguousarray(tensor.cpu().numpy()) for name, tensor in tensors.items()}, header)
            )

    def resume(self) -> bool:
        """Restore the state of a run that was broken off.

        Returns:
            False if the state is that of other settings or clips; nothing is restored then.

        Raises:
            TrainingError: The state is damaged.
        """
        try:
            with safe_open(self.path, framework="pt", device=self.device) as file:
                header = file.metadata()
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a dict)
            history = [Epoch(*row) for row in json.loads(header["history"])]
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            raise TrainingError(self.path, f"cannot be resumed ({error})", "start anew in another folder") from error
        if header["identity"] != self.identity:
            return False

        def of(kind: str) -> dict[str, Tensor]:
            return {
                name.removeprefix(f"{kind}."): tensor for name, tensor in tensors.items() if name.startswith(f"{kind}.")
            }

        self.history, self.best = history, of("best")
        self.model.load_state_dict(of("model"))
        states: dict[int, dict[str, Tensor]] = {}
        for name, tensor in of("optimiser").items():
            number, _, key = name.partition(".")
            # The count of steps lives on the CPU.
            states.setdefault(int(number), {})[key] = tensor.cpu() if key == "step" else tensor
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": states})
        return True

    @staticmethod
    def is_broken_off(run: Path) -> bool:
        """Return whether a folder contains the state of a run that did not end."""
        return (run / _STATE).exists()

    def done(self) -> None:
        """Remove the state: the run has ended."""
        self.path.unlink(missing_ok=True)
