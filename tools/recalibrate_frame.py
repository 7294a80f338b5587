"""Calibrate a trained frame CNN anew: how far it leans to common expressions, and to one side of a face.

    python tools/recalibrate_frame.py FERPLUS.npz LANDMARKS.npz FRAME.safetensors OUT.safetensors --strength 0.475
        [--mirrored]

The strength of the prior correction replaces that of FRAME; its temperature stays (see `train_frame.fit_head`). It was
chosen by unweighted recall over FER+'s validation split, photographs in the wild, and looks at real clips. With
--mirrored the network's prediction is the mean over a crop and its mirror image. OUT's scores are those of FER+'s
validation split without the images that are training images, too.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import ferplus
import numpy as np
from sklearn.metrics import recall_score
from train_frame import calibrate, logits_of

from fervideo import checkpoint
from fervideo.classifiers import cnn as frame_cnn


def unseen(faces: ferplus.FerPlus, learned: ferplus.FerPlus) -> ferplus.FerPlus:
    """Leave out images that are pixel for pixel among those learned from, and those without a majority."""
    known = {image.tobytes() for image in learned.images}
    new = np.array([image.tobytes() not in known for image in faces.images], bool)
    return faces.take(np.flatnonzero(new & (faces.majority >= 0)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("archive", "landmarks", "frame_cnn", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--strength", type=float, required=True, help="of the prior correction")
    parser.add_argument("--mirrored", action="store_true")
    args = parser.parse_args()
    learned, check = (ferplus.load(args.archive, args.landmarks, split) for split in ("train", "validation"))
    stored = checkpoint.read(args.frame_cnn)
    model, log_prior = frame_cnn.network(stored), np.log(check.target.mean(0))
    before, temperature = stored.header["prior_correction"], stored.header["temperature"]
    # The temperature is in the head already.
    calibrate(model, log_prior, (args.strength - before) / temperature, 1.0)
    model.config["mirrored"] = args.mirrored
    check = unseen(check, learned)
    guess = logits_of(model, check).argmax(1)
    scores = {
        "n": len(check),
        "accuracy": float((guess == check.majority).mean()),
        "uar": float(recall_score(check.majority, guess, average="macro")),
    }
    header = {
        **{name: value for name, value in stored.header.items() if name not in ("kind", "config", "labels", "crop_px")},
        "recalibrated": "tools/recalibrate_frame.py",
        "of": stored.digest,
        "prior_correction": args.strength,
        "date": time.strftime("%Y-%m-%d"),
        "scores": {"ferplus_validation_unseen": scores},
    }
    frame_cnn.save(model, args.out, header)
    print(json.dumps(scores))


if __name__ == "__main__":
    main()
