"""A second fervideo, from another checkout or commit, timed in alternation with this one."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from bench_clips import SHORT, SHORT_S
from bench_runs import CACHED, CORES, ROOT, Program, Run, batch, case, is_long, steady_clip, timeline

from fervideo import doctor

#: The name of a run that looks at one frame a second, with all cores.
SAMPLED = "fervideo, --sample-fps 1"
#: Runs of the two programs on one clip, in pairs: ours, theirs.
Pairs = dict[tuple[Path, str], list[tuple[Run, Run]]]


def measure(
    against: str, clips: list[Path], longer: list[Path], repeats: int, scratch: Path, short: Path | None = None
) -> dict[str, Any]:
    """Time this checkout and another in alternation.

    Args:
        against: A folder with another checkout, or a commit of this repository.
        clips: The clips.
        longer: Loops of the first clip.
        repeats: How often each case is run.
        scratch: A folder for environments, caches and results.
        short: A folder of short clips for a batch.

    Returns:
        `programs`, `repeats` and `rows`, ready for JSON.

    Raises:
        SystemExit: The other checkout cannot be had or run, or reads other frames.
    """
    programs = prepare("ours", ROOT, scratch), prepare("theirs", checkout(against, scratch), scratch)
    for program in programs:
        print(f"{program.name}: {program.origin}", file=sys.stderr)
    # Not counted: it fills the disk's cache alike for both.
    frames = [timed(program, clips[0], CORES, scratch)[0][1].frames for program in programs]
    if frames[0] != frames[1]:
        raise SystemExit(f"bench: {clips[0].name}: ours reads {frames[0]} frames, theirs {frames[1]}")
    pairs: Pairs = {}
    for repeat in range(repeats):
        for clip in (*clips, *longer):
            for name, pair in pairs_of(programs, clip, scratch, repeat):
                pairs.setdefault((clip, name), []).append(pair)
                progress = f"{repeat + 1}/{repeats} {clip.name}: {name}"
                print(f"{progress}: ours {pair[0].seconds:.2f} s, theirs {pair[1].seconds:.2f} s", file=sys.stderr)
        if short:
            name = f"batch of {SHORT} clips of {SHORT_S} s, all cores"
            pairs.setdefault((short, name), []).append(batches(programs, short, scratch))
    return {
        "programs": {program.name: program.origin for program in programs},
        "repeats": repeats,
        "rows": [*rows(pairs), *steady_rows(pairs, clips[0], steady_clip(clips[0], longer))],
    }


def checkout(against: str, scratch: Path) -> Path:
    """Return the folder of another checkout; a commit of this repository is cloned into `scratch`.

    Raises:
        SystemExit: It is neither a checkout nor a commit.
    """
    folder = Path(against).resolve()
    if (folder / "pyproject.toml").is_file() and (folder / "fervideo").is_dir():
        return folder
    if folder.is_dir():
        raise SystemExit(f"bench: {against}: is no checkout of fervideo")
    commit = git("-C", str(ROOT), "rev-parse", "--verify", "--quiet", f"{against}^{{commit}}")
    if not commit:
        raise SystemExit(f"bench: {against}: is neither a folder nor a commit of this repository")
    clone = scratch / "clone"
    git("clone", "--quiet", "--no-checkout", str(ROOT), str(clone))
    git("-C", str(clone), "checkout", "--quiet", "--detach", commit)
    if not (clone / "fervideo").is_dir():
        raise SystemExit(f"bench: {against}: git cannot check it out")
    return clone


def prepare(name: str, root: Path, scratch: Path) -> Program:
    """Make a checkout runnable and leave it as it is.

    The present interpreter runs a copy of the package if it meets the checkout's requirements. Otherwise the checkout
    is installed into a virtual environment of its own.

    Raises:
        SystemExit: It cannot be installed, or another fervideo than this one would run.
    """
    requirements = tomllib.loads((root / "pyproject.toml").read_text())["project"]["dependencies"]
    unmet = doctor.mismatches(requirements)
    if unmet:
        python = installed(root, scratch / f"{name}-venv")
        reason = ", ".join(f"{mismatch.name} {mismatch}" for mismatch in unmet)
        origin = f"{describe(root)}, in a virtual environment of its own ({reason})"
        program = Program(name=name, python=python, path=None, origin=origin)
    else:
        shutil.copytree(root / "fervideo", scratch / name / "fervideo", ignore=shutil.ignore_patterns("__pycache__"))
        subprocess.run([sys.executable, "-m", "compileall", "-q", str(scratch / name)], check=True)
        origin = f"{describe(root)}, a copy in the present environment, which meets its requirements"
        program = Program(name=name, python=Path(sys.executable), path=scratch / name, origin=origin)
    loaded = location(program, scratch)
    if not loaded.is_relative_to(scratch):
        raise SystemExit(f"bench: {name}: {loaded} would run instead of {root}")
    return program


def installed(root: Path, folder: Path) -> Path:
    """Install a checkout into a new virtual environment; return its interpreter."""
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    print(f"bench: installing {root} into a virtual environment: minutes", file=sys.stderr)
    for command in (
        [sys.executable, "-m", "venv", str(folder)],
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(root)],
    ):
        if subprocess.run(command).returncode:
            raise SystemExit(f"bench: {' '.join(command)} failed")
    return python


def location(program: Program, folder: Path) -> Path:
    """Return the folder of the package that a program imports."""
    command = [str(program.python), "-c", "import fervideo; print(fervideo.__path__[0])"]
    done = subprocess.run(command, env=program.environment(), cwd=folder, capture_output=True, text=True, check=True)
    return Path(done.stdout.strip()).resolve()


def describe(root: Path) -> str:
    """Return a checkout's folder with its commit, if it has one."""
    commit = git("-C", str(root), "describe", "--always", "--dirty", "--exclude=*")
    return f"{root} at {commit}" if commit else str(root)


