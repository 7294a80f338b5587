"""Train the sequence model on simulated sequences.

    python tools/train_sequence.py FERPLUS.npz LANDMARKS.npz FRAME.safetensors RUN [--steps 2500] [--seed 1]
        [--smoothness 0.05] [--certainty 0.5] [--forward-only | --without-embedding] [--split validation|test]

FRAME.safetensors is the frame CNN that tools/train_frame.py trained. RUN/sequence.safetensors is written. With
--forward-only it is RUN/unidirectional.safetensors, for comparison; with --without-embedding RUN/smoother.safetensors,
for any other frame classifier. RUN keeps the features of all rendered stills, so that a second call starts at once. An
interrupted call goes on from a .pt file beside the result.

Sequences are drawn from the training split. The scores printed at the end are those of the validation split (`--split
test` for the report). Temperatures of both heads, and the chance that an expression stays (`sequence.chain.settle`),
are fitted on other sequences from the validation split.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import ferplus
import numpy as np
import torch
from simulate import Bank, Simulator, build_bank
from smoothing import calmest
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from fervideo import checkpoint
from fervideo.records import ANY_FRAME_MODEL, EXPRESSIONS, MODEL_RATE_HZ
from fervideo.sequence.chain import settle
from fervideo.sequence.course import INPUTS, n_features
from fervideo.sequence.load import save_lstm
from fervideo.sequence.lstm import SequenceLSTM
from fervideo.training.calibrate import temperature

BATCH = 24
PEAK_RATE = 2e-3
#: Shortest and longest sequence.
SEQUENCE_S = (6.0, 20.0)
CLIP_LOSS = 0.3
#: The largest change of a log-probability that costs more than a smaller one: onsets are to be steep.
LARGEST_JUMP = 4.0
#: Sequences for fitting temperatures and the chance to stay, and as many others for the table at the end.
TEST_SEQUENCES = 900
#: Weight of a neutral second in the label of a whole clip, beside 1 for others.
NEUTRAL_SHARE = 0.5
#: Chances that the next step shows the same expression: one is chosen; 0 leaves the predictions as they are.
STAYS = (0.0, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, *(1 - m * 10.0**-k for k in range(2, 6) for m in (1, 0.5, 0.2)), 1 - 1e-6)


class Sequences(Dataset[tuple[np.ndarray, np.ndarray, np.ndarray]]):
    """Simulated sequences: number k is drawn from seed (seed, k).

    Those of a batch are equally long: without packing a batch runs five times as fast.
    """

    def __init__(self, simulator: Simulator, n: int, seed: int) -> None:
        self.simulator, self.n, self.seed = simulator, n, seed

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        seconds = np.random.default_rng((self.seed, k // BATCH, 1)).uniform(*SEQUENCE_S)
        return self.simulator.draw(np.random.default_rng((self.seed, k)), seconds)


def collate(drawn: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Stack sequences: features (B, S, F), target (B, S, C), mask (B, S), all true, and clip target (B, C)."""
    features, target = (np.stack(arrays) for arrays in list(zip(*drawn, strict=True))[:2])
    weight = np.where(np.arange(len(EXPRESSIONS)) == 0, NEUTRAL_SHARE, 1)
    clip = (shown := target.mean(1) * weight) / shown.sum(1, keepdims=True)
    mask = np.ones(features.shape[:2], bool)
    clip = clip.astype(np.float32)
    return torch.from_numpy(features), torch.from_numpy(target), torch.from_numpy(mask), torch.from_numpy(clip)


def loss_of(model: SequenceLSTM, batch: tuple[Tensor, Tensor, Tensor, Tensor], smoothness: float) -> Tensor:
    """Compute the loss of a batch from `collate`; `smoothness` weighs changes from step to step."""
    features, target, mask, clip_target = batch
    steps, clip = model(features, mask)
    loss = functional.cross_entropy(steps[mask], target[mask]) + CLIP_LOSS * functional.cross_entropy(clip, clip_target)
    return loss + smoothness * jumps(steps.log_softmax(-1), mask) if smoothness else loss


def jumps(log_p: Tensor, mask: Tensor) -> Tensor:
    """Compute the truncated mean squared change of log-probabilities (B, S, C) by step (Farha & Gall 2019)."""
    change = (log_p[:, 1:] - log_p[:, :-1].detach()).square().clamp(max=LARGEST_JUMP**2)
    return change[mask[:, 1:]].mean()


