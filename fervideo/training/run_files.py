"""The files of a run: metrics.json and its records, predictions.csv, splits.csv, skipped.csv, config.toml, pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from fervideo import atomic, bounded
from fervideo.errors import TrainingError
from fervideo.outputs import write_csv
from fervideo.records import Float32, Int64
from fervideo.settings import TrainingSettings, to_toml
from fervideo.training import plots
from fervideo.training.calibrate import Temperatures
from fervideo.training.evaluate import Prediction
from fervideo.training.features import Sample
from fervideo.training.manifest import Problem
from fervideo.training.scores import MODEL, Headline, PooledScores, Report, cell, from_json, to_json


@dataclass(frozen=True, kw_only=True)
class RunSource:
    """The data and the weights that a run starts from.

    Attributes:
        dataset: Folder or table, as the user gave it.
        init: `default` or the run to go on from; None for a new model.
        fold: The fold that is tested; None outside a cross-validation.
    """

    dataset: str
    init: str | None
    fold: str | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingReport(RunSource):
    """The content of a trained run's metrics.json.

    Attributes:
        format: Layout of the dataset, one of datasets.FORMATS.
        clips: Number of clips in each split.
        skipped: Rows left out for their problems.
        best_epoch: The epoch that was kept, counted from 1.
        epochs: Number of epochs trained.
        temperatures: Temperatures that are part of the weights.
        seconds: Duration of the training.
        seed: Seed of everything random.
        device: `cpu` or `cuda`.
        identity: Digest of settings, header and clips; a run is resumed only with the same ones.
        versions: Versions of the packages that a result depends on.
        weights: Digests of the weights: of the frame CNN, `frame`, and of the trained model, `model`.
        validation: Scores on the validation split.
        test: Scores on the test split.
    """

    format: str
    clips: dict[str, int]
    skipped: int
    best_epoch: int
    epochs: int
    temperatures: Temperatures
    seconds: float
    seed: int
    device: str
    identity: str
    versions: dict[str, str]
    weights: dict[str, str]
    validation: Report
    test: Report

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read a report that `to_json` wrote.

        Raises:
            KeyError: Fields are missing.
            TypeError: Fields are missing or unknown.
        """
        parts = {name: Report.from_json(values[name]) for name in ("validation", "test")}
        temperatures = Temperatures(**values["temperatures"])
        return cls(**{**from_json(values), **parts, "temperatures": temperatures})


@dataclass(frozen=True, kw_only=True)
class CrossValidationReport:
    """The content of a cross-validation's metrics.json; scores go by kind, `clips` and `frames`.

    Attributes:
        folds: Scores of the model on each fold.
        mean: Means over the folds.
        pooled: Scores over the test clips of all folds.
        skipped: Rows left out for their problems.
    """

    folds: dict[str, dict[str, Headline]]
    mean: dict[str, Headline]
    pooled: dict[str, PooledScores]
    skipped: int


@dataclass(frozen=True, kw_only=True)
class EvaluationReport(Report):
    """The content of an evaluation's metrics.json.

    Attributes:
        dataset: Folder or table, as the user gave it.
        model: Path of the model's weights.
        model_digest: Their digest.
        skipped: Rows left out for their problems.
        left_out: Rows left out as those of other splits.
    """

    dataset: str
    model: str
    model_digest: str
    skipped: int
    left_out: int


def write_start(
    run: Path, source: RunSource, settings: TrainingSettings, splits: pd.DataFrame, problems: Sequence[Problem]
) -> None:
    """Write all that is known before the training: config.toml, splits.csv and skipped.csv."""
    run.mkdir(exist_ok=True)
    write_csv(splits, run / "splits.csv")
    write_skipped(run, problems)
    _write(run / "config.toml", f"# {json.dumps(to_json(source))}\n\n{to_toml(settings)}")


