"""Engines by their names."""

from pathlib import Path

import pytest
from batches import run, touch

from fervideo.errors import UsageError


def test_an_unknown_engine_is_refused(tmp_path: Path):
    root = touch(tmp_path / "in", "a.mp4")
    with pytest.raises(UsageError, match="--engine slurm: is unknown; use local or ray"):
        run(root, tmp_path / "out", engine="slurm")
