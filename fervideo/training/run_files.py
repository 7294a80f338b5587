"""The files of a run: metrics.json and its records, predictions.csv, splits.csv, skipped.csv, config.toml, pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd

from fervideo import atomic, bounded, cells
from fervideo.errors import OutputError, TrainingError, counted
from fervideo.outputs import write_csv
from fervideo.records import Float32, Int64
from fervideo.settings import TrainingSettings, to_toml
from fervideo.training import plots
from fervideo.training.calibrate import Temperatures
from fervideo.training.evaluate import Prediction
from fervideo.training.features import Sample
from fervideo.training.gain import Gain, advice
from fervideo.training.manifest import Problem
from fervideo.training.scores import (
    DEFAULT,
    MODEL,
    START,
    Headline,
    PooledScores,
    Report,
    aligned,
    cell,
    from_json,
    to_json,
)

_CONFIG = "config.toml"
#: Sections of the settings that change no result of a training.
_FREE = ("run", "events")


@dataclass(frozen=True, kw_only=True)
class RunSource:
    """The data and the weights that a run starts from.

    Attributes:
        dataset: Folder or table, as the user gave it.
        init: `default` or the run to go on from; None for a new model.
        fold: The fold that is tested; None outside a cross-validation.
        format: Layout of the dataset; None to recognise it.
        skip: Whether rows with problems are left out.
    """

    dataset: str
    init: str | None
    fold: str | None = None
    format: str | None = None
    skip: bool = False


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
        gains: The scores beside those of the models that were there before, on the same test items.
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
    gains: tuple[Gain, ...] = ()

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read a report that `to_json` wrote.

        Raises:
            KeyError: Fields are missing.
            TypeError: Fields are missing or unknown.
        """
        parts = {name: Report.from_json(values[name]) for name in ("validation", "test")}
        temperatures = Temperatures(**values["temperatures"])
        gains = tuple(Gain(**from_json(gain)) for gain in values.get("gains", ()))
        return cls(**{**from_json(values), **parts, "temperatures": temperatures, "gains": gains})


@dataclass(frozen=True, kw_only=True)
class CrossValidationReport:
    """The content of a cross-validation's metrics.json; scores go by kind, `clips` and `frames`.

    Attributes:
        folds: Scores of the model on each fold.
        mean: Means over the folds.
        pooled: Scores over the test clips of all folds.
        skipped: Rows left out for their problems.
        others: Scores of the other systems over the same clips.
        init: `default` or the run to go on from; None for new models.
        items: Noun of the clips, as in `Report`.
    """

    folds: dict[str, dict[str, Headline]]
    mean: dict[str, Headline]
    pooled: dict[str, PooledScores]
    skipped: int
    others: dict[str, dict[str, PooledScores]]
    init: str | None = None
    items: str = "clips"

    def pooled_systems(self, kind: str) -> list[tuple[str, dict[str, PooledScores]]]:
        """Return the pooled scores of all systems that have a kind of scores."""
        return [pair for pair in ((MODEL, self.pooled), *self.others.items()) if kind in pair[1]]


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


class Begun(NamedTuple):
    """The options that a run began with.

    Attributes:
        source: Its data and initial weights.
        settings: Its settings; those that were not given are not among the fields that are set.
    """

    source: RunSource
    settings: TrainingSettings


def begin(run: Path, source: RunSource, settings: TrainingSettings) -> None:
    """Make a run's folder and write config.toml, whose first lines have the options that `--resume` goes on with.

    Raises:
        OutputError: The folder cannot be made or written.
    """
    make(run)
    given = settings.model_dump(mode="json", exclude_unset=True)
    # A line for each section: lines of settings must not be long.
    lines = [f"# {json.dumps(part)}" for part in (to_json(source), *({name: given[name]} for name in given))]
    _write(run / _CONFIG, "\n".join([*lines, "", to_toml(settings)]))


