"""Dry runs."""

from pathlib import Path

import pytest
from batches import ALONE, recorded

from fervideo import batch


def test_a_dry_run_reports_what_is_left(folder: Path, warm: Path):
    planned, seconds = batch.plan([folder], warm, ALONE, batch.Options())
    assert [(clip.name, clip.state) for clip in planned] == [
        ("a/clip.mp4", "done"),
        ("b/clip.mp4", "done"),
        ("b/empty.mov", "is empty"),
        ("b/text.mp4", "failed before"),
    ]
    assert seconds == 0
    planned, seconds = batch.plan([folder], warm, ALONE, batch.Options(fresh=True))
    assert [(clip.state, clip.frames_left) for clip in planned[:2]] == [("new", 55), ("new", 10)]
    assert planned[0].duration_s == pytest.approx(11.0)
    assert seconds == pytest.approx(65 / recorded(warm)["frames_per_s"])
