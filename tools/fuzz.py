"""Damage small videos at random, analyse them, and count the outcomes.

    python tools/fuzz.py [--minutes 5] [--seed 1] [--keep DIR]
    python tools/fuzz.py --case 1/17 --keep DIR

Files of several containers and codecs are made on the spot. Each case damages one of them in one to three ways, drawn
from the seed and the number of the case. The analysis runs in a process of its own, which is watched. Outcomes:

    ok        all frames of the whole file
    ok, other frames    another number of frames, and no word about damage: worth a look
    partial   results up to the damage, which are marked so
    refused   one line: subject, reason and remedy
    FAULT     a traceback, 30 s without an end, a crash of the process, or memory beyond a bound

Exit code 1: there were faults. Their numbers are printed, and `--case` repeats one.
"""

from __future__ import annotations

import argparse
import os
import random
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from itertools import count, takewhile
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil
from soak_runs import ROOT, Tally

#: Name of each file that is damaged, and FFmpeg's encoder for it.
FILES = {
    "h264.mp4": "libx264", "h264.mkv": "libx264", "h264.ts": "libx264", "h265.mp4": "libx265", "vp9.webm": "libvpx-vp9",
    "av1.mp4": "libsvtav1", "mpeg4.avi": "mpeg4", "mjpeg.mov": "mjpeg", "mpeg2.mpg": "mpeg2video", "flv1.flv": "flv",
    "wmv2.wmv": "wmv2", "picture.gif": "gif",
}  # fmt: skip
#: Frames of each.
N_FRAMES = 25
#: Seconds without an end, and bytes of memory, from which a case is a fault.
HANG_S, MOST_BYTES = 30.0, 2 << 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--case", metavar="SEED/NUMBER", help="repeat one case")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the files of faults, or of --case")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        serve()
        return
    with tempfile.TemporaryDirectory(prefix="fuzz-") as scratch:
        whole = make_files(Path(scratch))
        if args.case:
            tally = run([args.case], whole, Path(scratch), args.keep, kept=True)
        else:
            end = time.monotonic() + 60 * args.minutes
            cases = takewhile(lambda _: time.monotonic() < end, (f"{args.seed}/{number}" for number in count()))
            tally = run(cases, whole, Path(scratch), args.keep)
    print(f"fuzz (seed {args.seed}, {args.minutes:g} min): {tally}")
    sys.exit(bool(tally.faults))


def run(cases: Iterable[str], whole: list[Path], scratch: Path, keep: Path | None, *, kept: bool = False) -> Tally:
    """Analyse one damaged file after another, and count the outcomes."""
    tally, child = Tally(), Child()
    try:
        for case in cases:
            draw = random.Random(case)
            path = draw.choice(whole)
            damaged, ways = damage(path.read_bytes(), draw)
            target = scratch / f"{case.replace('/', '-')}-{path.name}"
            target.write_bytes(damaged)
            outcome = child.analyse(target)
            tally.add(f"case {case}, {path.name}, {', '.join(ways)}", outcome)
            if keep is not None and (kept or outcome.startswith("FAULT")):
                keep.mkdir(parents=True, exist_ok=True)
                shutil.copy(target, keep)
            target.unlink()
    finally:
        child.end()
    return tally


def make_files(folder: Path) -> list[Path]:
    """Write the whole files: a square that moves over noise."""
    os.environ["SVT_LOG"] = "1"
    noise = np.random.default_rng(0).integers(0, 60, (96, 128, 3), np.uint8)
    for name, encoder in FILES.items():
        with av.open(str(folder / name), "w") as container:
            quiet = {"x265-params": "log-level=none"} if encoder == "libx265" else {}
            stream: Any = container.add_stream(encoder, rate=25, options=quiet)
            stream.width, stream.height = 128, 96
            stream.pix_fmt = {"gif": "rgb8", "mjpeg": "yuvj420p"}.get(encoder, "yuv420p")
            stream.codec_context.thread_count = 1
            for number in range(N_FRAMES):
                picture = noise.copy()
                picture[20:60, 3 * number : 3 * number + 40] = 200
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode(None))
    return [folder / name for name in FILES]


