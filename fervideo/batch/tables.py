"""What is known of each clip of a batch: a record beside its results, and three files over all clips.

A clip is done when its `run.json`, which is written last, tells the same content, settings, weights and version; a
failure leaves `clip.failure.json` in its place. So any number of batches, shards and machines may share an output
folder, and none has a state of its own to lose.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fervideo import __version__, atomic
from fervideo.batch.folder import Clip
from fervideo.errors import OutputError
from fervideo.models import Models
from fervideo.settings import Settings

_RESULTS = (".timeline.csv", ".events.csv", ".summary.csv", ".run.json")
_FAILURE = ".failure.json"
FAILURE_COLUMNS = ("path", "stage", "error", "remedy")

Stage = Literal["open", "extract", "finish", "decode"]


@dataclass(frozen=True)
class Failure:
    """Say why a clip has no results, or, at stage `decode`, why they end before it does.

    Attributes:
        stage: What was being done: `open`, `extract`, `finish`, or `decode`.
        error: What is wrong.
        remedy: What the reader can do about it.
    """

    stage: Stage
    error: str
    remedy: str


@dataclass(frozen=True)
class Known:
    """Hold what an earlier batch found out.

    Attributes:
        fingerprint: Of the content that it holds for.
        failure: What went wrong; None where all went well.
    """

    fingerprint: str
    failure: Failure | None


def identity(settings: Settings, chosen: Models) -> dict[str, Any]:
    """Return what else than a video's content its results depend on."""
    return {
        "settings": settings.model_dump(mode="json", exclude={"run"}),
        "weights": chosen.digests,
        "fervideo": __version__,
    }


def known(clip: Clip, wanted: dict[str, Any]) -> Known | None:
    """Read what is known of a clip; None where that is nothing, or holds for other settings, weights or versions."""
    try:
        if all(_place(clip, suffix).is_file() for suffix in _RESULTS):
            told = json.loads(_place(clip, ".run.json").read_bytes().decode("utf-8", "surrogateescape"))
            settings = {name: section for name, section in told["settings"].items() if name != "run"}
            if wanted == {"settings": settings, "weights": told["weights"], "fervideo": told["versions"]["fervideo"]}:
                damage = Failure("decode", told["reason"], _DAMAGE_REMEDY) if told["reason"] else None
                return Known(told["video"]["fingerprint"], damage)
        failed = json.loads(_place(clip, _FAILURE).read_bytes())
        if failed.pop("identity") == wanted:
            return Known(failed.pop("fingerprint"), Failure(**failed))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass  # nothing there, or not ours: the work is done again
    return None


_DAMAGE_REMEDY = "the results end there; fetch or export the file again"


def damaged(reason: str) -> Failure:
    """Say that results end before their clip does."""
    return Failure("decode", reason, _DAMAGE_REMEDY)


def remember(clip: Clip, fingerprint: str, failure: Failure | None, wanted: dict[str, Any]) -> None:
    """Leave a record of a failure, or take one away.

    Raises:
        OutputError: The output folder cannot be written.
    """
    path = _place(clip, _FAILURE)
    if failure is None or failure.stage == "decode":
        with suppress(OSError):
            path.unlink(missing_ok=True)
    else:
        record = {
            "stage": failure.stage,
            "error": failure.error,
            "remedy": failure.remedy,
            "fingerprint": fingerprint,
            "identity": wanted,
        }
        _write(path, json.dumps(record, indent=2, ensure_ascii=False))


def write_clips(path: Path, clips: Iterable[Clip], failures: dict[Clip, Failure]) -> None:
    """Join the summaries of clips into one table, each row with its clip's name and whether the clip was read to its end.

    Raises:
        OutputError: The table cannot be written, or a summary cannot be read.
    """
    table, header = io.StringIO(), False
    writer = csv.writer(table, lineterminator="\n")
    for clip in clips:
        # As text, not as numbers: what a clip's own file says is said here to the letter.
        try:
            with open(_place(clip, ".summary.csv"), encoding="utf-8", newline="") as file:
                names, *rows = csv.reader(file)
        except (OSError, ValueError) as error:
            raise OutputError(
                _place(clip, ".summary.csv"), f"cannot be read ({error})", "remove it, and run again"
            ) from error
        if not header:
            writer.writerow(["path", "status", *names])
            header = True
        status = "damaged" if clip in failures else "complete"
        writer.writerows([clip.name, status, *row] for row in rows)
    _write(path, table.getvalue())


def write_failures(path: Path, failures: dict[Clip, Failure]) -> None:
    """Write one row for each clip that failed, or whose results end early.

    Raises:
        OutputError: The table cannot be written.
    """
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(FAILURE_COLUMNS)
    writer.writerows([clip.name, failure.stage, failure.error, failure.remedy] for clip, failure in failures.items())
    _write(path, table.getvalue())


def write_record(path: Path, record: dict[str, Any]) -> None:
    """Write what was run, as JSON.

    Raises:
        OutputError: It cannot be written.
    """
    _write(path, json.dumps(record, indent=2, ensure_ascii=False))


def measured_frames_per_s(record: Path) -> float:
    """Return how fast an earlier batch was, from its record; 0 where that is not known."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        return float(json.loads(record.read_bytes())["frames_per_s"])
    return 0.0


def _place(clip: Clip, suffix: str) -> Path:
    return clip.folder / f"{clip.stem}{suffix}"


def _write(path: Path, text: str) -> None:
    with atomic.written(path) as temporary:
        # Bytes of a file name that are not UTF-8 go out as they came in.
        temporary.write_bytes(text.encode("utf-8", "surrogateescape"))
