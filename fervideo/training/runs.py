"""What the commands do: prepare a dataset, train, evaluate, cross-validate."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from fervideo import atomic, checkpoint, models, pipeline
from fervideo.classifiers.nets import resolve_device
from fervideo.errors import TrainingError
from fervideo.sequence.course import INPUTS, n_features
from fervideo.sequence.load import load_lstm, save_lstm
from fervideo.sequence.lstm import SequenceLSTM
from fervideo.settings import TrainingSettings, to_toml
from fervideo.timeline import write_csv
from fervideo.training import metrics, plots, splits
from fervideo.training.calibrate import calibrate
from fervideo.training.evaluate import Answer, System, baselines, evaluate, predict
from fervideo.training.features import Sample
from fervideo.training.loop import Trainer, pieces
from fervideo.training.manifest import Clip, Problem, to_table
from fervideo.training.prepare import Prepared, prepared

#: What the trained model is called in tables.
MODEL = "model"


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
) -> dict[str, Any]:
    """Train a sequence model on a dataset and evaluate it on the dataset's test split.

    Args:
        dataset: Folder or table.
        run: Where everything goes.
        settings: What differs from the defaults.
        format: One of datasets.FORMATS; None to recognise it.
        init: `default` or a run to go on from with this dataset; None to begin with nothing.
        resume: Whether to go on with a run that was broken off.
        skip: Whether to leave out rows that have problems.
        progress: Whether to show progress on stderr, where that is a terminal.

    Returns:
        What `metrics.json` holds.

    Raises:
        DatasetError: The dataset cannot be used as it is; `problems` lists what is wrong.
        TrainingError: The run cannot start, resume, or go on.
        WeightsError: The model to begin with is broken or made for other features.
        OutputError: The run's folder or the cache cannot be written.
    """
    if not resume and ((run / "model.safetensors").exists() or Trainer.is_broken_off(run)):
        raise TrainingError(run, "holds a run already", "go on with --resume, or choose another folder with -o")
    start, begun = _beginning(init, settings)
    known, inputs = (None, INPUTS) if start is None else (start.labels, start.inputs)
    with prepared(
        dataset, settings, format, known, "train", run, skip=skip, progress=progress, model=begun, inputs=inputs
    ) as ready:
        return _fit(ready, ready.manifest.clips, run, start, {"dataset": str(dataset), "init": init}, resume, progress)


def cross_validate(
    dataset: Path,
    run: Path,
    settings: TrainingSettings,
    *,
    format: str | None = None,  # noqa: A002
    init: str | None = None,
    skip: bool = False,
    progress: bool = True,
) -> dict[str, Any]:
    """Train and evaluate once for each fold: the dataset's own, or drawn by subject. Folds that are done are not done again.

    Args and Raises as in `train`; RUN holds a folder for each fold.

    Returns:
        What `metrics.json` holds: scores of each fold, their means, those of all test clips pooled, and how many rows
            were `skipped`.
    """
    start, begun = _beginning(init, settings)
    known, inputs = (None, INPUTS) if start is None else (start.labels, start.inputs)
    with prepared(
        dataset, settings, format, known, "folds", run, skip=skip, progress=progress, model=begun, inputs=inputs
    ) as ready:
        reports = {}
        for fold in splits.folds(ready.manifest, settings.train):
            place = run / f"fold_{fold}"
            clips = splits.assign(ready.manifest, settings.train, fold)
            facts = {"dataset": str(dataset), "init": init, "fold": fold}
            begun_before = Trainer.is_broken_off(place) or (place / "metrics.json").exists()
            reports[fold] = _fit(ready, clips, place, start, facts, begun_before, progress)
    told = _over_folds(reports) | {"skipped": _n_rows(ready.skipped)}
    _write(run / "metrics.json", json.dumps(told, indent=2))
    return told


def evaluate_run(
    dataset: Path,
    settings: TrainingSettings,
    *,
    format: str | None = None,  # noqa: A002
    split: str | None = None,
    output: Path | None = None,
    skip: bool = False,
    progress: bool = True,
) -> dict[str, Any]:
    """Evaluate a trained model on a dataset, beside the baselines.

    Args:
        dataset: Folder or table.
        settings: `sequence.model` is the model.
        format: As in `train`.
        split: Which clips: `train`, `validation`, `test` or `all`; None for the test split where the dataset has one,
            else all, and never those that the model was trained on or chosen by.
        output: Folder for metrics.json, predictions.csv and pictures.
        skip: As in `train`.
        progress: As in `train`.

    Returns:
        The report of `evaluate`, with how many rows were `skipped` for problems, and how many `left_out` as those of
        other splits.

    Raises:
        DatasetError: The dataset cannot be used, or has labels that the model lacks.
        WeightsError: The model is broken or made for other features.
        OutputError: The output cannot be written.
    """
    chosen = models.resolve(settings)
    model, path = _network(chosen), chosen.sequence.path
    with prepared(
        dataset,
        settings,
        format,
        model.labels,
        "evaluate",
        output,
        skip=skip,
        progress=progress,
        model=path,
        split=split,
        inputs=model.inputs,
    ) as ready:
        header = checkpoint.read(path).header
        counts = header.get("train_counts") or [
            sum(sample.label == place for sample in ready.samples) for place in range(len(model.labels))
        ]
        systems = [
            System(MODEL, predict(model, ready.samples, settings)),
            *baselines(ready.samples, model.labels, counts),
        ]
        report = evaluate(systems, ready.samples, model.labels, settings)
    report |= {"dataset": str(dataset), "model": str(path), "model_digest": checkpoint.digest(path)}
    report |= {"skipped": _n_rows(ready.skipped), "left_out": ready.left_out}
    if output is not None:
        _write_results(output, report, systems[0].answers, ready.samples, f"{dataset.name}")
        _write_skipped(output, ready.skipped)
        _write(output / "metrics.json", json.dumps(report, indent=2))
    return report


def _fit(
    ready: Prepared,
    clips: Sequence[Clip],
    run: Path,
    start: SequenceLSTM | None,
    facts: dict[str, Any],
    resume: bool,
    progress: bool,
) -> dict[str, Any]:
    """Train on prepared samples and write all that a run leaves behind."""
    settings, labels = ready.settings, ready.labels
    began = time.perf_counter()
    learn, choose, test = (ready.of(split, clips) for split in ("train", "validation", "test"))
    train_pieces, validation_pieces = pieces(learn, settings.train), pieces(choose, settings.train)
    if not train_pieces or not validation_pieces:
        raise TrainingError(
            run, "no face was found in any clip to train on or to choose epochs by", "look at the clips"
        )
    device = resolve_device(settings.run.device)
    torch.manual_seed(settings.train.seed)
    model = _model(start, learn, labels, settings).to(device)
    counts = np.sum([piece.target for piece in train_pieces], 0) + [
        sum(float((piece.step_label == place) @ piece.step_weight) for piece in train_pieces if not piece.clip_weight)
        for place in range(len(labels))
    ]
    header = {
        "labels": labels,
        "frame_cnn": models.resolve(settings).frame.digest,
        "recipe": "fervideo train",
        "data": f"{ready.manifest.format}: {facts['dataset']}",
        "init": facts["init"],
        "seed": settings.train.seed,
        "features": settings.model_dump(mode="json", include={"video", "faces"}),
        "train_counts": [round(float(count), 2) for count in counts],
    }

    def scored(candidate: SequenceLSTM) -> tuple[float, float]:
        report = evaluate([System(MODEL, predict(candidate, choose, settings))], choose, labels, _quick(settings))
        scores = report["systems"][MODEL]
        first = scores.get("clips") or scores["frames"]
        return first["war"], first["uar"]

    # Whole paths: the same files are known from wherever they are looked at next.
    table = to_table(clip._replace(path=clip.path.resolve()) for clip in clips)
    identity = _identity(settings, header, table)
    if resume and (run / "metrics.json").exists():
        return _finished(run, identity)
    run.mkdir(exist_ok=True)
    write_csv(table, run / "splits.csv")
    _write_skipped(run, ready.skipped)
    _write(run / "config.toml", f"# {json.dumps(facts)}\n\n{to_toml(settings)}")
    trainer = Trainer(model, train_pieces, validation_pieces, scored, settings.train, run, identity, start is not None)
    if resume and Trainer.is_broken_off(run):
        trainer.resume()
    best = run / "model.safetensors"
    history = pd.DataFrame(trainer.run(progress=progress, on_best=lambda: save_lstm(model, best, header)))
    history["epoch"] += 1
    write_csv(history.round(6), run / "history.csv")
    model.eval()
    # The heads' own answers, before anything settles or smooths them.
    temperatures = calibrate(model, choose, predict(model, choose, _with_sequence(settings, stay=0.0, smooth_s=0.0)))
    reports, answers = {}, {}
    for split, samples in (("validation", choose), ("test", test)):
        answers[split] = predict(model, samples, settings)
        systems = [System(MODEL, answers[split]), *baselines(samples, labels, header["train_counts"])]
        reports[split] = evaluate(systems, samples, labels, settings)
    scores = {split: _headline(report) for split, report in reports.items()}
    save_lstm(model, best, header | {"scores": scores})
    told = {
        **facts,
        "format": ready.manifest.format,
        "clips": {split: len(samples) for split, samples in (("train", learn), ("validation", choose), ("test", test))},
        "skipped": _n_rows(ready.skipped),
        "best_epoch": int(history["epoch"].iloc[int(history["validation_loss"].argmin())]),
        "epochs": len(history),
        "temperatures": temperatures,
        "seconds": round(time.perf_counter() - began, 1),
        "seed": settings.train.seed,
        "device": device,
        "identity": identity,
        "versions": pipeline.versions(),
        "weights": {"frame": header["frame_cnn"], MODEL: checkpoint.digest(best)},
        **reports,
    }
    plots.curves(history, run / "curves.png")
    _write_results(run, reports["test"], answers["test"], test, f"{Path(str(facts['dataset'])).name}, test")
    _write(run / "metrics.json", json.dumps(told, indent=2))
    trainer.done()
    return told


def _beginning(init: str | None, settings: TrainingSettings) -> tuple[SequenceLSTM | None, Path | None]:
    """Return the model to begin with, and where its weights are."""
    if init is None:
        return None, None
    chosen = models.resolve(_with_sequence(settings, model=init))
    return _network(chosen), chosen.sequence.path


def _network(chosen: models.Models) -> SequenceLSTM:
    """Load a run's sequence model as a network that can learn."""
    return load_lstm(chosen.sequence.path, chosen.frame.digest, resolve_device(chosen.frame.device))