def damage(content: bytes, draw: random.Random) -> tuple[bytes, list[str]]:
    """Return damaged bytes, and the names of the ways in which they were damaged."""
    ways = draw.choices(list(WAYS), k=draw.randint(1, 3))
    for way in ways:
        # Headers, at either end of a file, are small, and yet most damage of note is in them.
        low, high = draw.choice(((0, 1024), (0, len(content)), (len(content) - 1024, len(content))))
        at = draw.randrange(max(low, 0), max(min(high, len(content)), 1))
        content = WAYS[way](content, at, draw) or b"\0"
    return content, ways


def _flipped(content: bytes, at: int, draw: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(draw.choice((1, 10, 100))):
        changed[min(at + draw.randrange(500), len(content) - 1)] ^= 1 << draw.randrange(8)
    return bytes(changed)


#: Numbers at which arithmetic goes wrong.
EXTREMES = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\0\0\0\1", b"\xff\xff\xff\x7f")
#: Ways to damage bytes at a position.
WAYS: dict[str, Callable[[bytes, int, random.Random], bytes]] = {
    "bits flipped": _flipped,
    "zeros": lambda content, at, draw: content[:at] + bytes(n := draw.choice((4, 64, 1000))) + content[at + n :],
    "noise": lambda content, at, draw: (
        content[:at] + draw.randbytes(n := draw.choice((4, 64, 1000))) + content[at + n :]
    ),
    "extreme number": lambda content, at, draw: content[:at] + draw.choice(EXTREMES) + content[at + 4 :],
    "cut out": lambda content, at, draw: content[:at] + content[at + draw.choice((1, 100, 2000)) :],
    "put in": lambda content, at, draw: content[:at] + draw.randbytes(draw.choice((1, 100))) + content[at:],
    "repeated": lambda content, at, draw: content[: at + draw.choice((10, 1000))] + content[at:],
    "truncated": lambda content, at, draw: content[:at],  # noqa: ARG005
}


class Child:
    """The process that analyses; a new one starts after each crash or hang."""

    def __init__(self) -> None:
        self._process: psutil.Popen | None = None

    def analyse(self, path: Path) -> str:
        """Return the outcome for a file."""
        if self._process is None:
            command = [sys.executable, __file__, "--child"]
            self._process = psutil.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
            self._process.stdout.readline()  # it is ready
        process = self._process
        process.stdin.write(f"{path}\n")
        process.stdin.flush()
        end = time.monotonic() + HANG_S
        while time.monotonic() < end:
            if select.select([process.stdout], [], [], 0.2)[0]:
                if line := process.stdout.readline().strip():
                    return str(line)
                code = process.wait()
                self._process = None
                return f"FAULT: the process ended with {code}"
            if (used := process.memory_info().rss) > MOST_BYTES:
                self.end()
                return f"FAULT: {used / 1e9:.1f} GB of memory"
        self.end()
        return f"FAULT: no end after {HANG_S:.0f} s"

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def serve() -> None:
    """Analyse the files whose paths come on stdin; write one line for each."""
    from fervideo import FervideoError, analyze

    replies, sys.stdout = sys.stdout, sys.stderr
    print("ready", file=replies, flush=True)
    for line in sys.stdin:
        try:
            timeline = analyze(line.rstrip("\n"), cache=False, workers=1, faces=1)
        except FervideoError as error:
            whole = error.subject and error.reason and error.remedy and "\n" not in str(error)
            outcome = "refused" if whole else f"FAULT: {str(error)!r} is not one line of three parts"
        except BaseException as error:
            outcome = f"FAULT: {type(error).__name__}: {error}"
        else:
            n = timeline.frames["frame"].nunique()
            outcome = "partial" if timeline.damage else "ok" if n == N_FRAMES else "ok, other frames"
        print(" ".join(outcome.split()), file=replies, flush=True)


if __name__ == "__main__":
    main()
