"""Records of each clip of a batch, beside its results, and the four files over all clips.

A clip is done when its four files are there, and its `run.json` has the same content, settings, weights and version. A
failure leaves `clip.failure.json` instead. So any number of batches, shards and machines may share an output folder,
and none has a state of its own to lose.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fervideo import __version__, atomic, bounded, cells, columns, video
from fervideo.batch.folder import Clip
from fervideo.errors import OutputError
from fervideo.models import Models
from fervideo.outputs import baseline, run
from fervideo.settings import Settings

_FAILURE = ".failure.json"
#: Bytes of a file name that are not UTF-8 go out as they came in.
_ERRORS = "surrogateescape"

Stage = Literal["open", "extract", "finish", "decode"]


@dataclass(frozen=True)
class Failure:
    """The reason why a clip has no results, or, at stage `decode`, why they end before it does.

    Attributes:
        stage: Stage that failed: `open`, `extract`, `finish`, or `decode`.
        error: Reason of the failure.
        remedy: Remedy that may help.
    """

    stage: Stage
    error: str
    remedy: str


@dataclass(frozen=True)
class Known:
    """The outcome of a clip in an earlier batch.

    Attributes:
        fingerprint: Fingerprint of the video that it is the outcome of.
        failure: Its failure; None where all went well.
    """

    fingerprint: str
    failure: Failure | None


def identity(settings: Settings, chosen: Models) -> dict[str, Any]:
    """Return everything except a video's content that its results depend on."""
    return {
        "settings": settings.model_dump(mode="json", exclude={"run"}),
        "weights": chosen.digests,
        "fervideo": __version__,
        "baseline": baseline.digest(settings.measures.baseline),
    }


def known(clip: Clip, wanted: dict[str, Any]) -> Known | None:
    """Read the outcome of a clip in an earlier batch; None where none has these settings, weights and version."""
    try:
        if all(_path(clip, suffix).is_file() for suffix in run.SUFFIXES):
            record = run.load(_path(clip, run.SUFFIX))
            settings = {name: section for name, section in record["settings"].items() if name != "run"}
            own = {"settings": settings, "weights": record["weights"], "fervideo": record["versions"]["fervideo"]}
            if wanted == {**own, "baseline": record.get("baseline", {}).get("digest", "")}:
                return Known(record["video"]["fingerprint"], damaged(record["reason"]) if record["reason"] else None)
        failed = bounded.from_json(bounded.read(_path(clip, _FAILURE), bounded.RECORD_BYTES))
        if failed.pop("identity") == wanted:
            return Known(failed.pop("fingerprint"), Failure(**failed))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass  # nothing there, or not ours: the work is done again
    return None


def damaged(reason: str) -> Failure:
    """Return the failure of a clip that lacks frames."""
    return Failure("decode", reason, video.REMEDY)


def remember(clip: Clip, fingerprint: str, failure: Failure | None, wanted: dict[str, Any]) -> None:
    """Write the record of a failure, or remove one.

    Raises:
        OutputError: The output folder cannot be written.
    """
    path = _path(clip, _FAILURE)
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
    """Write the summaries of clips as one table, each row with its clip's path and status.

    Raises:
        OutputError: The table cannot be written, or a summary cannot be read.
    """
    empty = columns.names((*columns.CLIP, *columns.summary()))
    _join(path, clips, ".summary.csv", empty, lambda clip: (_name(clip), _status(clip, failures)))


def write_events(path: Path, clips: Iterable[Clip]) -> None:
    """Write the events of clips as one table, each row with its clip's path.

    Raises:
        OutputError: The table cannot be written, or the events of a clip cannot be read.
    """
    _join(path, clips, ".events.csv", columns.names((columns.CLIP[0], *columns.events())), lambda clip: (_name(clip),))


def _join(
    path: Path, clips: Iterable[Clip], suffix: str, empty: list[str], facts: Callable[[Clip], tuple[str, ...]]
) -> None:
    """Write a table of each clip as one, a clip at a time.

    Args:
        path: The file.
        clips: The clips.
        suffix: End of the names of their tables.
        empty: The header where there are no clips, since a table without rows is a table all the same.
        facts: Function that returns the cells before those of a clip, for the first columns of `empty`.
    """
    wanted: list[str] = []
    with atomic.written(path) as temporary, open(temporary, "w", encoding="utf-8", newline="", errors=_ERRORS) as file:
        writer = csv.writer(file, lineterminator="\n")
        for clip in clips:
            own = facts(clip)
            # As text, not as numbers: the cells are those of the clip's own file, to the letter.
            try:
                with open(_path(clip, suffix), encoding="utf-8", newline="") as table:
                    header, *rows = csv.reader(table)
            except (OSError, ValueError) as error:
                raise OutputError(
                    _path(clip, suffix), f"cannot be read ({error})", "remove it, and run again"
                ) from error
            if not wanted:
                wanted = header
                writer.writerow([*empty[: len(own)], *wanted])
            if header != wanted:
                # The files of another version may have columns more or less.
                named = (dict(zip(header, row, strict=False)) for row in rows)
                rows = [[row.get(name, "") for name in wanted] for row in named]
            writer.writerows([*own, *row] for row in rows)
        if not wanted:
            writer.writerow(empty)


def _status(clip: Clip, failures: dict[Clip, Failure]) -> str:
    return "damaged" if clip in failures else "complete"


def write_failures(path: Path, failures: dict[Clip, Failure]) -> None:
    """Write one row for each clip that failed, or that lacks frames.

    Raises:
        OutputError: The table cannot be written.
    """
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(columns.names(columns.failures()))
    writer.writerows(
        [_name(clip), failure.stage, *map(cells.guarded, map(cells.name_of, (failure.error, failure.remedy)))]
        for clip, failure in failures.items()
    )
    _write(path, table.getvalue())


def write_record(path: Path, record: dict[str, Any]) -> None:
    """Write the record of a batch, as JSON.

    Raises:
        OutputError: It cannot be written.
    """
    _write(path, json.dumps(record, indent=2, ensure_ascii=False))


def measured_frames_per_s(record: Path) -> float:
    """Return the speed of an earlier batch, from its record; 0 where that is not known."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        return float(bounded.from_json(bounded.read(record, bounded.RECORD_BYTES))["frames_per_s"])
    return 0.0


def _path(clip: Clip, suffix: str) -> Path:
    return clip.folder / f"{clip.stem}{suffix}"


def _name(clip: Clip) -> str:
    return cells.guarded(cells.name_of(clip.name))


def _write(path: Path, text: str) -> None:
    with atomic.written(path) as temporary:
        temporary.write_bytes(text.encode("utf-8", _ERRORS))
