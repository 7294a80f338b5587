"""Training on a prepared dataset: a new model or a fine-tuned one, calibrated, evaluated and saved."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from fervideo import checkpoint, models, pipeline
from fervideo.classifiers.nets import resolve_device
from fervideo.errors import TrainingError, counted
from fervideo.outputs import write_csv
from fervideo.records import Bool, Int64
from fervideo.sequence import SequenceModel, load
from fervideo.sequence.course import INPUTS, n_features
from fervideo.sequence.load import save_lstm
from fervideo.sequence.lstm import SequenceLSTM
from fervideo.settings import TrainingSettings
from fervideo.training import plots, run_files
from fervideo.training.batches import Piece, pieces
from fervideo.training.calibrate import calibrate
from fervideo.training.evaluate import Prediction, System, baselines, evaluate, gains, predict, predict_as
from fervideo.training.features import Sample
from fervideo.training.loop import Scorer, Trainer
from fervideo.training.manifest import SPLITS, Clip, to_table
from fervideo.training.prepare import Prepared
from fervideo.training.run_files import RunSource, TrainingReport
from fervideo.training.scores import DEFAULT, MODEL, START, Report, to_json

_WEIGHTS = "model.safetensors"


@dataclass(frozen=True, kw_only=True)
class _Run:
    """One training: its data, its folder, and the facts that its files contain.

    Attributes:
        ready: The dataset.
        samples: Its samples by split.
        folder: Folder of the run.
        source: Dataset and initial weights.
        header: Header of the model's checkpoint.
        identity: Digest of settings, header and rows.
    """

    ready: Prepared
    samples: dict[str, list[Sample]]
    folder: Path
    source: RunSource
    header: dict[str, Any]
    identity: str


def fit(
    ready: Prepared,
    clips: Sequence[Clip],
    folder: Path,
    source: RunSource,
    start: SequenceLSTM | None,
    *,
    resume: bool,
    progress: bool,
) -> TrainingReport:
    """Train on prepared samples and write all files of a run.

    Args:
        ready: The dataset.
        clips: Its rows with the splits of this run.
        folder: Folder of the run.
        source: Dataset and initial weights, for the report.
        start: The model to begin with; None for a new one.
        resume: Whether to go on with a run that was broken off; of a finished one the report is returned.
        progress: Whether to show progress on stderr.

    Raises:
        TrainingError: There is no face to train on, the loss is no number, or the folder holds another run.
        OutputError: A file cannot be written.
    """
    began = time.perf_counter()
    settings = ready.settings
    samples = {split: ready.of(split, clips) for split in SPLITS}
    learnt = _learnt(samples["train"], ready.labels, start)
    samples |= {split: [_scorable(sample, learnt) for sample in samples[split]] for split in SPLITS[1:]}
    learn, choose = pieces(samples["train"], settings.train), pieces(samples["validation"], settings.train)
    if not learn or not choose:
        reason = "no face was found in any clip to train on or to choose epochs by"
        raise TrainingError(folder, reason, "look at the clips")
    device = resolve_device(settings.run.device)
    torch.manual_seed(settings.train.seed)
    model = _model(start, samples["train"], ready.labels, settings).to(device)
    header = _header(ready, source, learn)
    # Absolute paths: the same files are known from any folder.
    table = to_table(clip._replace(path=clip.path.resolve()) for clip in clips)
    identity = _identity(settings, header, table)
    run = _Run(ready=ready, samples=samples, folder=folder, source=source, header=header, identity=identity)
    if resume and (folder / "metrics.json").exists():
        report = run_files.finished(folder)
        if report.identity != identity:
            raise _other(run, table)
        return report
    scorer = _scorer(samples["validation"], ready.labels, settings)
    trainer = Trainer(model, learn, choose, scorer, settings.train, folder, identity, start is not None)
    if resume and Trainer.is_broken_off(folder) and not trainer.resume():
        raise _other(run, table)
    run_files.write_start(folder, source, settings, table, ready.skipped)
    history = _trained(trainer, run, progress=progress)
    begun_with = load.SMOOTHER_WEIGHTS if source.init == "default" else None
    others = references(start, settings, ready.labels, model.inputs, begun_with)
    report = _evaluated(run, model.eval(), history, began, others)
    run_files.write_metrics(folder, report)
    trainer.done()
    return report


def _other(run: _Run, table: pd.DataFrame) -> TrainingError:
    """Return the error of a folder that contains another training."""
    reason = run_files.difference(run.folder, run.source, run.ready.settings, table)
    return TrainingError(run.folder, f"is a run of {reason}", "choose another folder with -o")


def _learnt(learn: Sequence[Sample], labels: tuple[str, ...], start: SequenceLSTM | None) -> Bool:
    """Return which labels can be predicted, bool (C,): those that are trained on, or that a model begins with."""
    known = np.isin(labels, () if start is None else start.labels)
    for sample in learn:
        known |= sample.target > 0
        known[sample.step_label[sample.step_label >= 0]] = True
    return known


def _scorable(sample: Sample, learnt: Bool) -> Sample:
    """Return a sample without the labels that nobody taught: a model cannot predict them."""

    def kept(label: Int64) -> Int64:
        return np.where((label >= 0) & learnt[label], label, -1)

    label = int(kept(np.array(sample.label)))
    target = sample.target if label == sample.label else np.zeros_like(sample.target)
    steps, frames = kept(sample.step_label), kept(sample.frame_label)
    return replace(sample, label=label, target=target, step_label=steps, frame_label=frames)


def _trained(trainer: Trainer, run: _Run, *, progress: bool) -> pd.DataFrame:
    """Train the trainer's model, and write its weights and history.csv; return the history, a row per epoch."""
    weights = run.folder / _WEIGHTS
    epochs = trainer.run(progress=progress, on_best=lambda: save_lstm(trainer.model, weights, run.header))
    history = pd.DataFrame(epochs)
    history["epoch"] += 1
    write_csv(history.round(6), run.folder / "history.csv")
    return history


