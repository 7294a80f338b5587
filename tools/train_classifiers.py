"""Train the classic frame classifiers on FER+.

    python tools/train_classifiers.py svm|mlp|transfer|vgg16 FERPLUS.npz LANDMARKS.npz RUN [--landmarks mediapipe|dlib]
        [--backbone-weights FILE] [--epochs N] [--steps N] [--seed 1] [--study]

LANDMARKS.npz comes from `tools/ferplus.py landmarks`. Each system writes RUN/<system>.safetensors (`svm-dlib`,
`mlp-dlib` with dlib's landmarks). Weights are fitted on the training split, the prior correction and the temperature on
the validation split. The test split is not touched: `fervideo compare` scores it.

- `svm`: geometric features into scikit-learn's SVC. A fifth of the training faces is kept back to calibrate its
  margins.
- `mlp`: aligned landmarks into a dense network, mirrored and shaken.
- `transfer`: our small body first learns the positions of FaceMesh's landmarks (RUN/body.safetensors, used again if
  present). Then a new head learns expressions with the body frozen, then all of it. `--study` also trains the same net
  from scratch and with a frozen body, with all labels and with a tenth of them; it writes RUN/study.json.
- `vgg16`: the same with VGG16's body from `--backbone-weights`, a file with torchvision's names.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import ferplus
import numpy as np
import torch
from augment import jitter, relight
from ferplus import FerPlus
from loop import draw_rows, scores
from safetensors.torch import save_file
from scipy.optimize import linear_sum_assignment
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from train_frame import fit_head

from fervideo import checkpoint, classifiers
from fervideo.classifiers import mlp, nets, shape, svm, transfer
from fervideo.classifiers.features import FEATURES
from fervideo.crops import crop
from fervideo.landmarks import N_LANDMARKS
from fervideo.records import CROP_PX, EXPRESSIONS

#: The classifiers that this recipe trains.
SYSTEMS = ("svm", "mlp", "transfer", "vgg16")
BATCH = 128
EMA_DECAY = 0.99
WEIGHT_DECAY = 0.02
#: The SVM's penalty and kernel width, for standardised features.
SVC_C, SVC_GAMMA = 5.0, 0.005
#: Share of the training faces that calibrates the SVM's margins.
HELD_OUT = 0.2
#: Shaking of aligned landmarks, in distances of the outer eye corners.
SHAKE = 0.01
#: Scale of the regression of landmarks, crop pixels.
LANDMARK_PX = 4.0
DATA = "FER+ votes (MIT) on FER2013 images, training split"
LICENCES = {
    "mediapipe": "MIT; mind the terms of the FER2013 images",
    "dlib": "non-commercial: dlib's 68-point model learned from iBUG 300-W, whose licence excludes commercial use",
    "none": "MIT; mind the terms of the FER2013 images",
}
Batches = Iterator[tuple[Tensor, Tensor]]


def mirror_of(mean_face: np.ndarray) -> np.ndarray:
    """Find the mirror image of each landmark: int (K,)."""
    across = mean_face * np.where(np.arange(mean_face.shape[1]) == 0, -1, 1)
    cost = ((across[:, None] - mean_face[None]) ** 2).sum(2)
    return linear_sum_assignment(cost)[1]


def cut(faces: FerPlus, row: int, rng: np.random.Generator | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Cut a face's crop, jittered and relit if a generator is given; also return the transform, (2, 3)."""
    transform = faces.transform(row)
    if rng is None:
        return crop(faces.images[row], transform), transform
    transform = (jitter(rng) @ np.vstack([transform, (0, 0, 1)]))[:2]
    return relight(crop(faces.images[row], transform), rng), transform


def all_crops(faces: FerPlus) -> np.ndarray:
    """Cut all crops without changes: uint8 (N, CROP_PX, CROP_PX)."""
    return np.stack([cut(faces, row)[0] for row in range(len(faces))])