def git(*arguments: str) -> str:
    """Run git; return its output, empty if it fails."""
    done = subprocess.run(["git", *arguments], capture_output=True, text=True)
    return "" if done.returncode else done.stdout.strip()


def pairs_of(
    programs: tuple[Program, Program], clip: Path, scratch: Path, repeat: int
) -> Iterator[tuple[str, tuple[Run, Run]]]:
    """Run every case on a clip once with each program, ours first."""
    if is_long(clip) and repeat:
        return
    for workers in [CORES] if is_long(clip) else sorted({1, CORES}):
        ours, theirs = (timed(program, clip, workers, scratch) for program in programs)
        for (name, run), (_, other) in zip(ours, theirs, strict=True):
            yield name, (run, other)
    if is_long(clip):
        one, other = (timed(program, clip, CORES, scratch, "--sample-fps", "1")[0][1] for program in programs)
        yield SAMPLED, (one, other)


def batches(programs: tuple[Program, Program], short: Path, scratch: Path) -> tuple[Run, Run]:
    """Run a batch of short clips once with each program, ours first."""
    runs = []
    for program in programs:
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            runs.append(batch(program, short, Path(folder)))
    return runs[0], runs[1]


def timed(program: Program, clip: Path, workers: int, scratch: Path, *options: str) -> list[tuple[str, Run]]:
    """Run a program on a clip with a new cache; with all cores once more from that cache."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        runs = [(case(workers), timeline(program, clip, Path(folder), workers, *options))]
        if workers == CORES and not options:
            runs.append((CACHED, timeline(program, clip, Path(folder), workers)))
    return runs


def rows(pairs: Pairs) -> list[dict[str, Any]]:
    """Return a row for each case: seconds of the whole command, CPU time and memory."""
    found = []
    for (clip, name), repeated in pairs.items():
        ours, theirs = (list(runs) for runs in zip(*repeated, strict=True))
        row = compared([run.seconds for run in ours], [run.seconds for run in theirs])
        cpu = median(run.cpu_s for run in ours) / median(run.cpu_s for run in theirs)
        peaks = {name: round(max(run.peak_mb for run in runs)) for name, runs in (("ours", ours), ("theirs", theirs))}
        head = {"clip": clip.name, "case": name, "unit": "s", "frames": ours[0].frames}
        found.append({**head, **row, "cpu_ratio": round(cpu, 3), "peak_mb": peaks})
    return found


def steady_rows(pairs: Pairs, clip: Path, loop: Path) -> list[dict[str, Any]]:
    """Return the steady state of the cold cases, in milliseconds a frame; empty if there is no loop."""
    found = []
    for workers in sorted({1, CORES}) if loop != clip else []:
        sides = []
        for side in (0, 1):
            both = zip(pairs[clip, case(workers)], pairs[loop, case(workers)], strict=True)
            ends = [(short[side], long[side]) for short, long in both]
            sides.append([1e3 * (b.seconds - a.seconds) / (b.frames - a.frames) for a, b in ends])
        head = {"clip": loop.name, "case": f"{case(workers)}, steady state", "unit": "ms/frame"}
        found.append({**head, **compared(*sides)})
    return found


def compared(ours: list[float], theirs: list[float]) -> dict[str, Any]:
    """Compare repeated measurements of the two programs.

    Returns:
        The median and the quartiles of each, the ratio of the medians, and whether their difference lies within the
        spread: it is at most the wider of the two distances between quartiles.
    """
    middle, spread = [median(values) for values in (ours, theirs)], [quartiles(values) for values in (ours, theirs)]
    wider = max(high - low for low, high in spread)
    sides = [
        {"median": round(value, 3), "quartiles": [round(end, 3) for end in ends]}
        for value, ends in zip(middle, spread, strict=True)
    ]
    return {
        "ours": sides[0],
        "theirs": sides[1],
        "ratio": round(middle[0] / middle[1], 3),
        "within_spread": abs(middle[0] - middle[1]) <= wider,
    }


def quartiles(values: list[float]) -> tuple[float, float]:
    """Return the lower and the upper quartile; one value is both."""
    if len(values) == 1:
        return values[0], values[0]
    low, _, high = quantiles(values, n=4, method="inclusive")
    return low, high


def table(figures: dict[str, Any]) -> str:
    """Return the figures as Markdown."""
    head = ["clip", "case", "unit", "ours (quartiles)", "theirs (quartiles)", "ours / theirs", "within the spread"]
    head += ["CPU ours / theirs", "peak MB ours", "peak MB theirs"]
    lines = [head, ["---"] * len(head)]
    for row in figures["rows"]:
        sides = (
            f"{row[side]['median']:.2f} ({'–'.join(f'{end:.2f}' for end in row[side]['quartiles'])})"
            for side in ("ours", "theirs")
        )
        verdict = "yes" if row["within_spread"] else "no"
        peaks = row.get("peak_mb", {"ours": "", "theirs": ""})
        cells = (*sides, f"{row['ratio']:.3f}", verdict, row.get("cpu_ratio", ""), peaks["ours"], peaks["theirs"])
        lines.append([row["clip"], row["case"], row["unit"], *map(str, cells)])
    origins = [f"{name}: {origin}" for name, origin in figures["programs"].items()]
    return "\n".join(["| " + " | ".join(line) + " |" for line in lines] + [""] + origins)
