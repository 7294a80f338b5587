"""`fervideo docs`: topics on stdout, whole, also through a pipe."""

import subprocess
import sys

import pytest

from fervideo import docs
from fervideo.cli import main


def test_topics_are_listed_one_in_a_line(capsys: pytest.CaptureFixture[str]):
    assert main(["docs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0].strip() for line in lines] == list(docs.topics())
    assert any(line.startswith("batch ") and line.endswith("  Folders of videos") for line in lines)


def test_a_topic_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]):
    assert main(["docs", "batch"]) == 0
    assert capsys.readouterr().out == docs.read("batch")


def test_an_unknown_topic_is_one_line_on_stderr(capsys: pytest.CaptureFixture[str]):
    assert main(["docs", "bach"]) == 2
    assert capsys.readouterr().err == "fervideo: docs bach: is not a topic; did you mean batch?\n"


def test_a_topic_comes_through_a_pipe():
    done = subprocess.run([sys.executable, "-m", "fervideo", "docs", "accuracy"], capture_output=True, check=True)
    assert done.stdout.decode("utf-8").splitlines() == docs.read("accuracy").splitlines()
    assert done.stderr == b""
