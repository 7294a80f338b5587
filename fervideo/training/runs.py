"""The commands of training: train, cross-validate, evaluate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from fervideo import checkpoint, models
from fervideo.classifiers.nets import resolve_device
from fervideo.errors import TrainingError
from fervideo.sequence import load
from fervideo.sequence.course import INPUTS
from fervideo.sequence.load import SMOOTHER_WEIGHTS, load_lstm
from fervideo.sequence.lstm import SequenceLSTM
from fervideo.settings import TrainingSettings
from fervideo.training import run_files, splits
from fervideo.training.evaluate import System, baselines, evaluate, predict, predict_as
from fervideo.training.fit import fit, references, with_sequence
from fervideo.training.loop import Trainer
from fervideo.training.prepare import Purpose, prepared, previewed
from fervideo.training.preview import Preview
from fervideo.training.run_files import CrossValidationReport, EvaluationReport, RunSource, TrainingReport
from fervideo.training.scores import MODEL, Headline, PooledScores, SystemScores, as_rows, headline, rounded


def train(
    dataset: Path,
    run: Path,
    settings: TrainingSettings,
    *,
    format: str | None = None,  # noqa: A002  (as the option is called)
    init: str | None = None,
    resume: bool = False,
    skip: bool = False,
    progress: bool = True,
    show: Callable[[Preview], None] | None = None,
) -> TrainingReport:
    """Train a sequence model on a dataset and evaluate it on the dataset's test split.

    Args:
        dataset: Folder or table.
        run: Folder for the model, its scores and its pictures.
        settings: The run's settings.
        format: One of datasets.FORMATS; None to recognise it.
        init: `default` or a run to go on from with this dataset; None for a new model.
        resume: Whether to go on with a run that was broken off, with its own settings, format, init and skip.
        skip: Whether to leave out rows that have problems.
        progress: Whether to show progress on stderr.
        show: Function that shows the dataset before any video is opened.

    Returns:
        The content of `metrics.json`.

    Raises:
        DatasetError: The dataset cannot be used as it is; `problems` lists the reasons.
        TrainingError: The run cannot start, resume, or go on.
        WeightsError: The model to begin with is broken or made for other features.
        OutputError: The run's folder or the cache cannot be written.
    """
    if not resume and ((run / "model.safetensors").exists() or Trainer.is_broken_off(run)):
        raise TrainingError(run, "holds a run already", "go on with --resume, or choose another folder with -o")
    source = RunSource(dataset=str(dataset), init=init, format=format, skip=skip)
    if resume:
        source, settings = run_files.resumed(run, source, settings)
    start, path = _start(source.init, settings)
    known, inputs = (None, INPUTS) if start is None else (start.labels, start.inputs)
    with prepared(
        dataset,
        settings,
        source.format,
        known,
        "train",
        partial(_begin, run, source, settings),
        skip=source.skip,
        progress=progress,
        model=path,
        inputs=inputs,
        show=show,
    ) as ready:
        return fit(ready, ready.manifest.clips, run, source, start, resume=resume, progress=progress)


def cross_validate(
    dataset: Path,
    run: Path,
    settings: TrainingSettings,
    *,
    format: str | None = None,  # noqa: A002
    init: str | None = None,
    skip: bool = False,
    progress: bool = True,
    show: Callable[[Preview], None] | None = None,
) -> CrossValidationReport:
    """Train and evaluate once for each fold: the dataset's own, or drawn by subject. Finished folds are not repeated.

    Args and Raises as in `train`; the run's folder contains one for each fold.

    Returns:
        The content of `metrics.json`.
    """
    start, path = _start(init, settings)
    known, inputs = (None, INPUTS) if start is None else (start.labels, start.inputs)
    with prepared(
        dataset,
        settings,
        format,
        known,
        "folds",
        partial(run_files.make, run),
        skip=skip,
        progress=progress,
        model=path,
        inputs=inputs,
        show=show,
    ) as ready:
        reports = {}
        for fold in splits.folds(ready.manifest, settings.train):
            folder = run / f"fold_{fold}"
            clips = splits.assign(ready.manifest, settings.train, fold)
            source = RunSource(dataset=str(dataset), init=init, fold=fold, format=format, skip=skip)
            resume = Trainer.is_broken_off(folder) or (folder / "metrics.json").exists()
            reports[fold] = fit(ready, clips, folder, source, start, resume=resume, progress=progress)
    report = _over_folds(reports, run_files.n_rows(ready.skipped), init)
    run_files.write_metrics(run, report)
    return report


def evaluate_run(
    dataset: Path,
    settings: TrainingSettings,
    *,
    format: str | None = None,  # noqa: A002
    split: str | None = None,
    output: Path | None = None,
    skip: bool = False,
    progress: bool = True,
    show: Callable[[Preview], None] | None = None,
) -> EvaluationReport:
    """Evaluate a trained model on a dataset, beside the baselines.

    Args:
        dataset: Folder or table.
        settings: `sequence.model` is the model.
        format: As in `train`.
        split: Split to evaluate on: `train`, `validation`, `test` or `all`. None is the test split where the dataset
            has one, else all, and never the clips that the model was trained on or chosen by.
        output: Folder for metrics.json, predictions.csv and pictures.
        skip: As in `train`.
        progress: As in `train`.
        show: As in `train`.

    Raises:
        DatasetError: The dataset cannot be used, or has labels that the model lacks.
        WeightsError: The model is broken or made for other features.
        OutputError: The output cannot be written.
    """
    chosen = models.resolve(settings)
    model, path = load.loaded(chosen.sequence), chosen.sequence.path
    with prepared(
        dataset,
        settings,
        format,
        model.labels,
        "evaluate",
        None if output is None else partial(run_files.make, output),
        skip=skip,
        progress=progress,
        model=path,
        split=split,
        inputs=model.inputs,
        show=show,
    ) as ready:
        counts = checkpoint.read(path).header.get("train_counts") or [
            sum(sample.label == label for sample in ready.samples) for label in range(len(model.labels))
        ]
        predictions = predict(model, ready.samples, settings)
        others = references(None, ready.settings, model.labels, model.inputs, but=path)
        before = [
            System(name, predict_as(other, ready.samples, settings, model.labels)) for name, other in others.items()
        ]
        systems = [System(MODEL, predictions), *before, *baselines(ready.samples, model.labels, counts)]
        scores = evaluate(systems, ready.samples, model.labels, settings)
    report = EvaluationReport(
        **vars(scores),
        dataset=str(dataset),
        model=str(path),
        model_digest=checkpoint.digest(path),
        skipped=run_files.n_rows(ready.skipped),
        left_out=ready.left_out,
    )
    if output is not None:
        run_files.write_results(output, report, predictions, ready.samples, dataset.name)
        run_files.write_skipped(output, ready.skipped)
        run_files.write_metrics(output, report)
    return report


def preview(
    dataset: Path,
    settings: TrainingSettings,
    purpose: Purpose,
    *,
    format: str | None = None,  # noqa: A002
    init: str | None = None,
    split: str | None = None,
) -> Preview:
    """Read a dataset as a run would use it, without opening a video.

    Args:
        dataset: Folder or table.
        settings: The run's settings.
        purpose: The run: a training, one for each fold, or an evaluation.
        format: As in `train`.
        init: As in `train`.
        split: As in `evaluate_run`.

    Raises:
        DatasetError: The dataset cannot be read.
        WeightsError: The model to begin with, or to evaluate, is broken or made for other features.
    """
    known: tuple[str, ...] | None
    model: Path | None
    if purpose == "evaluate":
        chosen = models.resolve(settings)
        model, known = chosen.sequence.path, load.loaded(chosen.sequence).labels
    else:
        start, model = _start(init, settings)
        known = None if start is None else start.labels
    return previewed(dataset, settings, format, known, purpose, model=model, split=split)


def _start(init: str | None, settings: TrainingSettings) -> tuple[SequenceLSTM | None, Path | None]:
    """Return the model to begin with, and the path of its weights."""
    if init is None:
        return None, None
    # The package's model for its frame CNN has nothing to learn; the smoother is the network beside it.
    chosen = models.resolve(with_sequence(settings, model=str(SMOOTHER_WEIGHTS) if init == "default" else init))
    if chosen.frame.digest != models.resolve(settings).frame.digest:
        remedy = f"train without --init, or add --set classifier.weights={chosen.frame.path}"
        raise TrainingError(Path(init), "was trained on features of an earlier frame CNN", remedy)
    return _network(chosen), chosen.sequence.path


def _network(chosen: models.Models) -> SequenceLSTM:
    """Load a run's sequence model as a network that can learn."""
    return load_lstm(chosen.sequence.path, chosen.frame.digest, resolve_device(chosen.frame.device))


