"""The plan of a gathering: which clips, faces and columns, all known before the first table is read."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from fervideo.errors import UsageError, counted
from fervideo.outputs.found import Found, find
from fervideo.study import design as designs
from fervideo.study import faces, results
from fervideo.study.clock import CLOCK, Clocks
from fervideo.study.design import Matched, Study

_LOG = logging.getLogger("fervideo")
#: Column that names the clip.
CLIP = "clip"
#: Column of each table whose time a clock shows.
_TIMES = {"frames": "time_s", "events": "onset_s", "summary": "start_s"}
#: Names that a warning lists.
_MOST_LISTED = 5


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The clips, faces and columns to gather.

    Attributes:
        design: Table with a row per clip; None for all clips, without further columns.
        table: `frames`, `events` or `summary`.
        face: `all`, `longest`, `largest`, `left`, `right`, or the number or the name of a face. A column `face` of the
            design takes precedence.
        columns: Columns of the tables, `p` for all probabilities, or `all`; None for the default.
        min_coverage: A face that is seen in a smaller share of the frames is left out as false.
        clock: Table with anchors of another clock, which adds a column `clock`; None without.
    """

    design: Path | None = None
    table: str = "frames"
    face: str = "all"
    columns: Sequence[str] | None = None
    min_coverage: float = faces.MIN_COVERAGE
    clock: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Clips, columns and rules of a gathering; everything but the faces is known before the first table is read.

    Attributes:
        study: The clips.
        chosen: The selection.
        names: Columns of the tables to read.
        clocks: Another clock of each clip; None without.
        false_faces: Faces left out as false so far, by the name of the clip.
    """

    study: Study
    chosen: Selection
    names: list[str]
    clocks: Clocks | None
    false_faces: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path, chosen: Selection) -> Plan:
        results.known(chosen.table)
        study = designs.join(find([folder]), chosen.design)
        report(study, chosen.design)
        names = results.selected([each.result for each in study.clips], chosen.table, chosen.columns)
        clash = sorted(({CLIP, *study.facts}) & set(names))
        if clash:
            raise UsageError(chosen.design or folder, f"has a column {clash[0]}, as the tables have", "rename it")
        clips = [each.result for each in study.clips]
        clocks = None if chosen.clock is None else Clocks.read(chosen.clock, clips)
        return cls(study=study, chosen=chosen, names=names, clocks=clocks)

    @property
    def header(self) -> list[str]:
        return [CLIP, *self.study.facts, *self.names, *([] if self.clocks is None else [CLOCK])]

    def faces(self, matched: Matched) -> tuple[int, ...] | None:
        """Choose the faces of a clip; None where all of them stay."""
        rule = matched.face or self.chosen.face
        chosen = faces.choose(seen_in(matched.result, rule), rule, self.chosen.min_coverage)
        if chosen.left_out:
            self.false_faces[matched.result.stem] = chosen.left_out
        if not chosen.faces and rule != "all":
            _LOG.warning("%s: shows no face for the rule %s; it has no values", matched.result.stem, rule)
        return None if rule == "all" and not chosen.left_out else chosen.faces

    def loaded(self, matched: Matched) -> pd.DataFrame:
        """Load the rows of a clip."""
        table = results.read(matched.result.table(self.chosen.table), self.chosen.table, self._read_names)
        kept = self.faces(matched)
        if kept is not None:
            if self.chosen.table == "frames":
                table = faces.take(table, kept)
            else:
                table = table[table["face"].isin(kept)].reset_index(drop=True)
        times_s = table[_TIMES[self.chosen.table]].to_numpy(float) if self.clocks is not None else None
        table = table.reindex(columns=self.names)
        for at, (name, value) in enumerate({CLIP: matched.result.stem, **matched.facts}.items()):
            table.insert(at, name, value)
        if self.clocks is not None and times_s is not None:
            table[CLOCK] = self.clocks.of(matched.result.stem).of(times_s)
        return table

    def report_false_faces(self) -> None:
        """Log how many faces were left out as false."""
        if self.false_faces:
            n_faces = counted(sum(self.false_faces.values()), "face")
            share = f"{self.chosen.min_coverage:.0%}"
            where = listed(list(self.false_faces), "clip")
            _LOG.warning("left out %s seen in less than %s of the frames, in %s", n_faces, share, where)

    @property
    def _read_names(self) -> list[str]:
        """The columns to read: those to gather, the face by which rows are chosen, and the time for a clock."""
        needed = ["face", *([] if self.clocks is None else [_TIMES[self.chosen.table]])]
        return list(dict.fromkeys([*self.names, *needed]))


def seen_in(result: Found, rule: str) -> pd.DataFrame:
    """Return the facts of a clip's faces that a rule reads, as `faces.seen` does.

    The summary has the coverage, so the table of frames is read only where the rule needs boxes or names.
    """
    summary = result.table("summary")
    if (rule in ("all", "longest") or rule.isdecimal()) and summary.is_file():
        table = results.read(summary, "summary", ["face", "coverage"]).dropna(subset=["face"])
        return table.astype({"face": "int64"}).set_index("face")
    return faces.seen(results.read(result.table("frames"), "frames", faces.COLUMNS))


def report(study: Study, design: Path | None) -> None:
    """Log clips of the design without results, and results that the design does not list."""
    if study.missing:
        _LOG.warning("%s: no results of %s", design, listed(study.missing, "clip"))
    if study.unlisted:
        _LOG.warning("%s: does not list %s, left out", design, listed(study.unlisted, "result"))


def listed(names: Sequence[str], noun: str) -> str:
    """Return how many there are, and the first of them by name."""
    more = ", …" if len(names) > _MOST_LISTED else ""
    return f"{counted(len(names), noun)} ({', '.join(names[:_MOST_LISTED])}{more})"
