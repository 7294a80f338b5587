"""The page that lists the clips of a folder: a table to sort, with a strip of each face's events on one time axis."""

from __future__ import annotations

import csv
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fervideo import __version__, bounded, cells, columns
from fervideo.outputs import tiers
from fervideo.palette import colours
from fervideo.report import page
from fervideo.report.content import plain
from fervideo.timeline.record import Timeline

#: Name of the page.
NAME = "index.html"
#: Files of a batch by which its folder is known.
_RECORDS, _FAILURES = "batch*.json", "failures*.csv"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A clip in the list.

    Attributes:
        name: Its name below the folder, with `/`.
        address: Address of its page as seen from the list.
        labels: Labels of its model.
        duration_s: Its length.
        status: `complete` or `damaged`.
        faces: A row for each face: `facts` of the summary, `picture`, `quality`, and `events` as label, start and end.
    """

    name: str
    address: str
    labels: tuple[str, ...]
    duration_s: float
    status: str
    faces: Sequence[Mapping[str, Any]]

    @classmethod
    def of(cls, timeline: Timeline, name: str, address: str, pictures: Mapping[int, str]) -> Entry:
        """Collect the entry of a timeline.

        Args:
            timeline: The timeline.
            name: Its name below the folder.
            address: Address of its page as seen from the list.
            pictures: A picture of each face, by its number.
        """
        events = tiers.with_kind(timeline.events)
        events = events[events["kind"] == tiers.EXPRESSION]
        quality = timeline.frames.groupby("face")["quality"].mean()
        faces = []
        for facts in timeline.summary.to_dict("records"):
            face = None if plain(facts["face"]) is None else int(facts["face"])
            own = events[(events["face"] == face).fillna(False)] if face is not None else events.iloc[:0]
            faces.append(
                {
                    "facts": {str(key): plain(value) for key, value in facts.items() if key != "video"},
                    "picture": pictures.get(face, "") if face is not None else "",
                    "quality": plain(float(quality.get(face, float("nan")))) if face is not None else None,
                    "events": [
                        [timeline.labels.index(label), round(start, 3), round(end, 3)]
                        for label, start, end in zip(own["expression"], own["onset_s"], own["offset_s"], strict=True)
                    ],
                }
            )
        return cls(
            name=tiers.printable(name),
            address=address,
            labels=timeline.labels,
            duration_s=timeline.info.duration_s,
            status=str(timeline.provenance["status"]),
            faces=faces,
        )


def is_batch(folder: Path) -> bool:
    """Check whether a folder contains the results of a batch."""
    return any(folder.glob(_RECORDS))


def failures(folder: Path) -> list[dict[str, str]]:
    """Return the rows of a batch's tables of failures; none where there are none that can be read."""
    found = []
    for path in sorted(folder.glob(_FAILURES)):
        try:
            rows = list(csv.reader(bounded.read(path, bounded.TABLE_BYTES).decode("utf-8", "replace").splitlines()))
        except (OSError, ValueError, csv.Error):
            continue
        names = columns.names(columns.failures())
        if rows and rows[0][: len(names)] == names:
            found += [dict(zip(names, map(cells.unguarded, row), strict=False)) for row in rows[1:]]
    return found


def of_folder(entries: Sequence[Entry], failed: Sequence[Mapping[str, str]], title: str) -> str:
    """Make the page that lists clips.

    Args:
        entries: The clips.
        failed: Rows of a table of failures.
        title: Name of the folder.

    Returns:
        HTML.
    """
    labels = list(dict.fromkeys(label for entry in entries for label in entry.labels))
    title = tiers.printable(title)
    content = {
        "title": title,
        "version": __version__,
        "labels": labels,
        "colours": colours(labels),
        "clips": [
            {
                "name": entry.name,
                "address": entry.address,
                "duration": round(entry.duration_s, 3),
                "status": entry.status,
                "labels": [labels.index(label) for label in entry.labels],
                "faces": entry.faces,
            }
            for entry in entries
        ],
        "failures": [{key: tiers.printable(value) for key, value in row.items()} for row in failed],
    }
    return page.filled(
        "index.html",
        TITLE=html.escape(title),
        STYLE=page.asset("base.css") + page.asset("index.css"),
        CONTENT=page.embedded(content),
        CODE=page.code(("core.js", "index.js")),
    )
