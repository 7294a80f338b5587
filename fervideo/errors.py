"""Every error that fervideo raises on purpose: what is wrong, why, and what to do about it.

FervideoError
├── UsageError        an argument or a setting that cannot be
├── VideoError        a video that cannot be read
│   └── DamagedVideo  ... from some frame on
├── WeightsError      a checkpoint that is missing, broken or made for something else
├── DatasetError      a labelled dataset with rows that cannot be used
├── TrainingError     a training that cannot go on
└── OutputError       a place that cannot be written
"""


class FervideoError(Exception):
    """Report one problem in one line.

    Attributes:
        subject: What the problem is about: a file, a setting, an option.
        reason: Why it cannot be used.
        remedy: What the reader can do about it.
    """

    def __init__(self, subject: object, reason: str, remedy: str) -> None:
        super().__init__(subject, reason, remedy)
        self.subject = str(subject)
        self.reason = reason
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.subject}: {self.reason}; {self.remedy}"


class UsageError(FervideoError):
    """An argument, option or setting has a value that cannot be used."""


class VideoError(FervideoError):
    """A video file cannot be opened or holds nothing to decode."""


class DamagedVideo(VideoError):
    """A video cannot be decoded beyond some frame; the frames before it are good."""


class WeightsError(FervideoError):
    """A checkpoint is missing, broken, or made for other labels, crops or features."""


class DatasetError(FervideoError):
    """A dataset cannot be used as it stands.

    Attributes:
        problems: Every problem that was found, each with its file and row.
    """

    def __init__(self, subject: object, reason: str, remedy: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__(subject, reason, remedy)
        self.args = (subject, reason, remedy, problems)
        self.problems = problems


class TrainingError(FervideoError):
    """A training cannot start, or cannot go on."""


class OutputError(FervideoError):
    """An output file or folder cannot be written."""
