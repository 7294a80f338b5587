"""Measure speed and memory, side by side with what a plain loop over the frames costs.

    python tools/bench.py CLIP... [--long 10m,60m] [--repeats 5] [--json FILE]

Of each clip: decoding alone; decoding and FaceMesh alone in one process (the floor: no expression tool built on
FaceMesh can be faster in one process); `fervideo timeline` with one worker, with two and with all cores, cold and from
its cache; and the `fer` package with its own defaults, where it is installed. Long clips are loops of the first one,
not re-encoded.

All are run in turn, `--repeats` times, and medians are told. Frames per second of fervideo are those of the whole
command; the steady state leaves its start out: it is the slope between the longest loop of at most ten minutes and the
clip itself. Peak memory is that of all processes together, pages that they share counted once (Linux) or in each
(elsewhere).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import av
import numpy as np
import psutil

#: Frames after which a loop over frames counts as warm, and the most that `fer`, which is slow, is given.
_WARM_UP, _FER_FRAMES = 20, 150
#: A loop longer than this is run once only, with all cores; loops of ten minutes are a little longer than that.
_LONG_S = 900


class Run(NamedTuple):
    """Hold one run of one thing on one clip."""

    frames: int
    seconds: float
    cpu_s: float
    peak_mb: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("clips", type=Path, nargs="+", metavar="CLIP")
    parser.add_argument("--long", default="", metavar="10m,60m", help="lengths of loops of the first clip, in minutes")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to save the figures")
    parser.add_argument("--alone", choices=sorted(ALONE), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.alone:
        print(json.dumps(ALONE[args.alone](args.clips[0])))
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        minutes = [float(length.rstrip("m")) for length in args.long.split(",") if length]
        loops = [looped(args.clips[0], 60 * length, Path(scratch) / f"loop-{length:g}m.mp4") for length in minutes]
        runs: dict[tuple[Path, str], list[Run]] = {}
        for repeat in range(args.repeats):
            for clip in (*args.clips, *loops):
                for what, run in measured(clip, Path(scratch), repeat):
                    runs.setdefault((clip, what), []).append(run)
                    print(
                        f"{repeat + 1}/{args.repeats} {clip.name}: {what}: {run.frames / run.seconds:.0f} frames/s",
                        file=sys.stderr,
                    )
        figures = summed_up(args.clips[0], loops, runs)
    print(table(figures))
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n")


def measured(clip: Path, scratch: Path, repeat: int) -> Iterator[tuple[str, Run]]:
    """Run everything on a clip once."""
    cores = os.cpu_count() or 1
    is_long = duration_s(clip) > _LONG_S
    if is_long and repeat:
        return
    if not is_long:
        for what in ALONE:
            if what != "fer" or find_spec("fer"):
                yield what, alone(what, clip)
    for workers in [cores] if is_long else sorted({1, min(2, cores), cores}):
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            yield f"fervideo, {workers} workers", fervideo(clip, Path(folder), workers)
            if workers == cores:
                yield "fervideo, cached", fervideo(clip, Path(folder), workers)


def fervideo(clip: Path, folder: Path, workers: int) -> Run:
    """Time a whole command, process start to CSV, and watch its memory."""
    environment = {**os.environ, "FERVIDEO_CACHE": str(folder / "cache")}
    command = [sys.executable, "-m", "fervideo", "timeline", str(clip), "-o", str(folder), "--workers", str(workers)]
    before, began, peak = os.times(), time.perf_counter(), 0.0
    with psutil.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, memory_mb(process))
            # Seldom, since looking holds a process up: ten times a second took a fifth of a core.
            with suppress(psutil.TimeoutExpired):
                process.wait(0.5)
        seconds = time.perf_counter() - began
    after = os.times()
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    if process.returncode:
        raise SystemExit(f"bench: {' '.join(command)} failed")
    told = json.loads((folder / f"{clip.stem}.run.json").read_text())
    return Run(told["frames_decoded"], seconds, cpu_s, peak)


def memory_mb(process: psutil.Process) -> float:
    """Return the memory of a process and all its children."""
    total = 0
    try:
        for member in (process, *process.children(recursive=True)):
            used = member.memory_full_info()
            total += getattr(used, "pss", used.rss)
    except psutil.Error:
        return 0.0  # one has just ended
    return total / 1e6


def alone(what: str, clip: Path) -> Run:
    """Run one of `ALONE` in a process of its own."""
    command = [sys.executable, __file__, "--alone", what, str(clip)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Run(*json.loads(done.stdout.splitlines()[-1]))


def frames_of(clip: Path) -> Iterator[np.ndarray[Any, np.dtype[np.uint8]]]:
    with av.open(str(clip)) as container:
        for frame in container.decode(video=0):
            yield np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)


def timed(pictures: Iterator[Any]) -> Run:
    """Exhaust an iterator; tell how many items came, and in how many seconds, the first ones left out."""
    count, began, cpu_began = 0, 0.0, 0.0
    for number, _ in enumerate(pictures):
        if number == _WARM_UP:
            began, cpu_began = time.perf_counter(), time.process_time()
        count = number - _WARM_UP
    return Run(count, time.perf_counter() - began, time.process_time() - cpu_began)


def decode(clip: Path) -> Run:
    return timed(frames_of(clip))


def facemesh(clip: Path) -> Run:
    from mediapipe.python.solutions.face_mesh import FaceMesh

    with FaceMesh(max_num_faces=1, refine_landmarks=True) as mesh:
        return timed(mesh.process(frame) for frame in frames_of(clip))


def fer(clip: Path) -> Run:
    detector = import_module("fer.fer").FER()
    pictures = (frame for _, frame in zip(range(_FER_FRAMES), frames_of(clip), strict=False))
    return timed(detector.detect_emotions(frame) for frame in pictures)


ALONE = {"decode": decode, "decode + FaceMesh": facemesh, "fer": fer}


def looped(clip: Path, seconds: float, target: Path) -> Path:
    """Repeat a clip's packets until they last so long."""
    with av.open(str(clip)) as container:
        source = container.streams.video[0]
        tick_s = float(source.time_base or 1)
        stamps = [
            (packet.pts, packet.duration or 0)
            for packet in container.demux(source)
            if packet.size and packet.pts is not None
        ]
    first, last = min(stamps)[0], max(pts + duration for pts, duration in stamps)
    with av.open(str(target), "w") as out:
        stream: Any = None
        for turn in range(math.ceil(seconds / tick_s / (last - first))):
            offset = turn * (last - first) - first
            with av.open(str(clip)) as container:
                source = container.streams.video[0]
                stream = stream or out.add_stream_from_template(source)
                for packet in container.demux(source):
                    if packet.size and packet.pts is not None and packet.dts is not None:
                        packet.pts, packet.dts, packet.stream = packet.pts + offset, packet.dts + offset, stream
                        out.mux(packet)
    return target


