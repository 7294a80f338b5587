"""Text in the cells of CSV files: no spreadsheet takes it for a formula, and it reads back as it was.

Names of files and labels come from elsewhere, so each may begin as a formula does.
"""

from __future__ import annotations

import os
import re
from pathlib import PurePath

#: Text that a spreadsheet would compute, and text that would be taken for a guarded one on reading.
_FORMULA = re.compile(r"'*[=+\-@\t\n＝＋－＠]")
#: Instead of a character that UTF-8 or a line of CSV cannot contain.
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def name_of(path: PurePath | str) -> str:
    """Return a file's name or path as text for a cell: bytes that are not UTF-8, and carriage returns, are replaced."""
    return os.fsencode(path).decode("utf-8", "replace").replace("\r", _REPLACEMENT)


def guarded(text: str) -> str:
    """Return text as it goes into a cell: an apostrophe precedes all that may be a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(cell: str) -> str:
    """Return the text that `guarded` was given."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
