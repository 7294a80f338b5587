"""Labels of human coders, joined to results, and cut into the bins of a clip."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from fervideo.errors import UsageError, counted
from fervideo.records import Float64
from fervideo.study.design import Index, Matched
from fervideo.study.plan import listed

_LOG = logging.getLogger("fervideo")
#: Columns of a table of labels, as `fervideo.read_labels` returns it.
COLUMNS = ("clip", "subject", "start_s", "end_s", "start_frame", "end_frame", "label")
#: Column of a design with the person, who is a subject of labels.
PERSON = "participant"


class CodedClip(NamedTuple):
    """A clip that has labels.

    Attributes:
        matched: Its results, and the row of the design.
        person: The person in it.
        labels: The labels of each coder, rows of COLUMNS; empty for a coder who has none.
    """

    matched: Matched
    person: str
    labels: list[pd.DataFrame]


@dataclass(frozen=True)
class Coded:
    """The clips that have labels.

    Attributes:
        clips: The clips.
    """

    clips: list[CodedClip]

    @classmethod
    def of(cls, coders: Sequence[pd.DataFrame], clips: Sequence[Matched], renamed: Mapping[str, str]) -> Coded:
        """Join the labels of coders to results.

        Args:
            coders: The labels of each coder.
            clips: The results.
            renamed: New names of labels.

        Raises:
            UsageError: No clip has labels of the first coder, or a clip has labels of several people, and no design
                has their faces.
        """
        index = Index([matched.result for matched in {each.result.stem: each for each in clips}.values()])
        by_result = [_by_result(table, index, renamed) for table in coders]
        found, without = [], list[str]()
        for matched in clips:
            own = [_of_person(tables.get(matched.result.stem, _NONE), matched) for tables in by_result]
            if not own[0].empty:
                subjects = sorted(set(own[0]["subject"]) - {""})
                person = matched.facts.get(PERSON) or (subjects[0] if subjects else matched.result.stem)
                found.append(CodedClip(matched, person, own))
            else:
                without.append(matched.result.stem)
        if not found:
            example = clips[0].result.stem if clips else "none"
            reason = f"name none of the {counted(len(clips), 'clip')} with results, such as {example}"
            raise UsageError("labels", reason, "check the names of their clips")
        if without:
            _LOG.warning("labels: none for %s with results, left out", listed(without, "clip"))
        return cls(found)


_NONE = pd.DataFrame(columns=list(COLUMNS))


def _by_result(table: pd.DataFrame, index: Index, renamed: Mapping[str, str]) -> dict[str, pd.DataFrame]:
    """Return the labels of each clip by the name of its results, and log clips without results."""
    name_of, unknown = dict[str, str](), []
    for clip in table["clip"].unique():
        fitting = index.find(str(clip))
        if len(fitting) == 1:
            name_of[clip] = fitting[0].stem
        elif fitting:
            names = ", ".join(result.stem for result in fitting[:3])
            raise UsageError(f"labels of {clip}", f"fit several results ({names})", "name clips with their folders")
        else:
            unknown.append(str(clip))
    if unknown:
        _LOG.warning("labels: no results of %s", listed(unknown, "clip"))
    own = table.assign(label=table["label"].replace(dict(renamed)), result=table["clip"].map(name_of))
    return {str(name): rows.drop(columns="result") for name, rows in own.dropna(subset=["result"]).groupby("result")}


def _of_person(labels: pd.DataFrame, matched: Matched) -> pd.DataFrame:
    """Return the labels of the person in a row of the design; all labels where they are of one person.

    Raises:
        UsageError: They are of several people, and the design does not name the person.
    """
    subjects = sorted(set(labels["subject"]) - {""})
    if len(subjects) < 2:
        return labels
    person = matched.facts.get(PERSON, "")
    if person not in subjects:
        reason = f"has labels of {len(subjects)} people ({', '.join(subjects[:3])})"
        remedy = f"give --design with the columns clip, face and {PERSON}, a row for each person"
        raise UsageError(matched.result.stem, reason, remedy)
    return labels[labels["subject"].isin([person, ""])]


def spans(
    labels: pd.DataFrame, time_of: pd.Series, end_s: float, rest: str, media_start_s: float = 0.0
) -> pd.DataFrame:
    """Return labels as stretches of time.

    Args:
        labels: Rows of COLUMNS, of one clip and one coder; their times are those of a player.
        time_of: The time of each frame.
        end_s: End of the clip.
        rest: Label of the time without one; empty for none.
        media_start_s: Time of the first frame on a player's clock.

    Returns:
        `label`, `start_s` and `end_s`, by start; a label of the whole clip is a stretch from 0 to its end.
    """
    start_s, stop_s = (np.array(labels[name], float) - media_start_s for name in ("start_s", "end_s"))
    for bound_s, frame in ((start_s, labels["start_frame"]), (stop_s, labels["end_frame"])):
        at = frame.to_numpy(float)
        bound_s[np.isfinite(at)] = np.interp(at[np.isfinite(at)], time_of.index, time_of, right=end_s)
    table = pd.DataFrame({"label": labels["label"].to_numpy(object), "start_s": start_s, "end_s": stop_s})
    table = table.fillna({"start_s": 0.0, "end_s": end_s}).sort_values("start_s", kind="stable", ignore_index=True)
    # A coder without any label has not seen the clip.
    if not rest or table.empty:
        return table
    # Time that no stretch covers, from gap to gap.
    covered_s = np.maximum.accumulate(np.append(0.0, table["end_s"]))
    begin_s = np.append(table["start_s"], end_s)
    gap = begin_s > covered_s
    filled = pd.DataFrame({"label": rest, "start_s": covered_s[gap], "end_s": begin_s[gap]})
    return pd.concat([table, filled]).sort_values("start_s", kind="stable", ignore_index=True)


def in_bins(table: pd.DataFrame, edges_s: Float64, end_s: float) -> list[str]:
    """Return the label that holds longest in each bin; empty where labels hold for less than half of it.

    Args:
        table: Stretches, as `spans` returns them.
        edges_s: float64 (n + 1,), edges of the bins.
        end_s: End of the clip, where the last bin ends, too.
    """
    begin_s, stop_s = edges_s[:-1], np.maximum(np.minimum(edges_s[1:], end_s), edges_s[:-1] + 1e-9)
    names = list(dict.fromkeys(table["label"]))
    held_s = np.zeros((len(begin_s), len(names) + 1))
    for label, first_s, last_s in stretches(table):
        first = max(int(np.searchsorted(edges_s, first_s, "right")) - 1, 0)
        own = slice(first, int(np.searchsorted(edges_s, last_s, "left")))
        both_s = np.minimum(stop_s[own], last_s) - np.maximum(begin_s[own], first_s)
        held_s[own, names.index(label)] += np.maximum(both_s, 0)
    enough = held_s.sum(axis=1) >= (stop_s - begin_s) / 2
    best = held_s.argmax(axis=1)
    return [names[at] if ok and names else "" for at, ok in zip(best, enough, strict=True)]


def stretches(table: pd.DataFrame) -> list[tuple[str, float, float]]:
    """Return the label, the start and the end of each stretch."""
    return list(zip(table["label"], table["start_s"].to_list(), table["end_s"].to_list(), strict=True))


def merged(table: pd.DataFrame) -> pd.DataFrame:
    """Join stretches of one label that touch or overlap: they are one event."""
    kept: list[tuple[str, float, float]] = []
    for label, start_s, end_s in stretches(table.sort_values("start_s", kind="stable")):
        if kept and kept[-1][0] == label and start_s <= kept[-1][2] + 1e-6:
            kept[-1] = (label, kept[-1][1], max(kept[-1][2], end_s))
        else:
            kept.append((label, start_s, end_s))
    return pd.DataFrame(kept, columns=["label", "start_s", "end_s"]).astype({"start_s": float, "end_s": float})
