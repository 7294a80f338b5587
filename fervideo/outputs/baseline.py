"""`<clip>.baseline.csv`: each face of a clip at rest, for other clips of the same people."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd

from fervideo import bounded, columns
from fervideo.errors import UsageError
from fervideo.outputs.csv import to_csv, unguarded
from fervideo.settings.values import is_file
from fervideo.timeline import Timeline
from fervideo.timeline.baseline import table_of
from fervideo.timeline.tables import dtypes

FILES = {"baseline": "*.baseline.csv"}


def files(timeline: Timeline) -> dict[str, str]:
    """Return the file of a timeline's baselines, by name; none where it has none."""
    return FILES if "baseline" in timeline.provenance else {}


def write(timeline: Timeline, path: Path) -> None:
    """Write the baselines of a timeline.

    Raises:
        OSError: The file cannot be written.
    """
    to_csv(table_of(timeline), path)


def read(how: str | None) -> pd.DataFrame | None:
    """Read the file that a setting of the baseline names; None where it names none.

    Raises:
        UsageError: It cannot be read, or is no such file.
    """
    if how is None or not is_file(how):
        return None
    wanted, remedy = columns.baseline(), "give the baseline.csv of another clip"
    try:
        table = pd.read_csv(how, dtype=dtypes(wanted), keep_default_na=False, na_values=[""])
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error).strip()
        raise UsageError(how, f"cannot be read as a baseline ({reason})", remedy) from error
    if lacking := [column.name for column in wanted if column.name not in table]:
        raise UsageError(how, f"is no baseline: it lacks the column {lacking[0]}", remedy)
    if table.empty:
        raise UsageError(how, "has no face", remedy)
    return unguarded(table)


def digest(how: str | None) -> str:
    """Return the SHA-256 of the file that a setting names, in hexadecimal; empty where it names none.

    Raises:
        UsageError: It cannot be read, or is no such file.
    """
    if read(how) is None or how is None:
        return ""
    return hashlib.sha256(bounded.read(Path(how), bounded.RECORD_BYTES)).hexdigest()
