"""Compare the sequence model with cheap smoothing: one table over simulated sequences, one over labelled clips.

    python tools/compare_smoothing.py FERPLUS.npz LANDMARKS.npz FRAME.safetensors SEQUENCE.safetensors RUN
        [--unidirectional FILE] [--clips FOLDER] [--split validation|test] [--sequences 900] [--seed 1] [--json FILE]

RUN keeps the features of rendered stills, as for tools/train_sequence.py. The amount of each cheap smoothing
(tools/smoothing.py) is chosen on sequences simulated from the validation split, by `smoothing.calmest`. It is then
applied unchanged to other sequences, from the split that --split names, and to the clips.

FOLDER contains videos and labels.csv. Its columns are clip, start_s, end_s and label, in half-open intervals. The label
`anger|sadness` accepts either; `no_face` is a label, too.

Edit score, F1@k and onset error count neutral as an expression like the others. A step without a face keeps the last
expression. In clips the face seen longest is scored, at the clip's own times. The CNN's scores are those of the `raw_`
columns, an LSTM's those of `p_` and `expression`, those of "events" of events.csv. Each interval is a course of its
own: every change in it is a false one.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from simulate import Bank, Simulator
from smoothing import SMOOTHERS, Shown, Smoother, calmest, top
from train_sequence import NEUTRAL_SHARE, Sequences, bank_of

from fervideo import checkpoint, columns, pipeline
from fervideo.classifiers.nets import one_thread
from fervideo.records import EXPRESSIONS, MODEL_RATE_HZ, Float32, Float64, Int64
from fervideo.sequence.chain import settle
from fervideo.sequence.load import load_lstm
from fervideo.sequence.lstm import SequenceLSTM
from fervideo.settings import EventSettings, Settings
from fervideo.timeline import Timeline
from fervideo.timeline.events import hysteresis, merge_short
from fervideo.training import metrics
from fervideo.video.files import VIDEO_SUFFIXES

#: The label of a frame without a face, after those of all expressions.
NO_FACE = len(EXPRESSIONS)
LABELS = (*EXPRESSIONS, "no_face")
#: The confidence below which the clip head may abstain.
SURE = 0.5
BILSTM = "BiLSTM"
#: Columns of the table and their decimals.
COLUMNS = {
    "accuracy": 4,
    "macro_f1": 4,
    "edit": 1,
    "f1_at_10": 1,
    "f1_at_25": 1,
    "f1_at_50": 1,
    "onset_ms": 0,
    "changes_per_min": 1,
    "ece": 3,
}


@dataclass(frozen=True)
class Course:
    """One course of labels beside the truth.

    Attributes:
        truth: int64 (S,).
        guess: int64 (S,).
        p: float64 (S, C).
        time_s: float64 (S,).
        duration_s: Its length.
    """

    truth: Int64
    guess: Int64
    p: Float64
    time_s: Float64
    duration_s: float


@dataclass(frozen=True)
class Drawn:
    """One simulated sequence.

    Attributes:
        features: float32 (S, F).
        label: int64 (S,).
        share: float64 (C,), the share of each expression in the whole sequence.
    """

    features: Float32
    label: Int64
    share: Float64

    @property
    def frame_p(self) -> Float64:
        """The frame CNN's probabilities, float64 (S, C)."""
        seen = np.maximum.accumulate(np.where(self.features[:, -1] > 0, np.arange(len(self.features)), 0))
        return np.exp(self.features[seen, : len(EXPRESSIONS)].astype(np.float64))

    def course(self, shown: Shown) -> Course:
        """Return the expressions that a system shows beside the truth."""
        time_s = np.arange(len(self.label)) / MODEL_RATE_HZ
        return Course(self.label, *shown, time_s, len(self.label) / MODEL_RATE_HZ)


