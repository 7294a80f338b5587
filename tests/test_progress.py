"""Progress in logs: a line now and then, and none on a terminal."""

import sys

import pytest

from fervideo import progress


def test_a_pipe_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    clock = iter(range(0, 100, 4))
    monkeypatch.setattr(progress, "monotonic", lambda: float(next(clock)))
    lines = progress.Lines("epochs", 40, shown=True)
    for number in range(7):
        lines.update(f"loss {number}")
    assert capsys.readouterr().err == "fervideo: epochs, 3 of 40, loss 2\nfervideo: epochs, 6 of 40, loss 5\n"


def test_a_terminal_has_a_bar_instead(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(progress, "_EVERY_S", 0.0)
    progress.Lines("epochs", 40, shown=False).update()
    with monkeypatch.context() as patch:
        patch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
        progress.Lines("epochs", 40, shown=True).update()
    assert capsys.readouterr().err == ""
    progress.Lines("epochs", 40, shown=True).update()
    assert capsys.readouterr().err == "fervideo: epochs, 1 of 40\n"
