"""Fit the sequence model of a person's calm stretches, and compare it with cheap smoothing tuned in the same way.

    python tools/fit_person.py FERPLUS.npz LANDMARKS.npz FRAME.safetensors CLIPS DENSE.csv OUT.safetensors

The typical calm face is the mean of the neutral faces of FER+'s validation split. Share and chance to stay are chosen
on looks at real clips (see `score_video.py`), by kappa + UAR / 2 - calibration error / 2. Each way to smooth chooses
its amount in the same way. Printed are scores with each clip left out in turn: the others choose for it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import ferplus
import numpy as np
import pandas as pd
import score_video
import smoothing

from fervideo import checkpoint, classifiers, models, pipeline, tracking
from fervideo.crops import crop
from fervideo.records import EXPRESSIONS, MODEL_RATE_HZ, ClipFeatures, Float32, Float64, Int64
from fervideo.sequence.course import Course
from fervideo.sequence.load import SMOOTHER_WEIGHTS, save_person
from fervideo.sequence.person import PersonModel
from fervideo.settings import SequenceSettings, Settings

SHARES, STAYS = (0.5, 0.75, 1.0), (0.3, 0.5, 0.7)
#: Fixed numbers: more evidence makes the model surer and no better.
CALM, EVIDENCE = 0.3, 0.2
#: Amounts of cheap smoothing: these clips' expressions are shorter than simulated ones.
RIVALS: dict[str, tuple[Callable[[Float64, float, float], smoothing.Shown], tuple[float, ...]]] = {
    "frame CNN": (lambda p, _rate, _amount: smoothing.top(p), (0.0,)),
    "Gaussian": (smoothing.gaussian, (0.025, 0.05, 0.1, 0.2, 0.4)),
    "median": (smoothing.median, (0.15, 0.25, 0.45, 0.65)),
    "HMM": (smoothing.viterbi, (0.5, 0.9, 0.97, 0.99, 0.999)),
}


class Clip(NamedTuple):
    """Face 0 of a clip, on the model's grid and at the times of its frames."""

    course: Course
    time_s: Float64


def typical(archive: Path, landmarks: Path, frame_cnn: Path) -> Float64:
    """Return the mean log-probabilities of neutral validation faces, less their mean: float64 (C,)."""
    faces = ferplus.load(archive, landmarks, "validation")
    rows = np.flatnonzero(faces.majority == EXPRESSIONS.index("neutral"))
    crops = np.stack([crop(faces.images[row], faces.transform(row)) for row in rows])
    logits = classifiers.load(frame_cnn).predict(crops, np.empty((0, 0, 3), np.float32)).logits.astype(np.float64)
    return np.asarray((logits - logits.mean(1, keepdims=True)).mean(0))


def observed(path: Path, settings: Settings) -> Clip:
    """Extract face 0 of a clip, through the cache."""
    extraction = pipeline.open_clip(path, settings, models.resolve(settings))
    extraction.run(progress=False)
    features = ClipFeatures(extraction.source.info, *tracking.join(extraction.shards(), settings.tracking))
    rows = np.flatnonzero(features.track == 0)
    time_s = features.time_s[np.searchsorted(features.frame, features.observations.frame[rows])]
    return Clip(Course.of(features.observations.take(rows), time_s, ()), time_s)


def looked_at(clip: Clip, labels: Int64, p: Float64) -> pd.DataFrame:
    """Bring labels and probabilities of steps to the clip's frames, as `score_video.shown` gives them."""
    step = np.abs(clip.course.time_s[:, None] - clip.time_s).argmin(0)
    names = np.array(EXPRESSIONS)[labels[step]]
    sure = p[step, labels[step]]
    columns = {"time_s": clip.time_s, "expression": names, "confidence": sure, "raw": names, "raw_confidence": sure}
    return pd.DataFrame(columns | {"certain": sure >= SequenceSettings().certain_from})


def left_out(dense: pd.DataFrame, candidates: Mapping[Any, Mapping[str, pd.DataFrame]]) -> dict[str, float]:
    """Score candidates with each clip's amount chosen by the other clips; a candidate has a table for each clip."""
    looks = {key: score_video.at_looks(dense, dict(tables)) for key, tables in candidates.items()}
    parts = []
    for name in dense["clip"].unique():
        chosen = max(looks, key=lambda key: merit(looks[key][looks[key]["clip"] != name]))
        parts.append(looks[chosen][looks[chosen]["clip"] == name])
    return score_video.dense_scores(pd.concat(parts, ignore_index=True))["sequence"]


def merit(looks: pd.DataFrame) -> float:
    """Return the merit of a choice: kappa and half of UAR, less half of the calibration error."""
    found = score_video.dense_scores(looks)["sequence"]
    return found["kappa"] + found["uar"] / 2 - found["ece"] / 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("archive", "landmarks", "frame_cnn", "clips", "dense", "out"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    dense = pd.read_csv(args.dense, keep_default_na=False).astype({"time_s": float})
    # The frame CNN may have no sequence model of its own yet, and the smoother reads any.
    chosen = {"classifier": {"weights": str(args.frame_cnn)}, "sequence": {"model": str(SMOOTHER_WEIGHTS)}}
    settings = Settings.model_validate(chosen)
    clips = {name: observed(args.clips / name, settings) for name in dense["clip"].unique()}
    calm = typical(args.archive, args.landmarks, args.frame_cnn)

    def shown(model: PersonModel) -> dict[str, pd.DataFrame]:
        steps = {name: model.predict(clip.course.features, SequenceSettings())[0] for name, clip in clips.items()}
        return {name: looked_at(clips[name], p.argmax(1), p.astype(np.float64)) for name, p in steps.items()}

    candidates = {
        amounts: shown(PersonModel(calm, *amounts)) for amounts in itertools.product(SHARES, [CALM], STAYS, [EVIDENCE])
    }
    rows = {"this model": left_out(dense, candidates)}
    for name, (smooth, steps) in RIVALS.items():
        smoothed = {
            amount: {
                key: looked_at(clip, *smooth(_p(clip.course.features), MODEL_RATE_HZ, amount))
                for key, clip in clips.items()
            }
            for amount in steps
        }
        rows[name] = left_out(dense, smoothed)
    print(pd.DataFrame(rows).T.round(3).to_string())
    best = max(candidates, key=lambda key: merit(score_video.at_looks(dense, candidates[key])))
    fitted = PersonModel(calm, *best)
    looks = score_video.at_looks(dense, shown(fitted))
    scores = score_video.dense_scores(looks)["sequence"]
    header = {
        "frame_cnn": checkpoint.digest(args.frame_cnn),
        "recipe": "tools/fit_person.py",
        "data": "neutral faces of FER+'s validation split; its five numbers: looks at nine real clips",
        "seed": "none: nothing is drawn",
        "date": time.strftime("%Y-%m-%d"),
        "scores": {"dense": scores, "dense_left_out": rows["this model"]},
    }
    save_person(fitted, args.out, header)
    print(json.dumps(fitted.config | scores))


def _p(features: Float32) -> Float64:
    """Return a course's frame probabilities; steps without a face keep the last ones."""
    last = np.maximum.accumulate(np.where(features[:, -1] > 0, np.arange(len(features)), 0))
    return np.exp(features[last, : len(EXPRESSIONS)].astype(np.float64))


if __name__ == "__main__":
    main()
