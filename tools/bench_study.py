"""Speed and memory of the commands on studies, over made results.

    python tools/bench_study.py [--clips 200] [--minutes 10] [--json FILE]

`gather`, `agree` and `epochs` run over so many made clips, at 25 frames a second with one face. `synchrony` runs over
60 minutes with 500 surrogates. Each is a whole command, process start to files.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
from bench_runs import memory_mb

from fervideo import columns
from fervideo.records import EXPRESSIONS
from fervideo.timeline.tables import make_table, rounded_shares

ROOT = Path(__file__).resolve().parents[1]
FPS = 25
#: Seconds for which an expression lasts in the made clips.
_STAY_S = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-study-") as folder:
        root = Path(folder)
        write_study(root, args.clips, args.minutes)
        rows = [measured(name, words, root) for name, words in commands().items()]
    lines = ["| command | seconds | CPU s | peak MB |", "|---|---|---|---|"]
    lines += [f"| {row['command']} | {row['seconds']} | {row['cpu_s']} | {row['peak_mb']} |" for row in rows]
    print("\n".join(lines))
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2) + "\n")


def commands() -> dict[str, list[str]]:
    """Return the commands by name, with paths relative to the folder of the study."""
    design = ["--design", "design.csv"]
    found = {
        "gather": ["gather", "results", *design, "-o", "study.csv"],
        "gather, all columns": ["gather", "results", *design, "--columns", "all", "-o", "all.csv"],
        "agree": ["agree", "results", "coded.csv", *design, "-o", "agreement"],
        "epochs": ["epochs", "results", "--events", "stimuli.csv", *design, "-o", "epochs"],
        "synchrony": ["synchrony", "long/talk.timeline.csv", "--faces", "0,1", "-o", "synchrony"],
    }
    if find_spec("pyarrow"):
        found["gather, Parquet"] = ["gather", "results", *design, "-o", "study.parquet"]
    return found


def measured(name: str, words: list[str], root: Path) -> dict[str, Any]:
    """Run a command, and watch its time and memory."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    before, began, peak = os.times(), time.perf_counter(), 0.0
    command = [sys.executable, "-m", "fervideo", *words]
    with psutil.Popen(command, cwd=root, env=environment, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, memory_mb(process))
            with suppress(psutil.TimeoutExpired):
                process.wait(0.2)
        seconds = time.perf_counter() - began
    if process.returncode:
        raise SystemExit(f"bench_study: {' '.join(words)} failed")
    after = os.times()
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    figures = {"seconds": round(seconds, 1), "cpu_s": round(cpu_s, 1), "peak_mb": round(peak)}
    print(f"{name}: {figures}", file=sys.stderr)
    return {"command": name, **figures}


def write_study(root: Path, n_clips: int, minutes: float) -> None:
    """Write made results, and the tables beside them; ten different clips are copied under many names."""
    templates = [made_clip(seed, minutes, 1) for seed in range(10)]
    design, coded = ["clip,participant,condition"], ["clip,start_s,end_s,label"]
    for number in range(n_clips):
        write_or_copy(root / "results", number, templates)
        design.append(f"p{number:03d},{number // 2},{'ab'[number % 2]}")
        shown = templates[number % len(templates)]["expression"].iloc[:: FPS * _STAY_S]
        coded += [
            f"p{number:03d},{i * _STAY_S + 0.3:.1f},{(i + 1) * _STAY_S:.1f},{name}" for i, name in enumerate(shown)
        ]
    (root / "design.csv").write_text("\n".join(design) + "\n")
    (root / "coded.csv").write_text("\n".join(coded) + "\n")
    times = range(20, max(int(minutes * 60) - 20, 21), 30)
    (root / "stimuli.csv").write_text("\n".join(["onset_s", *map(str, times)]) + "\n")
    write_clip(root / "long", "talk", made_clip(99, 60.0, 2))


def write_or_copy(folder: Path, number: int, templates: list[pd.DataFrame]) -> None:
    """Write a clip, or copy the files of an equal one."""
    if number < len(templates):
        write_clip(folder, f"p{number:03d}", templates[number])
        return
    for path in folder.glob(f"p{number % len(templates):03d}.*"):
        shutil.copy(path, folder / path.name.replace(path.name[:4], f"p{number:03d}"))


def made_clip(seed: int, minutes: float, n_faces: int) -> pd.DataFrame:
    """Make a table of frames with every column filled."""
    random = np.random.default_rng(seed)
    n = round(minutes * 60 * FPS)
    known = columns.frames()
    parts = []
    for face in range(n_faces):
        values: dict[str, Any] = {
            column.name: random.random(n).round(column.decimals or 4) for column in known if column.dtype == "float"
        }
        label = np.repeat(random.integers(0, len(EXPRESSIONS), n // (FPS * _STAY_S) + 1), FPS * _STAY_S)[:n]
        p = rounded_shares(random.random((n, len(EXPRESSIONS))) + 2 * np.eye(len(EXPRESSIONS))[label])
        values |= dict(zip(columns.prefixed("p"), p.T, strict=True))
        values |= {"frame": np.arange(n), "time_s": np.arange(n) / FPS, "face": face, "status": "ok"}
        parts.append(make_table(known, {**values, "expression": np.array(EXPRESSIONS, object)[label]}))
    return pd.concat(parts).sort_values(["frame", "face"], kind="stable", ignore_index=True)


def write_clip(folder: Path, stem: str, frames: pd.DataFrame) -> None:
    """Write the tables of one clip."""
    folder.mkdir(exist_ok=True)
    frames.to_csv(folder / f"{stem}.timeline.csv", index=False)
    own = frames[frames["face"] == 0]
    first = own.iloc[:: FPS * _STAY_S]
    onset_s = first["time_s"].to_numpy(float)
    events = {
        "face": 0,
        "expression": first["expression"].to_numpy(),
        "onset_s": onset_s,
        "offset_s": onset_s + _STAY_S,
    }
    make_table(columns.events(), events).to_csv(folder / f"{stem}.events.csv", index=False)
    summary = {"video": f"{stem}.mp4", "face": sorted(frames["face"].unique()), "coverage": 1.0}
    make_table(columns.summary(), summary).to_csv(folder / f"{stem}.summary.csv", index=False)


if __name__ == "__main__":
    main()
