"""Long runs of tools/soak.py: their memory, files and processes while they last, as a printed table."""

from __future__ import annotations

import fnmatch
import os
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil
from bench_runs import looped as loop_of
from soak_runs import Bench, Started, Tally, bench, fervideo

#: Seconds between looks, and rows of a table.
_EVERY_S, _ROWS = 2.0, 10
#: How far the last third of a run may lie above its middle: a share, and a number of MB or of files.
_SHARE, _SLACK = 1.1, 20.0
#: A loop in an MP4 box that players skip, with a number: other bytes, and so another clip, with the same pictures.
_BOX = "000000106672656500000000{:08x}"


class Look(NamedTuple):
    """A running command at one moment."""

    seconds: float
    done: int
    parent_mb: float
    largest_worker_mb: float
    files: int
    processes: int
    threads: int


def looped(clips: Path, n: int, seed: int) -> Tally:  # noqa: ARG001  (as the others)
    """Analyse a clip that is repeated until it lasts `n` minutes."""
    with bench(clips) as site:
        path = loop_of(clips / "two" / "b.mp4", 60 * n, site.root / "looped.mp4")
        command = fervideo("timeline", path, "-o", site.out, "--sample-fps", "5", "--workers", "2")
        return _watched(f"{n} minutes looped", site, command, lambda: _count(site.cache, "*.faces.safetensors"))


def many(clips: Path, n: int, seed: int) -> Tally:  # noqa: ARG001  (as the others)
    """Analyse `n` short clips in one batch."""
    with bench(clips) as site:
        folder, content = site.root / "many", (clips / "one" / "a.mp4").read_bytes()
        folder.mkdir()
        for number in range(n):
            (folder / f"{number:05d}.mp4").write_bytes(content + bytes.fromhex(_BOX.format(number)))
        command = fervideo("batch", folder, "-o", site.out, "--sample-fps", "1", "--workers", "2")
        return _watched(f"{n} short clips", site, command, lambda: _count(site.out, "*.run.json"))


def _count(folder: Path, pattern: str) -> int:
    # Path.rglob fails where a folder goes while it looks.
    return sum(len(fnmatch.filter(names, pattern)) for _, _, names in os.walk(folder))


def _watched(name: str, site: Bench, command: Sequence[str], done: Callable[[], int]) -> Tally:
    """Run a command, print the table of looks at it, and judge their course."""
    tally, looks = Tally(), []
    with Started(command, site.environment()) as started:
        began = time.monotonic()
        while started.process.poll() is None:
            with suppress(psutil.Error):
                looks.append(_look(started.process, time.monotonic() - began, done()))
            with suppress(psutil.TimeoutExpired):
                started.process.wait(_EVERY_S)
        ended = started.end()
    if ended.code != 0:
        tally.add(name, f"FAULT: ended with {ended.code}: {ended.stderr[-200:]}")
    _print(name, looks)
    # At the end the parent joins all that was found, which takes memory by design.
    looks = [look for look in looks if look.done < looks[-1].done]
    for word in ("parent_mb", "largest_worker_mb", "files", "processes", "threads"):
        middle, last = (_most(looks, word, part) for part in (1, 2))
        grows = last > _SHARE * middle + (_SLACK if word.endswith("mb") else 2)
        tally.add(f"{name}, {word}", f"FAULT: grows from {middle:.0f} to {last:.0f}" if grows else "flat")
    third = len(looks) // 3
    pace = [looks[b].done - looks[a].done for a, b in ((third, 2 * third), (2 * third, len(looks) - 1))]
    slow = pace[1] < 0.6 * pace[0]
    tally.add(f"{name}, cost", f"FAULT: {pace[0]} done in the middle third, {pace[1]} in the last" if slow else "flat")
    shutil.rmtree(site.cache, ignore_errors=True)
    return tally


def _most(looks: list[Look], word: str, part: int) -> float:
    """Return the most of one figure in a third of the looks: 0, 1 or 2."""
    third = len(looks) // 3
    return max(float(getattr(look, word)) for look in looks[part * third : (part + 1) * third])


def _look(process: psutil.Process, seconds: float, done: int) -> Look:
    family = [process, *process.children(recursive=True)]
    used = [member.memory_info().rss / 1e6 for member in family]
    return Look(
        seconds=seconds,
        done=done,
        parent_mb=used[0],
        largest_worker_mb=max(used[1:], default=0.0),
        files=sum(member.num_fds() for member in family),
        processes=len(family),
        threads=sum(member.num_threads() for member in family),
    )


def _print(name: str, looks: list[Look]) -> None:
    print(f"| {name}: seconds | done | parent MB | largest worker MB | open files | processes | threads |")
    print("|---|---|---|---|---|---|---|")
    for row in range(_ROWS):
        look = looks[round(row * (len(looks) - 1) / (_ROWS - 1))]
        print("| " + " | ".join(f"{value:.0f}" for value in look) + " |", flush=True)