def make(folder: Path) -> None:
    """Make a folder for results.

    Raises:
        OutputError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(folder, f"cannot be made ({error.strerror or error})", "choose another with -o") from error


def begun(run: Path) -> Begun | None:
    """Read the options that a run began with; None without such a run.

    Raises:
        TrainingError: They cannot be read.
    """
    path = run / _CONFIG
    try:
        head = bounded.read(path, bounded.SETTINGS_BYTES).decode().partition("\n\n")[0]
        source, *given = (bounded.from_json(line.removeprefix("#")) for line in head.splitlines())
        settings = {name: values for section in given for name, values in section.items()}
        return Begun(RunSource(**source), TrainingSettings.model_validate(settings))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrainingError(path, f"cannot be read ({error})", "choose another folder with -o") from error


def resumed(run: Path, source: RunSource, settings: TrainingSettings) -> Begun:
    """Return the options with which a run goes on: its own, and those given that change no result.

    Args:
        run: Folder of the run.
        source: Options of the command.
        settings: Settings of the command.

    Raises:
        TrainingError: An option is given that differs from the run's.
    """
    own = begun(run)
    if own is None:
        return Begun(source, settings)
    given = settings.model_dump(mode="json", exclude_unset=True)
    differing = _differing(own, source, given)
    if differing:
        remedy = "leave these options out to go on with it, or choose another folder with -o"
        raise TrainingError(run, f"was begun with other options: {', '.join(differing)}", remedy)
    free = {name: getattr(settings, name) for name in _FREE if name in given}
    skip = own.source.skip or source.skip
    return Begun(replace(own.source, skip=skip), own.settings.model_copy(update=free))


def difference(run: Path, source: RunSource, settings: TrainingSettings, rows: pd.DataFrame) -> str:
    """Describe how a training differs from the one that its folder contains: by options, by rows, or by weights."""
    own = begun(run)
    if own is not None:
        options = _differing(own, source, settings.model_dump(mode="json"), strict=True)
        if options:
            return f"other options: {', '.join(options)}"
    listed = run / "splits.csv"
    if listed.exists():
        before = pd.read_csv(listed, dtype=str, keep_default_na=False)
        names = [set(map(cells.unguarded, before["clip"])), set(rows["clip"])]
        if names[0] != names[1]:
            new, gone = (sorted(one - other) for one, other in (names[::-1], names))
            parts = [f"{len(some)} {word} ({some[0]})" for some, word in ((new, "new"), (gone, "gone")) if some]
            return f"other clips: {', '.join(parts)}"
    return "other labels, other weights of the frame CNN, or another version of fervideo"


def _differing(own: Begun, source: RunSource, given: Mapping[str, Any], *, strict: bool = False) -> list[str]:
    """List the options that differ, each by its name with both values; if strict, those that are not given, too."""
    found = [
        f"{'no ' if new is None else ''}--{name}{'' if new is None else f' {new}'} (there {old or 'none'})"
        for name, new, old in (("init", source.init, own.source.init), ("format", source.format, own.source.format))
        if new != old and (strict or new is not None)
    ]
    before = own.settings.model_dump(mode="json")
    for section, values in given.items():
        for key, value in values.items() if section not in _FREE else ():
            if value != before[section][key]:
                found.append(f"--set {section}.{key}={value} (there {before[section][key]})")
    return found


def write_start(
    run: Path, source: RunSource, settings: TrainingSettings, splits: pd.DataFrame, problems: Sequence[Problem]
) -> None:
    """Write all that is known before the training: config.toml, splits.csv and skipped.csv."""
    begin(run, source, settings)
    write_csv(splits, run / "splits.csv")
    write_skipped(run, problems)


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


def finished(run: Path) -> TrainingReport:
    """Read the metrics.json of a finished run.

    Raises:
        TrainingError: It cannot be read.
    """
    path = run / "metrics.json"
    try:
        return TrainingReport.from_json(bounded.from_json(bounded.read(path, bounded.RECORD_BYTES)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrainingError(path, f"cannot be read ({error})", "remove it and train again") from error


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
    by_kind = report.systems[MODEL].by_kind()
    for kind in list(by_kind)[:1]:
        people = counted(report.groups, "subject")
        heading = f"{title}: {report.n_labelled(kind)} {report.noun(kind)} of {people}"
        plots.confusion(by_kind[kind].confusion, report.labels, heading, folder / "confusion.png")
        pairs = [(sample, found) for sample, found in zip(samples, predictions, strict=True) if found is not None]
        truth, p = _known(pairs, len(report.labels))
        plots.reliability_diagram(truth, p, heading, folder / "reliability.png")
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
        "truth": labels[sample.label] if sample.label >= 0 else sample.clip.label,
        "prediction": "" if prediction is None else labels[int(prediction.clip.argmax())],
        **{f"p_{label}": round(float(share), 4) for label, share in zip(labels, p, strict=False)},
    }


def describe_folds(report: CrossValidationReport) -> str:
    """Write the means and the pooled scores for the terminal, a table for each kind of score."""
    heads, tables = ("war", "uar", "macro_f1"), []
    for kind, mean in report.mean.items():
        pooled = [(f"{name}, pooled", scores[kind]) for name, scores in report.pooled_systems(kind)]
        rows: list[tuple[str, Headline]] = [(f"{MODEL}, mean of folds", mean), *pooled]
        n = sum(map(sum, report.pooled[kind].confusion))
        lines = [[f"{n} {report.items if kind == 'clips' else kind}, {len(report.folds)} folds", *heads]]
        lines += [[name, *(cell(getattr(one, head)) for head in heads)] for name, one in rows]
        tables.append(aligned(lines))
        before = {name: scores[kind].uar or 0.0 for name, scores in report.others.items() if name in (START, DEFAULT)}
        best = max(before, key=lambda name: before[name], default="")
        if best and (report.pooled[kind].uar or 0.0) <= before[best]:
            tables.append(f"{kind}: {advice(best, report.init)}")
    return "\n\n".join(tables)


def _write(path: Path, text: str) -> None:
    with atomic.written(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
