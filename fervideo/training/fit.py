"""Training on a prepared dataset: a new model or a fine-tuned one, calibrated, evaluated and saved."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from fervideo import checkpoint, models, pipeline
from fervideo.classifiers.nets import resolve_device
from fervideo.errors import TrainingError
from fervideo.outputs import write_csv
from fervideo.sequence.course import INPUTS, n_features
from fervideo.sequence.load import save_lstm
from fervideo.sequence.lstm import SequenceLSTM
from fervideo.settings import TrainingSettings
from fervideo.training import plots, run_files
from fervideo.training.batches import Piece, pieces
from fervideo.training.calibrate import calibrate
from fervideo.training.evaluate import Prediction, System, baselines, evaluate, predict
from fervideo.training.features import Sample
from fervideo.training.loop import Scorer, Trainer
from fervideo.training.manifest import SPLITS, Clip, to_table
from fervideo.training.prepare import Prepared
from fervideo.training.run_files import RunSource, TrainingReport
from fervideo.training.scores import MODEL, Report, to_json

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
        progress: Whether to show progress on stderr, where that is a terminal.

    Raises:
        TrainingError: There is no face to train on, the loss is no number, or the folder holds another run.
        OutputError: A file cannot be written.
    """
    began = time.perf_counter()
    settings = ready.settings
    samples = {split: ready.of(split, clips) for split in SPLITS}
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
        return run_files.finished(folder, identity)
    run_files.write_start(folder, source, settings, table, ready.skipped)
    scorer = _scorer(samples["validation"], ready.labels, settings)
    trainer = Trainer(model, learn, choose, scorer, settings.train, folder, identity, start is not None)
    history = _trained(trainer, run, resume=resume, progress=progress)
    report = _evaluated(run, model.eval(), history, began)
    run_files.write_metrics(folder, report)
    trainer.done()
    return report


def _trained(trainer: Trainer, run: _Run, *, resume: bool, progress: bool) -> pd.DataFrame:
    """Train the trainer's model, and write its weights and history.csv; return the history, a row per epoch."""
    if resume and Trainer.is_broken_off(run.folder):
        trainer.resume()
    weights = run.folder / _WEIGHTS
    epochs = trainer.run(progress=progress, on_best=lambda: save_lstm(trainer.model, weights, run.header))
    history = pd.DataFrame(epochs)
    history["epoch"] += 1
    write_csv(history.round(6), run.folder / "history.csv")
    return history


def _evaluated(run: _Run, model: SequenceLSTM, history: pd.DataFrame, began: float) -> TrainingReport:
    """Calibrate and score a trained model; write it, its predictions and the pictures."""
    settings, samples, weights = run.ready.settings, run.samples, run.folder / _WEIGHTS
    # Fitted on the heads' own predictions, before anything settles or smooths them.
    unsettled = with_sequence(settings, stay=0.0, smooth_s=0.0)
    temperatures = calibrate(model, samples["validation"], predict(model, samples["validation"], unsettled))
    validation, _ = _scored(run, model, "validation")
    test, predictions = _scored(run, model, "test")
    scores = {"validation": validation.systems[MODEL].headlines(), "test": test.systems[MODEL].headlines()}
    save_lstm(model, weights, run.header | {"scores": to_json(scores)})
    plots.curves(history, run.folder / "curves.png")
    title = f"{Path(run.source.dataset).name}, test"
    run_files.write_results(run.folder, test, predictions, samples["test"], title)
    return TrainingReport(
        **vars(run.source),
        format=run.ready.manifest.format,
        clips={split: len(part) for split, part in samples.items()},
        skipped=run_files.n_rows(run.ready.skipped),
        best_epoch=int(history["epoch"].iloc[int(history["validation_loss"].argmin())]),
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
    )


def _scored(run: _Run, model: SequenceLSTM, split: str) -> tuple[Report, list[Prediction | None]]:
    """Score a model and the baselines on a split; return the model's predictions, too."""
    samples, labels, settings = run.samples[split], run.ready.labels, run.ready.settings
    predictions = predict(model, samples, settings)
    systems = [System(MODEL, predictions), *baselines(samples, labels, run.header["train_counts"])]
    return evaluate(systems, samples, labels, settings), predictions


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