def crop_batches(faces: FerPlus, seed: int, steps: int | None) -> Callable[[int], Batches]:
    """Return a function that yields an epoch's augmented crops and votes, rare expressions more often."""

    def epoch_of(epoch: int) -> Batches:
        rng = np.random.default_rng((seed, epoch))
        rows = draw_rows(faces, rng)
        for start in range(0, (steps or max(len(rows) // BATCH, 1)) * BATCH, BATCH):
            part = rows[start : start + BATCH]
            yield (
                torch.from_numpy(np.stack([cut(faces, row, rng)[0] for row in part])),
                torch.from_numpy(faces.target[part]),
            )

    return epoch_of


def landmark_batches(faces: FerPlus, seed: int, steps: int | None) -> Callable[[int], Batches]:
    """Return a function that yields an epoch's augmented crops and landmarks.

    The landmarks are float32 (B, 956) in the crop, centred, in units of LANDMARK_PX.
    """
    rows_there = np.flatnonzero(shape.known(faces.landmarks_px))
    face = np.median(faces.landmarks_px[rows_there], 0)[:, :2]
    mirror = mirror_of(face - face[list(shape.RIGID["mediapipe"])].mean(0))
    frontal = (face - ferplus.IMAGE_PX / 2) * CROP_PX / ferplus.IMAGE_PX + CROP_PX / 2

    def target(row: int, transform: np.ndarray) -> np.ndarray:
        points = faces.landmarks_px[row, :, :2] @ transform[:, :2].T + transform[:, 2]
        if np.linalg.det(transform[:, :2]) < 0:
            points = points[mirror]
        return ((points - frontal) / LANDMARK_PX).astype(np.float32).ravel()

    def epoch_of(epoch: int) -> Batches:
        rng = np.random.default_rng((seed, epoch))
        rows = rng.permutation(rows_there)
        for start in range(0, (steps or max(len(rows) // BATCH, 1)) * BATCH, BATCH):
            pairs = [(row, *cut(faces, row, rng)) for row in rows[start : start + BATCH]]
            targets = np.stack([target(row, transform) for row, _, transform in pairs])
            yield torch.from_numpy(np.stack([image for _, image, _ in pairs])), torch.from_numpy(targets)

    return epoch_of


def descend(
    model: nn.Module,
    batches: Callable[[int], Batches],
    loss_of: Callable[[Tensor, Tensor], Tensor],
    epochs: int,
    rate: float,
    *,
    frozen: nn.Module | None = None,
) -> None:
    """Train with AdamW and a one-cycle rate; the model ends with its averaged weights.

    Args:
        model: The network, trained in place.
        batches: Maps an epoch to its batches.
        loss_of: Maps outputs and targets to the loss.
        epochs: The number of epochs.
        rate: The highest learning rate.
        frozen: A part of the network that keeps its weights and norms.
    """
    learned = [p for p in model.parameters() if frozen is None or all(p is not q for q in frozen.parameters())]
    groups = [{"params": [p for p in learned if p.ndim > 1], "weight_decay": WEIGHT_DECAY}]
    groups.append({"params": [p for p in learned if p.ndim <= 1], "weight_decay": 0.0})
    optimiser = torch.optim.AdamW(groups, lr=rate)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(EMA_DECAY), use_buffers=True)
    for epoch in range(epochs):
        model.train()
        started, losses = time.monotonic(), []
        if frozen is not None:
            frozen.eval()
        drawn = list(batches(epoch))
        for step, (x, target) in enumerate(drawn):
            done = (epoch + step / len(drawn)) / epochs
            for group in optimiser.param_groups:
                group["lr"] = rate * min(done * 10 + 0.01, 0.5 * (1 + math.cos(math.pi * done)))
            loss = loss_of(model(x), target)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            average.update_parameters(model)
            losses.append(float(loss.detach()))
        report = {"epoch": epoch, "loss": round(float(np.mean(losses)), 4), "s": round(time.monotonic() - started)}
        print(json.dumps(report), flush=True)
    model.load_state_dict(average.module.state_dict())
    model.eval()


def landmark_head(n_in: int) -> nn.Sequential:
    """Build the head of the first task, which is discarded."""
    return nn.Sequential(nn.Linear(n_in, 128), nn.ReLU(inplace=True), nn.Linear(128, 2 * N_LANDMARKS))


def pretrain(body: transfer.SmallNet, faces: FerPlus, args: argparse.Namespace) -> None:
    """Teach a body the positions of a face's landmarks."""
    expressions, body.classifier = body.classifier, landmark_head(body.n_features)
    descend(body, landmark_batches(faces, args.seed, args.steps), functional.smooth_l1_loss, args.epochs, 2e-3)
    body.classifier = expressions


def tune(model: transfer.SmallNet | transfer.VGG16, faces: FerPlus, args: argparse.Namespace, how: str) -> None:
    """Train on expressions.

    `tuned` trains the head first with the body frozen, then all; `frozen` the head alone, `scratch` all at once.
    """
    batches = crop_batches(faces, args.seed, args.steps)
    # A tenth of the labels gets more rounds; an epoch of it is ten times shorter.
    rounds = args.epochs * (3 if len(faces) < 5000 else 1)
    if how != "scratch":
        descend(
            model,
            batches,
            functional.cross_entropy,
            max(rounds // 3, 1) if how == "tuned" else rounds,
            2e-3,
            frozen=model.features,
        )
    if how != "frozen":
        descend(model, batches, functional.cross_entropy, rounds, 1e-3 if how == "tuned" else 2e-3)


def study(faces: FerPlus, check: FerPlus, crops: np.ndarray, args: argparse.Namespace, tuned: dict[str, float]) -> None:
    """Measure the gain of the transfer; validation scores go to RUN/study.json."""
    results = {"tuned, all labels": tuned}
    tenth = faces.take(np.random.default_rng(args.seed).permutation(len(faces))[: len(faces) // 10])
    for share, part in (("a tenth of the labels", tenth), ("all labels", faces)):
        for how in ("tuned", "frozen", "scratch"):
            if f"{how}, {share}" in results:
                continue
            torch.manual_seed(args.seed)
            model = transfer.SmallNet()
            if how != "scratch":
                transfer.load_body(model, args.run / "body.safetensors")
            tune(model, part, args, how)
            results[f"{how}, {share}"] = scores(corrected(run(model, crops), check)[0], check.majority)
            print(json.dumps({f"{how}, {share}": results[f"{how}, {share}"]}), flush=True)
            (args.run / "study.json").write_text(json.dumps(results, indent=1))


def run(model: nn.Module, inputs: np.ndarray) -> np.ndarray:
    """Compute logits, float32 (N, 8)."""
    return nets.run(model.eval(), inputs, torch.device("cpu"))


def corrected(logits: np.ndarray, check: FerPlus) -> tuple[np.ndarray, np.ndarray, float]:
    """Correct logits for the prior: scale * logits + shift; also return the shift (8,) and the scale."""
    strength, temperature = fit_head(logits, check)
    shift = -strength * np.log(check.target.mean(0)) / temperature
    return logits / temperature + shift, shift.astype(np.float32), 1 / temperature


def finish(model: nn.Module, inputs: np.ndarray, check: FerPlus) -> dict[str, np.ndarray]:
    """Fold the correction into a trained network's last layer and return its parameters."""
    _, shift, scale = corrected(run(model, inputs), check)
    last = [layer for layer in model.modules() if isinstance(layer, nn.Linear)][-1]
    with torch.no_grad():
        last.weight.mul_(scale)
        last.bias.mul_(scale).add_(torch.from_numpy(shift))
    return {name: tensor.numpy() for name, tensor in model.state_dict().items()}


def train_transfer(faces: FerPlus, check: FerPlus, args: argparse.Namespace) -> dict[str, np.ndarray]:
    """Train the transfer CNN or VGG16; return its parameters."""
    torch.manual_seed(args.seed)
    model = transfer.NETWORKS[args.system]()
    body = args.backbone_weights or args.run / "body.safetensors"
    if isinstance(model, transfer.SmallNet) and not body.exists():
        pretrain(model, faces, args)
        save_file({f"features.{name}": tensor for name, tensor in model.features.state_dict().items()}, body)
    transfer.load_body(model, body)
    tune(model, faces, args, "tuned")
    return finish(model, all_crops(check), check)


def train_mlp(faces: FerPlus, check: FerPlus, mean: np.ndarray, args: argparse.Namespace) -> dict[str, np.ndarray]:
    """Train the dense network; return its parameters."""
    torch.manual_seed(args.seed)
    offsets = mlp.describe(faces.landmarks_px, mean, args.landmarks)
    mirror, flip = mirror_of(mean), np.where(np.arange(mean.shape[1]) == 0, -1, 1)
    points = ((offsets.reshape(-1, *mean.shape) + mean) * flip)[:, mirror]
    mirrored = (points - mean).reshape(offsets.shape).astype(np.float32)

    def batches(epoch: int) -> Batches:
        rng = np.random.default_rng((args.seed, epoch))
        rows = draw_rows(faces, rng)
        for start in range(0, (args.steps or max(len(rows) // BATCH, 1)) * BATCH, BATCH):
            part = rows[start : start + BATCH]
            x = np.where(rng.random((len(part), 1)) < 0.5, offsets[part], mirrored[part])
            x = x + rng.normal(0, SHAKE, x.shape)
            yield torch.from_numpy(x.astype(np.float32)), torch.from_numpy(faces.target[part])

    model = mlp.DenseNet(mean.size)
    descend(model, batches, functional.cross_entropy, args.epochs, 2e-3)
    return finish(model, mlp.describe(check.landmarks_px, mean, args.landmarks), check)


def train_svm(faces: FerPlus, check: FerPlus, mean: np.ndarray, args: argparse.Namespace) -> dict[str, np.ndarray]:
    """Train the support vector machine; return its arrays."""
    clear = faces.take(np.flatnonzero(faces.majority >= 0))
    if args.steps:
        clear = clear.take(np.arange(min(args.steps * BATCH, len(clear))))
    features, truth = svm.describe(clear.landmarks_px, mean, args.landmarks), clear.majority
    held_out = np.random.default_rng(args.seed).random(len(clear)) < HELD_OUT
    scaler = StandardScaler().fit(features[~held_out])
    svc = SVC(C=SVC_C, gamma=SVC_GAMMA, cache_size=1000).fit(scaler.transform(features[~held_out]), truth[~held_out])
    arrays = svm.to_arrays(scaler, svc)
    calibration = LogisticRegression(C=0.1, max_iter=1000).fit(svm.margins(arrays, features[held_out]), truth[held_out])
    arrays |= {"calibration": calibration.coef_.T, "calibration_bias": calibration.intercept_}
    margins = svm.margins(arrays, svm.describe(check.landmarks_px, mean, args.landmarks))
    _, shift, scale = corrected(margins @ arrays["calibration"] + arrays["calibration_bias"], check)
    arrays["calibration"] = arrays["calibration"] * scale
    arrays["calibration_bias"] = arrays["calibration_bias"] * scale + shift
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def train_on_landmarks(faces: FerPlus, check: FerPlus, args: argparse.Namespace) -> dict[str, np.ndarray]:
    """Train a system that reads landmarks, on the faces that have some."""
    faces, check = (part.take(np.flatnonzero(shape.known(part.landmarks_px))) for part in (faces, check))
    some = faces.landmarks_px[:: max(len(faces) // 4000, 1)].astype(np.float64)
    mean = shape.mean_face(some, shape.RIGID[args.landmarks], shape.OUTER_EYES[args.landmarks]).astype(np.float32)
    arrays = (train_svm if args.system == "svm" else train_mlp)(faces, check, mean.astype(np.float64), args)
    return arrays | {"mean_face": mean, "prior": faces.target.mean(0)}


def with_dlib(faces: FerPlus) -> FerPlus:
    """Return the faces with the landmarks that dlib finds in the crops."""
    from fervideo.faces.dlib import dlib_landmarks

    return FerPlus(faces.images, dlib_landmarks(all_crops(faces)), faces.target, faces.majority)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("system", choices=SYSTEMS)
    parser.add_argument("archive", type=Path)
    parser.add_argument("face_mesh", type=Path, metavar="LANDMARKS")
    parser.add_argument("run", type=Path)
    parser.add_argument(
        "--landmarks", choices=("mediapipe", "dlib"), default="mediapipe", help="landmarks of svm and mlp"
    )
    parser.add_argument(
        "--backbone-weights",
        type=Path,
        help="a body to start from: safetensors with torchvision's names",
    )
    parser.add_argument("--epochs", type=int, help="default: 20 for mlp, 6 for each stage of transfer and vgg16")
    parser.add_argument("--steps", type=int, help="steps per epoch, to try the recipe; default: all images")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--study", action="store_true", help="transfer: also train from scratch, frozen, and with a tenth of the labels"
    )
    args = parser.parse_args()
    if args.system == "vgg16" and args.backbone_weights is None:
        parser.error("vgg16 needs --backbone-weights FILE, ImageNet weights with torchvision's names")
    if args.study and (args.system != "transfer" or args.backbone_weights):
        parser.error("--study is for transfer with the body that it trains itself")
    args.epochs = args.epochs or (20 if args.system == "mlp" else 6)
    args.run.mkdir(parents=True, exist_ok=True)
    faces, check = (ferplus.load(args.archive, args.face_mesh, split) for split in ("train", "validation"))
    started, crops = time.monotonic(), all_crops(check)
    sees = args.landmarks if args.system in ("svm", "mlp") else "none"
    if sees == "dlib":
        faces, check = with_dlib(faces), with_dlib(check)
    arrays = train_transfer(faces, check, args) if sees == "none" else train_on_landmarks(faces, check, args)
    header: dict[str, object] = {
        "kind": args.system,
        "labels": EXPRESSIONS,
        "recipe": "tools/train_classifiers.py",
        "data": DATA,
    }
    header |= {"crop_px": CROP_PX} if sees == "none" else {"landmarks": sees}
    header |= {"features": FEATURES} if args.system == "svm" else {"epochs": args.epochs}
    header |= {"seed": args.seed, "date": time.strftime("%Y-%m-%d"), "licence": LICENCES[sees]}
    path = args.run / f"{args.system}{'-dlib' if sees == 'dlib' else ''}.safetensors"
    checkpoint.write(path, header, arrays)
    result = scores(classifiers.load(path).predict(crops, check.landmarks_px).logits, check.majority)
    checkpoint.write(path, header | {"scores": {"ferplus_validation": result}}, arrays)
    print(
        json.dumps({"file": str(path), "bytes": path.stat().st_size, "s": round(time.monotonic() - started), **result}),
        flush=True,
    )
    if args.study:
        study(faces, check, crops, args, result)


if __name__ == "__main__":
    main()
