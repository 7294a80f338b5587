"""Calibrate the classic frame classifiers anew: how far they lean to common expressions, and how sure they are.

    python tools/recalibrate_classifiers.py FERPLUS.npz WILD.npz OUT WEIGHTS.safetensors ...

WEIGHTS come from `train_classifiers.py` (svm, mlp or transfer); OUT is a folder for files of the same names. WILD.npz
has photographs with `label`, `label_names` and `split`; its disgust is left out, since most of it is one actor.

Both validation splits decide, without images that are training images, too. The strength of a further prior correction
is the one with the largest UAR, averaged over both, that costs neither more than PRICE of accuracy. UAR is over the
expressions with FEWEST faces and more. The temperature has the least cross-entropy, averaged over both.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fervideo import checkpoint, classifiers
from fervideo.records import EXPRESSIONS, Bool, Float32, Float64, Int64, UInt8
from fervideo.training import metrics, stills

#: Weight and bias of the last layer of each kind of checkpoint.
LAST = {
    "svm": ("calibration", "calibration_bias"),
    "mlp": ("layers.9.weight", "layers.9.bias"),
    "transfer": ("classifier.3.weight", "classifier.3.bias"),
}
STRENGTHS, TEMPERATURES = np.arange(11) / 10, np.arange(10, 41) / 20
PRICE, FEWEST = 0.02, 30


class Seen(NamedTuple):
    """Labelled faces: crops uint8 (N, CROP_PX, CROP_PX), landmarks float32 (N, N_LANDMARKS, 3), truth int64 (N,)."""

    crops: UInt8
    landmarks_px: Float32
    truth: Int64

    @property
    def found(self) -> Bool:
        """Which faces have landmarks, bool (N,)."""
        found: Bool = np.isfinite(self.landmarks_px[:, 0, 0])
        return found


def seen(archive: Path, left_out: Mapping[str, str]) -> Seen:
    """Find the faces of an archive's validation split."""
    photographs = stills.read(archive, "validation", left_out)
    crops, landmarks_px, _ = stills.look(photographs.images)
    return Seen(crops, landmarks_px, photographs.label)


def log_prior(archive: Path) -> Float64:
    """Return the log share of each expression in an archive's training votes, float64 (C,)."""
    with np.load(archive) as data:
        share = stills.majority_rule(data["votes"][data["split"] == 0])[1].astype(np.float64)
    return np.asarray(np.log(share[share.sum(1) > 0].mean(0)))


def accuracy_and_uar(truth: Int64, guess: Int64) -> tuple[float, float]:
    """Score labels; classes with less than FEWEST faces do not count in UAR, which is NaN without any other."""
    counts = metrics.confusion(truth, guess, len(EXPRESSIONS))
    return metrics.war(counts), metrics.uar(counts * (counts.sum(1, keepdims=True) >= FEWEST))


def choose(logits: list[Float64], truths: list[Int64], prior: Float64) -> tuple[float, float]:
    """Choose the strength of the prior correction, and the temperature.

    Args:
        logits: float64 (N, C) of each set.
        truths: int64 (N,) of each set.
        prior: float64 (C,), log prior.

    Returns:
        Both numbers: corrected logits are (logits - strength * prior) / temperature.
    """
    pairs = list(zip(logits, truths, strict=True))
    scores = np.array(
        [[accuracy_and_uar(truth, (each - s * prior).argmax(1)) for each, truth in pairs] for s in STRENGTHS]
    )
    cheap = (scores[:, :, 0] >= scores[0, :, 0] - PRICE).all(1)
    strength = float(STRENGTHS[np.where(cheap, scores[:, :, 1].mean(1), -1).argmax()])
    losses = [np.mean([loss((each - strength * prior) / t, truth) for each, truth in pairs]) for t in TEMPERATURES]
    return strength, float(TEMPERATURES[int(np.argmin(losses))])


def loss(logits: Float64, truth: Int64) -> float:
    """Compute the mean cross-entropy of logits, float64 (N, C)."""
    return metrics.nll(truth, probabilities(logits))


def probabilities(logits: Float64) -> Float64:
    """Compute the softmax of logits, float64 (N, C)."""
    p: Float64 = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    return p


def recalibrate(path: Path, out: Path, sets: Mapping[str, Seen], prior: Float64) -> dict[str, object]:
    """Write a checkpoint with a corrected last layer; return the numbers, and the scores before and after."""
    stored = checkpoint.read(path)
    weight, bias = LAST[stored.header["kind"]]
    # A face without landmarks gets the training data's prior, which stays.
    rows = {name: faces.found | (stored.header["kind"] == "transfer") for name, faces in sets.items()}

    def logits(file: Path) -> dict[str, Float64]:
        model = classifiers.load(file)
        return {
            name: model.predict(faces.crops, faces.landmarks_px).logits.astype(np.float64)
            for name, faces in sets.items()
        }

    before = logits(path)
    strength, temperature = choose(
        [before[name][rows[name]] for name in sets], [faces.truth[rows[name]] for name, faces in sets.items()], prior
    )
    tensors = dict(stored.tensors)
    tensors[weight] = (tensors[weight] / temperature).astype(np.float32)
    tensors[bias] = ((tensors[bias] - strength * prior) / temperature).astype(np.float32)
    facts = {"recalibrated": "tools/recalibrate_classifiers.py", "of": stored.digest, "prior_correction": strength}
    facts |= {"temperature": temperature, "recalibrated_on": time.strftime("%Y-%m-%d")}
    checkpoint.write(out, stored.header | facts, tensors)
    after = logits(out)
    scores = {
        f"{name}, {when}": dict(zip(("accuracy", "uar"), accuracy_and_uar(truth, found[name].argmax(1)), strict=True))
        | {"ece": metrics.ece(truth, probabilities(found[name])), "n": len(truth)}
        for name, (_, _, truth) in sets.items()
        for when, found in (("before", before), ("after", after))
    }
    checkpoint.write(out, stored.header | facts | {"scores": scores}, tensors)
    return {"prior_correction": strength, "temperature": temperature, **scores}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("ferplus", "wild", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("weights", type=Path, nargs="+")
    args = parser.parse_args()
    sets = {"ferplus": seen(args.ferplus, {}), "wild": seen(args.wild, {"disgust": stills.LEFT_OUT})}
    args.out.mkdir(parents=True, exist_ok=True)
    for path in args.weights:
        print(json.dumps({path.name: recalibrate(path, args.out / path.name, sets, log_prior(args.ferplus))}, indent=1))


if __name__ == "__main__":
    main()