def _model(
    start: SequenceLSTM | None, learn: Sequence[Sample], labels: tuple[str, ...], settings: TrainingSettings
) -> SequenceLSTM:
    """Make the model to train: new, or with the body of another one, and of its heads what it knows."""
    seen = np.concatenate([sample.course[sample.course[:, -1] > 0][:, :-1] for sample in learn if len(sample.course)])
    if start is None:
        wanted = settings.train
        embedding_dim = seen.shape[1] - n_features(INPUTS, 0)
        model = SequenceLSTM(embedding_dim, wanted.hidden, wanted.layers, wanted.dropout, wanted.bidirectional, labels)
        model.centre, model.scale = torch.from_numpy(seen.mean(0)), torch.from_numpy(np.maximum(seen.std(0), 1e-4))
        return model
    # What settles the answers of one model is not made for those of another.
    config: dict[str, Any] = {**start.config, "labels": labels, "stay": 0.0, "inputs": start.inputs}
    model = SequenceLSTM(**config)
    state = model.state_dict()
    for name, tensor in start.state_dict().items():
        # Labels of the older model come first; rows of new ones stay as they were made.
        rows = slice(0, len(tensor)) if tensor.ndim else ...
        state[name][rows] = tensor.cpu()
    model.load_state_dict(state)
    return model


