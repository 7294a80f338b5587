"""Agreement as text for the terminal and as tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fervideo.errors import counted
from fervideo.outputs import write_csv
from fervideo.study.agree import OWN, Agreement

#: With fewer people an interval is hardly one.
FEW_PEOPLE = 10


def save(found: Agreement, folder: Path) -> list[Path]:
    """Write `agreement.csv`, `confusion.csv`, `event_agreement.csv` and `disagreements.csv`.

    Raises:
        OutputError: They cannot be written.
    """
    tables = {
        "agreement": found.pairs.round(4),
        "confusion": found.confusion.reset_index(),
        "event_agreement": found.events.round(4),
        "disagreements": found.disagreements,
    }
    paths = [folder / f"{name}.csv" for name in tables]
    for path, table in zip(paths, tables.values(), strict=True):
        write_csv(table, path)
    return paths


def kappa(pair: Mapping[Any, Any]) -> str:
    """Return the kappa of a pair of coders with its interval, as text."""
    interval = f" [{pair['kappa_low']:.3f}, {pair['kappa_high']:.3f}]" if pair["people"] > 1 else ""
    return f"kappa {pair['kappa']:.3f}{interval}"


def describe(found: Agreement) -> str:
    """Return agreement as text for the terminal."""
    lines = []
    for pair in found.pairs.to_dict("records"):
        people = pair["people"]
        few = "; too few people for an interval to rely on" if 1 < people < FEW_PEOPLE else ""
        size = f"{counted(pair['bins'], 'bin')} of {'1 person' if people == 1 else f'{people} people'}{few}"
        lines.append(f"{pair['one']}, {pair['other']}: {kappa(pair)}, {pair['agreement']:.1%} equal ({size})")
    lines.append(f"Krippendorff's alpha of all: {found.alpha:.3f}")
    if np.isfinite(found.alpha_coders):
        lines.append(f"Krippendorff's alpha of the coders alone: {found.alpha_coders:.3f}")
    if found.no_face:
        lines.append(f"left out: {counted(found.no_face, 'labelled bin')} without a good view of the face")
    events = found.events.to_string(index=False, float_format="{:.3f}".format, na_rep="-")
    tables = [found.confusion.to_string(), events]
    return "\n".join([*lines, "", f"bins by label ({OWN} in columns):", tables[0], "", "events:", tables[1]])