def score(courses: Sequence[Course]) -> dict[str, float]:
    """Compute the scores of courses, by COLUMNS; NaN if there is nothing to score."""
    pairs = [(course.truth, course.guess) for course in courses]
    truth, guess = (np.concatenate(labels) for labels in zip(*pairs, strict=True))
    counts = metrics.confusion(truth, guess, len(LABELS))
    p = np.concatenate([course.p for course in courses])
    faces = (truth < NO_FACE) & np.isfinite(p).all(1)
    onsets = np.concatenate([metrics.onset_errors_s(course.truth, course.guess, course.time_s) for course in courses])
    return {
        "accuracy": metrics.war(counts),
        "macro_f1": metrics.macro_f1(counts),
        "edit": float(np.mean([metrics.edit_score(*pair) for pair in pairs])),
        **{f"f1_at_{share}": metrics.f1_at(pairs, share / 100) for share in (10, 25, 50)},
        "onset_ms": float(np.median(onsets)) * 1000 if len(onsets) else float("nan"),
        "changes_per_min": metrics.changes_per_min([(course.guess, course.duration_s) for course in courses]),
        "ece": metrics.ece(truth[faces], p[faces]),
    }


def simulated(bank: Bank, n: int, seed: int) -> list[Drawn]:
    """Draw n sequences from a bank."""
    drawn = map(Sequences(Simulator(bank), n, seed).__getitem__, range(n))
    return [Drawn(features, label, target.mean(0).astype(np.float64)) for features, target, label in drawn]


def tune(smoother: Smoother, drawn: Sequence[Drawn]) -> float:
    """Choose the amount of smoothing on drawn sequences."""
    p = [one.frame_p for one in drawn]

    def shown(amount: float) -> list[tuple[Int64, Int64]]:
        return [(one.label, smoother.apply(q, MODEL_RATE_HZ, amount)[0]) for one, q in zip(drawn, p, strict=True)]

    return calmest(smoother.amounts, shown)


def cheap(p: Float64, rate_hz: float, prior: Float64, tuned: Mapping[str, float]) -> dict[str, Shown]:
    """Smooth the frame CNN's probabilities (S, C) by every system without an LSTM."""
    plain = {"majority class": top(np.tile(prior, (len(p), 1))), "frame CNN": top(p)}
    return plain | {smoother.name: smoother.apply(p, rate_hz, tuned[smoother.name]) for smoother in SMOOTHERS}


def as_events(p: Float64, bounds_s: Float64) -> Shown:
    """Show the expressions of events.csv with the default settings; bounds_s float64 (S + 1,)."""
    settings = EventSettings()
    mass = p * np.maximum(np.diff(bounds_s), 1e-9)[:, None]
    first, label = merge_short(*hysteresis(p, settings), mass, bounds_s, settings.min_duration_s)
    return np.repeat(label, np.diff(np.append(first, len(p)))), p


@torch.inference_mode()
def read(model: SequenceLSTM, features: Float32) -> tuple[Float64, Float64]:
    """Compute a model's probabilities of one sequence: per step (S, C), and of the whole (C,)."""
    steps, clip = model(torch.from_numpy(features)[None], torch.ones(1, len(features), dtype=torch.bool))
    settled = settle(steps[0].softmax(-1).double().numpy(), model.config["stay"])
    return settled, clip[0].softmax(-1).double().numpy()


def compare_simulated(
    drawn: Sequence[Drawn], models: Mapping[str, SequenceLSTM], prior: Float64, tuned: Mapping[str, float]
) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """Score every system on simulated sequences, and the clip head."""
    courses: dict[str, list[Course]] = {}
    whole = []
    for one in drawn:
        shown = cheap(one.frame_p, MODEL_RATE_HZ, prior, tuned)
        for name, model in models.items():
            steps, clip = read(model, one.features)
            shown[name] = top(steps)
        shown[f"{BILSTM}, events"] = as_events(steps, np.round(np.arange(len(steps) + 1) / MODEL_RATE_HZ, 6))
        whole.append((one.share, clip))
        for name, result in shown.items():
            courses.setdefault(name, []).append(one.course(result))
    courses["truth"] = [one.course(top(np.eye(NO_FACE)[one.label])) for one in drawn]
    return {name: score(found) for name, found in courses.items()}, clip_head(whole)


