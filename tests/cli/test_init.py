"""The entry point: exit codes, help, log, a reader that goes."""

import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import fervideo
from fervideo import cli

PROGRAM = [sys.executable, "-m", "fervideo"]


def test_debug_shows_the_traceback(run, tmp_path: Path):
    with pytest.raises(fervideo.FervideoError):
        run("timeline", tmp_path / "missing.mp4", "-o", tmp_path, "--debug")


def test_help_is_quick_and_version_is_printed(run):
    code, out, _ = run("--version")
    assert (code, out) == (0, f"fervideo {fervideo.__version__}\n")
    started = time.perf_counter()
    help_text = subprocess.run([*PROGRAM, "--help"], capture_output=True, text=True, check=True).stdout
    assert {"timeline", "demo", "doctor"} <= set(help_text.split())
    # A library of weight takes seconds; the figure itself is tools/bench.py's.
    assert time.perf_counter() - started < 10


def test_no_command_prints_the_help(run):
    code, out, err = run()
    assert (code, out) == (2, "")
    assert err == run("--help")[1]


@pytest.mark.parametrize(("options", "shown"), [([], "fervideo: two lines\n"), (["--debug"], None)])
def test_the_log_goes_to_stderr_in_lines(run, monkeypatch: pytest.MonkeyPatch, options: list[str], shown: str | None):
    log = logging.getLogger("fervideo")

    def report() -> tuple[list[object], bool]:
        logging.getLogger("fervideo.cache").warning("two\n  lines")
        logging.getLogger("fervideo.cache").debug("detail")
        return [], True

    monkeypatch.setattr("fervideo.doctor.report", report)
    code, _, err = run("doctor", *options)
    assert (code, err) == (0, shown or "fervideo: two lines\nfervideo: detail\n")
    assert (log.handlers, log.level) == ([], logging.NOTSET), "as before"


def test_a_reader_that_goes_is_no_error():
    """`fervideo settings | head -1`, with a head that has gone already."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([*PROGRAM, "settings"], stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


def test_another_broken_pipe_is_not_hidden(monkeypatch: pytest.MonkeyPatch):
    def report() -> None:
        raise BrokenPipeError

    monkeypatch.setattr("fervideo.doctor.report", report)
    with pytest.raises(BrokenPipeError):
        cli.main(["doctor"])


def test_interrupted_work_names_the_way_on(run, monkeypatch: pytest.MonkeyPatch):
    def report() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("fervideo.doctor.report", report)
    code, _, err = run("doctor")
    assert (code, err.count("\n")) == (130, 1)
    assert err.startswith("fervideo: interrupted; ")


def test_a_full_disk_behind_stdout_is_one_line():
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    with open("/dev/full", "w") as full:
        done = subprocess.run([*PROGRAM, "settings"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("fervideo: stdout or a temporary file: No space left on device; ")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_that_lacks_a_sign_gets_another(encoding: str):
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([*PROGRAM, "describe"], capture_output=True, env=environment)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"yaw_deg" in done.stdout