def duration_s(clip: Path) -> float:
    with av.open(str(clip)) as container:
        return float(container.duration or 0) / av.time_base


def summed_up(clip: Path, loops: list[Path], runs: dict[tuple[Path, str], list[Run]]) -> dict[str, Any]:
    """Take medians, and the ratios that targets are set for."""
    rows = []
    for (path, what), repeated in runs.items():
        seconds, peak_mb = median(run.seconds for run in repeated), max(run.peak_mb for run in repeated)
        rate, cpu_ms = (
            median(figure)
            for figure in zip(
                *((run.frames / run.seconds, 1e3 * run.cpu_s / run.frames) for run in repeated), strict=True
            )
        )
        row = {"clip": path.name, "what": what, "frames": repeated[0].frames, "seconds": seconds, "frames_per_s": rate}
        row |= {"cpu_ms_per_frame": cpu_ms, "peak_mb": peak_mb}
        rows.append({name: round(value, 2) if isinstance(value, float) else value for name, value in row.items()})
    steady_clip = max((loop for loop in loops if duration_s(loop) <= _LONG_S), key=duration_s, default=clip)

    def speed(what: str) -> float:
        if (steady_clip, what) not in runs:
            return float("nan")
        long, short = runs[steady_clip, what], runs[clip, what]
        if what in ALONE or steady_clip == clip:
            return median(run.frames / run.seconds for run in long)
        frames = long[0].frames - short[0].frames
        return frames / (median(run.seconds for run in long) - median(run.seconds for run in short))

    cores = os.cpu_count() or 1
    steady = {what: round(speed(what), 1) for path, what in runs if path == steady_clip}
    every, floor = speed(f"fervideo, {cores} workers"), speed("decode + FaceMesh")
    ratios = {
        "all_cores_vs_facemesh": every / floor,
        "one_worker_vs_facemesh": speed("fervideo, 1 workers") / floor,
        "all_cores_vs_fer": every / speed("fer"),
        "workers_2_vs_1": speed("fervideo, 2 workers") / speed("fervideo, 1 workers"),
    }
    return {
        "machine": {"platform": platform.platform(), "cores": cores, "python": platform.python_version()},
        "rows": rows,
        "steady_state": {"clip": steady_clip.name, "frames_per_s": steady},
        "ratios": {name: round(value, 3) if value == value else None for name, value in ratios.items()},
    }


def table(figures: dict[str, Any]) -> str:
    lines = ["| clip | what | frames | seconds | frames/s | CPU ms/frame | peak MB |", "|---|---|---|---|---|---|---|"]
    for row in figures["rows"]:
        memory = f"{row['peak_mb']:.0f}" if row["peak_mb"] else ""
        speed = f"{row['seconds']:.1f} | {row['frames_per_s']:.0f} | {row['cpu_ms_per_frame']:.2f}"
        lines.append(f"| {row['clip']} | {row['what']} | {row['frames']} | {speed} | {memory} |")
    lines += [
        "",
        f"steady state on {figures['steady_state']['clip']}, frames/s: {figures['steady_state']['frames_per_s']}",
    ]
    lines += [f"{name}: {value}" for name, value in figures["ratios"].items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
