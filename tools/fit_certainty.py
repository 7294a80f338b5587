"""Choose the confidence from which on a label is not marked uncertain: `sequence.certain_from`.

    python tools/fit_certainty.py FERPLUS.npz WILD.npz CLIPS DENSE.csv

Labels that are not uncertain are to be right in nine of ten looks, and to be at least half of them. Three sets count.
One is looks at real clips on which both passes of coding agree, see `score_video.py`; a label that a pass accepts
counts as right. The others are faces of two validation splits, each standing still for a second before the sequence
model.

Printed are share and accuracy of each set for each limit. Then each clip is left out in turn, and the others choose.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import score_video
from recalibrate_classifiers import Seen, seen

from fervideo import checkpoint, classifiers, pipeline
from fervideo.classifiers import CNN_WEIGHTS
from fervideo.records import MODEL_RATE_HZ, FaceObservations, Float32
from fervideo.sequence import SequenceModel, load
from fervideo.sequence.course import raw_features
from fervideo.settings import SequenceSettings
from fervideo.training.stills import LEFT_OUT

LIMITS = np.arange(10, 19) / 20
LEAST_RIGHT, LEAST_SHARE = 0.9, 0.5


def shown(faces: Seen, model: SequenceModel) -> pd.DataFrame:
    """Show each face for a second; return its `confidence` in the middle, and whether the label is `right`."""
    predictions = classifiers.load(CNN_WEIGHTS).predict(faces.crops, faces.landmarks_px)
    steps = round(MODEL_RATE_HZ)
    p = np.stack([_in_the_middle(features, steps, model) for features in _features(predictions.logits)])
    return pd.DataFrame({"confidence": p.max(1), "right": p.argmax(1) == faces.truth})


def _features(logits: Float32) -> Float32:
    """Return the features of faces as a course has them, with presence: float32 (N, C + 1)."""
    n = len(logits)
    nothing = np.empty((n, 0), np.float32)
    seen_once = FaceObservations(
        frame=np.arange(n),
        box_px=np.zeros((n, 4), np.float32),
        landmarks_px=np.empty((n, 0, 3), np.float32),
        embedding=nothing,
        frame_logits=logits,
        measures={},
    )
    return np.concatenate([raw_features(seen_once, ()), np.ones((n, 1), np.float32)], 1)


def _in_the_middle(features: Float32, steps: int, model: SequenceModel) -> Float32:
    p, _ = model.predict(np.tile(features, (steps, 1)), SequenceSettings())
    middle: Float32 = p[steps // 2]
    return middle


def share_and_accuracy(found: pd.DataFrame, limit: float, right: str = "right") -> tuple[float, float]:
    """Return the share of looks with a confidence of at least a limit, and how many of them are right."""
    sure = found["confidence"] >= limit
    return float(sure.mean()), float(found.loc[sure, right].mean())


def least(sets: list[pd.DataFrame]) -> float:
    """Return the least limit that is good enough on all sets; if none is, the one that lacks least."""
    found = np.array([[share_and_accuracy(each, limit) for each in sets] for limit in LIMITS])
    # Without any look left, none is right.
    lack = np.maximum((LEAST_SHARE, LEAST_RIGHT) - np.nan_to_num(found), 0).max((1, 2))
    return float(LIMITS[lack.argmin()])


def left_out(looks: pd.DataFrame, others: list[pd.DataFrame]) -> pd.DataFrame:
    """Return looks with the `limit` that all other clips, and other sets, choose."""
    limits = {name: least([looks[looks["clip"] != name], *others]) for name in looks["clip"].unique()}
    return looks.assign(limit=looks["clip"].map(limits))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("ferplus", "wild", "clips", "dense"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    model = load.load_model(load.SEQUENCE_WEIGHTS, checkpoint.digest(CNN_WEIGHTS))
    still = {"FER+": shown(seen(args.ferplus, {}), model), "wild": shown(seen(args.wild, {"disgust": LEFT_OUT}), model)}
    dense = pd.read_csv(args.dense, keep_default_na=False).astype({"time_s": float})
    clips = {name: score_video.shown(pipeline.analyze(args.clips / name).frames) for name in dense["clip"].unique()}
    looks = score_video.at_looks(dense, clips)
    looks = looks[score_video.is_agreed(looks)].assign(agreed=lambda each: each["expression"] == each["label_1"])
    looks["right"] = score_video.is_accepted(looks, "expression")
    rows = {
        limit: {
            **{
                f"{name}, {score}": value
                for name, each in (("looks", looks), *still.items())
                for score, value in zip(("share", "right"), share_and_accuracy(each, limit), strict=True)
            },
            "looks, as agreed": share_and_accuracy(looks, limit, "agreed")[1],
        }
        for limit in LIMITS
    }
    print(pd.DataFrame(rows).T.round(3).to_string())
    print(f"chosen: {least([looks, *still.values()]):g}")
    judged = left_out(looks, list(still.values()))
    certain = judged[judged["confidence"] >= judged["limit"]]
    print(
        f"with each clip left out: share {len(certain) / len(judged):.3f}, accepted {certain['right'].mean():.3f}, "
        f"as agreed {certain['agreed'].mean():.3f}; limits {judged.groupby('clip')['limit'].first().to_dict()}"
    )


if __name__ == "__main__":
    main()