def _evaluated(
    run: _Run, model: SequenceLSTM, history: pd.DataFrame, began: float, others: Mapping[str, SequenceModel]
) -> TrainingReport:
    """Calibrate and score a trained model; write it, its predictions and the pictures."""
    settings, samples, weights = run.ready.settings, run.samples, run.folder / _WEIGHTS
    # Fitted on the heads' own predictions, before anything settles or smooths them.
    unsettled = with_sequence(settings, stay=0.0, smooth_s=0.0)
    temperatures = calibrate(model, samples["validation"], predict(model, samples["validation"], unsettled))
    validation, _ = _scored(run, _systems(run, model, "validation", others), "validation")
    systems = _systems(run, model, "test", others)
    test, predictions = _scored(run, systems, "test")
    scores = {"validation": validation.systems[MODEL].headlines(), "test": test.systems[MODEL].headlines()}
    save_lstm(model, weights, run.header | {"scores": to_json(scores)})
    name = Path(run.source.dataset).name
    best = int(history["epoch"].iloc[int(history["validation_loss"].argmin())])
    title = f"{name}: {counted(len(samples['validation']), 'row')} to choose the epoch"
    plots.curves(history, best, title, run.folder / "curves.png")
    run_files.write_results(run.folder, test, predictions, samples["test"], f"{name}, test")
    return TrainingReport(
        **vars(run.source) | {"format": run.ready.manifest.format},
        clips={split: len(part) for split, part in samples.items()},
        skipped=run_files.n_rows(run.ready.skipped),
        best_epoch=best,
        epochs=len(history),
        temperatures=temperatures,
        seconds=round(time.perf_counter() - began, 1),
        seed=settings.train.seed,
        device=str(model.centre.device.type),
        identity=run.identity,
        versions=pipeline.versions(),
        weights={"frame": run.header["frame_cnn"], MODEL: checkpoint.digest(weights)},
        validation=validation,
        test=test,
        gains=gains(systems, samples["test"], run.ready.labels, settings),
    )


def _systems(run: _Run, model: SequenceLSTM, split: str, others: Mapping[str, SequenceModel]) -> list[System]:
    """Predict a split with a model, with those that were there before it, and with the baselines."""
    samples, labels, settings = run.samples[split], run.ready.labels, run.ready.settings
    before = [System(name, predict_as(other, samples, settings, labels)) for name, other in others.items()]
    own = System(MODEL, predict(model, samples, settings))
    return [own, *before, *baselines(samples, labels, run.header["train_counts"])]


def _scored(run: _Run, systems: list[System], split: str) -> tuple[Report, list[Prediction | None]]:
    """Score systems on a split; return the model's predictions, too."""
    return evaluate(systems, run.samples[split], run.ready.labels, run.ready.settings), systems[0].predictions


