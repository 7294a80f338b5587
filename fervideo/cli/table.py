"""The table of commands, and the parser that is built from it.

A new command is a line in COMMANDS, and a function `add_NAME(parser)` in a file of this folder. The function adds the
options and sets `run`, which takes the parsed arguments and returns the exit code. Only the chosen command's file is
imported.
"""

from __future__ import annotations

import argparse
import importlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from fervideo import __version__
from fervideo.cli.parser import Parser
from fervideo.errors import UsageError, nearest


class Command(NamedTuple):
    """A command: its name, the file of this folder that adds it, and its line in the help."""

    name: str
    file: str
    help: str


#: In the order of the help.
COMMANDS = (
    Command("timeline", "analysis", "analyse a video"),
    Command("demo", "analysis", "analyse a sample video"),
    Command("batch", "analysis", "analyse folders of videos"),
    Command("export", "export", "write results in the formats of other programs"),
    Command("report", "report", "make pages that show the video beside its timeline"),
    Command("plot", "figures", "draw timelines, and tables of studies, as figures for papers"),
    Command("overlay", "figures", "write the video with its results drawn on it"),
    Command("image", "photographs", "classify the faces of photographs"),
    Command("compare", "photographs", "score frame classifiers on labelled photographs"),
    Command("train", "training", "train a sequence model on labelled video"),
    Command("evaluate", "training", "evaluate a trained model on labelled video"),
    Command("cross-validate", "training", "train and evaluate over the folds of a dataset"),
    Command("gather", "study", "join the results of many clips to one table"),
    Command("agree", "study", "compare results with the labels of human coders"),
    Command("epochs", "study", "cut courses around events, with averages over people"),
    Command("synchrony", "study", "measure how two faces move together, and which one leads"),
    Command("adopt", "foreign", "take results of OpenFace, py-feat or iMotions into a study"),
    Command("describe", "describe", "explain the columns of the tables"),
    Command("settings", "maintenance", "print the settings in force, with their ranges and effects"),
    Command("docs", "docs", "print the documentation, a topic at a time"),
    Command("cache", "maintenance", "look at, prune or clear the cache"),
    Command("doctor", "maintenance", "check the installation"),
)


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Parse a command line.

    Raises:
        UsageError: The command, an option or an argument is unknown, missing or not possible.
    """
    words = joined(words)
    at = next((at for at, word in enumerate(words) if not word.startswith("-")), len(words))
    name = words[at] if at < len(words) else ""
    root = parser(name)
    root.check_options(words[:at])
    if name:
        root.commands[name].check_options(words[at + 1 :])
    args, surplus = root.parse_known_args(words)
    if surplus:
        own = root.commands[name]
        raise UsageError(
            surplus[0], f"is an argument too many for {own.prog}", own.surplus or f"usage: {own.short_usage()}"
        )
    return args


def joined(words: Sequence[str]) -> list[str]:
    """Join an option and a value that begins with a minus and a digit, `--window -1:5`, which argparse does not do."""
    found: list[str] = []
    for word in words:
        if re.match(r"-\.?\d", word) and found and found[-1].startswith("--") and "=" not in found[-1]:
            found[-1] += f"={word}"
        else:
            found.append(word)
    return found


def parser(name: str) -> Parser:
    """Build the parser of the command line, with the options of one command.

    Args:
        name: The command; empty for none.

    Raises:
        UsageError: There is no such command.
    """
    root = Parser(
        prog="fervideo",
        description="Turn video of people into timelines of their apparent facial expressions.",
        epilog="Results show what faces express, not what people feel. Have the consent of the people in the video.",
    )
    root.add_argument("--version", action="version", version=f"fervideo {__version__}")
    if name and name not in (known := [command.name for command in COMMANDS]):
        raise UsageError(name, "is no command of fervideo", _meant(name, known))
    commands = root.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        about = f"{command.help[0].upper()}{command.help[1:]}."
        own = commands.add_parser(command.name, help=command.help, description=about)
        if command.name == name:
            module = importlib.import_module(f"fervideo.cli.{command.file}")
            getattr(module, f"add_{name.replace('-', '_')}")(own)
        own.add_argument("--debug", action="store_true", help="show the log and the traceback of an error")
        own.usage = own.short_usage()
        root.commands[command.name] = own
    return root


def _meant(name: str, known: Sequence[str]) -> str:
    """Return advice for a word that is no command."""
    path = Path(name)
    if path.exists():
        return f"write `fervideo {'batch' if path.is_dir() else 'timeline'} {name}`"
    near = nearest(name, known)
    return f"did you mean {near}?" if near else f"commands: {', '.join(known)}"