def clip_head(whole: Sequence[tuple[Float64, Float64]]) -> dict[str, float]:
    """Score the clip head.

    The truth is the expression shown longest. A neutral second counts half, as in training (`accuracy`), or whole
    (`accuracy_plain`).

    Args:
        whole: For each sequence the time of each expression, (C,), and the head's probabilities, (C,).
    """
    share, p = (np.stack(column) for column in zip(*whole, strict=True))
    right = (share * np.where(np.arange(NO_FACE) == 0, NEUTRAL_SHARE, 1)).argmax(1) == p.argmax(1)
    sure = p.max(1) >= SURE
    return {
        "n": len(p),
        "accuracy": float(right.mean()),
        "accuracy_plain": float((share.argmax(1) == p.argmax(1)).mean()),
        f"coverage_at_{SURE}": float(sure.mean()),
        f"accuracy_at_{SURE}": float(right[sure].mean()) if sure.any() else float("nan"),
    }


def shown_in(
    timelines: Mapping[str, Timeline], prior: Float64, tuned: Mapping[str, float]
) -> tuple[Float64, dict[str, Shown]]:
    """Return the times of a clip's frames, and the expressions of face 0 by system: NO_FACE and NaN without it."""
    tables = {}
    for name, timeline in timelines.items():
        rows = timeline.frames[timeline.frames["face"].isna() | (timeline.frames["face"] == 0)]
        tables[name] = rows.sort_values(["time_s", "face"]).drop_duplicates("time_s")
    rows = tables[BILSTM]
    time_s, seen = rows["time_s"].to_numpy(), rows["face"].notna().to_numpy()
    names = ("majority class", "frame CNN", *(smoother.name for smoother in SMOOTHERS), *tables, f"{BILSTM}, events")
    shown = {name: (np.full(len(rows), NO_FACE), np.full((len(rows), NO_FACE), np.nan)) for name in names}
    if seen.any():
        step_s = float(np.median(np.diff(time_s)))
        found = cheap(rows[columns.prefixed("raw")][seen].ffill().to_numpy(), 1 / step_s, prior, tuned)
        found |= {name: top(table[columns.prefixed("p")][seen].to_numpy()) for name, table in tables.items()}
        found[f"{BILSTM}, events"] = as_events(found[BILSTM][1], np.append(time_s[seen], time_s[seen][-1] + step_s))
        for name, (label, p) in found.items():
            shown[name][0][seen], shown[name][1][seen] = label, p
    return time_s, shown


def inside(intervals: pd.DataFrame, time_s: Float64, shown: Shown) -> list[Course]:
    """Cut the labelled intervals out of a clip; an alternative that is shown is the truth."""
    courses = []
    for start_s, end_s, label in intervals[["start_s", "end_s", "label"]].itertuples(index=False, name=None):
        at = (time_s >= start_s) & (time_s < end_s)
        guess, names = shown[0][at], [LABELS.index(name) for name in str(label).split("|")]
        truth = np.where(np.isin(guess, names), guess, names[0])
        courses.append(Course(truth, guess, shown[1][at], time_s[at], float(end_s - start_s)))
    return courses


def compare_clips(
    folder: Path, frame_cnn: Path, sequences: Mapping[str, Path], prior: Float64, tuned: Mapping[str, float]
) -> tuple[dict[str, dict[str, float]], dict[str, float], dict[str, Any]]:
    """Score every system on the labelled intervals of clips.

    Returns:
        Scores by system, those of the clip head, and of each whole clip its length, label changes and accuracy.
    """
    labels = pd.read_csv(folder / "labels.csv")
    courses: dict[str, list[Course]] = {}
    whole, each = [], {}
    for path in sorted(path for path in folder.iterdir() if path.suffix.lower() in VIDEO_SUFFIXES):
        timelines = {
            name: pipeline.analyze(
                path,
                Settings.model_validate(
                    {"classifier": {"weights": str(frame_cnn)}, "sequence": {"model": str(weights)}}
                ),
            )
            for name, weights in sequences.items()
        }
        time_s, shown = shown_in(timelines, prior, tuned)
        intervals = labels[labels["clip"] == path.name]
        own = {name: inside(intervals, time_s, result) for name, result in shown.items()}
        for name, found in own.items():
            courses.setdefault(name, []).extend(found)
        share = np.array(
            [
                sum((course.truth == k).mean() * course.duration_s for course in own[BILSTM] if len(course.truth))
                for k in range(NO_FACE)
            ]
        )
        summary = timelines[BILSTM].summary
        if share.any() and summary["face"].notna().any():
            whole.append((share, summary[columns.prefixed("clip_p")].iloc[0].to_numpy(np.float64)))
        each[path.name] = {
            "seconds": float(np.ptp(time_s)),
            "changes": {name: int((np.diff(label[label < NO_FACE]) != 0).sum()) for name, (label, _) in shown.items()},
            "accuracy": {name: score(found)["accuracy"] for name, found in own.items()} if len(intervals) else {},
        }
    return {name: score(found) for name, found in courses.items()}, clip_head(whole), each


