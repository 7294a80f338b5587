"""Records of scores, their form in JSON, and their tables for the terminal.

Scores are kept as they are written: rounded to four decimals, and None where a score is not defined. So a report that
was read back from metrics.json equals the one that was written.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields, is_dataclass
from typing import Any, Self

import numpy as np

from fervideo.records import Float64, Int64
from fervideo.training import metrics

#: Name of the trained model among the systems of a report.
MODEL = "model"
#: Names of the network that a fine-tuning began with, and of the model that `fervideo timeline` uses by itself.
START, DEFAULT = "starting model", "default model"
#: An interval over fewer people or items looks tighter than it is.
FEWEST_PEOPLE, FEWEST_ITEMS = 10, 30
TOO_FEW = "too few to tell"
_DECIMALS = 4

#: Counts of predictions by truth: row i has the samples of label i, its last column those without a prediction.
Confusion = tuple[tuple[int, ...], ...]
#: Lower and upper end of a 95 % interval.
Interval = tuple[float | None, float | None]


@dataclass(frozen=True, kw_only=True)
class Headline:
    """The three scores by which runs are compared; None where nothing was scored.

    Attributes:
        war: Weighted average recall, which is accuracy.
        uar: Unweighted average recall.
        macro_f1: Mean F1 of the classes.
    """

    war: float | None
    uar: float | None
    macro_f1: float | None


@dataclass(frozen=True, kw_only=True)
class PooledScores(Headline):
    """Scores over the test clips of all folds.

    Attributes:
        confusion: Sum of the folds' confusions.
    """

    confusion: Confusion


@dataclass(frozen=True, kw_only=True)
class Scores(Headline):
    """Scores with 95 % intervals.

    Attributes:
        war_ci: Interval of `war`.
        uar_ci: Interval of `uar`.
        macro_f1_ci: Interval of `macro_f1`.
        confusion: Counts behind the scores.
        kappa: Cohen's kappa of predictions and labels; None in reports of earlier versions, too.
        kappa_ci: Interval of `kappa`.
    """

    war_ci: Interval
    uar_ci: Interval
    macro_f1_ci: Interval
    confusion: Confusion
    kappa: float | None = None
    kappa_ci: Interval | None = None

    def headline(self) -> Headline:
        return Headline(war=self.war, uar=self.uar, macro_f1=self.macro_f1)


@dataclass(frozen=True, kw_only=True)
class ClipScores(Scores):
    """Scores of whole clips; calibration only for a system whose numbers are probabilities.

    Attributes:
        ece: Expected calibration error.
        nll: Mean negative logarithm of the truth's probability.
        brier: Mean squared distance of the probabilities from the truth, 0 to 2.
        changes_per_min: Changes of the predicted label per minute of the clips' courses.
    """

    ece: float | None = None
    nll: float | None = None
    brier: float | None = None
    changes_per_min: float | None = None


@dataclass(frozen=True, kw_only=True)
class FrameScores(Scores):
    """Scores of frames, and of the segments that they form.

    Attributes:
        edit: Mean edit score of the clips, in per cent.
        f1_at_10: F1 of segments that overlap by 10 % or more, in per cent.
        f1_at_25: The same at 25 %.
        f1_at_50: The same at 50 %.
        onset_error_median_s: Median distance of predicted from true onsets, in seconds.
        onset_error_p90_s: Their 90th percentile.
        changes_per_min: Changes of the predicted label per minute.
        true_changes_per_min: Changes of the true label per minute.
    """

    edit: float | None
    f1_at_10: float | None
    f1_at_25: float | None
    f1_at_50: float | None
    onset_error_median_s: float | None
    onset_error_p90_s: float | None
    changes_per_min: float | None
    true_changes_per_min: float | None


@dataclass(frozen=True, kw_only=True)
class SystemScores:
    """Scores of one system, of each kind that the samples have labels for.

    Attributes:
        clips: Scores of whole clips; None without labelled clips.
        frames: Scores of frames; None without labelled frames.
    """

    clips: ClipScores | None = None
    frames: FrameScores | None = None

    def by_kind(self) -> dict[str, Scores]:
        """Return the scores by the names of their fields."""
        pairs: tuple[tuple[str, Scores | None], ...] = (("clips", self.clips), ("frames", self.frames))
        return {kind: scores for kind, scores in pairs if scores is not None}

    def headlines(self) -> dict[str, Headline]:
        return {kind: scores.headline() for kind, scores in self.by_kind().items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        kinds = {"clips": ClipScores, "frames": FrameScores}
        return cls(**{kind: kinds[kind](**from_json(scores)) for kind, scores in values.items()})


@dataclass(frozen=True, kw_only=True)
class Report:
    """Scores of several systems on the same samples.

    Attributes:
        labels: The labels, in the order of the confusions' rows.
        n_clips: Clips with a label.
        n_frames: Frames with a label.
        coverage: Share of the labelled clips in which a face was found; None without such clips.
        groups: Number of subjects, each clip without a known subject counting as one.
        systems: Scores by the system's name.
        items: Noun of the labelled items: `clips`, or `intervals` of clips.
    """

    labels: tuple[str, ...]
    n_clips: int
    n_frames: int
    coverage: float | None
    groups: int
    systems: dict[str, SystemScores]
    items: str = "clips"

    def n_labelled(self, kind: str) -> int:
        """Return the number of `clips` or `frames`."""
        return self.n_clips if kind == "clips" else self.n_frames

    def noun(self, kind: str) -> str:
        """Return the noun of a kind's items: clips, intervals or frames."""
        return self.items if kind == "clips" else kind

    def too_few(self, kind: str) -> str:
        """Return how few people and items were scored, where intervals would look too tight; else an empty text."""
        if self.groups >= FEWEST_PEOPLE and self.n_labelled(kind) >= FEWEST_ITEMS:
            return ""
        n, noun = self.n_labelled(kind), self.noun(kind)
        people = "1 person" if self.groups == 1 else f"{self.groups} people"
        return f"{people}, {n} {noun[:-1] if n == 1 else noun}"

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read a report that `to_json` wrote.

        Raises:
            KeyError: A kind of scores is unknown.
            TypeError: Fields are missing or unknown.
        """
        systems = {name: SystemScores.from_json(scores) for name, scores in values["systems"].items()}
        return cls(**{**from_json(values), "systems": systems})


@dataclass(frozen=True, kw_only=True)
class ClassScores:
    """Scores of one class.

    Attributes:
        label: Its name.
        support: Samples that have the label.
        recall: Share of them that are predicted; None without such samples.
        precision: Share of its predictions that are right; None without predictions.
        f1: Harmonic mean of the two; None without such samples.
    """

    label: str
    support: int
    recall: float | None
    precision: float | None
    f1: float | None


def rounded(score: float) -> float | None:
    """Return a score as reports contain it: rounded, None for NaN."""
    return None if math.isnan(score) else round(float(score), _DECIMALS)


def as_rows(confusion: Int64) -> Confusion:
    """Return a confusion as reports contain it."""
    return tuple(tuple(row) for row in confusion.tolist())


def headline(confusion: Int64 | Float64) -> Headline:
    """Compute the three scores of a confusion (C, C + 1)."""
    return Headline(
        war=rounded(metrics.war(confusion)),
        uar=rounded(metrics.uar(confusion)),
        macro_f1=rounded(metrics.macro_f1(confusion)),
    )


def to_json(value: Any) -> Any:
    """Return a record in JSON's own types; a field that is None, and None by default, is left out."""
    if is_dataclass(value):
        pairs = [(field, getattr(value, field.name)) for field in fields(value)]
        return {field.name: to_json(item) for field, item in pairs if item is not None or field.default is MISSING}
    if isinstance(value, Mapping):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    return value


