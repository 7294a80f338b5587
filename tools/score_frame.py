"""Score a frame CNN on FER+.

    python tools/score_frame.py FERPLUS.npz LANDMARKS.npz FRAME.safetensors [--split validation|test] [--json FILE]
    [--plot FILE.png]

Prints N, accuracy, macro-F1, expected calibration error (15 bins), recall per expression and the confusion table. The
milliseconds per face are for batches of 32 on one core. --plot draws how often predictions of some confidence are
right. The test split is for reports: choose on the validation split.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import ferplus
import numpy as np
import pandas as pd
import torch
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, recall_score

from fervideo import classifiers
from fervideo.classifiers.cnn import load
from fervideo.crops import crop
from fervideo.records import EXPRESSIONS
from fervideo.training import metrics, plots

NO_LANDMARKS = np.empty((0, 0, 3), np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("archive", "landmarks", "frame_cnn"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--split", default="validation", choices=("validation", "test"))
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="the reliability diagram, PNG")
    args = parser.parse_args()
    faces = ferplus.load(args.archive, args.landmarks, args.split)
    faces = faces.take(np.flatnonzero(faces.majority >= 0))
    crops = np.stack([crop(faces.images[row], faces.transform(row)) for row in range(len(faces))])
    embedder = classifiers.load(args.frame_cnn)
    embedder.predict(crops[:64], NO_LANDMARKS)
    started = time.perf_counter()
    logits = embedder.predict(crops, NO_LANDMARKS).logits
    milliseconds = (time.perf_counter() - started) / len(crops) * 1000
    p = torch.from_numpy(logits).softmax(1).numpy()
    truth, guess = faces.majority, p.argmax(1)
    scores = {
        "split": args.split,
        "n": len(truth),
        "accuracy": float(accuracy_score(truth, guess)),
        "macro_f1": float(f1_score(truth, guess, average="macro")),
        "ece": metrics.ece(truth, p),
        "recall": dict(zip(EXPRESSIONS, recall_score(truth, guess, average=None).round(4).tolist(), strict=True)),
        "parameters": sum(p.numel() for p in load(args.frame_cnn).parameters()),
        "ms_per_face": round(milliseconds, 3),
        "confusion": confusion_matrix(truth, guess).tolist(),
    }
    print(json.dumps({key: value for key, value in scores.items() if key != "confusion"}, indent=1))
    print(pd.DataFrame(scores["confusion"], EXPRESSIONS, EXPRESSIONS).to_string())
    if args.json:
        args.json.write_text(json.dumps(scores, indent=1))
    if args.plot:
        plots.reliability_diagram(truth, p, f"frame CNN, {args.split}: ECE {scores['ece']:.3f}", args.plot)


if __name__ == "__main__":
    main()
