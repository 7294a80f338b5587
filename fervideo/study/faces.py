"""The choice of faces: by coverage, size, position, number or name, and false ones left out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from fervideo.errors import UsageError
from fervideo.records import Int64

#: Rules that choose faces; a number or a name chooses that face.
RULES = ("all", "longest", "largest", "left", "right")
#: A face that is seen in a smaller share of the frames counts as a false one.
MIN_COVERAGE = 0.05
#: Columns of the table of frames that rules read.
COLUMNS = ("frame", "face", "status", "box_x_px", "box_w_px", "box_h_px", "name")
#: Columns that a frame keeps which shows no chosen face.
TIMES = ("frame", "time_s", "media_time_s")
#: Column for the names of faces, in tables that have it.
NAME = "name"


class Chosen(NamedTuple):
    """The faces of one clip that a rule chooses.

    Attributes:
        faces: Their numbers, rising.
        left_out: Faces that count as false.
    """

    faces: tuple[int, ...]
    left_out: int


def seen(frames: pd.DataFrame) -> pd.DataFrame:
    """Compute the facts of each face that rules read.

    Args:
        frames: A table of frames with at least `frame`, `face` and `status`.

    Returns:
        One row per face, by its number: `coverage`, and where the table has boxes their median `size_px2` and
        `middle_px`; `name` where the table has names.
    """
    ok = frames[frames["status"] == "ok"]
    n_frames = max(frames.loc[frames["status"] != "damaged", "frame"].nunique(), 1)
    by_face = ok.assign(face=ok["face"].astype("int64")).groupby("face")
    table = pd.DataFrame({"coverage": by_face.size() / n_frames})
    if {"box_x_px", "box_w_px", "box_h_px"} <= set(frames):
        table["size_px2"] = (ok["box_w_px"] * ok["box_h_px"]).groupby(ok["face"].astype("int64")).median()
        table["middle_px"] = (ok["box_x_px"] + ok["box_w_px"] / 2).groupby(ok["face"].astype("int64")).median()
    if NAME in frames:
        table[NAME] = by_face[NAME].first()
    return table


def choose(table: pd.DataFrame, rule: str, min_coverage: float = MIN_COVERAGE) -> Chosen:
    """Choose faces of one clip.

    Args:
        table: The faces, as `seen` returns them.
        rule: One of RULES; or the number or the name of a face.
        min_coverage: Least share of the frames in which a face is seen, else it is left out as false.

    Returns:
        No face where the clip shows none, or none of this number or name.

    Raises:
        UsageError: The rule needs boxes or names, and the table has none.
    """
    kept = table[table["coverage"] >= min_coverage]
    left_out = len(table) - len(kept)
    if rule == "all" or kept.empty:
        return Chosen(tuple(map(int, kept.index)), left_out)
    if rule.isdecimal():
        return Chosen(tuple(int(face) for face in kept.index if face == int(rule)), left_out)
    if rule not in RULES:
        if NAME not in kept:
            remedy = f"choose from {', '.join(RULES)}, or give a face's number"
            raise UsageError(f"face {rule}", "is no rule, and these results have no names of faces", remedy)
        return Chosen(tuple(map(int, kept.index[kept[NAME] == rule])), left_out)
    order = {"longest": "coverage", "largest": "size_px2", "left": "middle_px", "right": "middle_px"}[rule]
    if order not in kept:
        raise UsageError(f"face {rule}", "needs boxes, which these results lack", "choose longest, all, or a number")
    values = kept[order].to_numpy(float) * (-1 if rule == "left" else 1)
    return Chosen((int(kept.index.to_numpy()[np.nan_to_num(values, nan=-np.inf).argmax()]),), left_out)


def rows_of(frames: pd.DataFrame, faces: tuple[int, ...]) -> tuple[Int64, npt.NDArray[np.bool_]]:
    """Find the rows of some faces, and one row for each other frame, so that the time axis stays whole.

    Args:
        frames: A table of frames with at least `frame`, `face` and `status`, by frame.
        faces: Numbers of the faces.

    Returns:
        int64 (n,), indices of rows, rising; and bool (n,), whether a row is to stand for a frame without a face.
    """
    is_kept = frames["face"].isin(faces).to_numpy(bool) | (frames["status"] == "damaged").to_numpy(bool)
    frame = frames["frame"].to_numpy()
    first = np.append(True, frame[1:] != frame[:-1])[: len(frame)]
    has_kept = np.isin(frame, frame[is_kept])
    is_blank = first & ~has_kept
    rows = np.flatnonzero(is_kept | is_blank)
    return rows, is_blank[rows]


def take(frames: pd.DataFrame, faces: tuple[int, ...]) -> pd.DataFrame:
    """Return a table of frames with some faces only; a frame that shows none of them keeps its time, as `no_face`."""
    rows, is_blank = rows_of(frames, faces)
    taken = frames.iloc[rows].reset_index(drop=True)
    taken.loc[is_blank, taken.columns.difference([*TIMES, "status"])] = np.nan
    taken.loc[is_blank, "status"] = "no_face"
    return taken
