"""Train the frame CNN on FER+.

    python tools/train_frame.py FERPLUS.npz LANDMARKS.npz RUN [--epochs 60] [--seed 1] [--init FRAME.safetensors]
        [--stability 2] [--steps N]

LANDMARKS.npz comes from `tools/ferplus.py landmarks`. Loss: cross-entropy against the crowd's distribution of votes, on crops
that are jittered, flipped, degraded as web video is, partly covered and mixed (mixup); rare expressions are drawn more often.
Every crop comes with a twin, nudged as the landmarks of a video nudge it, and both must be answered alike (stability training,
Zheng et al. 2016). --init begins a warm restart (Loshchilov & Hutter 2017) from trained weights, at a lower rate.
RUN/last.pt is a checkpoint per epoch: the same command goes on from it. At the end the averaged weights get a prior correction
(strength chosen on the validation split) and a temperature (fitted there), both folded into the head, and are written to
RUN/frame.safetensors. The test split is not touched: `tools/score_frame.py` does that.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import cv2
import ferplus
import numpy as np
import torch
from sklearn.metrics import accuracy_score, f1_score
from torch import Tensor
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from fervideo import checkpoint, embedding
from fervideo.crops import crop
from fervideo.embedding import FrameCNN, standardise
from fervideo.records import CROP_PX, EXPRESSIONS

#: Twins in a step.
BATCH = 64
PEAK_RATE = 2e-3
#: With --init.
RESTART_RATE = 1e-3
WEIGHT_DECAY = 0.05
EMA_DECAY = 0.998
#: 0 draws every image alike, 1 every expression alike.
BALANCE = 0.5
MIXUP_ALPHA = 0.2


def jitter(rng: np.random.Generator) -> np.ndarray:
    """Draw a small affine change of the crop, as 3×3 matrix in crop pixels."""
    angle, scale = np.radians(rng.normal(0, 7)), np.exp(rng.normal(0, 0.07))
    stretch, shear = np.exp(rng.normal(0, 0.03)), rng.normal(0, 0.03)
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    linear = np.array([(cos, -sin), (sin, cos)]) @ np.array([(stretch, shear), (0, 1 / stretch)])
    if rng.random() < 0.5:
        linear = linear @ np.diag([-1.0, 1.0])
    centre = (CROP_PX - 1) / 2
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    matrix[:2, 2] = centre - linear @ (centre, centre) + rng.normal(0, 1.8, 2)
    return matrix


def nudge(rng: np.random.Generator) -> np.ndarray:
    """Draw the small error of a crop's place, as 3×3 matrix in crop pixels."""
    scale, centre = np.exp(rng.normal(0, 0.04)), (CROP_PX - 1) / 2
    shift = centre * (1 - scale) + rng.normal(0, 1.3, 2)
    return np.array([(scale, 0, shift[0]), (0, scale, shift[1]), (0, 0, 1)])


