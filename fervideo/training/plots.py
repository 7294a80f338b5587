"""Pictures of a training: confusion, curves, reliability. matplotlib's objects only: no global state changes."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fervideo import atomic
from fervideo.records import Float32, Int64
from fervideo.training.metrics import ECE_BINS, reliability
from fervideo.training.scores import FEWEST_ITEMS, TOO_FEW

_DPI = 120


def _save(figure: Figure, path: Path) -> None:
    with atomic.written(path) as temporary:
        figure.savefig(temporary, format="png", dpi=_DPI)


def confusion(counts: Sequence[Sequence[int]], labels: Sequence[str], title: str, path: Path) -> None:
    """Draw a confusion as shares of the truth, with counts; a row for each label that was scored.

    Args:
        counts: (C, C + 1), a row for each true label; the last column, clips without a face, is drawn unless it is 0.
        labels: Names of the labels.
        title: Title of the picture.
        path: The PNG file.

    Raises:
        OutputError: The file cannot be written.
    """
    table = np.array(counts)
    support = table.sum(1)
    truths = [name for name, n in zip(labels, support, strict=True) if n]
    seen = [*(support > 0), False]
    kept = (table.any(0) | seen).nonzero()[0]
    names = [[*labels, "no face"][column] for column in kept]
    table = table[support > 0][:, kept]
    share = table / np.maximum(table.sum(1, keepdims=True), 1)
    size = (max(2.5 + 0.75 * len(names), 5.0), 2.2 + 0.6 * len(truths))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(share, vmin=0, vmax=1, cmap="Blues", aspect="auto")
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axes.set_yticks(range(len(truths)), [f"{name} ({n})" for name, n in zip(truths, support[support > 0], strict=True)])
    axes.set(xlabel="predicted", ylabel="truth (number)")
    _title(figure, title)
    for row in range(len(truths)):
        for column in range(len(names)):
            if table[row, column]:
                colour = "white" if share[row, column] > 0.5 else "black"
                text = f"{share[row, column]:.2f}\n{table[row, column]}"
                axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=8)
    absent = [name for name, n in zip(labels, support, strict=True) if not n]
    if absent:
        figure.supxlabel(textwrap.fill(f"nothing to score: {', '.join(absent)}", 60), fontsize=8)
    _save(figure, path)


def curves(history: pd.DataFrame, kept: int, title: str, path: Path) -> None:
    """Draw losses and recalls over epochs, from the columns of history.csv.

    Args:
        history: A row for each epoch.
        kept: Number of the epoch that was kept.
        title: Title of the picture.
        path: The PNG file.

    Raises:
        OutputError: The file cannot be written.
    """
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    for number, columns in enumerate((("loss", "validation_loss"), ("war", "uar")), 1):
        axes = figure.add_subplot(1, 2, number)
        for column in columns:
            axes.plot(history["epoch"], history[column], label=column.replace("_", " "), marker=".")
        axes.axvline(kept, color="black", linestyle=":", label=f"epoch {kept} is kept")
        axes.set(xlabel="epoch", title="losses" if number == 1 else "validation WAR and UAR")
        if number == 2:
            axes.set_ylim(-0.02, 1.02)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend()
    _title(figure, title)
    _save(figure, path)


def reliability_diagram(truth: Int64, p: Float32, title: str, path: Path) -> None:
    """Draw the accuracy of predictions by their confidence, with the number of predictions in each bin.

    Raises:
        OutputError: The file cannot be written.
    """
    confidence, accuracy, size = reliability(truth, p)
    figure = Figure(figsize=(5.2, 5), layout="constrained")
    axes: Any = figure.add_subplot()
    centre = (np.arange(ECE_BINS) + 0.5) / ECE_BINS
    axes.bar(centre, np.nan_to_num(accuracy), 0.9 / ECE_BINS, alpha=0.6, label="share that is right")
    axes.plot(confidence, accuracy, "o", markersize=4, color="tab:blue")
    for at, height, n in zip(centre, np.nan_to_num(accuracy), size, strict=True):
        if n:
            axes.text(at, height + 0.01, str(n), ha="center", va="bottom", fontsize=7)
    axes.plot([0, 1], [0, 1], "k--", linewidth=1, label="as sure as right")
    axes.set(xlabel="confidence", ylabel="share that is right", xlim=(0, 1), ylim=(0, 1.08))
    few = f"; {TOO_FEW}" if len(truth) < FEWEST_ITEMS else ""
    _title(figure, f"{title}\nabove bars: numbers of predictions, {len(truth)} in all{few}")
    figure.legend(loc="outside lower center", ncols=2, fontsize=8)
    _save(figure, path)


def _title(figure: Figure, title: str) -> None:
    """Set the title of a picture, in lines that fit its width."""
    width = round(figure.get_figwidth() * 13)
    figure.suptitle("\n".join(textwrap.fill(line, width) for line in title.splitlines()), fontsize=10)
