"""Batches that tests run, and readers of their results."""

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fervideo import batch
from fervideo.settings import Settings

#: Tables of a clip's results.
RESULTS = (".timeline.csv", ".events.csv", ".summary.csv")
#: Few frames of each segment: these tests do not depend on the faces in them.
SPARSE = Settings(run={"workers": 2}, video={"sample_fps": 5})
#: One process, for tests that two would only slow down: starting them takes most of the time.
ALONE = Settings(run={"workers": 1}, video={"sample_fps": 5})


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


def run(folder: Path, out: Path, **options: Any) -> batch.Report:
    return batch.run([folder], out, SPARSE, batch.Options(**options))


def command(folder: Path, out: Path, store: Path, workers: int = 1) -> dict[str, Any]:
    """Return the arguments with which Popen runs a batch in processes of its own."""
    options = ["-o", str(out), "--workers", str(workers), "--sample-fps", "5"]
    parts = [sys.executable, "-m", "fervideo", "batch", str(folder), *options]
    return {"args": parts, "env": {**os.environ, "FERVIDEO_CACHE": str(store)}, "stdout": subprocess.DEVNULL}


def rows_of(table: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))


def contents(out: Path) -> dict[str, bytes]:
    """Read all tables of results."""
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*.csv"))}


def recorded(out: Path) -> dict[str, Any]:
    return json.loads((out / "batch.json").read_text())


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
