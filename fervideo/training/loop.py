"""The training loop: batches of like lengths, balanced soft-label losses per frame and per clip, exact resuming.

Every epoch starts from its own seed and every step's rate follows from its number, so the state after an epoch is all
that the next one needs: a training that was broken off and resumed ends as one that was not.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

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
from fervideo.records import MODEL_RATE_HZ, Float32, Int64
from fervideo.sequence.lstm import SequenceLSTM
from fervideo.settings import TrainSettings
from fervideo.training.features import Sample

#: Clips are shuffled, sorted by length within so many batches, and dealt into batches of about one length.
_BUCKET_BATCHES = 20
#: Fine-tuning moves in smaller steps.
_FINE_TUNING = 0.5
_STATE = "resume.safetensors"


class Piece(NamedTuple):
    """Hold a clip, or a part of a long one, with weights that are 0 where nothing is known.

    Attributes:
        name: Of the clip, for messages.
        course: float32 (S, F).
        step_label: int64 (S,), 0 where unknown.
        step_weight: float32 (S,).
        target: float32 (C,).
        clip_weight: 1 where the target is known, else 0.
    """

    name: str
    course: Float32
    step_label: Int64
    step_weight: Float32
    target: Float32
    clip_weight: float


class Batch(NamedTuple):
    """Hold pieces padded to one length; as in Piece, with a first axis B, and `mask` bool (B, S), False in padding."""

    names: list[str]
    course: Tensor
    mask: Tensor
    step_label: Tensor
    step_weight: Tensor
    target: Tensor
    clip_weight: Tensor


def pieces(samples: Sequence[Sample], settings: TrainSettings) -> list[Piece]:
    """Cut long clips, and lend the labels of clips without frame labels to their frames."""
    longest = round(settings.max_s * MODEL_RATE_HZ)
    cut = []
    for sample in samples:
        n_parts = -(-len(sample.course) // longest)
        known = sample.step_label >= 0
        label, weight = sample.step_label, known.astype(np.float32)
        if not known.any() and sample.label >= 0:
            label, weight = np.full(len(label), sample.label), np.full(len(label), settings.lent_weight, np.float32)
        for rows in np.array_split(np.arange(len(sample.course)), n_parts) if n_parts else ():
            steps = np.maximum(label[rows], 0), weight[rows]
            cut.append(Piece(sample.clip.clip, sample.course[rows], *steps, sample.target, float(sample.target.any())))
    return cut


def collate(drawn: Sequence[Piece], device: str = "cpu") -> Batch:
    """Pad pieces to one length."""
    longest = max(len(piece.course) for piece in drawn)
    lengths = np.array([len(piece.course) for piece in drawn])

    def padded(arrays: list[Any]) -> Tensor:
        return torch.from_numpy(
            np.stack([np.pad(a, [(0, longest - len(a))] + [(0, 0)] * (a.ndim - 1)) for a in arrays])
        ).to(device)

    return Batch(
        [piece.name for piece in drawn],
        padded([piece.course for piece in drawn]),
        torch.from_numpy(np.arange(longest) < lengths[:, None]).to(device),
        padded([piece.step_label for piece in drawn]),
        padded([piece.step_weight for piece in drawn]),
        torch.from_numpy(np.stack([piece.target for piece in drawn])).to(device),
        torch.tensor([piece.clip_weight for piece in drawn], device=device),
    )


def with_other_looks(batch: Batch, most: float) -> Batch:
    """Shift each course towards the mean of another one by a random share of at most `most`.

    A face's own looks move all its features one way; a few hundred clips show few faces, and the model must not know
    them by their looks (after MixStyle, Zhou et al. 2021).
    """
    if not most:
        return batch
    found = batch.course[..., -1:]
    looks = (batch.course * found).sum(1) / found.sum(1).clamp(min=1)
    # Drawn on the CPU, whose generator is the one that is seeded alike everywhere.
    share, other = most * torch.rand(len(looks), 1), torch.randperm(len(looks))
    shift = share.to(looks.device) * (looks[other] - looks)
    shift[:, -1] = 0
    return batch._replace(course=batch.course + shift[:, None] * found)


def bucketed(lengths: Sequence[int], size: int, rng: np.random.Generator) -> list[Int64]:
    """Deal places into batches of about equal lengths, in random order."""
    order = rng.permutation(len(lengths))
    batches = []
    for start in range(0, len(order), size * _BUCKET_BATCHES):
        bucket = order[start : start + size * _BUCKET_BATCHES]
        bucket = bucket[np.argsort(np.array(lengths)[bucket], kind="stable")]
        batches += [bucket[first : first + size] for first in range(0, len(bucket), size)]
    return [batches[place] for place in rng.permutation(len(batches))]


def class_weights(mass: Float32, balance: float) -> Tensor:
    """Return weights float32 (C,) that make classes of the given mass count more alike; their mean over the data is 1."""
    present = mass > 0
    weight = np.where(present, np.maximum(mass, 1e-9) ** -balance, 0)
    return torch.from_numpy((weight * mass.sum() / max((weight * mass).sum(), 1e-9)).astype(np.float32))


@dataclass(frozen=True)
class Loss:
    """Sum the losses of frames and clips; what is unknown weighs nothing.

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
    """Tell how an epoch ended.

    The best one has the least validation loss: recalls of a few dozen clips move in steps that may be chance, and
    prefer epochs in which a model is barely trained.
    """

    epoch: int
    loss: float
    validation_loss: float
    war: float
    uar: float
    rate: float


