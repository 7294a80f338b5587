"""A parser of options for which bad usage is one line: the word at fault, the nearest name, the command's own usage."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

from fervideo.errors import UsageError, nearest


class Parser(argparse.ArgumentParser):
    """A parser that raises UsageError instead of printing, and that takes options by their full names only.

    Attributes:
        commands: The parsers of commands below this one.
        surplus: Advice about an argument too many; empty for the usage.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "allow_abbrev": False})
        self.commands: dict[str, Parser] = {}
        self.surplus = ""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError with a message of argparse."""
        raise UsageError(self.prog.removeprefix("fervideo "), message, f"usage: {self.short_usage()}")

    def check_options(self, words: Iterable[str]) -> None:
        """Check the names of options before argparse does, which would complain about something else first.

        Raises:
            UsageError: One is unknown; the nearest is suggested.
        """
        known = self._option_string_actions
        for word in words:
            if word == "--":
                return
            name = word.partition("=")[0]
            # A letter takes its value without a blank, -oDIR; but -output is meant for --output.
            is_short = not name.startswith("--") and word[:2] in known and f"-{name}" not in known
            if re.match(r"--?[A-Za-z]", word) and name not in known and not is_short:
                near = nearest(name.lstrip("-"), [option.lstrip("-") for option in known], 0.6)
                meant = f"did you mean --{near}? " if near else f"a file is ./{word}; " if Path(word).exists() else ""
                raise UsageError(name, f"is no option of {self.prog}", f"{meant}usage: {self.short_usage()}")

    def short_usage(self) -> str:
        """Return the usage in one line: arguments and required options by name."""
        words = [self.prog]
        for action in self._actions:
            name = str(action.metavar or "|".join(map(str, action.choices or [action.dest])))
            if not action.option_strings:
                some = f"{name} ..." if action.nargs in ("+", argparse.PARSER) else name
                words.append({"*": f"[{name} ...]", "?": f"[{name}]"}.get(str(action.nargs), some))
            elif action.required:
                words.append(f"{action.option_strings[0]} {name}")
        return " ".join([*words, "[options]"])