def from_json(value: Any) -> Any:
    """Return JSON's types as records contain them: tuples for lists."""
    if isinstance(value, Mapping):
        return {key: from_json(item) for key, item in value.items()}
    return tuple(map(from_json, value)) if isinstance(value, list) else value


def per_class(report: Report, system: str, kind: str) -> list[ClassScores]:
    """Compute the scores of each label.

    Args:
        report: The report.
        system: One of its systems.
        kind: `clips` or `frames`.
    """
    confusion = np.array(report.systems[system].by_kind()[kind].confusion)
    predicted = confusion.sum(0)
    rows = zip(report.labels, metrics.recalls(confusion), metrics.f1_scores(confusion), strict=True)
    return [
        ClassScores(
            label=label,
            support=int(confusion[i].sum()),
            recall=rounded(float(recall)),
            precision=rounded(float(confusion[i, i] / predicted[i])) if predicted[i] else None,
            f1=rounded(float(f1)),
        )
        for i, (label, recall, f1) in enumerate(rows)
    ]


#: Scores in the table of each kind.
_COLUMNS = {
    "clips": ("war", "uar", "macro_f1", "kappa", "ece", "changes_per_min"),
    "frames": ("war", "uar", "macro_f1", "kappa", "edit", "f1_at_50", "changes_per_min"),
}


def describe(report: Report, main: str = MODEL) -> str:
    """Write the tables for the terminal: every system, then the main one's classes."""
    blocks = [block for kind in _COLUMNS if report.n_labelled(kind) for block in _tables(report, kind, main)] or [
        "nothing was scored: no item of the test has a label that was trained on"
    ]
    if report.coverage is not None and report.coverage < 1:
        blocks.append(f"no face found in {1 - report.coverage:.1%} of the {report.items}; they count as errors")
    return "\n\n".join(blocks)


def _tables(report: Report, kind: str, main: str) -> list[str]:
    """Write the tables of one kind of scores, and how far to trust them."""
    columns, noun = _COLUMNS[kind], report.noun(kind)
    few = report.too_few(kind)
    heads = [column.replace("_per_min", "/min") for column in columns]
    lines = [[f"{report.n_labelled(kind)} {noun}", *heads]]
    for name, scores in report.systems.items():
        lines.append([name, *(_score(scores.by_kind()[kind], column, bool(few)) for column in columns)])
    blocks = [aligned(lines)]
    scored = per_class(report, main, kind)
    present = [row for row in scored if row.support]
    remarks = [f"{few}: {TOO_FEW}, an interval needs {FEWEST_PEOPLE} people and {FEWEST_ITEMS} items"] if few else []
    if len(present) == 1:
        remarks.append(f"only {present[0].label} is there to be scored, so these scores show nothing about the others")
    blocks += ["\n".join(remarks)] if remarks else []
    classes = [tuple(field.name for field in fields(ClassScores))]
    classes += [tuple(map(cell, asdict(row).values())) for row in scored]
    return [*blocks, f"{main}, {noun}:\n{aligned(classes)}"]


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Write rows of cells as a table with columns of equal width."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _score(scores: Scores, column: str, few: bool) -> str:
    """Write a score of a column, with its interval where it has one that means something."""
    value, interval = getattr(scores, column), getattr(scores, f"{column}_ci", None)
    if value is None or interval is None:
        return cell(value)
    if few:
        return f"{cell(value)} [{TOO_FEW}]"
    return f"{cell(value)} [{cell(interval[0])}, {cell(interval[1])}]"


def cell(value: Any) -> str:
    """Write a value as a cell: three decimals for a float, a dash for None."""
    return "-" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
