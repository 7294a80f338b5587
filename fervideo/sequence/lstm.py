"""The sequence model: what a track's faces show, seen as a course in time instead of frame by frame.

A bidirectional LSTM (Hochreiter & Schmidhuber 1997; Graves & Schmidhuber 2005) reads embeddings, frame probabilities,
geometry and whether a face was found, at a fixed rate, so that a video's own frame rate does not matter. It yields
probabilities per step and, from states pooled by attention (Bahdanau et al. 2015), for the track as a whole. A Markov
chain over the steps may then settle what flickers.
`tools/train_sequence.py` trains it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.sparse import coo_array
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from fervideo import checkpoint
from fervideo.records import (
    EXPRESSIONS,
    MODEL_RATE_HZ,
    ClipFeatures,
    FaceObservations,
    Float32,
    Float64,
    Int64,
    TrackExpressions,
)
from fervideo.settings import SequenceSettings

#: The measures that a new model reads; one that is loaded reads those that its checkpoint lists.
INPUTS = (
    "yaw_deg",
    "pitch_deg",
    "roll_deg",
    "eye_open_left",
    "eye_open_right",
    "mouth_open",
    "smile",
    "brow_raise",
    "brow_furrow",
)
#: Sightings further apart than this, and than the clip's frames usually are, are not interpolated.
_INTERPOLATED_S = 0.15
#: What a window's first and last steps have seen too little context for.
_WARM_UP_S = 1.0
#: The chain's share in a settled answer. Neighbouring steps tell much the same, which makes the chain too sure; the
#: model's own answers know better how sure to be. Chosen on the package's model, for labels and for calibration, and
#: used for all.
_CHAIN_SHARE = 0.4
#: A lower probability than this is taken for this: one wild step must not forbid an expression to the Markov chain.
_LEAST = 1e-4
#: Windows that go through the network at once.
_WINDOW_BATCH = 8


@dataclass(frozen=True)
class Course:
    """Hold one track's features on the model's grid of times.

    Attributes:
        start_s: Time of step 0; step k is at start_s + k / MODEL_RATE_HZ.
        features: float32 (S, C + G + D + 1): frame log-probabilities, geometry, embedding, and 1 where a face was seen,
            0 (with all else 0) where not.
    """

    start_s: float
    features: Float32

    @property
    def time_s(self) -> Float64:
        return self.start_s + np.arange(len(self.features)) / MODEL_RATE_HZ


class LockedDropout(nn.Module):
    """Drop the same numbers at every step of a course (Gal & Ghahramani 2016): what is missing cannot be read off the next step."""

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
    """Map courses to expression logits, per step and per course.

    Args:
        embedding_dim: D of the frame CNN; 0 reads no embedding, whether there is one or not.
        hidden: State size of each direction.
        layers: LSTM layers.
        dropout: Share of inputs and states dropped in training.
        bidirectional: Whether later steps may explain earlier ones.
        labels: The expressions that it tells apart.
        stay: Probability that the next step shows the same expression, for `settle`; 0 leaves answers as they are.
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
        self.config = {
            "embedding_dim": embedding_dim,
            "hidden": hidden,
            "layers": layers,
            "dropout": dropout,
            "bidirectional": bidirectional,
            "labels": len(labels),
            "stay": stay,
        }
        n_in = len(EXPRESSIONS) + len(inputs) + embedding_dim
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

    def states(self, features: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Map features float32 (B, S, C + G + D + 1) to states float32 (B, S, width); `lengths`, int64 (B,), tell what is no padding."""
        found = features[..., -1:]
        # Of the embedding, which comes last, what this model does not read is left out.
        scaled = (features[..., : len(self.centre)] - self.centre) / self.scale * found
        seen = self.project(torch.cat([scaled, found], -1))
        if lengths is None:
            return self.dropout(self.lstm(seen)[0])  # type: ignore[no-any-return]
        # Packed, so that the backward direction begins at a course's own end, not in its padding.
        packed = pack_padded_sequence(seen, lengths.cpu(), batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=features.shape[1])
        return self.dropout(states)  # type: ignore[no-any-return]

    def forward(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Map whole courses.

        Args:
            features: float32 (B, S, C + G + D + 1).
            mask: bool (B, S), False where a course is padded, at its end.

        Returns:
            Step logits float32 (B, S, labels) and clip logits float32 (B, labels).
        """
        states = self.states(features, None if mask.all() else mask.sum(1))
        weight = self.attention(states).masked_fill(~mask[..., None], -torch.inf).softmax(1)
        return self.step_head(states), self.clip_head((weight * states).sum(1))


def course(observations: FaceObservations, time_s: Float64, inputs: Sequence[str] = INPUTS) -> Course:
    """Bring a track's features to the model's grid.

    Each step takes the weighted mean of the sightings around it. A sighting's weight falls linearly to 0 over one step,
    or over the time to the sightings next to it where that is longer: this averages a fast video and interpolates a
    slow one.

    Args:
        observations: The track's sightings.
        time_s: float64 (M,), their presentation times, rising.
        inputs: Names of the measures that the model reads.
    """
    start = float(time_s[0])
    steps = int((time_s[-1] - start) * MODEL_RATE_HZ + 1e-6) + 1
    place = (time_s - start) * MODEL_RATE_HZ
    gap = np.diff(place)
    # A longer gap is one in which the face was lost: nothing is made up for it.
    gap[gap > max(_INTERPOLATED_S * MODEL_RATE_HZ, float(np.median(gap)) + 1e-6 if len(gap) else 0)] = 0
    reach = np.maximum(1.0, np.maximum(np.append(gap, 0), np.insert(gap, 0, 0)))[:, None] + 1e-6
    widest = int(np.ceil(reach.max()))
    step = np.floor(place)[:, None].astype(np.int64) + np.arange(-widest, widest + 1)
    weight = np.maximum(0, 1 - np.abs(step - place[:, None]) / reach)
    row = np.broadcast_to(np.arange(len(time_s))[:, None], step.shape)
    used = (weight > 0) & (step >= 0) & (step < steps)
    mix = coo_array((weight[used], (step[used], row[used])), shape=(steps, len(time_s))).tocsr()
    total = mix.sum(1)
    # A step on the far rim of its only sighting is not seen: it would be a copy, not a measurement.
    found = total > 0.25
    mixed = (mix @ raw_features(observations, inputs)) / np.maximum(total, 1e-9)[:, None] * found[:, None]
    return Course(start, np.concatenate([mixed, found[:, None]], 1).astype(np.float32))


def raw_features(observations: FaceObservations, inputs: Sequence[str] = INPUTS) -> Float32:
    """Join what the model reads of each sighting: float32 (M, C + G + D)."""
    logits = observations.frame_logits
    measures = np.stack([observations.measures[name] for name in inputs], 1)
    return np.concatenate([logits - _logsumexp(logits), measures, observations.embedding], 1)


def run(
    model: SequenceLSTM, features: ClipFeatures, settings: SequenceSettings, max_gap_s: float
) -> list[TrackExpressions]:
    """Run the model over every track of a clip.

    Args:
        model: In inference mode, on any device.
        features: The clip.
        settings: Windows and smoothing.
        max_gap_s: Frames between two sightings at most this far apart are bridged; others get no probabilities.
    """
    results = []
    at = np.searchsorted(features.frame, features.observations.frame)
    for track in range(features.n_tracks):
        rows = np.flatnonzero(features.track == track)
        seen = at[rows]
        course_ = course(features.observations.take(rows), features.time_s[seen], model.inputs)
        steps, clip = infer(model, course_.features, settings)
        covered = bridged(seen, features.time_s, max_gap_s)
        time_s = features.time_s[covered]
        probabilities = np.stack([np.interp(time_s, course_.time_s, column) for column in steps.T], 1)
        if settings.smooth_s > 0:
            probabilities = smoothed(probabilities, time_s, settings.smooth_s)
        probabilities /= probabilities.sum(1, keepdims=True)
        results.append(TrackExpressions(track, features.frame[covered], probabilities.astype(np.float32), clip))
    return results


def bridged(seen: Int64, time_s: Float64, max_gap_s: float) -> Int64:
    """Fill the short gaps between a track's sightings.

    Args:
        seen: int64 (M,), rising places in time_s at which the face was seen.
        time_s: float64 (T,), times of all frames.
        max_gap_s: Longest gap that is filled.

    Returns:
        int64, rising: the places seen or bridged.
    """
    covered = np.zeros(len(time_s), bool)
    covered[seen] = True
    gaps = np.flatnonzero((np.diff(seen) > 1) & (np.diff(time_s[seen]) <= max_gap_s + 1e-9))
    for gap in gaps:
        covered[seen[gap] : seen[gap + 1]] = True
    return np.flatnonzero(covered)


@torch.inference_mode()
def infer(model: SequenceLSTM, features: Float32, settings: SequenceSettings) -> tuple[Float32, Float32]:
    """Run the model over one course of any length.

    Long courses run in overlapping windows. A window's rims, which have seen too little, get no weight; where two
    windows meet they are blended linearly. The clip head's attention is summed over the windows, as if there were only
    one.

    Returns:
        Probabilities per step, float32 (S, labels), and of the whole, float32 (labels,).
    """
    device = model.centre.device
    n_steps = len(features)
    spans = list(windows(n_steps, settings))
    steps = np.zeros((n_steps, model.step_head.out_features))
    scores: list[tuple[Tensor, Tensor, Tensor]] = []
    for first in range(0, len(spans), _WINDOW_BATCH):
        batch = spans[first : first + _WINDOW_BATCH]
        stacked = torch.from_numpy(np.stack([features[start : start + len(weight)] for start, weight in batch]))
        states = model.states(stacked.to(device))
        probabilities = model.step_head(states).softmax(-1).cpu().double().numpy()
        for (start, weight), window, p in zip(batch, states, probabilities, strict=True):
            steps[start : start + len(weight)] += weight[:, None] * p
            score = model.attention(window)[:, 0].double() + torch.from_numpy(np.log(np.maximum(weight, 1e-30))).to(
                device
            )
            scores.append((score.logsumexp(0), score.softmax(0).float() @ window, score))
    totals = torch.stack([total for total, _, _ in scores]).softmax(0).float()
    pooled = totals @ torch.stack([state for _, state, _ in scores])
    clip = model.clip_head(pooled).softmax(-1).cpu().numpy()
    return settled(model, steps / steps.sum(1, keepdims=True), settings), clip


def settled(model: SequenceLSTM, p: Float64, settings: SequenceSettings) -> Float32:
    """Settle a course's probabilities (S, labels) as the settings say or, where they leave it to the model, as it was fitted."""
    return settle(p, model.config["stay"] if settings.stay == "auto" else settings.stay).astype(np.float32)


def settle(p: Float64, stay: float) -> Float64:
    """Let an expression last: the mean, weighted by _CHAIN_SHARE, of the model's probabilities and what a Markov chain makes of them.

    What the chain is sure of is shown, unless the model itself is for that step surer of another expression by more
    than 2/3.

    Args:
        p: float64 (S, C), rows sum to 1.
        stay: Probability that the next step shows the same expression; 0 leaves p as it is.

    Returns:
        float64 (S, C), rows sum to 1.
    """
    return _CHAIN_SHARE * posteriors(p, stay) + (1 - _CHAIN_SHARE) * p if stay else p


def posteriors(p: Float64, stay: float) -> Float64:
    """Return the probability of each state at each step of a Markov chain that takes p for evidence (forward-backward, Rabiner 1989).

    All states are as likely to follow one another.

    Args:
        p: float64 (S, C), rows sum to 1.
        stay: Probability, above 0 and below 1, that the next step's state is the same.

    Returns:
        float64 (S, C), rows sum to 1.
    """
    evidence = np.maximum(p, _LEAST)
    change = (1 - stay) / (p.shape[1] - 1)
    ahead, behind = evidence.copy(), np.ones_like(evidence)
    for step in range(1, len(p)):
        before = ahead[step - 1]
        before /= before.sum()
        ahead[step] *= before * (stay - change) + change
    for step in range(len(p) - 2, -1, -1):
        after = behind[step + 1] * evidence[step + 1]
        after /= after.sum()
        behind[step] = after * (stay - change) + change
    both = ahead / ahead.sum(1, keepdims=True) * behind
    return np.asarray(both / both.sum(1, keepdims=True))


def windows(n_steps: int, settings: SequenceSettings) -> Iterator[tuple[int, Float64]]:
    """Cut a course into overlapping windows of equal length.

    Yields:
        (start, weight): the first step, and float64 (length,) weights; over all windows every step's weights sum to 1.
    """
    length, overlap = round(settings.window_s * MODEL_RATE_HZ), round(settings.overlap_s * MODEL_RATE_HZ)
    if n_steps <= length:
        yield 0, np.ones(n_steps)
        return
    count = -(-(n_steps - overlap) // (length - overlap))
    starts = np.linspace(0, n_steps - length, count).round().astype(int)
    # Blend in the middle of where two windows overlap, away from the rims of both.
    middles = (starts[1:] + starts[:-1] + length) / 2
    half = max(overlap / 2 - _WARM_UP_S * MODEL_RATE_HZ, 0.5)
    for index, start in enumerate(starts):
        place = start + np.arange(length) + 0.5
        rise = np.clip((place - middles[index - 1]) / (2 * half) + 0.5, 0, 1) if index > 0 else np.ones(length)
        fall = np.clip((place - middles[index]) / (2 * half) + 0.5, 0, 1) if index < count - 1 else np.zeros(length)
        yield int(start), rise * (1 - fall)


def smoothed(probabilities: Float64, time_s: Float64, sigma_s: float) -> Float64:
    """Smooth in time with a Gaussian, on a fine even grid since frames need not be even.

    Args:
        probabilities: float64 (T, C).
        time_s: float64 (T,), rising.
        sigma_s: Standard deviation of the Gaussian, above 0.

    Returns:
        float64 (T, C); rows may sum to a little more or less than 1.
    """
    # Few runs smooth, and importing this takes as long as they do.
    from scipy.ndimage import gaussian_filter1d

    step_s = min(sigma_s / 4, 1 / MODEL_RATE_HZ)
    grid = np.arange(time_s[0], time_s[-1] + step_s, step_s)
    columns = [np.interp(grid, time_s, column) for column in probabilities.T]
    return np.stack(
        [np.interp(time_s, grid, gaussian_filter1d(column, sigma_s / step_s, mode="nearest")) for column in columns], 1
    )


def _logsumexp(logits: Float32) -> Float32:
    peak = logits.max(1, keepdims=True)
    total: Float32 = peak + np.log(np.exp(logits - peak).sum(1, keepdims=True))
    return total


def save(model: SequenceLSTM, path: Path, header: dict[str, Any]) -> None:
    """Write a sequence model and what there is to say of it.

    Args:
        model: The model.
        path: Where to.
        header: `frame_cnn`, the digest of the frame classifier whose features it reads, or ANY_FRAME_MODEL; and
            whatever else.
    """
    facts: dict[str, Any] = {
        "kind": "sequence_lstm",
        "config": model.config,
        "labels": model.labels,
        "geometry": model.inputs,
    }
    described = {**facts, "model_rate_hz": MODEL_RATE_HZ, **header}
    checkpoint.write(
        path, described, {name: tensor.detach().cpu().numpy() for name, tensor in model.state_dict().items()}
    )


def load(path: Path, frame_cnn: str, device: str = "cpu") -> SequenceLSTM:
    """Read a sequence model, ready for inference.

    Args:
        path: The checkpoint.
        frame_cnn: Digest of the frame classifier whose features it is to read.
        device: Where it is to run.

    Raises:
        WeightsError: The file is missing, broken, or was trained on other features or for another network.
    """
    checkpoint.read_sequence_model(path, frame_cnn)
    stored = checkpoint.read(path)
    model = stored.build(SequenceLSTM, labels=stored.header["labels"], inputs=stored.header["geometry"])
    stored.check_shapes({name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}, whole=True)
    model.load_state_dict({name: torch.from_numpy(array) for name, array in stored.tensors.items()})
    return model.to(device).eval()