def _begin(run: Path, source: RunSource, settings: TrainingSettings) -> None:
    """Write the options of a run, unless it goes on with its own."""
    if not (Trainer.is_broken_off(run) or (run / "metrics.json").exists()):
        run_files.begin(run, source, settings)


def _over_folds(reports: Mapping[str, TrainingReport], skipped: int, init: str | None) -> CrossValidationReport:
    """Return each fold's scores, their means, and the scores of all test clips pooled."""
    folds = {fold: report.test.systems[MODEL] for fold, report in reports.items()}
    names = dict.fromkeys(name for report in reports.values() for name in report.test.systems)
    pooled = {name: _pooled([report.test.systems[name] for report in reports.values()]) for name in names}
    mean = {
        kind: _mean([fold.by_kind()[kind] for fold in folds.values() if kind in fold.by_kind()])
        for kind in pooled[MODEL]
    }
    headlines = {fold: scores.headlines() for fold, scores in folds.items()}
    return CrossValidationReport(
        folds=headlines,
        mean=mean,
        pooled=pooled.pop(MODEL),
        skipped=skipped,
        others=pooled,
        init=init,
        items=next(iter(reports.values())).test.items,
    )


def _pooled(scores: Sequence[SystemScores]) -> dict[str, PooledScores]:
    """Return the scores of one system over all folds, by kind."""
    pooled = {}
    for kind in ("clips", "frames"):
        confusions = [fold.by_kind()[kind].confusion for fold in scores if kind in fold.by_kind()]
        if confusions:
            total = np.sum(confusions, 0)
            pooled[kind] = PooledScores(**vars(headline(total)), confusion=as_rows(total))
    return pooled


def _mean(scores: Sequence[Headline]) -> Headline:
    """Return the mean of each score over the folds that have it."""

    def mean(values: list[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return rounded(float(np.mean(known))) if known else None

    return Headline(
        war=mean([one.war for one in scores]),
        uar=mean([one.uar for one in scores]),
        macro_f1=mean([one.macro_f1 for one in scores]),
    )
