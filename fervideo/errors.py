"""Errors that fervideo raises on purpose: each names its subject, the reason and a remedy.

FervideoError
├── UsageError        an argument or a setting that cannot be
├── VideoError        a video that cannot be read
├── WeightsError      a checkpoint that is missing, broken or made for something else
├── DatasetError      a labelled dataset with rows that cannot be used
├── TrainingError     a training that cannot go on
└── OutputError       a path that cannot be written

Texts of other modules use `counted` and `nearest`, too.
"""

import difflib
from collections.abc import Iterable


class FervideoError(Exception):
    """A problem that is reported in one line.

    Attributes:
        subject: The file, setting or option that has the problem.
        reason: Why it cannot be used.
        remedy: Advice for the reader.
    """

    def __init__(self, subject: object, reason: str, remedy: str) -> None:
        super().__init__(subject, reason, remedy)
        self.subject = str(subject)
        self.reason = reason
        self.remedy = remedy

    def __str__(self) -> str:
        # A file name may contain a line break, or bytes that are not UTF-8: the message stays one line of plain text.
        text = f"{self.subject}: {self.reason}; {self.remedy}"
        return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


class UsageError(FervideoError):
    """An argument, option or setting that has a value that cannot be used."""


class VideoError(FervideoError):
    """A video file that cannot be opened, or that contains nothing to decode."""


class WeightsError(FervideoError):
    """A checkpoint that is missing, broken, or made for other labels, crops or features."""


class DatasetError(FervideoError):
    """A dataset that cannot be used as it stands.

    Attributes:
        problems: Every problem that was found, each with its file and row.
    """

    def __init__(self, subject: object, reason: str, remedy: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__(subject, reason, remedy)
        self.args = (subject, reason, remedy, problems)
        self.problems = problems


class TrainingError(FervideoError):
    """A training that cannot start, or cannot go on."""


class OutputError(FervideoError):
    """An output file or folder that cannot be written."""


def counted(n: int, noun: str) -> str:
    """Return a number with its noun: `1 face`, `2 faces`."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def nearest(word: str, known: Iterable[str], cutoff: float = 0.5) -> str | None:
    """Return the known word that is most like a misspelt one.

    Args:
        word: The misspelt word.
        known: The words that were possible.
        cutoff: Least similarity, 0 to 1.

    Returns:
        None where none is similar enough.
    """
    return next(iter(difflib.get_close_matches(word, list(known), 1, cutoff)), None)
