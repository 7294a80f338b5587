"""Stderr of native code: held back, quoted, and cut to a few lines."""

import os
from pathlib import Path

import pytest

from fervideo.stderr import held_back, last_lines


def test_the_last_lines_are_quoted():
    assert last_lines(b"") == ""
    assert last_lines(b"\n \n") == ""
    assert last_lines(b"1\n2\n\n3\n4\n5\n6\n") == "2 | 3 | 4 | 5 | 6"
    assert last_lines("Bild kaputt: „x“ \x1b[31m\xff\r\nthe\tend".encode("latin-1", "replace")) == (
        "Bild kaputt: ?x? [31m\ufffd | the end"
    )
    assert last_lines(b"x" * 10_000) == "x" * 199 + "…"


def test_chatter_of_native_libraries_is_not_quoted():
    content = (
        b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n"
        b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
        b"W0000 00:00:1795816842.652295   22371 inference_feedback_manager.cc:114] Feedback manager requires ...\n"
        b"F0000 00:00:1795816842.652295   22371 tensor.cc:7] Check failed: ok\n"
        b"Warning is the first word here\n"
    )
    assert last_lines(content) == (
        "F0000 00:00:1795816842.652295 22371 tensor.cc:7] Check failed: ok | Warning is the first word here"
    )


def open_files() -> int:
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


def test_native_stderr_is_held_back(capfd: pytest.CaptureFixture[str]):
    n_open = open_files()
    os.write(2, b"before\n")
    with held_back():
        # More than a pipe takes: output that nobody reads must not block.
        for _ in range(2000):
            try:
                os.write(2, b"x" * 1000)
            except BlockingIOError:
                break
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "before\nafter\n"
    assert open_files() == n_open


def fail() -> None:
    os.write(2, b"tensor.cc: no such tensor\n")
    raise RuntimeError("failed")


def test_an_error_gets_the_lines_that_were_held_back(capfd: pytest.CaptureFixture[str]):
    with pytest.raises(RuntimeError, match=r"^failed") as raised, held_back():
        fail()
    assert raised.value.__notes__ == ["native code wrote: tensor.cc: no such tensor"]
    with pytest.raises(KeyError) as silent, held_back():
        raise KeyError("x")
    assert not hasattr(silent.value, "__notes__")
    assert capfd.readouterr().err == ""
