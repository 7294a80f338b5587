"""Runs that tools/bench.py times: whole commands, parts of them in a process of their own, and the clips for both."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import psutil

#: The checkout to which the tools belong.
ROOT = Path(__file__).resolve().parents[1]
CORES = os.cpu_count() or 1
#: A clip longer than this is run once only, with all cores; loops of ten minutes are a little longer than that.
LONG_S = 900
#: Frames after which a loop over frames counts as warm, and the most that `fer`, which is slow, is given.
_WARM_UP, _FER_FRAMES = 20, 150


class Run(NamedTuple):
    """One run of one case on one clip."""

    frames: int
    seconds: float
    cpu_s: float
    peak_mb: float = 0.0


@dataclass(frozen=True)
class Program:
    """A fervideo that can be run.

    Attributes:
        name: As printed.
        python: The interpreter.
        path: Folder that contains the package, the first on PYTHONPATH; None for a virtual environment of its own.
        origin: One line on how its environment came about.
    """

    name: str
    python: Path
    path: Path | None
    origin: str

    def environment(self) -> dict[str, str]:
        """Return the environment variables of its processes."""
        variables = dict(os.environ)
        others = variables.pop("PYTHONPATH", "")
        if self.path is None:
            return variables
        return {**variables, "PYTHONPATH": os.pathsep.join(filter(None, (str(self.path), others)))}


PRESENT = Program(name="fervideo", python=Path(sys.executable), path=ROOT, origin="this checkout")


def timeline(program: Program, clip: Path, folder: Path, workers: int, *options: str) -> Run:
    """Time a whole command, process start to CSV, and watch its memory; results and cache go to `folder`."""
    run = command(program, folder, "timeline", str(clip), "-o", str(folder), "--workers", str(workers), *options)
    report = json.loads((folder / f"{clip.stem}.run.json").read_text())
    return run._replace(frames=report["frames_decoded"])


def batch(program: Program, clips: Path, folder: Path) -> Run:
    """Time a batch on all cores, as `timeline`; its frames are clips."""
    run = command(program, folder, "batch", str(clips), "-o", str(folder / "results"), "--workers", str(CORES))
    return run._replace(frames=len(list((folder / "results").glob("*.run.json"))))


def command(program: Program, folder: Path, *arguments: str) -> Run:
    """Time a command of a program in `folder`, with its cache there, and watch the memory of all its processes."""
    environment = {**program.environment(), "FERVIDEO_CACHE": str(folder / "cache")}
    before, began, peak = os.times(), time.perf_counter(), 0.0
    # Python's -m imports from the current folder first, and a checkout contains a fervideo.
    line = [str(program.python), "-m", "fervideo", *arguments]
    with psutil.Popen(line, env=environment, cwd=folder, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, memory_mb(process))
            # Seldom: a look ten times a second takes a fifth of a core.
            with suppress(psutil.TimeoutExpired):
                process.wait(0.5)
        seconds = time.perf_counter() - began
    after = os.times()
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    if process.returncode:
        raise SystemExit(f"bench: {program.name}: {' '.join(line)} failed")
    return Run(frames=0, seconds=seconds, cpu_s=cpu_s, peak_mb=peak)


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


def worker_counts() -> list[int]:
    """Return the numbers of workers that are timed: one, two and all cores."""
    return sorted({1, min(2, CORES), CORES})


def case(workers: int) -> str:
    """Return the name of a cold run with so many workers."""
    return f"fervideo, {workers} worker{'' if workers == 1 else 's'}"


#: The name of a second run on the same cache.
CACHED = "fervideo, cached"


def alone(part: str, clip: Path) -> Run:
    """Run one of `ALONE` in a process of its own."""
    command = [sys.executable, str(Path(__file__).with_name("bench.py")), "--alone", part, str(clip)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Run(*json.loads(done.stdout.splitlines()[-1]))


def frames_of(clip: Path) -> Iterator[np.ndarray[Any, np.dtype[np.uint8]]]:
    """Decode a clip: yields uint8 (height, width, 3), RGB."""
    with av.open(str(clip)) as container:
        for frame in container.decode(video=0):
            yield np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)


def timed(pictures: Iterator[Any]) -> Run:
    """Exhaust an iterator; count its items and their seconds, the first items left out."""
    count, began, cpu_began = 0, 0.0, 0.0
    for number, _ in enumerate(pictures):
        if number == _WARM_UP:
            began, cpu_began = time.perf_counter(), time.process_time()
        count = number - _WARM_UP
    return Run(frames=count, seconds=time.perf_counter() - began, cpu_s=time.process_time() - cpu_began)


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


def loops(clip: Path, lengths: str, scratch: Path) -> list[Path]:
    """Write loops of a clip.

    Args:
        clip: The clip.
        lengths: Minutes, separated by commas (`10m,60m`); empty for no loop.
        scratch: The folder to write to.
    """
    minutes = [float(length.rstrip("m")) for length in lengths.split(",") if length]
    return [looped(clip, 60 * length, scratch / f"loop-{length:g}m.mp4") for length in minutes]


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


def is_long(clip: Path) -> bool:
    """Check whether a clip is too long to be run more than once."""
    return duration_s(clip) > LONG_S


def steady_clip(clip: Path, longer: list[Path]) -> Path:
    """Return the longest loop that is run more than once; the clip itself where there is none."""
    return max((loop for loop in longer if not is_long(loop)), key=duration_s, default=clip)