def _with_sequence(settings: TrainingSettings, **changes: object) -> TrainingSettings:
    return settings.model_copy(update={"sequence": settings.sequence.model_copy(update=changes)})


def _quick(settings: TrainingSettings) -> TrainingSettings:
    """Return settings with as few resamples as may be: intervals are not looked at while training."""
    return settings.model_copy(update={"train": settings.train.model_copy(update={"bootstrap": 1})})


def _identity(settings: TrainingSettings, header: dict[str, Any], table: pd.DataFrame) -> str:
    parts = [settings.model_dump(mode="json", exclude={"run", "events"}), header, table.to_csv(index=False)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _headline(report: dict[str, Any]) -> dict[str, Any]:
    """Return the scores that a checkpoint tells of itself."""
    return {
        kind: {name: scores[name] for name in ("war", "uar", "macro_f1")}
        for kind, scores in report["systems"][MODEL].items()
    }


def _over_folds(reports: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return each fold's scores, their means, and the scores of all test clips pooled."""
    headlines = {fold: _headline(report["test"]) for fold, report in reports.items()}
    told: dict[str, Any] = {"folds": headlines, "mean": {}, "pooled": {}}
    for kind in next(iter(headlines.values())):
        counts = np.sum([report["test"]["systems"][MODEL][kind]["confusion"] for report in reports.values()], 0)
        told["mean"][kind] = {
            name: round(float(np.mean([headline[kind][name] for headline in headlines.values()])), 4)
            for name in ("war", "uar", "macro_f1")
        }
        pooled = {"war": metrics.war(counts), "uar": metrics.uar(counts), "macro_f1": metrics.macro_f1(counts)}
        told["pooled"][kind] = {name: round(score, 4) for name, score in pooled.items()} | {
            "confusion": counts.tolist()
        }
    return told


def _write_results(
    place: Path, report: dict[str, Any], answers: Sequence[Answer | None], samples: Sequence[Sample], title: str
) -> None:
    """Write predictions.csv, confusion.png and reliability.png."""
    labels = report["labels"]
    kind = "clips" if report["n_clips"] else "frames"
    plots.confusion(report["systems"][MODEL][kind]["confusion"], labels, f"{title}: {kind}", place / "confusion.png")
    known = [
        (sample.label, answer[1])
        for sample, answer in zip(samples, answers, strict=True)
        if answer is not None and sample.label >= 0
    ]
    if not known:
        steps = [
            (sample.step_label, answer[0])
            for sample, answer in zip(samples, answers, strict=True)
            if answer is not None
        ]
        known = [
            (int(label), p)
            for step_label, course in steps
            for label, p in zip(step_label, course, strict=True)
            if label >= 0
        ]
    truth, p = (
        np.array([label for label, _ in known], np.int64),
        np.array([p for _, p in known], np.float32).reshape(-1, len(labels)),
    )
    plots.reliability_diagram(truth, p, f"{title}: {kind}", place / "reliability.png")
    rows = [
        {
            "clip": sample.clip.clip,
            "truth": labels[sample.label] if sample.label >= 0 else "",
            "prediction": labels[int(answer[1].argmax())] if answer is not None else "",
            **{
                f"p_{label}": round(float(share), 4)
                for label, share in zip(labels, answer[1] if answer else (), strict=False)
            },
        }
        for sample, answer in zip(samples, answers, strict=True)
    ]
    write_csv(pd.DataFrame(rows), place / "predictions.csv")


def _write_skipped(place: Path, problems: Sequence[Problem]) -> None:
    if problems:
        write_csv(pd.DataFrame(problems, columns=["origin", "reason"]), place / "skipped.csv")


def _n_rows(problems: Sequence[Problem]) -> int:
    return len({problem.origin for problem in problems})


def _finished(run: Path, identity: str) -> dict[str, Any]:
    """Read what a finished run told.

    Raises:
        TrainingError: It cannot be read, or is a run of other settings or clips.
    """
    try:
        told: dict[str, Any] = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(run / "metrics.json", f"cannot be read ({error})", "remove it and train again") from error
    if told.get("identity") != identity:
        raise TrainingError(run, "holds a finished run of other settings or clips", "choose another folder with -o")
    return told


def _write(path: Path, text: str) -> None:
    with atomic.written(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
