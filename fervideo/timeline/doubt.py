"""Rows of the table of frames whose expression is better not relied on; pictures grey them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fervideo.records import Bool

#: Below these a row is doubtful. Labels of frames of less quality change twice as often when the picture is disturbed.
LEAST_CONFIDENCE, LEAST_QUALITY = 0.4, 0.4


def is_poor(frames: pd.DataFrame) -> Bool:
    """Return where a face is not seen well: bool (n,); bridged, cut off, or of low quality."""
    quality = frames["quality"].to_numpy(np.float64, na_value=np.nan)
    poor: Bool = (frames["status"] != "ok").to_numpy(bool) | (np.nan_to_num(quality, nan=1.0) < LEAST_QUALITY)
    return poor


def is_doubtful(frames: pd.DataFrame) -> Bool:
    """Return where an expression is better not relied on: bool (n,); a face not seen well, or low confidence."""
    confidence = frames["confidence"].to_numpy(np.float64, na_value=np.nan)
    return is_poor(frames) | ~(confidence >= LEAST_CONFIDENCE)
