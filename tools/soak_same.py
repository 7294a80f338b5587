"""Same in, same out: runs of tools/soak.py that differ in all that must not matter, and a clip that is cut in two."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from soak_faults import undisturbed
from soak_runs import ROOT, Bench, Started, Tally, bench

#: A module that Python loads at its start: the clock jumps, to and fro, by up to a day, every second or so.
_JUMPY_CLOCK = """
import random, time
_now, _draw = time.time, random.Random({seed})
_jumps = [_draw.uniform(-86400, 86400) for _ in range(1000)]
time.time = lambda: _now() + _jumps[int(time.monotonic()) % 1000]
"""
#: A program that analyses in a child process of its own, which begins in one of the ways of multiprocessing.
_CHILD = """
import multiprocessing, sys
from pathlib import Path
import fervideo

def work(clips, out):
    for clip in sorted(Path(clips).rglob("*.mp4")):
        fervideo.analyze(clip, sample_fps=2, workers=2).save(Path(out, clip.parent.name))

if __name__ == "__main__":
    child = multiprocessing.get_context(sys.argv[1]).Process(target=work, args=sys.argv[2:])
    child.start()
    child.join()
    raise SystemExit(child.exitcode)
"""
#: Seconds on both sides of a cut in which rows may differ.
_NEAR_S = 2.0


def same(clips: Path, n: int, seed: int) -> Tally:
    """Run again, with 1 and 4 workers, cached, in other locales, with a clock that jumps, from fork and spawn."""
    tally, (expected, _) = Tally(), undisturbed(clips)
    with tempfile.TemporaryDirectory(prefix="soak-locale-") as scratch:
        german = _german(Path(scratch))
        clock = Path(scratch, "clock")
        clock.mkdir()
        (clock / "sitecustomize.py").write_text(_JUMPY_CLOCK.format(seed=seed))
        runs: dict[str, tuple[int, dict[str, str]]] = {
            "4 workers": (4, {}),
            "locale C": (2, {"LC_ALL": "C"}),
            "ASCII only": (2, {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
            "clock that jumps": (2, {"PYTHONPATH": f"{clock}{os.pathsep}{ROOT}"}),
            "another time zone and hash seed": (2, {"TZ": "Asia/Kathmandu", "PYTHONHASHSEED": str(seed)}),
        }
        if german:
            runs["locale de_DE"] = (2, german)
        for number in range(max(n // 5, 1)):
            for name, (workers, environment) in runs.items():
                with bench(clips) as site:
                    tally.add(f"{name} ({number})", site.judge(site.run(workers, **environment), expected))
        with bench(clips) as site:
            for name in ("1 worker, cold", "1 worker, cached"):
                tally.add(name, site.judge(site.run(1), expected))
                shutil.rmtree(site.out)
        for method in ("fork", "spawn", "forkserver"):
            with bench(clips) as site:
                tally.add(f"from a child by {method}", _from_child(site, method, expected, Path(scratch)))
    return tally


def _german(folder: Path) -> dict[str, str]:
    """Return the environment of a German locale, made in a folder; empty where it cannot be made."""
    command = ["localedef", "-i", "de_DE", "-f", "UTF-8", str(folder / "de_DE.UTF-8")]
    if not shutil.which("localedef") or subprocess.run(command, capture_output=True).returncode > 1:
        return {}
    return {"LC_ALL": "de_DE.UTF-8", "LOCPATH": str(folder)}


def _from_child(site: Bench, method: str, expected: dict[str, bytes], scratch: Path) -> str:
    program = scratch / "program.py"
    program.write_text(_CHILD)
    command = [site.batch()[0], str(program), method, str(site.clips), str(site.out)]
    with Started(command, site.environment()) as started:
        ended = started.end()
    return site.judge(ended, {name: content for name, content in expected.items() if "/" in name})


def cut(clips: Path, n: int, seed: int) -> Tally:
    """Cut a clip in two at drawn frames, without loss; rows that are 2 s from the cut have the same labels."""
    import av

    from fervideo import analyze
    from fervideo.records import UInt8

    tally, clip = Tally(), clips / "two" / "b.mp4"
    with av.open(str(clip)) as container:
        pictures = [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in container.decode(video=0)]
    with tempfile.TemporaryDirectory(prefix="soak-cut-") as scratch:

        def labels(name: str, part: list[UInt8]) -> dict[int, str]:
            path = Path(scratch, name)
            with av.open(str(path), "w") as container:
                stream = container.add_stream("ffv1", rate=25)
                stream.height, stream.width = part[0].shape[:2]
                stream.pix_fmt = "bgr0"
                for picture in part:
                    container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
                container.mux(stream.encode(None))
            frames = analyze(path, cache=False).frames.drop_duplicates("frame")
            return dict(zip(frames["frame"].tolist(), frames["expression"].fillna("").tolist(), strict=True))

        whole, near = labels("whole.mkv", pictures), round(25 * _NEAR_S)
        for number in range(n):
            at = random.Random(f"{seed}/{number}").randrange(2 * near, len(pictures) - 2 * near)
            before, after = labels("before.mkv", pictures[:at]), labels("after.mkv", pictures[at:])
            joined = before | {at + frame: label for frame, label in after.items()}
            other = [frame for frame in whole if abs(frame - at) > near and joined[frame] != whole[frame]]
            tally.add(f"cut at frame {at}", f"FAULT: {len(other)} labels differ" if other else "same")
    return tally