def _cell(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if np.isfinite(value) else "–"


def markdown(rows: Mapping[str, Mapping[str, float]], corner: str = "") -> str:
    """Return scores as a table in Markdown."""
    lines = [[corner, *COLUMNS], ["---"] * (len(COLUMNS) + 1)]
    lines += [
        [name, *(_cell(scores[column], digits) for column, digits in COLUMNS.items())] for name, scores in rows.items()
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def markdown_clips(each: Mapping[str, Any]) -> str:
    """Return a table of clips: length, label changes by system and, in brackets, accuracy in labelled intervals."""
    names = list(next(iter(each.values()))["changes"])
    lines = [["label changes (accuracy)", "seconds", *names], ["---"] * (len(names) + 2)]
    for clip, figures in each.items():
        right = {name: f" ({_cell(value, 3)})" for name, value in figures["accuracy"].items()}
        cells = (f"{figures['changes'][name]}{right.get(name, '')}" for name in names)
        lines.append([clip, f"{figures['seconds']:.1f}", *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("archive", "landmarks", "frame_cnn", "sequence", "run"):
        parser.add_argument(name, type=Path)
    parser.add_argument(
        "--unidirectional", type=Path, metavar="FILE", help="an LSTM of tools/train_sequence.py --forward-only"
    )
    parser.add_argument("--clips", type=Path, metavar="FOLDER")
    parser.add_argument("--split", default="validation", choices=("validation", "test"))
    parser.add_argument("--sequences", type=int, default=900)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()
    weights = {"unidirectional LSTM": args.unidirectional} if args.unidirectional else {}
    weights[BILSTM] = args.sequence
    digest = checkpoint.digest(args.frame_cnn)
    banks = {
        split: bank_of(args.archive, args.landmarks, args.frame_cnn, args.run, split, args.seed)
        for split in {"validation", args.split}
    }
    chosen_on = simulated(banks["validation"], args.sequences, args.seed + 2000)
    prior = np.bincount(np.concatenate([one.label for one in chosen_on]), minlength=NO_FACE) / sum(
        len(one.label) for one in chosen_on
    )
    report: dict[str, Any] = {
        "split": args.split,
        "tuned": {smoother.name: tune(smoother, chosen_on) for smoother in SMOOTHERS},
    }
    models = {name: load_lstm(path, digest) for name, path in weights.items()}
    drawn = simulated(banks[args.split], args.sequences, args.seed + 1000)
    with one_thread():
        report["simulated"], report["clip_head"] = compare_simulated(drawn, models, prior, report["tuned"])
    title = f"{len(drawn)} simulated sequences, {args.split}"
    print(f"tuned: {report['tuned']}\n\n{markdown(report['simulated'], title)}\n\nclip head: {report['clip_head']}")
    if args.clips:
        found = compare_clips(args.clips, args.frame_cnn, weights, prior, report["tuned"])
        report["clips"], report["clips_clip_head"], report["each_clip"] = found
        print(f"\n{markdown(found[0], 'labelled clips')}\n\nclip head: {found[1]}\n\n{markdown_clips(found[2])}")
    if args.json:
        args.json.write_text(json.dumps(finite(report), indent=1))


def finite(value: Any) -> Any:
    """Return a value for JSON: numbers rounded, NaN as None."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, float):
        return round(value, 12 if value > 0.999 else 4) if np.isfinite(value) else None
    return value


if __name__ == "__main__":
    main()