#: Tells a model's WAR and UAR on the validation samples, to be shown.
Scorer = Callable[[SequenceLSTM], tuple[float, float]]


class Trainer:
    """Train a model epoch by epoch.

    Args:
        model: Where to begin; on the device.
        train: To learn from.
        validation: To choose the best epoch by.
        scorer: Scores a model on the validation samples.
        settings: How to learn.
        run: Folder of the state.
        identity: What the state must belong to, for a resumed run: settings and clips.
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
        while len(self.history) < self.settings.epochs and not self._patience_ends():
            with one_thread():
                self._epoch(len(self.history), progress)
            newest = self.history[-1]
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
        # None: tqdm shows nothing where stderr is no terminal.
        look = "{desc}  {n_fmt}/{total_fmt}  {elapsed}{postfix}"
        with tqdm(
            total=len(batches), desc=title, disable=None if progress else True, dynamic_ncols=True, bar_format=look
        ) as bar:
            for place, rows in enumerate(batches):
                step = number * len(batches) + place
                rate = self.peak * min((step + 1) / max(0.1 * total, 1), 0.5 * (1 + math.cos(math.pi * step / total)))
                losses.append(self._step([self.train[row] for row in rows], rate, number))
                bar.update()
            self.model.eval()
            validation_loss = self._validation_loss()
            war, uar = self.scorer(self.model)
            self.history.append(Epoch(number, float(np.mean(losses)), validation_loss, war, uar, rate))
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
            shown = ", ".join(bad or batch.names)
            reason = f"the loss is {float(loss.detach())} in epoch {epoch + 1}, in the batch of {shown}"
            raise TrainingError(
                self.path.parent,
                reason,
                "lower train.rate or leave out these clips; the last good epoch is kept, --resume goes on from it",
            )
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        return float(loss.detach())

    @torch.inference_mode()
    def _validation_loss(self) -> float:
        order = sorted(range(len(self.validation)), key=lambda place: len(self.validation[place].course))
        size, total = self.settings.batch, 0.0
        for start in range(0, len(order), size):
            drawn = [self.validation[place] for place in order[start : start + size]]
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

    def resume(self) -> None:
        """Go on from the state of a run that was broken off.

        Raises:
            TrainingError: The state is damaged, or belongs to other settings or clips.
        """
        try:
            with safe_open(self.path, framework="pt", device=self.device) as file:
                header = file.metadata()
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a dict)
            history = [Epoch(*row) for row in json.loads(header["history"])]
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            raise TrainingError(self.path, f"cannot be resumed ({error})", "start anew in another folder") from error
        if header["identity"] != self.identity:
            reason = f"belongs to other settings or clips ({header['identity'][:12]}, now {self.identity[:12]})"
            raise TrainingError(self.path, reason, "resume with the same, or start anew in another folder")

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

    @staticmethod
    def is_broken_off(run: Path) -> bool:
        return (run / _STATE).exists()

    def done(self) -> None:
        """Remove the state: there is nothing left to resume."""
        self.path.unlink(missing_ok=True)
