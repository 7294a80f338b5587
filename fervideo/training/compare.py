"""Frame classifiers side by side, on the same labelled photographs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from fervideo import checkpoint, classifiers, workers
from fervideo.classifiers import FrameClassifier, FrameWeights
from fervideo.classifiers.nets import one_thread
from fervideo.errors import DatasetError, UsageError, counted
from fervideo.records import EXPRESSIONS, Float32, Float64, UInt8
from fervideo.settings import ClassifierSettings, Settings, resolved
from fervideo.training import metrics, stills
from fervideo.training.features import WORTH_A_WORKER
from fervideo.training.scores import Confusion, aligned, as_rows, rounded

#: Photographs in one job of a process, and faces in one batch of a classifier.
_CHUNK, _BATCH = 200, 32
#: Batches from which the time per face is taken: plenty for a median.
_TIMED = 30


@dataclass(frozen=True, kw_only=True)
class ClassifierScores:
    """Scores of one frame classifier on photographs.

    Attributes:
        classifier: Its name, or the path of its weights.
        n: Number of photographs.
        accuracy: Share that is right.
        macro_f1: Mean F1 of the expressions that the dataset contains.
        uar: Unweighted average recall, the mean recall of these expressions.
        ece: Expected calibration error.
        ms_per_face: Median over batches of 32 faces on one thread, in milliseconds, with landmarks given.
        parameters: Number of parameters.
        bytes: Size of the weights' file.
        recall: Recall by expression; None for one that the dataset lacks.
        confusion: Counts by true (rows) and predicted (columns) expression, in the order of EXPRESSIONS.
        left_out: Number of images that were left out, since they equal a training image of the archive.
    """

    classifier: str
    n: int
    accuracy: float | None
    macro_f1: float | None
    uar: float | None
    ece: float | None
    ms_per_face: float
    parameters: int
    bytes: int
    recall: dict[str, float | None]
    confusion: Confusion
    left_out: int


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Scores of frame classifiers on the same photographs.

    Attributes:
        classifiers: Scores of each classifier, in the order asked for.
        found: Share of the photographs in which landmarks were found.
    """

    classifiers: tuple[ClassifierScores, ...]
    found: float


def compare(
    dataset: Path,
    names: Sequence[str],
    settings: Settings | None = None,
    *,
    split: str | None = None,
    renamed: Mapping[str, str] | None = None,
    only_present: bool = False,
    progress: bool = False,
) -> Comparison:
    """Score frame classifiers on labelled photographs.

    Args:
        dataset: An archive or a folder, as `stills.read` takes it.
        names: Names of classifiers, as in the settings, or paths of weights.
        settings: `classifier.landmarks`, `run.device` and `run.workers` count.
        split: Split of an archive; None for the last that it has.
        renamed: Expressions by the dataset's labels.
        only_present: Whether a classifier may predict only expressions that the dataset contains.
        progress: Whether to show a progress bar on stderr, where that is a terminal.

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
    photographs = stills.read(dataset, split, renamed)
    crops, landmarks = _look(dataset, photographs, settings, progress)
    allowed = np.ones(len(EXPRESSIONS), bool)
    if only_present:
        allowed = np.isin(np.arange(len(EXPRESSIONS)), photographs.label)
    scores = tuple(_scores(name, weights, photographs, allowed, crops, landmarks) for name, weights in systems.items())
    return Comparison(classifiers=scores, found=float(np.isfinite(landmarks[:, 0, 0]).mean()))


def describe(comparison: Comparison) -> str:
    """Write the tables for the terminal: a line for each classifier, then the recall of each expression."""
    scores = comparison.classifiers
    present = [name for name in EXPRESSIONS if scores[0].recall[name] is not None]
    heads = ("accuracy", "macro_f1", "uar", "ece", "ms_per_face", "parameters", "MB")
    lines = [(counted(scores[0].n, "face"), *heads), *((one.classifier, *_cells(one)) for one in scores)]
    recalls = [
        ("recall", *present),
        *((one.classifier, *(f"{one.recall[name]:.3f}" for name in present)) for one in scores),
    ]
    text = f"{aligned(lines)}\n\n{aligned(recalls)}"
    if scores[0].left_out:
        text += f"\n\nleft out {counted(scores[0].left_out, 'image')} equal to a training image"
    if comparison.found < 1:
        missing = f"no landmarks in {1 - comparison.found:.1%} of the pictures"
        text += f"\n\n{missing}: they are cropped whole, and svm and mlp predict how common each expression is"
    return text


def _cells(scores: ClassifierScores) -> tuple[str, ...]:
    shares = (f"{score:.4f}" for score in (scores.accuracy, scores.macro_f1, scores.uar, scores.ece))
    return (*shares, f"{scores.ms_per_face:.3f}", f"{scores.parameters:,}", f"{scores.bytes / 1e6:.1f}")


def _chosen(name: str, settings: Settings) -> ClassifierSettings:
    """Return the settings of a classifier, given its name or the path of its weights."""
    own = settings.classifier.model_dump()
    if name.endswith(".safetensors"):
        header = checkpoint.read(Path(name)).header
        kind = header.get("kind")
        owner = next((owner for owner, kinds in classifiers.KINDS.items() if kind in kinds), None)
        if owner is None:
            raise UsageError(f"--classifiers {name}", f"is a {kind}", "give weights of a frame classifier")
        own |= {"name": owner, "weights": name, "landmarks": header.get("landmarks", own["landmarks"])}
    elif name != own["name"]:
        # Weights in the settings are those of the classifier named there.
        own |= {"name": name, "weights": "default"}
    return resolved({"classifier": own}, f"--classifiers {name}").classifier


def _look(dataset: Path, photographs: stills.Stills, settings: Settings, progress: bool) -> tuple[UInt8, Float32]:
    """Return crops and landmarks of all faces, as `stills.look` does, from worker processes where there are several."""
    images = photographs.images
    jobs = [(images[start : start + _CHUNK],) for start in range(0, len(images), _CHUNK)]
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
    classifier: FrameClassifier, crops: UInt8, landmarks: Float32, allowed: np.ndarray[Any, np.dtype[Any]]
) -> Float64:
    """Classify faces: float64 (N, C), 0 for an expression that is not allowed."""
    logits = np.where(allowed, classifier.predict(crops, landmarks).logits, -np.inf).astype(np.float64)
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


def _scores(
    name: str,
    weights: FrameWeights,
    photographs: stills.Stills,
    allowed: np.ndarray[Any, np.dtype[Any]],
    crops: UInt8,
    landmarks: Float32,
) -> ClassifierScores:
    classifier, truth = classifiers.loaded(weights), photographs.label
    p = _probabilities(classifier, crops, landmarks, allowed)
    confusion = metrics.confusion(truth, p.argmax(1), len(EXPRESSIONS))
    recalls = map(rounded, metrics.recalls(confusion).tolist())
    return ClassifierScores(
        classifier=name,
        n=len(truth),
        accuracy=rounded(metrics.war(confusion)),
        macro_f1=rounded(metrics.macro_f1(confusion)),
        uar=rounded(metrics.uar(confusion)),
        ece=rounded(metrics.ece(truth, p)),
        ms_per_face=round(_ms_per_face(classifier, crops, landmarks), 4),
        parameters=classifier.n_parameters,
        bytes=weights.path.stat().st_size,
        recall=dict(zip(EXPRESSIONS, recalls, strict=True)),
        confusion=as_rows(confusion[:, :-1]),
        left_out=photographs.known,
    )
