"""An LSTM: a sequence model that reads a course of any length.

A bidirectional LSTM (Hochreiter & Schmidhuber 1997; Graves & Schmidhuber 2005) computes a state at each step. One head
turns it into probabilities of the step. Another head, for the course as a whole, reads the states pooled by attention
(Bahdanau et al. 2015). `tools/train_sequence.py` trains the package's smoother, `fervideo train` a user's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from fervideo.classifiers.nets import one_thread
from fervideo.records import EXPRESSIONS, Float32, Float64
from fervideo.sequence import chain, windows
from fervideo.sequence.course import INPUTS, n_features
from fervideo.settings import SequenceSettings

#: Windows that go through the network at once.
_WINDOW_BATCH = 8


class LockedDropout(nn.Module):
    """Dropout of the same numbers at every step of a course (Gal & Ghahramani 2016).

    With this, a number that is missing cannot be read from the next step.

    Args:
        share: Share of the numbers that are dropped in training.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """Map float32 (B, S, width) to the same shape; in training `share` of the columns of each course are 0."""
        if not self.training or not self.share:
            return x
        kept = torch.rand(len(x), 1, x.shape[2], device=x.device) >= self.share
        return x * kept / (1 - self.share)


class SequenceLSTM(nn.Module):
    """The network; it implements the protocol `SequenceModel`, and yields logits to those who train it.

    Args:
        embedding_dim: D of the frame CNN; 0 reads no embedding, whether there is one or not.
        hidden: State size of each direction.
        layers: LSTM layers.
        dropout: Share of inputs and states dropped in training.
        bidirectional: Whether later steps may explain earlier ones.
        labels: The expressions that it distinguishes.
        stay: Probability that the next step shows the same expression, for `chain.settle`; 0 does not settle.
        inputs: Names of the measures that it reads.
    """

    centre: Tensor
    scale: Tensor

    def __init__(
        self,
        embedding_dim: int = 128,
        hidden: int = 96,
        layers: int = 2,
        dropout: float = 0.3,
        bidirectional: bool = True,
        labels: Sequence[str] = EXPRESSIONS,
        stay: float = 0.0,
        inputs: Sequence[str] = INPUTS,
    ) -> None:
        super().__init__()
        self.labels = tuple(labels)
        self.inputs = tuple(inputs)
        #: The arguments that a checkpoint keeps, beside labels and inputs.
        self.config: dict[str, Any] = {
            "embedding_dim": embedding_dim,
            "hidden": hidden,
            "layers": layers,
            "dropout": dropout,
            "bidirectional": bidirectional,
            "labels": len(labels),
            "stay": stay,
        }
        n_in = n_features(inputs, embedding_dim)
        width = hidden * (2 if bidirectional else 1)
        #: Mean and scale of each feature over the training data.
        self.register_buffer("centre", torch.zeros(n_in))
        self.register_buffer("scale", torch.ones(n_in))
        self.project = nn.Sequential(nn.Linear(n_in + 1, width), nn.ReLU(), LockedDropout(dropout))
        self.lstm = nn.LSTM(
            width, hidden, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0, bidirectional=bidirectional
        )
        self.dropout = LockedDropout(dropout)
        self.step_head = nn.Linear(width, len(labels))
        self.attention = nn.Linear(width, 1)
        self.clip_head = nn.Linear(width, len(labels))

    @property
    def device(self) -> str:
        """Device on which the network runs, `cpu` or `cuda`."""
        return self.centre.device.type

    def states(self, features: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Compute the state at each step.

        Args:
            features: float32 (B, S, C + I + D + 1); the embedding may be there though the model does not read it.
            lengths: int64 (B,), steps of each course before its padding; None where there is no padding.

        Returns:
            float32 (B, S, width).
        """
        found = features[..., -1:]
        # An embedding that this model does not read comes last, and is cut off.
        scaled = (features[..., : len(self.centre)] - self.centre) / self.scale * found
        seen = self.project(torch.cat([scaled, found], -1))
        if lengths is None:
            return self.dropout(self.lstm(seen)[0])  # type: ignore[no-any-return]
        # Packed, so that the backward direction begins at a course's own end, not in its padding.
        packed = pack_padded_sequence(seen, lengths.cpu(), batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=features.shape[1])
        return self.dropout(states)  # type: ignore[no-any-return]

    def forward(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Map whole courses to logits.

        Args:
            features: float32 (B, S, C + I + D + 1).
            mask: bool (B, S), False where a course is padded, at its end.

        Returns:
            Step logits float32 (B, S, labels) and clip logits float32 (B, labels).
        """
        states = self.states(features, None if mask.all() else mask.sum(1))
        weight = self.attention(states).masked_fill(~mask[..., None], -torch.inf).softmax(1)
        return self.step_head(states), self.clip_head((weight * states).sum(1))

    @torch.inference_mode()
    def predict(self, features: Float32, settings: SequenceSettings) -> tuple[Float32, Float32]:
        """Run over one course of any length, a long one in overlapping windows; see `SequenceModel.predict`.

        The sums come out the same on any machine, since they are computed on one thread.
        """
        spans = list(windows.cut(len(features), settings))
        steps = np.zeros((len(features), len(self.labels)))
        parts: list[tuple[Tensor, Tensor]] = []
        with one_thread():
            for first in range(0, len(spans), _WINDOW_BATCH):
                batch = spans[first : first + _WINDOW_BATCH]
                stacked = torch.from_numpy(np.stack([features[start : start + len(weight)] for start, weight in batch]))
                states = self.states(stacked.to(self.centre.device))
                probabilities = self.step_head(states).softmax(-1).cpu().double().numpy()
                for (start, weight), window, p in zip(batch, states, probabilities, strict=True):
                    steps[start : start + len(weight)] += weight[:, None] * p
                    parts.append(self._attended(window, weight))
            clip = self._clip(parts)
        return self.settled(steps / steps.sum(1, keepdims=True), settings), clip

    def settled(self, p: Float64, settings: SequenceSettings) -> Float32:
        """Settle a course's probabilities float64 (S, labels) as the settings ask, or `auto`: as was fitted."""
        return chain.settle(p, self.config["stay"] if settings.stay == "auto" else settings.stay).astype(np.float32)

    def _attended(self, states: Tensor, weight: Float64) -> tuple[Tensor, Tensor]:
        """Pool a window's states (S, width): the logarithm of its attention's sum, and the pooled state (width,)."""
        log_weight = torch.from_numpy(np.log(np.maximum(weight, 1e-30))).to(states.device)
        score = self.attention(states)[:, 0].double() + log_weight
        return score.logsumexp(0), score.softmax(0).float() @ states

    def _clip(self, parts: Sequence[tuple[Tensor, Tensor]]) -> Float32:
        """Return float32 (labels,) for the course as a whole; attention is summed over windows as if there were one."""
        share = torch.stack([total for total, _ in parts]).softmax(0).float()
        pooled = share @ torch.stack([state for _, state in parts])
        clip: Float32 = self.clip_head(pooled).softmax(-1).cpu().numpy()
        return clip
