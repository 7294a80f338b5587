"""Measure speed and memory, side by side with the cost of a plain loop over the frames, or with another checkout.

    python tools/bench.py CLIP... [--long 10m,60m] [--phone] [--repeats 5] [--json FILE] [--against DIR|COMMIT]

On each clip these are run in turn, `--repeats` times; the table lists medians:

- decoding alone;
- decoding and FaceMesh alone, in one process: no expression tool built on FaceMesh can be faster in one process;
- `fervideo timeline` with one worker, with two and with all cores, cold and from its cache;
- the `fer` package with its own defaults, if it is installed.

Long clips are loops of the first one, not re-encoded. Frames per second of fervideo are those of the whole command. The
steady state leaves its start out: it is the slope between the longest loop of at most ten minutes and the clip itself.
Peak memory is that of all processes together: pages that they share are counted once (Linux) or in each (elsewhere).

With `--phone` the first clip is measured in 1080p, in 4K and with four faces, too.

With `--against` the command of another checkout, or of a commit of this repository, is run in alternation with this
one's. It is run cold with one worker and with all, and from the cache; each run has a cache of its own. A loop of an
hour is run with one frame a second, too, and with `--phone` a batch of 300 clips of 3 s. The table lists
medians with quartiles, and whether the difference lies within the spread.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import bench_against
import bench_clips
from bench_runs import (
    ALONE,
    CACHED,
    CORES,
    PRESENT,
    Run,
    alone,
    case,
    is_long,
    loops,
    steady_clip,
    timeline,
    worker_counts,
)

Runs = dict[tuple[Path, str], list[Run]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+", metavar="CLIP")
    parser.add_argument("--long", default="", metavar="10m,60m", help="lengths of loops of the first clip, in minutes")
    parser.add_argument("--phone", action="store_true", help="measure clips as phones record them, too")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")
    parser.add_argument("--against", metavar="DIR|COMMIT", help="time another checkout of fervideo in alternation")
    parser.add_argument("--alone", choices=sorted(ALONE), help=argparse.SUPPRESS)
    args = parser.parse_args()
    clips = [clip.resolve() for clip in args.clips]
    if args.alone:
        print(json.dumps(ALONE[args.alone](clips[0])))
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        scratch = Path(folder).resolve()
        longer = loops(clips[0], args.long, scratch)
        short = bench_clips.short_clips(clips[0], scratch) if args.phone and args.against else None
        clips += bench_clips.phone_clips(clips[0], scratch) if args.phone else []
        if args.against:
            figures = bench_against.measure(args.against, clips, longer, args.repeats, scratch, short)
        else:
            figures = summed_up(clips[0], longer, measure([*clips, *longer], args.repeats, scratch))
    figures = {"machine": machine(), **figures}
    print(bench_against.table(figures) if args.against else table(figures))
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n")


def measure(clips: list[Path], repeats: int, scratch: Path) -> Runs:
    """Run every case on every clip in turn, several times."""
    runs: Runs = {}
    for repeat in range(repeats):
        for clip in clips:
            for name, run in measured(clip, scratch, repeat):
                runs.setdefault((clip, name), []).append(run)
                progress = f"{repeat + 1}/{repeats} {clip.name}: {name}"
                print(f"{progress}: {run.frames / run.seconds:.0f} frames/s", file=sys.stderr)
    return runs


def measured(clip: Path, scratch: Path, repeat: int) -> Iterator[tuple[str, Run]]:
    """Run every case on a clip once."""
    if is_long(clip) and repeat:
        return
    if not is_long(clip):
        for part in ALONE:
            if part != "fer" or find_spec("fer"):
                yield part, alone(part, clip)
    for workers in [CORES] if is_long(clip) else worker_counts():
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            yield case(workers), timeline(PRESENT, clip, Path(folder), workers)
            if workers == CORES:
                yield CACHED, timeline(PRESENT, clip, Path(folder), workers)


def machine() -> dict[str, Any]:
    return {"platform": platform.platform(), "cores": CORES, "python": platform.python_version()}


def summed_up(clip: Path, longer: list[Path], runs: Runs) -> dict[str, Any]:
    """Compute medians, and the ratios for which targets are set."""
    steady_on = steady_clip(clip, longer)

    def speed(name: str) -> float:
        if (steady_on, name) not in runs:
            return float("nan")
        long, short = runs[steady_on, name], runs[clip, name]
        if name in ALONE or steady_on == clip:
            return median(run.frames / run.seconds for run in long)
        frames = long[0].frames - short[0].frames
        return frames / (median(run.seconds for run in long) - median(run.seconds for run in short))

    every, floor = speed(case(CORES)), speed("decode + FaceMesh")
    ratios = {
        "all_cores_vs_facemesh": every / floor,
        "one_worker_vs_facemesh": speed(case(1)) / floor,
        "all_cores_vs_fer": every / speed("fer"),
        "workers_2_vs_1": speed(case(2)) / speed(case(1)),
    }
    steady = {name: round(speed(name), 1) for path, name in runs if path == steady_on}
    return {
        "rows": [row(path, name, repeated) for (path, name), repeated in runs.items()],
        "steady_state": {"clip": steady_on.name, "frames_per_s": steady},
        "ratios": {name: round(value, 3) if value == value else None for name, value in ratios.items()},
    }


def row(clip: Path, name: str, repeated: list[Run]) -> dict[str, Any]:
    """Return one row of the table: medians over the repeated runs of a case, and the highest memory."""
    medians = {
        "seconds": median(run.seconds for run in repeated),
        "frames_per_s": median(run.frames / run.seconds for run in repeated),
        "cpu_ms_per_frame": median(1e3 * run.cpu_s / run.frames for run in repeated),
        "peak_mb": max(run.peak_mb for run in repeated),
    }
    rounded = {column: round(value, 2) for column, value in medians.items()}
    return {"clip": clip.name, "case": name, "frames": repeated[0].frames, **rounded}


def table(figures: dict[str, Any]) -> str:
    """Return the figures as Markdown."""
    lines = ["| clip | case | frames | seconds | frames/s | CPU ms/frame | peak MB |", "|---|---|---|---|---|---|---|"]
    for row in figures["rows"]:
        memory = f"{row['peak_mb']:.0f}" if row["peak_mb"] else ""
        speed = f"{row['seconds']:.1f} | {row['frames_per_s']:.0f} | {row['cpu_ms_per_frame']:.2f}"
        lines.append(f"| {row['clip']} | {row['case']} | {row['frames']} | {speed} | {memory} |")
    steady = figures["steady_state"]
    lines += ["", f"steady state on {steady['clip']}, frames/s: {steady['frames_per_s']}"]
    lines += [f"{name}: {value}" for name, value in figures["ratios"].items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
