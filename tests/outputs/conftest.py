"""A timeline for exports: two faces, one with a blink, of a video that starts late."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from builders import event_settings, make_timeline

from fervideo.timeline import Timeline


@pytest.fixture
def timeline() -> Timeline:
    """Face 0 is neutral to 0.2 s, then happy, and blinks from 0.08 to 0.16 s; face 1 comes at 0.2 s and is sad."""
    made = make_timeline(
        [["neutral"] * 5 + ["happiness"] * 5, "sadness"],
        event_settings(),
        tracks=[range(10), range(5, 10)],
        path=Path("films/a & <b>.mp4"),
        media_start_s=1.5,
    )
    blink = made.events.iloc[[0]].assign(kind="blink", expression=None, onset_s=0.08, offset_s=0.16)
    return replace(made, events=pd.concat([made.events.assign(kind="expression"), blink], ignore_index=True))
