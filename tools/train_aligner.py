"""Train the frame CNN's aligner on FER+'s faces; their expressions do not matter.

    python tools/train_aligner.py FERPLUS.npz LANDMARKS.npz ALIGNER.safetensors [--steps 6000] [--seed 1]

LANDMARKS.npz comes from `tools/ferplus.py landmarks`. Two views of every face are drawn. Each is shifted, zoomed and
turned from the position that its landmarks give it, and spoilt in its own way. The aligner learns how far each view was
moved and, with more weight, how far the two differ. Landmarks err, and a face's crops are to lie alike. Its errors on
validation faces are printed as root mean squares, in pixels (two), parts of the size and radians.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import ferplus
import numpy as np
import torch
from loop import channels_last
from torch import Tensor
from torch.nn import functional

from fervideo import checkpoint
from fervideo.classifiers.cnn import OFFSET_UNITS, Aligner, resample, similarity
from fervideo.classifiers.nets import standardise
from fervideo.crops import crop
from fervideo.records import CROP_PX

BATCH = 128
PEAK_RATE = 2e-3
WARM_UP = 100
#: The margin around the crop, on each side, in which views move.
MARGIN_PX = 12
#: Standard deviations of the moves of views, in OFFSET_UNITS: 2 pixels, 6 hundredths of the size, a twentieth of a
#: radian.
MOVED = (0.29, 0.29, 0.6, 0.5)
#: Weight of the error in the difference of two views, beside the error in the move of each. Landmarks' own errors blur
#: the latter, so that the aligner finds too little of a move. At a weight of 2 it found seven
#: eighths of a zoom on video.
ALIKE = 8.0


def wide_crops(faces: ferplus.FerPlus) -> Tensor:
    """Cut faces out with a margin: uint8 (N, 1, side, side); those without landmarks are skipped."""
    side_px = CROP_PX + 2 * MARGIN_PX
    found = np.flatnonzero(np.isfinite(faces.landmarks_px[:, 0, 0]))
    wide = [crop(faces.images[row], faces.transform(row) + np.array([0, 0, MARGIN_PX]), side_px) for row in found]
    return torch.from_numpy(np.stack(wide))[:, None]


def cut(wide: Tensor, moves: Tensor) -> Tensor:
    """Cut crops float32 (M, 1, CROP_PX, CROP_PX) out of wide ones, moved by `moves` (M, 4) in OFFSET_UNITS."""
    return resample(wide, similarity(moves) * (CROP_PX / wide.shape[2]))


def spoilt(crops: Tensor, generator: torch.Generator) -> Tensor:
    """Add noise to some crops and blur others."""
    uniform = torch.rand(3, len(crops), 1, 1, 1, generator=generator)
    crops = crops + torch.randn(crops.shape, generator=generator) * (10 * uniform[0] * (uniform[1] < 0.5))
    blurred = functional.interpolate(functional.avg_pool2d(crops, 2), scale_factor=2, mode="bilinear")
    return torch.where(uniform[2] < 0.3, blurred, crops)


def draw(wide: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw two views of each face: standardised crops (2 M, 1, CROP_PX, CROP_PX), and their moves (2 M, 4)."""
    wide = wide.float()
    if torch.rand((), generator=generator) < 0.5:
        wide = wide.flip(3)
    moves = torch.randn(2 * len(wide), 4, generator=generator) * torch.tensor(MOVED)
    return standardise(spoilt(cut(wide.repeat(2, 1, 1, 1), moves), generator)[:, 0]), moves


def errors(aligner: Aligner, crops: Tensor, moves: Tensor) -> tuple[Tensor, Tensor]:
    """Return the aligner's errors in the moves of views, (2 M, 4), and in the difference of each two, (M, 4)."""
    left = aligner.misplaced(crops) - moves
    one, two = left.chunk(2)
    return left, one - two


def train(wide: Tensor, steps: int, seed: int) -> Aligner:
    """Train on wide crops, uint8 (N, 1, side, side)."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    aligner = Aligner()
    channels_last(aligner)
    optimiser = torch.optim.AdamW(aligner.parameters(), PEAK_RATE, weight_decay=0.01)
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = PEAK_RATE * min(
            (step + 1) / WARM_UP, 0.5 * (1 + math.cos(math.pi * step / steps))
        )
        rows = torch.randint(len(wide), (BATCH,), generator=generator)
        crops, moves = draw(wide[rows], generator)
        left, apart = errors(aligner, crops.contiguous(memory_format=torch.channels_last), moves)
        loss = left.square().mean() + ALIKE * apart.square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % 250 == 249:
            print(json.dumps({"step": step, "loss": round(float(loss.detach()), 4)}), flush=True)
    return aligner.eval()


@torch.inference_mode()
def evaluate(aligner: Aligner, wide: Tensor) -> dict[str, list[float]]:
    """Measure the errors on faces that were not learned from."""
    both = errors(aligner, *draw(wide, torch.Generator().manual_seed(0)))
    units = torch.tensor(OFFSET_UNITS) * torch.tensor([CROP_PX / 2, CROP_PX / 2, 1, 1])
    rms = [(left.square().mean(0).sqrt() * units).tolist() for left in both]
    return dict(zip(("left", "apart"), [[round(value, 3) for value in values] for values in rms], strict=True))


def load(path: Path) -> Aligner:
    """Read an aligner that `main` wrote.

    Raises:
        WeightsError: The file is missing, broken, or made for another crop or network.
    """
    stored = checkpoint.read(path)
    stored.expect(kind="aligner", crop_px=CROP_PX)
    aligner = stored.build(Aligner)
    stored.check_shapes({name: tuple(tensor.shape) for name, tensor in aligner.state_dict().items()}, whole=True)
    aligner.load_state_dict({name: torch.from_numpy(array) for name, array in stored.tensors.items()})
    return aligner.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("archive", "landmarks", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    wide = {split: wide_crops(ferplus.load(args.archive, args.landmarks, split)) for split in ("train", "validation")}
    aligner = train(wide["train"], args.steps, args.seed)
    scores = evaluate(aligner, wide["validation"])
    header = {
        "kind": "aligner",
        "config": {"widths": aligner.widths},
        "crop_px": CROP_PX,
        "recipe": "tools/train_aligner.py",
        "steps": args.steps,
        "seed": args.seed,
        "data": "FER2013 images, training split, and FaceMesh's landmarks",
        "date": time.strftime("%Y-%m-%d"),
        "scores": {"ferplus_validation": scores},
    }
    checkpoint.write(args.out, header, {name: tensor.numpy() for name, tensor in aligner.state_dict().items()})
    print(json.dumps(scores))


if __name__ == "__main__":
    main()
