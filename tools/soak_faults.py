"""Faults that tools/soak.py brings about: killed processes, Ctrl-C, full disks, damaged caches."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from soak_runs import Bench, Ended, Started, Tally, bench

#: Exit codes after Ctrl-C: interrupted, or ended by it as the program had hardly begun.
_INTERRUPTED = (130, -signal.SIGINT)


def undisturbed(clips: Path) -> tuple[dict[str, bytes], float]:
    """Return the tables of a run without a disturbance, and the seconds that it took."""
    with bench(clips) as site:
        ended = site.run(2)
        if ended.code != 0:
            raise SystemExit(f"soak: the undisturbed run ended with {ended.code}: {ended.stderr}")
        return site.tables(), ended.seconds


def kills(clips: Path, n: int, seed: int) -> Tally:
    """Kill a worker process in one half of the runs, the parent in a quarter of them, and both in the last quarter.

    A killed worker changes nothing. After a killed parent no process is left, and the same command goes on.
    """
    tally, (expected, seconds) = Tally(), undisturbed(clips)
    for number in range(n):
        draw = random.Random(f"{seed}/{number}")
        deadly, moment = draw.choice((signal.SIGKILL, signal.SIGSEGV)), draw.uniform(0.0, seconds)
        victim = ("worker", "parent", "worker", "all")[number % 4]
        with bench(clips) as site:
            outcome = _killed(site, expected, deadly, moment, victim, draw)
        tally.add(f"kill {number} of {victim} by {deadly.name} at {moment:.2f} s", outcome)
    return tally


def _killed(
    site: Bench, expected: Mapping[str, bytes], deadly: int, moment_s: float, victim: str, draw: random.Random
) -> str:
    with Started(site.batch(2), site.environment()) as started:
        time.sleep(moment_s)
        if victim == "worker":
            if not (workers := started.children()):
                started.end()
                return "no worker at that moment"
            os.kill(draw.choice(workers).pid, deadly)
            outcome = site.judge(started.end(), expected, (1,))
        else:
            if victim == "all":
                started.signal(deadly)
            else:
                os.kill(started.process.pid, deadly)
            started.end()
            outcome = "same"
        if left := started.outlived_by():
            return f"FAULT: left {left}"
    if outcome == "same" and victim != "worker":
        outcome = site.judge(site.run(), expected)
    return f"FAULT: left files {left}" if outcome == "same" and (left := site.left()) else outcome


def interrupts(clips: Path, n: int, seed: int) -> Tally:
    """Send Ctrl-C once in one half of the runs, and twice, soon after one another, in the other half.

    The command ends within seconds with one line, and the same command goes on.
    """
    tally, (expected, seconds) = Tally(), undisturbed(clips)
    for number in range(n):
        draw = random.Random(f"{seed}/{number}")
        moment, again = draw.uniform(0.5, seconds), draw.uniform(0.0, 0.5)
        twice = number % 2 == 1
        with bench(clips) as site:
            with Started(site.batch(), site.environment()) as started:
                time.sleep(moment)
                started.signal(signal.SIGINT)
                sent_s = time.monotonic()
                if twice:
                    time.sleep(again)
                    started.signal(signal.SIGINT)
                ended, took_s = started.end(60), time.monotonic() - sent_s
                left = started.outlived_by()
            outcome = site.judge(ended, expected, _INTERRUPTED)
            if outcome in ("said", "same") and left:
                outcome = f"FAULT: left {left}"
            elif outcome == "said" and took_s > 10:
                outcome = f"FAULT: ended only {took_s:.0f} s later"
            elif outcome == "said":
                again_outcome = site.judge(site.run(), expected)
                outcome = "interrupted" if again_outcome == "same" else again_outcome
                if files := site.left():
                    outcome = f"FAULT: left files {files}"
        tally.add(f"Ctrl-C {number} at {moment:.2f} s{f' and {again:.2f} s later' if twice else ''}", outcome)
    return tally


def full_disks(clips: Path, n: int, seed: int) -> Tally:
    """Limit files to a drawn size; and, as root, put cache, results, TMPDIR and /dev/shm on a small disk."""
    tally, (expected, _) = Tally(), undisturbed(clips)
    for number in range(n):
        size = int(10 ** random.Random(f"{seed}/{number}").uniform(2, 5.5))
        tally.add(f"files of at most {size} bytes", _limited(clips, expected, size))
    if os.geteuid() == 0 and shutil.which("unshare"):
        for name, folder in (("cache", "cache"), ("results", "out"), ("TMPDIR", "tmp"), ("/dev/shm", "/dev/shm")):
            for kb in (4, 64, 256):
                tally.add(f"{name} on a disk of {kb} kB", _on_small_disk(clips, expected, folder, kb))
    return tally


def _limited(clips: Path, expected: Mapping[str, bytes], size: int) -> str:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    with bench(clips) as site:
        with Started(site.batch(), site.environment(), limit) as started:
            outcome = site.judge(started.end(), expected, (1, 2))
        return _goes_on(site, expected, outcome)


def _on_small_disk(clips: Path, expected: Mapping[str, bytes], folder: str, kb: int) -> str:
    with bench(clips) as site:
        where = site.root / folder
        where.mkdir(parents=True, exist_ok=True)
        kept = site.root / "kept"
        script = (
            f"mount -t tmpfs -o size={kb}k tmpfs '{where}' && \"$@\"; code=$?; cp -r '{where}' '{kept}'; exit $code"
        )
        command = ["unshare", "-m", "sh", "-c", script, "sh", *site.batch()]
        more = {"TMPDIR": str(where)} if folder == "tmp" else {}
        with Started(command, site.environment(**more)) as started:
            ended = started.end()
        if folder == "out" and kept.exists():
            shutil.rmtree(site.out)
            kept.rename(site.out)
        return _goes_on(site, expected, site.judge(ended, expected, (1, 2)))


def _goes_on(site: Bench, expected: Mapping[str, bytes], outcome: str) -> str:
    """Return an outcome, or the fault of the same command with room again."""
    if outcome == "said":
        after = site.judge(site.run(), expected)
        return "said" if after == "same" else f"{after} (with room again)"
    return outcome


def _truncate(path: Path, draw: random.Random) -> None:
    path.write_bytes(path.read_bytes()[: draw.randrange(path.stat().st_size)])


def _flip(path: Path, draw: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    path.write_bytes(content)


def _flip_header(path: Path, draw: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[draw.randrange(min(len(content), 600))] ^= 1 << draw.randrange(8)
    path.write_bytes(content)


def _make_folder(path: Path, draw: random.Random) -> None:  # noqa: ARG001  (as the others)
    path.unlink()
    path.mkdir()


#: Damage of one file of the cache, by name.
_DAMAGE: dict[str, Callable[[Path, random.Random], None]] = {
    "emptied": lambda path, draw: os.truncate(path, 0),  # noqa: ARG005
    "truncated": _truncate,
    "a bit flipped": _flip,
    "a bit of the header flipped": _flip_header,
    "removed": lambda path, draw: path.unlink(),  # noqa: ARG005
    "a folder in its place": _make_folder,
}


def caches(clips: Path, n: int, seed: int) -> Tally:
    """Damage each file of a filled cache in each way; remove it, and make it read-only, in the middle of a run."""
    tally = Tally()
    with bench(clips) as filled:
        _analysed(filled, {})
        expected = filled.tables()
        files = sorted(path.relative_to(filled.cache) for path in filled.cache.rglob("*") if path.is_file())
        cases = [(file, name, turn) for turn in range(n) for file in files for name in _DAMAGE]
        for file, name, turn in random.Random(seed).sample(cases, n):
            with bench(clips) as site:
                shutil.copytree(filled.cache, site.cache)
                _DAMAGE[name](site.cache / file, random.Random(f"{seed}/{turn}/{file}"))
                outcome = _analysed(site, expected)
            tally.add(f"{file} {name} (seed {seed}/{turn})", outcome)
    expected, seconds = undisturbed(clips)
    for number in range(max(n // 10, 1)):
        moment = random.Random(f"{seed}/removed/{number}").uniform(1, seconds)
        with bench(clips) as site, Started(site.batch(), site.environment()) as started:
            time.sleep(moment)
            shutil.rmtree(site.cache, ignore_errors=True)
            tally.add(f"cache removed at {moment:.1f} s", site.judge(started.end(), expected, (1, 2)))
    tally.add("cache is read-only", _read_only(clips, expected, filled=False))
    tally.add("filled cache is read-only", _read_only(clips, expected, filled=True))
    tally.add("two processes on one cache", _two_at_once(clips, expected))
    return tally


def _analysed(site: Bench, expected: Mapping[str, bytes]) -> str:
    """Analyse the clips in this process, which takes a tenth of the time, and return the outcome."""
    from fervideo import FervideoError, analyze

    os.environ["FERVIDEO_CACHE"] = str(site.cache)
    try:
        for clip in sorted(site.clips.rglob("*.mp4")):
            analyze(clip, sample_fps=2, workers=1).save(site.out / clip.parent.name)
    except FervideoError:
        return "said"
    except Exception as error:
        return f"FAULT: {type(error).__name__}: {error}"
    return "same" if site.tables() == expected else "FAULT: other tables without a word"


def _read_only(clips: Path, expected: Mapping[str, bytes], *, filled: bool) -> str:
    with bench(clips) as site:
        site.cache.mkdir()
        if filled:
            site.run()
            shutil.rmtree(site.out)
        script = f"mount --bind '{site.cache}' '{site.cache}' && mount -o remount,ro,bind '{site.cache}' && \"$@\""
        command = site.batch()
        if os.geteuid() == 0:
            command = ["unshare", "-m", "sh", "-c", script, "sh", *command]
        else:
            site.cache.chmod(0o500)
        with Started(command, site.environment()) as started:
            ended: Ended = started.end()
        site.cache.chmod(0o700)
        return site.judge(ended, expected, () if filled else (2,))


def _two_at_once(clips: Path, expected: Mapping[str, bytes]) -> str:
    with bench(clips) as one, bench(clips) as other:
        environment = one.environment()
        with Started(one.batch(), environment) as first, Started(other.batch(), environment) as second:
            outcomes = {one.judge(first.end(), expected), other.judge(second.end(), expected)}
        return outcomes.pop() if len(outcomes) == 1 else f"FAULT: {outcomes}"


def network(clips: Path, n: int, seed: int) -> Tally:  # noqa: ARG001  (as the others)
    """Run the commands without a network, and count the connections that they try."""
    tally, (expected, _) = Tally(), undisturbed(clips)
    with bench(clips) as site:
        trace = site.root / "trace"
        watch = ["strace", "-f", "-qq", "-e", "trace=connect", "-o", str(trace)] if shutil.which("strace") else []
        blocked = ["unshare", "-n"] if os.geteuid() == 0 else []
        with Started([*blocked, *watch, *site.batch()], site.environment()) as started:
            outcome = site.judge(started.end(), expected)
        tried = subprocess.run(["grep", "-c", "AF_INET", str(trace)], capture_output=True, text=True).stdout.strip()
        tally.add(
            f"batch, {tried or 'unknown'} connections tried", outcome if tried in ("", "0") else "FAULT: connects"
        )
    return tally