def references(
    start: SequenceModel | None,
    settings: TrainingSettings,
    labels: tuple[str, ...],
    inputs: Sequence[str],
    but: Path | None = None,
) -> dict[str, SequenceModel]:
    """Return the models that were there before a training, by the names of their systems.

    Args:
        start: The model that it began with; None for a new one.
        settings: The settings of the training.
        labels: The labels that are distinguished.
        inputs: The measures in the samples' courses.
        but: Weights of a model that is among the systems already.
    """
    found: dict[str, SequenceModel] = {} if start is None else {START: start}
    chosen = models.resolve(with_sequence(settings, model="default"))
    model = load.loaded(chosen.sequence)
    # It must read the same courses, and know two of the labels.
    readable = not model.inputs or tuple(model.inputs) == tuple(inputs)
    if readable and len({*model.labels} & {*labels}) > 1 and chosen.sequence.path != but:
        found[DEFAULT] = model
    return found


def _scorer(samples: Sequence[Sample], labels: tuple[str, ...], settings: TrainingSettings) -> Scorer:
    """Make the function that scores a model on the validation samples after each epoch."""
    # One resample: nobody looks at intervals while training.
    quick = settings.model_copy(update={"train": settings.train.model_copy(update={"bootstrap": 1})})

    def score(model: SequenceLSTM) -> tuple[float, float]:
        report = evaluate([System(MODEL, predict(model, samples, settings))], samples, labels, quick)
        scores = next(iter(report.systems[MODEL].headlines().values()), None)
        war, uar = (None, None) if scores is None else (scores.war, scores.uar)
        return math.nan if war is None else war, math.nan if uar is None else uar

    return score


def _model(
    start: SequenceLSTM | None, learn: Sequence[Sample], labels: tuple[str, ...], settings: TrainingSettings
) -> SequenceLSTM:
    """Make the model to train: a new one, or one with another's weights, and new rows in its heads for new labels."""
    seen = np.concatenate([sample.course[sample.course[:, -1] > 0][:, :-1] for sample in learn if len(sample.course)])
    if start is None:
        wanted = settings.train
        embedding_dim = seen.shape[1] - n_features(INPUTS, 0)
        model = SequenceLSTM(embedding_dim, wanted.hidden, wanted.layers, wanted.dropout, wanted.bidirectional, labels)
        model.centre, model.scale = torch.from_numpy(seen.mean(0)), torch.from_numpy(np.maximum(seen.std(0), 1e-4))
        return model
    # The chance to stay was fitted to the predictions of the other model.
    config: dict[str, Any] = {**start.config, "labels": labels, "stay": 0.0, "inputs": start.inputs}
    model = SequenceLSTM(**config)
    state = model.state_dict()
    for name, tensor in start.state_dict().items():
        # Labels of the older model come first; rows of new ones stay as they were made.
        rows = slice(0, len(tensor)) if tensor.ndim else ...
        state[name][rows] = tensor.cpu()
    model.load_state_dict(state)
    return model


def _header(ready: Prepared, source: RunSource, learn: Sequence[Piece]) -> dict[str, Any]:
    """Return the header of the model's checkpoint."""
    counts = np.sum([piece.target for piece in learn], 0) + [
        sum(float((piece.step_label == label) @ piece.step_weight) for piece in learn if not piece.clip_weight)
        for label in range(len(ready.labels))
    ]
    return {
        "labels": ready.labels,
        "frame_cnn": models.resolve(ready.settings).frame.digest,
        "recipe": "fervideo train",
        "data": f"{ready.manifest.format}: {source.dataset}",
        "init": source.init,
        "seed": ready.settings.train.seed,
        "features": ready.settings.model_dump(mode="json", include={"video", "faces"}),
        "train_counts": [round(float(count), 2) for count in counts],
    }


def _identity(settings: TrainingSettings, header: dict[str, Any], table: pd.DataFrame) -> str:
    parts = [settings.model_dump(mode="json", exclude={"run", "events"}), header, table.to_csv(index=False)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def with_sequence(settings: TrainingSettings, **changes: object) -> TrainingSettings:
    """Return settings with changes in their section `sequence`."""
    return settings.model_copy(update={"sequence": settings.sequence.model_copy(update=changes)})
