"""The command line in process."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fervideo import cli

#: Runs a command and returns its exit code, stdout and stderr.
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(own_cache: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> tuple[int, str, str]:
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = int(stop.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def refused(run: Run) -> Callable[..., str]:
    """Run a command that ends with exit code 2, and return its one line on stderr without `fervideo: `."""

    def call(*arguments: object) -> str:
        code, out, err = run(*arguments)
        assert (code, out, err.count("\n")) == (2, "", 1), err
        assert err.startswith("fervideo: ")
        assert "; " in err, "the remedy"
        return err.removeprefix("fervideo: ").rstrip()

    return call
