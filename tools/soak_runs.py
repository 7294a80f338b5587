"""Commands that tools/soak.py runs, disturbs and judges; each run has an output folder and a cache of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

#: The checkout to which the tools belong.
ROOT = Path(__file__).resolve().parents[1]
#: A run that takes longer than this many seconds counts as hanging.
HANG_S = 300.0
#: Few frames of each second: these checks do not depend on the faces in them.
SPARSE = ("--sample-fps", "2")


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A command that has ended.

    Attributes:
        code: Exit code; negative where a signal ended it, and -1 where it hung and was killed.
        stderr: All that it wrote there.
        seconds: Time that it took.
    """

    code: int
    stderr: str
    seconds: float


@dataclass
class Tally:
    """The outcomes of one part: how often each was seen, and one line about each fault.

    Attributes:
        counts: Number of cases by outcome.
        faults: One line for each case that ended wrongly, with the numbers that repeat it.
    """

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def add(self, case: str, outcome: str) -> None:
        """Count a case; a fault is also listed and printed at once, as are all where stderr is a terminal."""
        kind = outcome.partition(":")[0]
        self.counts[kind] += 1
        if kind == "FAULT":
            self.faults.append(f"{case}: {outcome}")
        if kind == "FAULT" or sys.stderr.isatty():
            print(f"{case}: {outcome}", file=sys.stderr, flush=True)

    def __str__(self) -> str:
        counts = ", ".join(f"{kind} {n}" for kind, n in sorted(self.counts.items()))
        return f"{sum(self.counts.values())} cases: {counts}"


@dataclass(frozen=True)
class Bench:
    """A folder with an output folder, a cache and clips, for one run after another.

    Attributes:
        root: The folder.
        clips: Folder of the clips that are analysed.
    """

    root: Path
    clips: Path

    @property
    def out(self) -> Path:
        return self.root / "out"

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    def batch(self, workers: int = 1) -> list[str]:
        """Return the command that analyses the clips."""
        return fervideo("batch", self.clips, "-o", self.out, "--workers", workers, *SPARSE)

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment of its commands, with the cache in it."""
        return {**os.environ, "PYTHONPATH": str(ROOT), "FERVIDEO_CACHE": str(self.cache), **more}

    def run(self, workers: int = 1, **environment: str) -> Ended:
        """Analyse the clips without a disturbance."""
        with Started(self.batch(workers), self.environment(**environment)) as started:
            return started.end()

    def tables(self) -> dict[str, bytes]:
        """Return the bytes of all tables of results, by their paths."""
        return {str(path.relative_to(self.out)): path.read_bytes() for path in sorted(self.out.rglob("*.csv"))}

    def left(self) -> list[str]:
        """Return the temporary files that are there; the lock of a dead process does no harm."""
        paths = [path for folder in (self.out, self.cache) for path in folder.rglob("*")]
        return [path.name for path in paths if path.name.startswith(".fervideo-") or path.suffix == ".tmp"]

    def judge(self, ended: Ended, expected: Mapping[str, bytes], allowed: Sequence[int] = ()) -> str:
        """Return the outcome of a run: `same`, `said` for one line and an exit code that is allowed, or a FAULT.

        Args:
            ended: The run.
            expected: Tables that an undisturbed run writes.
            allowed: Exit codes with which a run may end early.
        """
        lines = ended.stderr.splitlines()
        if ended.code == -1:
            return f"FAULT: hung for {ended.seconds:.0f} s"
        if "Traceback" in ended.stderr or (ended.code < 0 and ended.code not in allowed):
            return f"FAULT: ended with {ended.code}: {' | '.join(lines[-3:])}"
        found = self.tables()
        if ended.code == 0:
            return "same" if found == expected else "FAULT: other tables without a word"
        if other := [
            name for name, content in found.items() if len(Path(name).parts) > 1 and content != expected[name]
        ]:
            return f"FAULT: other tables: {', '.join(other)}"
        if ended.code not in allowed:
            return f"FAULT: ended with {ended.code}: {' | '.join(lines[-3:])}"
        return "said" if len(lines) <= 1 else f"FAULT: {len(lines)} lines on stderr: {' | '.join(lines[-3:])}"


class Started:
    """A command in a session of its own; a context manager that leaves no process behind."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], before: Callable[[], None] | None = None
    ) -> None:
        # A file: a pipe would be kept open by worker processes that outlive the command.
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  (closed by __exit__)
        self._began_s = time.monotonic()
        self.process = psutil.Popen(
            command,
            env=dict(environment),
            cwd=tempfile.gettempdir(),
            stdout=subprocess.DEVNULL,
            stderr=self._stderr,
            start_new_session=True,
            preexec_fn=before,
        )

    def __enter__(self) -> Started:
        return self

    def __exit__(self, *error: object) -> None:
        for process in self.members():
            with suppress(psutil.Error):
                process.kill()
        self.process.wait()
        self._stderr.close()

    def members(self) -> list[psutil.Process]:
        """Return its processes that still run: itself, and those that it started."""
        alive = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, ProcessLookupError):
                if os.getsid(process.pid) == self.process.pid and process.status() != psutil.STATUS_ZOMBIE:
                    alive.append(process)
        return alive

    def children(self) -> list[psutil.Process]:
        """Return the worker processes that it started and that still run, without helpers of theirs."""
        with suppress(psutil.Error):
            found: list[psutil.Process] = self.process.children()
            return [child for child in found if "resource_tracker" not in " ".join(child.cmdline())]
        return []

    def signal(self, number: int) -> None:
        """Send a signal to all its processes, as a terminal sends Ctrl-C."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def end(self, limit_s: float = HANG_S) -> Ended:
        """Wait for its end; after a time limit it is killed, and its code is -1."""
        try:
            code = self.process.wait(limit_s)
        except psutil.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self.process.wait()
            code = -1
        seconds = time.monotonic() - self._began_s
        self._stderr.seek(0)
        return Ended(code=code, stderr=self._stderr.read().decode("utf-8", "replace"), seconds=seconds)

    def outlived_by(self, limit_s: float = 10.0) -> list[str]:
        """Return the commands of processes that it left, after some seconds in which they may end."""
        end = time.monotonic() + limit_s
        while (members := self.members()) and time.monotonic() < end:
            time.sleep(0.2)
        found = []
        for member in members:
            with suppress(psutil.Error):
                found.append(" ".join(member.cmdline())[:100])
        return found


def fervideo(*words: object) -> list[str]:
    """Return a command of this checkout."""
    return [sys.executable, "-m", "fervideo", *map(str, words)]


@contextmanager
def bench(clips: Path) -> Iterator[Bench]:
    """Provide a bench that is removed at the end."""
    root = Path(tempfile.mkdtemp(prefix="soak-"))
    try:
        yield Bench(root, clips)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def make_clips(folder: Path) -> Path:
    """Write two small clips of a real photograph, in three segments."""
    from fervideo import demo

    folder.mkdir(parents=True, exist_ok=True)
    for name, seconds, faceless in (("one/a.mp4", 2.0, None), ("two/b.mp4", 11.0, (6.0, 8.0))):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        if not path.exists():
            demo.render_astronaut(path, seconds=seconds, size=(320, 180), faceless=faceless)
    return folder