def write_skipped(folder: Path, problems: Sequence[Problem]) -> None:
    """Write skipped.csv, if there are problems."""
    if problems:
        write_csv(pd.DataFrame(problems, columns=["origin", "reason"]), folder / "skipped.csv")


def n_rows(problems: Sequence[Problem]) -> int:
    """Return the number of rows that have problems."""
    return len({problem.origin for problem in problems})


def write_metrics(folder: Path, report: TrainingReport | CrossValidationReport | EvaluationReport) -> None:
    """Write metrics.json."""
    _write(folder / "metrics.json", json.dumps(to_json(report), indent=2))


def finished(run: Path, identity: str) -> TrainingReport:
    """Read the metrics.json of a finished run.

    Raises:
        TrainingError: It cannot be read, or is that of other settings or clips.
    """
    path = run / "metrics.json"
    try:
        values = bounded.from_json(bounded.read(path, bounded.RECORD_BYTES))
        if values.get("identity") == identity:
            return TrainingReport.from_json(values)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrainingError(path, f"cannot be read ({error})", "remove it and train again") from error
    raise TrainingError(run, "holds a finished run of other settings or clips", "choose another folder with -o")


def write_results(
    folder: Path, report: Report, predictions: Sequence[Prediction | None], samples: Sequence[Sample], title: str
) -> None:
    """Write predictions.csv, confusion.png and reliability.png.

    Args:
        folder: An existing folder.
        report: Scores of the model, among other systems.
        predictions: The model's, for the samples.
        samples: The samples that the report is about.
        title: Title of the pictures.
    """
    kind = "clips" if report.n_clips else "frames"
    title = f"{title}: {kind}"
    confusion = report.systems[MODEL].by_kind()[kind].confusion
    plots.confusion(confusion, report.labels, title, folder / "confusion.png")
    pairs = [
        (sample, prediction) for sample, prediction in zip(samples, predictions, strict=True) if prediction is not None
    ]
    truth, p = _known(pairs, len(report.labels))
    plots.reliability_diagram(truth, p, title, folder / "reliability.png")
    rows = [_row(*pair, report.labels) for pair in zip(samples, predictions, strict=True)]
    write_csv(pd.DataFrame(rows), folder / "predictions.csv")


def _known(pairs: Sequence[tuple[Sample, Prediction]], n_labels: int) -> tuple[Int64, Float32]:
    """Return truths int64 (n,) and probabilities float32 (n, C) of labelled clips; without any, of labelled steps."""
    known = [(sample.label, prediction.clip) for sample, prediction in pairs if sample.label >= 0] or [
        (int(label), p)
        for sample, prediction in pairs
        for label, p in zip(sample.step_label, prediction.steps, strict=True)
        if label >= 0
    ]
    truth = np.array([label for label, _ in known], np.int64)
    return truth, np.array([p for _, p in known], np.float32).reshape(-1, n_labels)


def _row(sample: Sample, prediction: Prediction | None, labels: Sequence[str]) -> dict[str, str | float]:
    """Return a clip's row of predictions.csv; without a face its cells are empty."""
    p = () if prediction is None else prediction.clip
    return {
        "clip": sample.clip.clip,
        "truth": labels[sample.label] if sample.label >= 0 else "",
        "prediction": "" if prediction is None else labels[int(prediction.clip.argmax())],
        **{f"p_{label}": round(float(share), 4) for label, share in zip(labels, p, strict=False)},
    }


def describe_folds(report: CrossValidationReport) -> str:
    """Write the means and the pooled scores for the terminal, a line for each kind of score."""
    n = len(report.folds)
    return "\n".join(
        f"{name} of {n} folds, {kind}: war {cell(one.war)}  uar {cell(one.uar)}  macro_f1 {cell(one.macro_f1)}"
        for name, scores in (("mean", report.mean), ("pooled", report.pooled))
        for kind, one in scores.items()
    )


def _write(path: Path, text: str) -> None:
    with atomic.written(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
