"""Pictures of a training: confusion, curves, reliability. matplotlib's objects only: no global state changes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fervideo import atomic
from fervideo.records import Float32, Int64
from fervideo.training.metrics import ECE_BINS, reliability

_DPI = 120


def _save(figure: Figure, path: Path) -> None:
    with atomic.written(path) as temporary:
        figure.savefig(temporary, format="png", dpi=_DPI)


def confusion(counts: Sequence[Sequence[int]], labels: Sequence[str], title: str, path: Path) -> None:
    """Draw a confusion as shares of the truth, with counts.

    Args:
        counts: (C, C + 1), a row for each true label; the last column, clips without a face, is drawn unless it is 0.
        labels: Names of the labels.
        title: Title of the picture.
        path: The PNG file.

    Raises:
        OutputError: The file cannot be written.
    """
    table = np.array(counts)
    names = [*labels, "no face"]
    if not table[:, -1].any():
        table, names = table[:, :-1], names[:-1]
    share = table / np.maximum(table.sum(1, keepdims=True), 1)
    figure = Figure(figsize=(1.5 + 0.75 * len(names), 1.5 + 0.6 * len(labels)), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(share, vmin=0, vmax=1, cmap="Blues", aspect="auto")
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    axes.set(xlabel="predicted", ylabel="truth", title=title)
    for row in range(len(labels)):
        for column in range(len(names)):
            if table[row, column]:
                colour = "white" if share[row, column] > 0.5 else "black"
                axes.text(
                    column,
                    row,
                    f"{share[row, column]:.2f}\n{table[row, column]}",
                    ha="center",
                    va="center",
                    color=colour,
                    fontsize=8,
                )
    _save(figure, path)


def curves(history: pd.DataFrame, path: Path) -> None:
    """Draw losses and recalls over epochs, from the columns of history.csv.

    Raises:
        OutputError: The file cannot be written.
    """
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    for number, columns in enumerate((("loss", "validation_loss"), ("war", "uar")), 1):
        axes = figure.add_subplot(1, 2, number)
        for column in columns:
            axes.plot(history["epoch"], history[column], label=column.replace("_", " "))
        axes.set(xlabel="epoch", title="losses" if number == 1 else "validation WAR and UAR")
        axes.legend()
    _save(figure, path)


def reliability_diagram(truth: Int64, p: Float32, title: str, path: Path) -> None:
    """Draw the accuracy of predictions by their confidence.

    Raises:
        OutputError: The file cannot be written.
    """
    confidence, accuracy, size = reliability(truth, p)
    figure = Figure(figsize=(4.5, 4.5), layout="constrained")
    axes: Any = figure.add_subplot()
    width = 1 / ECE_BINS
    axes.bar((np.arange(ECE_BINS) + 0.5) * width, np.nan_to_num(accuracy), width * 0.9, alpha=0.6, label="right")
    axes.plot(confidence, accuracy, "o", markersize=4)
    axes.bar(
        (np.arange(ECE_BINS) + 0.5) * width,
        size / max(size.sum(), 1),
        width * 0.3,
        color="grey",
        label="share of predictions",
    )
    axes.plot([0, 1], [0, 1], "k--", linewidth=1)
    axes.set(xlabel="confidence", ylabel="right", xlim=(0, 1), ylim=(0, 1), title=title)
    axes.legend()
    _save(figure, path)
