"""Train the frame CNN on FER+.

    python tools/train_frame.py FERPLUS.npz LANDMARKS.npz RUN [--epochs 60] [--seed 1] [--init FRAME.safetensors]
        [--teacher TEACHER.pt] [--aligner ALIGNER.safetensors] [--stability 2] [--steps N]

LANDMARKS.npz comes from `tools/ferplus.py landmarks`. The loss is the cross-entropy against the crowd's distribution of
votes. Crops are jittered, flipped, degraded as web video is, partly covered and mixed (mixup); rare expressions are
drawn more often. Every crop has a twin, nudged as the landmarks of a video nudge it. Both are to get the same
prediction (stability training, Zheng et al. 2016).

--init goes on from trained weights at a lower rate, which does not fall. The mean of every epoch's weights (Izmailov et
al. 2018) gives steadier predictions. A share of the initial weights (Wortsman et al. 2022) wins back accuracy.

--teacher, from `tools/train_teacher.py`, distils (Hinton et al. 2015). Most of every target is then the mean prediction
of the teacher and of the network of --init. The network's last feature maps must also predict the teacher's features
(hints, Romero et al. 2015).

--aligner, from `tools/train_aligner.py`, goes before the network and stays unchanged; one that --init has is dropped.

RUN/last.pt is a checkpoint per epoch: the same command goes on from it. At the end the averaged weights get a prior
correction, its strength chosen on the validation split, and a temperature, fitted there. Both are folded into the head,
and the weights are written to RUN/frame.safetensors. The test split is not touched: `tools/score_frame.py` scores it.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from pathlib import Path
from typing import Any

import ferplus
import numpy as np
import torch
import train_aligner
import train_teacher
from augment import compress, cover, degrade, jitter, nudge, relight
from loop import Pace, channels_last, fit, mixed_precision, scores
from torch import Tensor, nn
from torch.nn import functional

from fervideo import checkpoint
from fervideo.classifiers import cnn as frame_cnn
from fervideo.classifiers.cnn import Aligner, FrameCNN
from fervideo.classifiers.nets import standardise
from fervideo.crops import crop
from fervideo.records import EXPRESSIONS

PEAK_RATE = 2e-3
#: With --init: the rate, and the steps until there, two fifths of an epoch.
RESTART_RATE = 1e-3
RESTART_WARM_UP = 178
#: Share of the weights of --init in the result: the best of 0.2, 0.4, 0.52 and 0.64 on the validation split, after four
#: epochs.
KEPT = 0.4
#: Beta distribution of the shares that are mixed. A teacher sees the mixture itself, so that they may be more alike.
MIXUP_ALPHA = 0.2
TAUGHT_MIXUP_ALPHA = 0.4
#: The price of leaning to neutral less, in accuracy on the validation split: three faces there.
PRICE_OF_RARE = 0.001
#: Share of the target that is the teachers' prediction and not the crowd's votes.
TAUGHT = 0.8


class Faces(torch.utils.data.Dataset[tuple[Tensor, ...]]):
    """Triples of (crops, picture, target).

    Crops are augmented twins if a seed is given, otherwise one plain crop. The picture is a teacher's; it is empty
    unless asked for.
    """

    def __init__(self, faces: ferplus.FerPlus, seed: int | None = None, *, pictures: bool = False) -> None:
        self.faces, self.seed, self.pictures = faces, seed, pictures

    def __len__(self) -> int:
        return len(self.faces)

    def __getitem__(self, key: tuple[int, int] | int) -> tuple[Tensor, ...]:
        row, draw = key if isinstance(key, tuple) else (key, 0)
        image, transform = self.faces.images[row], self.faces.transform(row)
        seed = (self.seed, draw, row) if self.seed is not None else None
        crops = twins(image, transform, seed) if seed else crop(image, transform)[None]
        picture = train_teacher.augmented(image, transform, seed) if self.pictures else np.empty(0, np.uint8)
        return torch.from_numpy(crops), torch.from_numpy(picture), torch.from_numpy(self.faces.target[row])


def twins(image: np.ndarray, transform: np.ndarray, seed: tuple[int, int, int]) -> np.ndarray:
    """Augment a crop twice with the same draws: uint8 (2, CROP_PX, CROP_PX).

    The second one is nudged and, two times in three, compressed.
    """
    apart = np.random.default_rng((*seed, 1))
    pair = []
    for small in (np.eye(3), nudge(apart)):
        rng = np.random.default_rng(seed)
        matrix = small @ jitter(rng) @ np.vstack([transform, (0, 0, 1)])
        pair.append(cover(relight(crop(degrade(image, rng), matrix[:2]), rng), rng))
    if apart.random() < 0.67:
        pair[1] = compress(pair[1], apart)
    return np.stack(pair)


@torch.inference_mode()
def logits_of(model: torch.nn.Module, faces: ferplus.FerPlus) -> np.ndarray:
    """Compute the logits of a whole split, float32 (N, 8), without augmentation."""
    model.eval()
    loader = torch.utils.data.DataLoader(Faces(faces), batch_size=256)
    return torch.cat([model(standardise(crops[:, 0]))[1] for crops, *_ in loader]).float().numpy()


def fit_head(logits: np.ndarray, faces: ferplus.FerPlus) -> tuple[float, float]:
    """Choose the prior correction's strength and the temperature on a split.

    Args:
        logits: float32 (N, 8).
        faces: The split.

    Returns:
        (strength, temperature): corrected logits are (logits - strength * log prior) / temperature. The strength is the
        largest, which leans to neutral least, at a cost of at most PRICE_OF_RARE of accuracy, averaged over neighbours.
        The temperature has the least cross-entropy against the majority, so that a confidence of 0.8 is right 8 times
        in 10.
    """
    log_prior = np.log(faces.target.mean(0))
    strengths = np.arange(-0.5, 0.76, 0.025).round(3)
    found = [scores(logits - s * log_prior, faces.majority)["accuracy"] for s in strengths]
    accuracy = np.convolve(np.pad(found, 1, mode="edge"), [0.25, 0.5, 0.25], "valid")
    strength = float(strengths[accuracy >= accuracy.max() - PRICE_OF_RARE].max())
    clear = faces.majority >= 0
    corrected, truth = torch.from_numpy((logits - strength * log_prior)[clear]), torch.from_numpy(faces.majority[clear])
    temperatures = np.arange(0.3, 2.01, 0.02).round(2)
    losses = [float(functional.cross_entropy(corrected / t, truth)) for t in temperatures]
    return strength, float(temperatures[int(np.argmin(losses))])


class Student(nn.Module):
    """The frame CNN in training, with a layer that predicts a teacher's features from its own."""

    def __init__(self, cnn: FrameCNN) -> None:
        super().__init__()
        self.cnn = cnn
        self.hint = nn.Linear(cnn.config["widths"][-1], train_teacher.N_FEATURES)

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        pooled = self.cnn.pooled(crops)
        return self.hint(pooled), self.cnn.predictions(pooled)[1]


