"""Labels of a coder beside the results in a page, such as the disagreements that `fervideo agree` writes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fervideo.errors import UsageError
from fervideo.outputs.found import Found
from fervideo.study.design import Index, read_table

#: Columns that a table must have; `face` and `fervideo` are read, too.
_NEEDED = ("clip", "start_s", "end_s", "label")


def read(path: Path, found: Iterable[Found]) -> dict[str, list[dict[str, Any]]]:
    """Read stretches with labels, and find the timelines that they belong to.

    Args:
        path: CSV with `clip`, `start_s` and `end_s` on the player's clock, `label`, and perhaps `face`.
        found: The timelines.

    Returns:
        `start`, `end`, `label`, `face` (None for all faces) of each stretch, by the stem of its timeline.

    Raises:
        UsageError: The table cannot be read, lacks a column, has a bad number, or names none of the timelines.
    """
    table = read_table(path, _NEEDED)
    index = Index(list(found))
    stretches: dict[str, list[dict[str, Any]]] = {}
    for number, row in enumerate(table.to_dict("records"), 2):
        try:
            start_s, end_s = float(row["start_s"]), float(row["end_s"])
            face = int(row["face"]) if row.get("face") else None
            if not 0 <= start_s < end_s < math.inf:
                raise ValueError(f"{start_s:g} to {end_s:g} is no stretch of time")
        except ValueError as error:
            raise UsageError(f"{path}:{number}", f"has a bad number ({error})", "mend or remove the row") from error
        for result in index.find(row["clip"]):
            mark = {"start": start_s, "end": end_s, "label": row["label"], "face": face}
            stretches.setdefault(result.stem, []).append(mark)
    if len(table) and not stretches:
        raise UsageError(path, "names none of the clips of the report", "check its column clip")
    return {name: sorted(own, key=lambda mark: mark["start"]) for name, own in stretches.items()}
