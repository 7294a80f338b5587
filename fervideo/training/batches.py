"""Batches: clips cut into pieces, dealt by length, padded, and varied in their looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from fervideo.records import MODEL_RATE_HZ, Float32, Int64
from fervideo.settings import TrainSettings
from fervideo.training.features import Sample

#: Clips are shuffled, sorted by length within so many batches, and dealt into batches of about one length.
_BUCKET_BATCHES = 20


class Piece(NamedTuple):
    """A clip, or a part of a long one, with weights that are 0 where labels are unknown.

    Attributes:
        name: Name of the clip, for messages.
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
    """Pieces padded to one length.

    Attributes:
        names: Names of the clips, B of them.
        course: float32 (B, S, F).
        mask: bool (B, S), False in padding.
        step_label: int64 (B, S).
        step_weight: float32 (B, S).
        target: float32 (B, C).
        clip_weight: float32 (B,).
    """

    names: list[str]
    course: Tensor
    mask: Tensor
    step_label: Tensor
    step_weight: Tensor
    target: Tensor
    clip_weight: Tensor


def pieces(samples: Sequence[Sample], settings: TrainSettings) -> list[Piece]:
    """Cut long clips into pieces; a clip without frame labels lends its own label to its frames."""
    longest = round(settings.max_s * MODEL_RATE_HZ)
    cut = []
    for sample in samples:
        n_parts = -(-len(sample.course) // longest)
        known = sample.step_label >= 0
        label, weight = sample.step_label, known.astype(np.float32)
        if not known.any() and sample.label >= 0:
            label, weight = np.full(len(label), sample.label), np.full(len(label), settings.lent_weight, np.float32)
        cut += [
            Piece(
                name=sample.clip.clip,
                course=sample.course[rows],
                step_label=np.maximum(label[rows], 0),
                step_weight=weight[rows],
                target=sample.target,
                clip_weight=float(sample.target.any()),
            )
            for rows in (np.array_split(np.arange(len(sample.course)), n_parts) if n_parts else ())
        ]
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
        names=[piece.name for piece in drawn],
        course=padded([piece.course for piece in drawn]),
        mask=torch.from_numpy(np.arange(longest) < lengths[:, None]).to(device),
        step_label=padded([piece.step_label for piece in drawn]),
        step_weight=padded([piece.step_weight for piece in drawn]),
        target=torch.from_numpy(np.stack([piece.target for piece in drawn])).to(device),
        clip_weight=torch.tensor([piece.clip_weight for piece in drawn], device=device),
    )


def with_other_looks(batch: Batch, most: float) -> Batch:
    """Shift each course towards the mean of another one by a random share of at most `most`.

    The look of a face shifts all its features alike. A few hundred clips show few faces, which the model must not learn
    to recognise (after MixStyle, Zhou et al. 2021).
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
    """Deal indices into batches of about equal lengths, in random order.

    Args:
        lengths: Length of each piece.
        size: Pieces in a batch.
        rng: Source of randomness.

    Returns:
        Indices of each batch's pieces, int64 (size,); the last batches may be smaller.
    """
    order = rng.permutation(len(lengths))
    batches = []
    for start in range(0, len(order), size * _BUCKET_BATCHES):
        bucket = order[start : start + size * _BUCKET_BATCHES]
        bucket = bucket[np.argsort(np.array(lengths)[bucket], kind="stable")]
        batches += [bucket[first : first + size] for first in range(0, len(bucket), size)]
    return [batches[index] for index in rng.permutation(len(batches))]
