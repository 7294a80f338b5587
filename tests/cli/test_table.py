"""The table of commands against the files of commands, and words that are no command."""

from pathlib import Path

import pytest

from fervideo.cli.table import COMMANDS, parser

names = pytest.mark.parametrize("name", [command.name for command in COMMANDS])


@names
def test_every_command_has_its_file_and_help(run, name: str):
    code, out, err = run(name, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"usage: fervideo {name} ")
    assert f"\n{parser(name).commands[name].description}\n" in out
    assert "--debug" in out


@names
def test_every_command_runs_something(name: str):
    assert callable(parser(name).commands[name].get_default("run"))


def test_the_help_lists_every_command(run):
    _, out, _ = run("--help")
    for command in COMMANDS:
        assert f"    {command.name}" in out
        assert command.help in out


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("timline", "timline: is no command of fervideo; did you mean timeline?"),
        ("crossvalidate", "did you mean cross-validate?"),
        ("xyz", "xyz: is no command of fervideo; commands: timeline, demo, batch, "),
        ("clip.mp4", "clip.mp4: is no command of fervideo; write `fervideo timeline clip.mp4`"),
        ("videos", "videos: is no command of fervideo; write `fervideo batch videos`"),
    ],
)
def test_a_word_that_is_no_command(refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str, message: str):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clip.mp4").touch()
    (tmp_path / "videos").mkdir()
    assert message in refused(word, "-o", "x")


def test_two_videos_point_to_batch(refused):
    message = refused("timeline", "a.mp4", "b.mp4")
    assert message.startswith("b.mp4: is an argument too many for fervideo timeline; give one video")
    assert "`fervideo batch FOLDER`" in message


def test_an_argument_too_many_shows_the_usage(refused):
    message = refused("cache", "info", "all")
    assert message == (
        "all: is an argument too many for fervideo cache; usage: fervideo cache info|prune|clear [options]"
    )
