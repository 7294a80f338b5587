"""Frame classifiers side by side, on the same labelled photographs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from fervideo import checkpoint, classifiers, workers
from fervideo.classifiers import FrameClassifier
from fervideo.classifiers.nets import one_thread
from fervideo.errors import DatasetError, UsageError, counted
from fervideo.records import EXPRESSIONS, Float32, Float64, Int64, UInt8
from fervideo.settings import ClassifierSettings, Settings, resolved
from fervideo.training import metrics, stills
from fervideo.training.features import WORTH_A_WORKER

#: Photographs that a process looks at before it reports, and faces that a classifier gets at once.
_CHUNK, _BATCH = 200, 32
#: Batches from which the time per face is taken: plenty for a median.
_TIMED = 30


def compare(
    dataset: Path,
    names: Sequence[str],
    settings: Settings | None = None,
    *,
    split: str | None = None,
    renamed: Mapping[str, str] | None = None,
    only_present: bool = False,
    progress: bool = False,
) -> tuple[list[dict[str, Any]], float]:
    """Score frame classifiers on labelled photographs.

    Args:
        dataset: As `stills.read` takes it, like `split` and `renamed`.
        names: Of classifiers, as in the settings, or paths of weights.
        settings: `classifier.landmarks`, `run.device` and `run.workers` count.
        split: Of an archive.
        renamed: What labels of a folder mean.
        only_present: Whether expressions that the dataset lacks are left out of what a classifier may answer.
        progress: Whether to show a progress bar on stderr, where that is a terminal.

    Returns:
        For each classifier its scores, and the share of photographs in which landmarks were found. Scores are
        `classifier`, `n`, `accuracy`, `macro_f1` over the expressions that the dataset holds, `ece`, `ms_per_face`
        (median over batches of 32 faces on one thread, landmarks of mediapipe given), `parameters`, `bytes` of the
        weights' file, `recall` of each expression (None where the dataset lacks it), and `confusion`: how many of each
        expression (rows, as EXPRESSIONS) were taken for which.

    Raises:
        UsageError: There is no such classifier or dataset, or its labels are unknown.
        DatasetError: Photographs cannot be read; `problems` lists them.
        WeightsError: Weights are missing, broken, or those of another classifier.
    """
    settings = settings or Settings()
    device = settings.run.device
    own = settings.classifier
    if own.weights != "default" and own.name not in names:
        reason = f"is given for {own.name}, which is not among {', '.join(names)}"
        raise UsageError(f"classifier.weights={own.weights}", reason, "give its path in --classifiers")
    systems = {name: classifiers.weights(_chosen(name, settings), device) for name in names}
    found = stills.read(dataset, split, renamed)
    crops, landmarks = _look(dataset, found, settings, progress)
    answerable = np.isin(np.arange(len(EXPRESSIONS)), found.label) if only_present else np.ones(len(EXPRESSIONS), bool)
    rows = []
    for name, weights in systems.items():
        classifier = classifiers.loaded(weights)
        p = _probabilities(classifier, crops, landmarks, answerable)
        speed = _ms_per_face(classifier, crops, landmarks)
        facts = {
            "ms_per_face": round(speed, 4),
            "parameters": classifier.n_parameters,
            "bytes": weights.path.stat().st_size,
        }
        rows.append({"classifier": name} | _scores(found.label, p, facts))
    return rows, float(np.isfinite(landmarks[:, 0, 0]).mean())


def describe(rows: Sequence[Mapping[str, Any]], seen: float) -> str:
    """Write the tables for the terminal: a line for each classifier, then the recall of each expression."""
    shown = [name for name in EXPRESSIONS if rows[0]["recall"][name] is not None]
    heads = ("accuracy", "macro_f1", "ece", "ms_per_face", "parameters", "MB")
    lines = [(counted(rows[0]["n"], "face"), *heads), *((str(row["classifier"]), *_cells(row)) for row in rows)]
    recalls = [
        ("recall", *shown),
        *((str(row["classifier"]), *(f"{row['recall'][name]:.3f}" for name in shown)) for row in rows),
    ]
    text = f"{_aligned(lines)}\n\n{_aligned(recalls)}"
    if seen < 1:
        unseen = f"no landmarks in {1 - seen:.1%} of the pictures"
        text += f"\n\n{unseen}: they are cut out whole, and svm and mlp answer how common each expression is"
    return text


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    scores = (f"{row[name]:.4f}" for name in ("accuracy", "macro_f1", "ece"))
    return (*scores, f"{row['ms_per_face']:.3f}", f"{row['parameters']:,}", f"{row['bytes'] / 1e6:.1f}")


def _aligned(lines: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _chosen(name: str, settings: Settings) -> ClassifierSettings:
    """Return the settings of a classifier that is given by its name, or by its weights."""
    own = settings.classifier.model_dump()
    if name.endswith(".safetensors"):
        header = checkpoint.read(Path(name)).header
        kind = header.get("kind")
        owner = next((owner for owner, kinds in classifiers.KINDS.items() if kind in kinds), None)
        if owner is None:
            raise UsageError(f"--classifiers {name}", f"is a {kind}", "give weights of a frame classifier")
        own |= {"name": owner, "weights": name, "landmarks": header.get("landmarks", own["landmarks"])}
    elif name != own["name"]:
        # Weights of one's own in the settings are those of the classifier named there.
        own |= {"name": name, "weights": "default"}
    return resolved({"classifier": own}, f"--classifiers {name}").classifier


def _look(dataset: Path, found: stills.Stills, settings: Settings, progress: bool) -> tuple[UInt8, Float32]:
    """Cut out all faces, in worker processes where there are several."""
    jobs = [(found.images[start : start + _CHUNK],) for start in range(0, len(found.images), _CHUNK)]
    n_workers = workers.count(settings.run.workers, len(jobs), WORTH_A_WORKER)
    parts: dict[int, tuple[UInt8, Float32, list[str]]] = dict(
        workers.map_jobs(stills.look, jobs, n_workers, "landmarks", progress=progress)
    )
    problems = tuple(problem for number in sorted(parts) for problem in parts[number][2])
    if problems:
        raise DatasetError(
            dataset, f"{len(problems)} photographs cannot be read", "export them again, or remove them", problems
        )
    crops, landmarks = (np.concatenate([parts[number][part] for number in range(len(jobs))]) for part in (0, 1))
    return crops, landmarks


def _probabilities(
    classifier: FrameClassifier, crops: UInt8, landmarks: Float32, answerable: np.ndarray[Any, np.dtype[Any]]
) -> Float64:
    """Classify faces: float64 (N, C), 0 for what is no answer."""
    logits = np.where(answerable, classifier.predict(crops, landmarks).logits, -np.inf).astype(np.float64)
    p = np.exp(logits - logits.max(1, keepdims=True))
    shares: Float64 = p / p.sum(1, keepdims=True)
    return shares


def _ms_per_face(classifier: FrameClassifier, crops: UInt8, landmarks: Float32) -> float:
    """Measure a classifier by itself, on one thread, in batches; the first is not counted."""
    starts = range(0, max(len(crops) - _BATCH, 0) + 1, _BATCH)[:_TIMED]
    seconds = []
    with threadpool_limits(1), one_thread():
        for start in (0, *starts):
            batch = slice(start, start + _BATCH)
            began = time.perf_counter()
            classifier.predict(crops[batch], landmarks[batch])
            seconds.append((time.perf_counter() - began) / len(crops[batch]))
    return float(np.median(seconds[1:])) * 1000


def _scores(truth: Int64, p: Float64, facts: Mapping[str, Any]) -> dict[str, Any]:
    counts = metrics.confusion(truth, p.argmax(1), len(EXPRESSIONS))
    recalls = [None if np.isnan(recall) else round(float(recall), 4) for recall in metrics.recalls(counts)]
    return {
        "n": len(truth),
        "accuracy": round(metrics.war(counts), 4),
        "macro_f1": round(metrics.macro_f1(counts), 4),
        "ece": round(metrics.ece(truth, p), 4),
        **facts,
        "recall": dict(zip(EXPRESSIONS, recalls, strict=True)),
        "confusion": counts[:, :-1].tolist(),
    }
