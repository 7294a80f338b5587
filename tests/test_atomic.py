"""Temporary files and their owners: those of a process that is gone are recognised."""

import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from fervideo import atomic

NODE = platform.node()
needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc on this system")


def test_this_process_is_not_gone():
    assert not atomic.is_gone(atomic.process_name(), time.time())


@needs_proc
def test_a_number_that_was_given_out_again_is_another_process():
    assert atomic.is_gone(f"{os.getpid()}.1@{NODE}", time.time())


@needs_proc
def test_a_process_that_ended_and_that_nobody_waits_for_is_gone():
    child = subprocess.Popen([sys.executable, "-c", "from fervideo import atomic; print(atomic.process_name())"],
                             stdout=subprocess.PIPE, text=True)  # fmt: skip
    with child.stdout as output:
        name = output.read().strip()
    while not atomic.is_gone(name, time.time()):
        assert child.returncode is None
        time.sleep(0.01)
    child.wait()


@pytest.mark.parametrize(("age_s", "gone"), [(0, False), (500, False), (700, True), (-500, False), (-1e6, True)])
def test_a_process_elsewhere_is_judged_by_time_even_if_a_clock_was_set_back(age_s: float, gone: bool):
    assert atomic.is_gone("1.2@elsewhere", time.time() - age_s) == gone


def test_a_scratch_folder_of_a_killed_process_goes_with_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left = tmp_path / f".fervideo-{os.getpid()}.1@{NODE}-abc"
    (left / "clip").mkdir(parents=True)
    with atomic.scratch_folder() as folder:
        assert list(tmp_path.iterdir()) == [folder]
    assert list(tmp_path.iterdir()) == []