def train(bank: Bank, last: Path, recipe: dict[str, Any]) -> SequenceLSTM:
    """Train with a checkpoint every 250 steps in `last`, from which the same recipe goes on."""
    steps, seed = recipe["steps"], recipe["seed"]
    torch.manual_seed(seed)
    model = SequenceLSTM(
        embedding_dim=bank.features.shape[2] - n_features(INPUTS, 0), bidirectional=recipe["bidirectional"]
    )
    flat = torch.from_numpy(bank.features.reshape(-1, bank.features.shape[2]))
    model.centre, model.scale = flat.mean(0), flat.std(0)
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=0.01)
    first = 0
    if last.exists():
        state = torch.load(last, weights_only=True)
        if state["recipe"] != recipe:
            raise SystemExit(f"{last} belongs to {state['recipe']}, this is {recipe}: give another RUN")
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        first = state["step"] + 1
    drawn = Sequences(Simulator(bank), steps * BATCH, seed)
    rows = range(first * BATCH, steps * BATCH)
    loader = DataLoader(drawn, BATCH, sampler=rows, collate_fn=collate, num_workers=1, prefetch_factor=4)
    model.train()
    started, losses = time.monotonic(), []
    for step, batch in enumerate(loader, first):
        torch.manual_seed(seed * 1_000_000 + step)
        rate = PEAK_RATE * min((step + 1) / 100, 0.5 * (1 + math.cos(math.pi * step / steps)))
        for group in optimiser.param_groups:
            group["lr"] = rate
        loss = loss_of(model, batch, recipe["smoothness"])
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        losses.append(float(loss.detach()))
        if step % 250 == 249 or step == steps - 1:
            state = {"recipe": recipe, "model": model.state_dict(), "optimiser": optimiser.state_dict(), "step": step}
            torch.save(state, temporary := last.with_suffix(".tmp"))
            temporary.rename(last)
            report = {"step": step, "loss": round(float(np.mean(losses[-250:])), 4)}
            print(json.dumps(report | {"seconds": round(time.monotonic() - started)}), flush=True)
    return model.eval()


def bank_of(archive: Path, landmarks: Path, frame_cnn: Path, run: Path, split: str, seed: int) -> Bank:
    """Build a split's bank, or read it from RUN."""
    stored = run / f"bank-{split}-{checkpoint.digest(frame_cnn)[:12]}.npz"
    if not stored.exists():
        bank = build_bank(ferplus.load(archive, landmarks, split), frame_cnn, seed)
        np.savez(stored, features=bank.features, target=bank.target, label=bank.label)
    data = np.load(stored)
    return Bank(data["features"], data["target"], data["label"])


def whole(target: np.ndarray) -> int:
    """Find the label of a whole sequence, given the distribution at each step (S, C)."""
    return int((target.mean(0) * np.where(np.arange(len(EXPRESSIONS)) == 0, NEUTRAL_SHARE, 1)).argmax())


def calibrate(model: SequenceLSTM, bank: Bank, n: int, seed: int) -> dict[str, float]:
    """Calibrate both heads on n simulated sequences; their temperatures are folded into the weights.

    Returns:
        The temperatures `steps` and `clips`, and `stay`, the chance that an expression stays.
    """
    found = {}
    drawn = [Sequences(Simulator(bank), n, seed)[k] for k in range(n)]
    with torch.inference_mode():
        outputs = [
            model(torch.from_numpy(features)[None], torch.ones(1, len(features), dtype=torch.bool))
            for features, _, _ in drawn
        ]
    steps = torch.cat([steps[0] for steps, _ in outputs]), np.concatenate([label for _, _, label in drawn])
    clips = torch.cat([clip for _, clip in outputs]), np.array([whole(target) for _, target, _ in drawn])
    for name, head, (logits, truth) in (("steps", model.step_head, steps), ("clips", model.clip_head, clips)):
        found[name] = temperature(truth, logits.softmax(-1).numpy())
        with torch.no_grad():
            head.weight.div_(found[name])
            head.bias.div_(found[name])
    p = [(steps[0] / found["steps"]).softmax(-1).double().numpy() for steps, _ in outputs]
    return found | {"stay": settling(p, [label for _, _, label in drawn])}


