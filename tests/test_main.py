"""Ctrl-C: the first one tidies up, the second one ends at once, and neither leaves a traceback."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fervideo import __main__ as program


@pytest.fixture(autouse=True)
def handler(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep the handler of the tests, and let the end of the process be an exception."""

    def leave(code: int) -> None:
        raise SystemExit(code)

    monkeypatch.setattr(os, "_exit", leave)
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


def test_the_first_raises_and_the_second_ends():
    signal.signal(signal.SIGINT, program._interrupt)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    with pytest.raises(SystemExit, match="130"):
        signal.raise_signal(signal.SIGINT)


def test_one_while_a_module_loads_ends_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    signal.signal(signal.SIGINT, program._interrupt)
    (tmp_path / "interrupted.py").write_text("import signal; signal.raise_signal(signal.SIGINT)")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SystemExit, match="130"):
        __import__("interrupted")
    assert capfd.readouterr().err == "fervideo: interrupted; finished segments are kept\n"


def test_a_program_that_is_not_to_be_interrupted_stays_so():
    code = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); from fervideo.__main__ import main; "
    code += "import sys; sys.argv = ['fervideo', '--version']\n"
    code += "try: main()\nexcept SystemExit: print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "True"