def degrade(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Lose detail as web video does: fewer pixels, blur, block noise."""
    height, width = image.shape
    if rng.random() < 0.25:
        scale = rng.uniform(0.4, 0.9)
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        image = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.2:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 1.2))
    elif rng.random() < 0.2:
        soft = cv2.GaussianBlur(image, (0, 0), 1.0)
        image = cv2.addWeighted(image, 1 + (amount := rng.uniform(0, 1)), soft, -amount, 0)
    return compress(image, rng) if rng.random() < 0.3 else image


def compress(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 90))]
    return cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_GRAYSCALE)


def relight(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Change gamma, add a gradient of light and sensor noise."""
    x = image.astype(np.float32) / 255
    if rng.random() < 0.5:
        x = x ** np.exp(rng.uniform(-0.5, 0.5))
    if rng.random() < 0.3:
        ramp = np.linspace(-1, 1, CROP_PX, dtype=np.float32)
        x = x * (1 + rng.uniform(-0.5, 0.5) * ramp[None] + rng.uniform(-0.3, 0.3) * ramp[:, None])
    if rng.random() < 0.3:
        x = x + rng.normal(0, rng.uniform(0, 0.04), x.shape)
    return (np.clip(x, 0, 1) * 255).astype(np.uint8)


def cover(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Cover a rectangle, as a hand or a microphone does (random erasing)."""
    if rng.random() < 0.25:
        height, width = rng.integers(CROP_PX // 6, CROP_PX // 2, 2)
        y, x = rng.integers(0, CROP_PX - height), rng.integers(0, CROP_PX - width)
        image[y : y + height, x : x + width] = rng.integers(0, 256) if rng.random() < 0.5 else rng.integers(0, 256, (height, width))
    return image


class Faces(torch.utils.data.Dataset[tuple[Tensor, Tensor]]):
    """Yield (crops, target): one plain crop, or augmented twins where a seed is given."""

    def __init__(self, faces: ferplus.FerPlus, seed: int | None = None) -> None:
        self.faces, self.seed = faces, seed

    def __len__(self) -> int:
        return len(self.faces)

    def __getitem__(self, key: tuple[int, int] | int) -> tuple[Tensor, Tensor]:
        row, draw = key if isinstance(key, tuple) else (key, 0)
        image, transform = self.faces.images[row], self.faces.transform(row)
        crops = crop(image, transform)[None] if self.seed is None else twins(image, transform, (self.seed, draw, row))
        return torch.from_numpy(crops), torch.from_numpy(self.faces.target[row])


def twins(image: np.ndarray, transform: np.ndarray, seed: tuple[int, int, int]) -> np.ndarray:
    """Augment a crop twice with the same draws, the second time nudged and, one time in two, compressed: uint8 (2, CROP_PX, CROP_PX)."""
    apart = np.random.default_rng((*seed, 1))
    pair = []
    for small in (np.eye(3), nudge(apart)):
        rng = np.random.default_rng(seed)
        matrix = small @ jitter(rng) @ np.vstack([transform, (0, 0, 1)])
        pair.append(cover(relight(crop(degrade(image, rng), matrix[:2]), rng), rng))
    if apart.random() < 0.5:
        pair[1] = compress(pair[1], apart)
    return np.stack(pair)


def draw_rows(faces: ferplus.FerPlus, rng: np.random.Generator) -> np.ndarray:
    """Draw an epoch's rows, rare expressions more often."""
    prior = faces.target.mean(0)
    weight = faces.target @ prior**-BALANCE
    return rng.choice(len(faces), len(faces), p=weight / weight.sum())


@torch.inference_mode()
def logits_of(model: torch.nn.Module, faces: ferplus.FerPlus) -> np.ndarray:
    """Return the logits of a whole split, float32 (N, 8), no augmentation."""
    model.eval()
    loader = torch.utils.data.DataLoader(Faces(faces), batch_size=256)
    return torch.cat([model(standardise(crops[:, 0]))[1] for crops, _ in loader]).float().numpy()


def scores(logits: np.ndarray, majority: np.ndarray) -> dict[str, float]:
    kept = majority >= 0
    truth, guess = majority[kept], logits[kept].argmax(1)
    return {
        "n": int(kept.sum()),
        "accuracy": float(accuracy_score(truth, guess)),
        "macro_f1": float(f1_score(truth, guess, average="macro")),
    }


def fit_head(logits: np.ndarray, faces: ferplus.FerPlus) -> tuple[float, float]:
    """Choose the prior correction's strength and the temperature on a split.

    Returns:
        (strength, temperature): corrected logits are (logits - strength * log prior) / temperature. The largest strength whose
        sum of accuracy and macro-F1 (averaged over its neighbours, since disgust and contempt have few faces) is within a
        standard error of the best (Breiman et al. 1984): where scores cannot tell them apart, the one that leans to neutral
        least. The temperature with the least cross-entropy against the majority, so that a confidence of 0.8 is right 8
        times in 10.
    """
    log_prior = np.log(faces.target.mean(0))
    strengths = np.arange(-0.5, 0.76, 0.05)
    merit = np.array([sum(scores(logits - s * log_prior, faces.majority)[key] for key in ("accuracy", "macro_f1")) for s in strengths])
    smooth = np.convolve(np.pad(merit, 1, mode="edge"), [0.25, 0.5, 0.25], "valid")
    clear = faces.majority >= 0
    right = accuracy_score(faces.majority[clear], logits[clear].argmax(1))
    close = smooth.max() - smooth <= math.sqrt(right * (1 - right) / clear.sum())
    strength = float(strengths[close].max())
    corrected, truth = torch.from_numpy((logits - strength * log_prior)[clear]), torch.from_numpy(faces.majority[clear])
    temperatures = np.arange(0.3, 2.01, 0.02)
    losses = [float(functional.cross_entropy(corrected / t, truth)) for t in temperatures]
    return strength, float(temperatures[int(np.argmin(losses))])


def loss_of(model: torch.nn.Module, crops: Tensor, target: Tensor, rng: np.random.Generator, stability: float) -> Tensor:
    """Return the loss of a batch of twins, crops uint8 (B, 2, CROP_PX, CROP_PX): both against the votes, and one against the other."""
    x = standardise(crops.transpose(0, 1).flatten(0, 1)).unflatten(0, (2, -1))
    share, other = rng.beta(MIXUP_ALPHA, MIXUP_ALPHA), torch.randperm(len(target))
    x, target = share * x + (1 - share) * x[:, other], share * target + (1 - share) * target[other]
    # Half as long in bfloat16, on the CPU too.
    with torch.autocast(x.device.type, torch.bfloat16):
        logits = model(x.flatten(0, 1).contiguous(memory_format=torch.channels_last))[1]
    one, two = logits.float().log_softmax(1).chunk(2)
    apart = functional.kl_div(one, two, log_target=True, reduction="batchmean")
    apart = apart + functional.kl_div(two, one, log_target=True, reduction="batchmean")
    return functional.cross_entropy(torch.cat([one, two]), target.repeat(2, 1)) + stability * apart / 2


def train(faces: ferplus.FerPlus, check: ferplus.FerPlus, run: Path, recipe: dict[str, Any], init: Path | None) -> FrameCNN:
    """Train, one checkpoint per epoch, and return the averaged weights."""
    epochs, seed = recipe["epochs"], recipe["seed"]
    torch.manual_seed(seed)
    model, peak = FrameCNN(), PEAK_RATE
    if init:
        # Blocks that this network lacks are left behind.
        known, peak = embedding.load(init).state_dict(), RESTART_RATE
        model.load_state_dict({name: known[name] for name in model.state_dict()})
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's own annotation lacks it
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(EMA_DECAY), use_buffers=True)
    decayed = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim <= 1]
    optimiser = torch.optim.AdamW([{"params": decayed, "weight_decay": WEIGHT_DECAY}, {"params": plain, "weight_decay": 0.0}])
    per_epoch = recipe["steps"] or len(faces) // BATCH
    total, warm_up = epochs * per_epoch, min(2 * per_epoch, epochs * per_epoch // 10 + 1)
    first = 0
    if (run / "last.pt").exists():
        state = torch.load(run / "last.pt", weights_only=True)
        if state["recipe"] != recipe:
            raise SystemExit(f"{run / 'last.pt'} belongs to {state['recipe']}, this is {recipe}: give another RUN")
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        first = state["epoch"] + 1
    for epoch in range(first, epochs):
        started, rng = time.monotonic(), np.random.default_rng((seed, epoch))
        torch.manual_seed(seed * 1000 + epoch)
        rows = [(int(row), epoch * len(faces) + k) for k, row in enumerate(draw_rows(faces, rng)[: per_epoch * BATCH])]
        loader = torch.utils.data.DataLoader(Faces(faces, seed), batch_size=BATCH, sampler=rows, num_workers=1, prefetch_factor=8)
        model.train()
        loss_sum = 0.0
        for step, (crops, target) in enumerate(loader, epoch * per_epoch):
            rate = peak * min((step + 1) / warm_up, 0.5 * (1 + math.cos(math.pi * step / total)))
            for group in optimiser.param_groups:
                group["lr"] = rate
            loss = loss_of(model, crops, target, rng, recipe["stability"])
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimiser.step()
            average.update_parameters(model)
            loss_sum += float(loss.detach())
        state = {"model": model.state_dict(), "average": average.state_dict(), "optimiser": optimiser.state_dict()}
        state |= {"recipe": recipe, "epoch": epoch}
        torch.save(state, run / "last.tmp")
        (run / "last.tmp").rename(run / "last.pt")
        report = {"epoch": epoch, "loss": loss_sum / per_epoch, "seconds": round(time.monotonic() - started)}
        if epoch % 5 == 4 or epoch == epochs - 1:
            report |= scores(logits_of(average, check), check.majority)
        print(json.dumps(report), flush=True)
    model.load_state_dict(average.module.state_dict())
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", type=Path)
    parser.add_argument("landmarks", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--init", type=Path, help="weights to go on from")
    parser.add_argument("--stability", type=float, default=2.0, help="weight of the divergence between twins")
    parser.add_argument("--steps", type=int, help="steps per epoch, to try the recipe; default: all images")
    args = parser.parse_args()
    args.run.mkdir(parents=True, exist_ok=True)
    faces = ferplus.load(args.archive, args.landmarks, "train")
    check = ferplus.load(args.archive, args.landmarks, "validation")
    recipe = {name: getattr(args, name) for name in ("epochs", "seed", "stability", "steps")}
    recipe["init"] = checkpoint.digest(args.init) if args.init else None
    model = train(faces, check, args.run, recipe, args.init)
    logits = logits_of(model, check)
    strength, temperature = fit_head(logits, check)
    with torch.no_grad():
        model.head.bias.sub_(strength * torch.from_numpy(np.log(check.target.mean(0)))).div_(temperature)
        model.head.weight.div_(temperature)
    result = scores(logits_of(model, check), check.majority)
    header = {
        **recipe,
        "recipe": "tools/train_frame.py",
        "data": "FER+ votes (MIT) on FER2013 images, training split",
        "date": time.strftime("%Y-%m-%d"),
        "prior_correction": strength,
        "temperature": temperature,
        "scores": {"ferplus_validation": result},
    }
    embedding.save(model, args.run / "frame.safetensors", header)
    print(json.dumps({"prior_correction": strength, "temperature": temperature, "labels": EXPRESSIONS, **result}))


if __name__ == "__main__":
    main()