def settling(p: list[np.ndarray], labels: list[np.ndarray]) -> float:
    """Choose the chance that an expression stays, as amounts of cheap smoothing are chosen."""

    def shown(stay: float) -> list[tuple[np.ndarray, np.ndarray]]:
        return [(label, settle(one, stay).argmax(1)) for one, label in zip(p, labels, strict=True)]

    return calmest(STAYS, shown)


@torch.inference_mode()
def evaluate(model: SequenceLSTM, bank: Bank, n: int, seed: int) -> dict[str, float]:
    """Score the model and the frame CNN alone on simulated sequences: accuracy by step, label changes per minute."""
    names = ("lstm", "frame_cnn", "truth")
    right, changes, total = dict.fromkeys(names, 0), dict.fromkeys(names, 0), 0
    clip_right = 0
    for features, target, label in map(Sequences(Simulator(bank), n, seed).__getitem__, range(n)):
        steps, clip = model(torch.from_numpy(features)[None], torch.ones(1, len(features), dtype=torch.bool))
        frame = features[:, : len(EXPRESSIONS)].argmax(1)
        seen = np.maximum.accumulate(np.where(features[:, -1] > 0, np.arange(len(frame)), 0))
        shown = {
            "lstm": settle(steps[0].softmax(-1).double().numpy(), model.config["stay"]).argmax(1),
            "frame_cnn": frame[seen],
            "truth": label,
        }
        for name in names:
            right[name] += int((shown[name] == label).sum())
            changes[name] += int((np.diff(shown[name]) != 0).sum())
        total += len(label)
        clip_right += int(clip[0].argmax()) == whole(target)
    minutes = total / MODEL_RATE_HZ / 60
    scores = {f"accuracy_{name}": right[name] / total for name in names[:2]}
    scores |= {f"changes_per_min_{name}": changes[name] / minutes for name in names}
    return {key: round(value, 4) for key, value in {**scores, "clip_accuracy": clip_right / n, "sequences": n}.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("archive", "landmarks", "frame_cnn", "run"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--seed", type=int, default=1)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--forward-only", action="store_true", help="a unidirectional LSTM, for comparison")
    which.add_argument("--without-embedding", action="store_true", help="read only the outputs of any frame classifier")
    parser.add_argument(
        "--smoothness", type=float, default=0.05, help="weight of the loss of changes from step to step"
    )
    parser.add_argument(
        "--certainty", type=float, default=0.5, help="share of the votes that is given to the majority, 0 to 1"
    )
    parser.add_argument("--split", default="validation", choices=("validation", "test"))
    args = parser.parse_args()
    args.run.mkdir(parents=True, exist_ok=True)
    splits = dict.fromkeys(("train", "validation", args.split))
    banks = {
        split: bank_of(args.archive, args.landmarks, args.frame_cnn, args.run, split, args.seed) for split in splits
    }
    if args.without_embedding:
        banks = {split: bank.without_embedding() for split, bank in banks.items()}
    digest = ANY_FRAME_MODEL if args.without_embedding else checkpoint.digest(args.frame_cnn)
    recipe = {"frame_cnn": digest, "bidirectional": not args.forward_only}
    recipe |= {name: getattr(args, name) for name in ("seed", "steps", "smoothness", "certainty")}
    name = "smoother" if args.without_embedding else "unidirectional" if args.forward_only else "sequence"
    model = train(banks["train"].with_certainty(args.certainty), args.run / f"{name}.pt", recipe)
    fitted = calibrate(model, banks["validation"], TEST_SEQUENCES, args.seed + 2000)
    model.config["stay"] = fitted["stay"]
    scores = evaluate(model, banks[args.split], TEST_SEQUENCES, args.seed + 1000)
    header = {
        **recipe,
        "labels": EXPRESSIONS,
        "recipe": "tools/train_sequence.py",
        "data": "sequences simulated from FER+ stills, training split",
        "temperatures": {name: fitted[name] for name in ("steps", "clips")},
        "date": time.strftime("%Y-%m-%d"),
        "scores": {f"simulated_{args.split}": scores},
    }
    save_lstm(model, args.run / f"{name}.safetensors", header)
    print(json.dumps(scores))


if __name__ == "__main__":
    main()
