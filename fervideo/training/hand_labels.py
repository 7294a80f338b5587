"""Labels of human coders as one table of stretches, from any layout that a training reads."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from fervideo.errors import DatasetError
from fervideo.training import datasets, frame_labels
from fervideo.training.manifest import Clip

_LOG = logging.getLogger("fervideo")
#: Columns of the table.
COLUMNS = ("clip", "subject", "start_s", "end_s", "start_frame", "end_frame", "label")


def read_labels(path: Path | str, layout: str | None = None, skip: bool = False) -> pd.DataFrame:
    """Read the labels of human coders, such as intervals, labels per frame, or exports of ELAN and BORIS.

    Args:
        path: A folder or a table, in a layout of `fervideo train`.
        layout: Its name; None to recognise it.
        skip: Whether rows with problems are left out.

    Returns:
        A row per stretch: `clip` (path of the video), `subject`, `start_s`, `end_s`, `start_frame`, `end_frame`,
        `label`. Stretches are half-open. Layouts with labels by frame have frames, others have times; a label of the
        whole clip has neither.

    Raises:
        DatasetError: The labels cannot be read, or rows have problems and may not be left out.
    """
    manifest = datasets.read(Path(path), layout)
    for reason, n in manifest.left_out.items():
        _LOG.warning("%s: left out %s: %d", path, reason, n)
    problems = [*manifest.problems, *frame_labels.check(manifest)]
    sound = manifest.sound(problems, skip=skip)
    rows = [row for clip in sound.clips for row in _stretches(clip)]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table[table["label"] != ""].reset_index(drop=True)


def _stretches(clip: Clip) -> Iterator[tuple[str, str, float, float, float, float, str]]:
    """Yield the labelled stretches of a clip."""
    path, nothing = clip.path.as_posix(), (np.nan, np.nan)
    if not frame_labels.is_file(clip):
        yield path, clip.subject, clip.start_s, clip.end_s, *nothing, clip.label
        return
    stored = frame_labels.read(Path(clip.frame_labels))
    if stored.kind == "number" and clip.path.is_dir():
        raise DatasetError(clip.frame_labels, "has labels of numbered images", "give labels by time or by frame")
    if stored.kind == "time_s":
        # A label holds until the next one, the last one to the end of the clip.
        ends = np.append(stored.at[1:], clip.end_s)
        for begin, end, name in zip(stored.at, ends, stored.names, strict=True):
            yield path, clip.subject, float(begin), float(end), *nothing, name
        return
    # Numbers count from 1.
    first = 1 if stored.kind == "number" else 0
    for at, name in zip(stored.at - first, stored.names, strict=True):
        yield path, clip.subject, *nothing, float(at), float(at) + 1, name