class Teachers:
    """The networks whose predictions a student learns.

    One is a face recognition network that has learned expressions, the other the student before this training.
    """

    def __init__(self, face: train_teacher.Teacher, before: FrameCNN, faces: ferplus.FerPlus) -> None:
        self.face, self.before = face, before
        for network in (face, before):
            channels_last(network.eval().requires_grad_(False))
        rows = range(min(1024, len(faces)))
        some = [train_teacher.augmented(faces.images[row], faces.transform(row), None) for row in rows]
        parts = torch.from_numpy(np.stack(some)).split(128)
        features = torch.cat([self.face(train_teacher.prepare(part))[0] for part in parts])
        self.mean, self.std = features.mean(0), features.std(0) + 0.02

    def predict(self, pictures: Tensor, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Predict standardised features and probabilities (B, 8) from prepared pictures and standardised crops."""
        features, logits = self.face(pictures)
        logits = (logits.float() + self.before.predictions(self.before.pooled(crops))[1].float()) / 2
        return (features.float() - self.mean) / self.std, logits.softmax(1)


class Lesson:
    """The loss of a batch of twins: both against votes and teachers' predictions, and one against the other."""

    def __init__(self, stability: float, teachers: Teachers | None, aligner: nn.Module) -> None:
        self.stability, self.teachers, self.aligner = stability, teachers, aligner.eval().requires_grad_(False)

    def __call__(
        self, student: Student, crops: Tensor, pictures: Tensor, target: Tensor, rng: np.random.Generator
    ) -> Tensor:
        """Compute the loss of a batch.

        Args:
            student: The network.
            crops: Twins, uint8 (B, 2, CROP_PX, CROP_PX).
            pictures: A teacher's pictures of the first twins; ignored without teachers.
            target: Votes, float32 (B, 8).
            rng: The generator of mixtures.
        """
        alpha = TAUGHT_MIXUP_ALPHA if self.teachers else MIXUP_ALPHA
        share, other = rng.beta(alpha, alpha), torch.randperm(len(target))

        def mix(x: Tensor) -> Tensor:
            return share * x + (1 - share) * x[other]

        one, two = (mix(self.aligner(standardise(crop))) for crop in crops.unbind(1))
        target, near = mix(target), torch.zeros(())
        with mixed_precision():
            hint, logits = student(torch.cat([one, two]))
            if self.teachers:
                features, taught = self.teachers.predict(mix(train_teacher.prepare(pictures)), one)
                target = (1 - TAUGHT) * target + TAUGHT * taught
                near = 1 - functional.cosine_similarity(hint.float(), features.repeat(2, 1)).mean()
        log = logits.float().log_softmax(1)
        one, two = log.chunk(2)
        apart = functional.kl_div(one, two, log_target=True, reduction="batchmean")
        apart = apart + functional.kl_div(two, one, log_target=True, reduction="batchmean")
        return -(target.repeat(2, 1) * log).sum(1).mean() + self.stability * apart / 2 + near


def calibrate(model: FrameCNN, log_prior: np.ndarray, strength: float, temperature: float) -> None:
    """Fold a prior correction and a temperature into the head.

    Logits become (logits - strength * log_prior) / temperature.
    """
    with torch.no_grad():
        model.head.bias.sub_(strength * torch.from_numpy(log_prior)).div_(temperature)
        model.head.weight.div_(temperature)


def trained(path: Path, log_prior: np.ndarray) -> FrameCNN:
    """Load weights as they were before `calibrate`, without blocks that this network lacks."""
    known, header = frame_cnn.load(path).state_dict(), checkpoint.read(path).header
    model = FrameCNN()
    model.load_state_dict({name: known[name] for name in model.state_dict()})
    strength, temperature = header["prior_correction"], header["temperature"]
    calibrate(model, log_prior, -strength / temperature, 1 / temperature)
    return model


def mixed(cnn: FrameCNN, before: FrameCNN | None) -> FrameCNN:
    """Mix a network, its batch norms' statistics too, with the initial one."""
    if before is None:
        return cnn
    mix, kept = copy.deepcopy(cnn), before.state_dict()
    mix.load_state_dict({name: KEPT * kept[name] + (1 - KEPT) * tensor for name, tensor in cnn.state_dict().items()})
    return mix


def aligned(cnn: FrameCNN, aligner: nn.Module) -> FrameCNN:
    """Put an aligner, or none (`nn.Identity`), before a copy of a network."""
    model = FrameCNN(aligner=aligner.widths if isinstance(aligner, Aligner) else ())
    model.load_state_dict(
        cnn.state_dict() | {f"aligner.{name}": tensor for name, tensor in aligner.state_dict().items()}
    )
    return model


def train(faces: ferplus.FerPlus, check: ferplus.FerPlus, args: argparse.Namespace, recipe: dict[str, Any]) -> FrameCNN:
    """Train, one checkpoint per epoch, and return the averaged weights."""
    torch.manual_seed(args.seed)
    log_prior = np.log(check.target.mean(0))
    before = trained(args.init, log_prior) if args.init else None
    student = Student(copy.deepcopy(before) or FrameCNN())
    aligner = train_aligner.load(args.aligner) if args.aligner else nn.Identity()
    teachers = Teachers(train_teacher.load(args.teacher), before, faces) if before and args.teacher else None
    if before:
        pace = Pace(RESTART_RATE, RESTART_WARM_UP, ema_decay=0.998, clip=5.0, steady=True)
    else:
        pace = Pace(PEAK_RATE, None, ema_decay=0.998, clip=5.0)
    groups: list[dict[str, Any]] = [
        {"params": [p for p in student.parameters() if p.ndim > 1]},
        {"params": [p for p in student.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    fit(
        student,
        groups,
        Faces(faces, args.seed, pictures=bool(teachers)),
        faces,
        Lesson(args.stability, teachers, aligner),
        lambda averaged: scores(logits_of(aligned(mixed(averaged.cnn, before), aligner), check), check.majority),
        pace,
        recipe,
        args.run,
    )
    return aligned(mixed(student.cnn, before), aligner)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", type=Path)
    parser.add_argument("landmarks", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--init", type=Path, help="weights to go on from")
    parser.add_argument("--teacher", type=Path, help="last.pt of tools/train_teacher.py; needs --init")
    parser.add_argument("--aligner", type=Path, help="an aligner of tools/train_aligner.py, to go before the network")
    parser.add_argument("--stability", type=float, default=2.0, help="weight of the divergence between twins")
    parser.add_argument("--steps", type=int, help="steps per epoch, to try the recipe; default: all images")
    args = parser.parse_args()
    if args.teacher and not args.init:
        parser.error("--teacher needs --init, the trained weights that teach beside it")
    args.run.mkdir(parents=True, exist_ok=True)
    faces = ferplus.load(args.archive, args.landmarks, "train")
    check = ferplus.load(args.archive, args.landmarks, "validation")
    recipe = {name: getattr(args, name) for name in ("epochs", "seed", "stability", "steps")}
    recipe |= {
        name: checkpoint.digest(path) if (path := getattr(args, name)) else None
        for name in ("init", "teacher", "aligner")
    }
    model = train(faces, check, args, recipe)
    strength, temperature = fit_head(logits_of(model, check), check)
    calibrate(model, np.log(check.target.mean(0)), strength, temperature)
    result = scores(logits_of(model, check), check.majority)
    header = {
        **recipe,
        "kept": KEPT if args.init else 0.0,
        "recipe": "tools/train_frame.py",
        "data": "FER+ votes (MIT) on FER2013 images, training split",
        "date": time.strftime("%Y-%m-%d"),
        "prior_correction": strength,
        "temperature": temperature,
        "scores": {"ferplus_validation": result},
    }
    frame_cnn.save(model, args.run / "frame.safetensors", header)
    print(json.dumps({"prior_correction": strength, "temperature": temperature, "labels": EXPRESSIONS, **result}))


if __name__ == "__main__":
    main()
