"""Text that comes from elsewhere, read within limits: a file of any size or depth ends in a ValueError, not in a crash.

TOML and JSON are read by recursion, so nested brackets by the thousand end in an error of the interpreter.
"""

from __future__ import annotations

import csv
import json
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

#: Most bytes of a file of settings, and most characters of its lines: a key of many parts takes long to read.
SETTINGS_BYTES, _SETTINGS_LINE = 1 << 16, 4096
#: Most bytes of a table of labels: a million rows and more.
TABLE_BYTES = 1 << 28
#: Most bytes of the record of a run.
RECORD_BYTES = 1 << 26


def read(path: Path, most: int) -> bytes:
    """Read a file.

    Args:
        path: The file; a pipe or a device will do.
        most: Most bytes that it may have.

    Raises:
        OSError: It cannot be read.
        ValueError: It is larger.
    """
    with open(path, "rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"it is larger than {most:,} bytes")
    return content


def toml(text: str) -> dict[str, Any]:
    """Read TOML.

    Raises:
        ValueError: It is none, or is nested too deeply, or has a line that is too long.
    """
    if any(len(line) > _SETTINGS_LINE for line in text.splitlines()):
        raise ValueError(f"a line is longer than {_SETTINGS_LINE} characters")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def from_json(text: str | bytes) -> Any:
    """Read JSON.

    Raises:
        ValueError: It is none, or is nested too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def rows(lines: Iterable[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a table, each with the number of its last line, from 1.

    Raises:
        ValueError: A cell is longer than 128 kB.
    """
    reader = csv.reader(lines, delimiter=delimiter)
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num}: {error}") from None
