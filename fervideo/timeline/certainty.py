"""The label that comes second, and whether the evidence of the first one is thin.

A frame is uncertain where its label is less probable than `sequence.certain_from`, the face is not seen whole, or the
conditions are poor. An event is uncertain where frames that show its label and are not uncertain fill less than half
of its time. The label itself always stays the most probable one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from fervideo.columns import TIME_DECIMALS
from fervideo.records import Bool, Float64, Int64

#: Least `quality` of a frame that is not uncertain.
LEAST_QUALITY = 0.5
#: Least share of an event's time that such frames with its label fill.
LEAST_SHARE = 0.5


def of_frames(
    p: Float64, labels: Sequence[str], status: npt.NDArray[np.str_], quality: Float64, certain_from: float
) -> dict[str, Any]:
    """Compute the columns of the table of frames.

    Args:
        p: float64 (n, C), probabilities; NaN in rows without a face.
        labels: Their labels.
        status: str (n,), status of each row.
        quality: float64 (n,); NaN where the face is not seen.
        certain_from: Least probability of a label that is not uncertain.
    """
    is_face = ~np.isnan(p[:, 0])
    others = np.where(np.arange(p.shape[1]) == p.argmax(axis=1)[:, None], -1.0, p)
    is_certain = (p.max(axis=1) >= certain_from) & (status == "ok") & (quality >= LEAST_QUALITY)
    return {
        "second_expression": np.where(is_face, np.array(labels, object)[others.argmax(axis=1)], np.nan),
        "second_confidence": np.where(is_face, others.max(axis=1), np.nan),
        "uncertain": pd.Series(~is_certain, dtype="Int64").mask(~is_face),
    }


def of_events(p: Float64, certain: Bool, weight: Float64, first: Int64, label: Int64) -> dict[str, npt.NDArray[Any]]:
    """Compute the columns of the table of events, for the events of one stay of one face.

    Args:
        p: float64 (n, C), probabilities of its rows.
        certain: bool (n,), rows that are not uncertain.
        weight: float64 (n,), durations of the rows.
        first: int64 (k,), first row of each event.
        label: int64 (k,), its label.

    Returns:
        `second_expression` int64 (k,) by index, `second_confidence` float64 (k,) its mean, and `uncertain` int64 (k,).
    """
    seconds = np.add.reduceat(weight, first)
    mean_p = np.add.reduceat(p * weight[:, None], first) / seconds[:, None]
    others = np.where(np.arange(p.shape[1]) == label[:, None], -1.0, mean_p)
    supported = certain & (p.argmax(axis=1) == np.repeat(label, np.diff(np.append(first, len(p)))))
    # Rounded: the sum of equal durations is not half of twice as many, even where it should be.
    share = np.round(np.add.reduceat(supported * weight, first) / seconds, TIME_DECIMALS)
    return {
        "second_expression": others.argmax(axis=1),
        "second_confidence": others.max(axis=1),
        "uncertain": (share < LEAST_SHARE).astype(np.int64),
    }


def is_poor(frames: pd.DataFrame) -> Bool:
    """Find the rows of frames whose face is not seen well: bool (n,); bridged, cut off, or of low quality."""
    quality = frames["quality"].to_numpy(np.float64, na_value=np.nan)
    poor: Bool = (frames["status"] != "ok").to_numpy(bool) | (np.nan_to_num(quality, nan=1.0) < LEAST_QUALITY)
    return poor


def is_uncertain(table: pd.DataFrame) -> Bool:
    """Find the rows of a table of frames or events that are marked uncertain: bool (n,); none in older results."""
    marked: Bool = (table["uncertain"] == 1).fillna(False).to_numpy(bool)
    return marked
