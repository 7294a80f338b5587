"""Tables of other programs as tables of frames: OpenFace 2.2, py-feat, and exports such as iMotions'.

Each has its own columns, which keep their names. `frame`, `time_s`, `face` and `status` are made as in our tables, so
that everything that reads frames reads them, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from fervideo import columns
from fervideo.errors import UsageError
from fervideo.records import Float64, Int64

#: Expressions of py-feat and of Affectiva, by their names there.
_EXPRESSIONS = {
    **{name: name for name in ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral", "contempt")},
    "joy": "happiness",
}
#: Names of the column of time in exports of iMotions and its like, in lower case, and their seconds.
_TIMES = {"timestamp": 1e-3, "mediatime": 1e-3, "timestamp (ms)": 1e-3, "time (ms)": 1e-3, "time (s)": 1.0}
#: A blank or another sign that is no part of a column's name in our tables.
_ODD = re.compile(r"[^0-9a-zA-Z]+")


@dataclass(frozen=True)
class Foreign:
    """A program whose tables can be read.

    Attributes:
        fits: Function that recognises a header, in lower case and without blanks around the names.
        read: Function that turns the table into a table of frames; it takes the table, its path, and the times of the
            video's frames, if given.
    """

    fits: Callable[[set[str]], bool]
    read: Callable[[pd.DataFrame, Path, Float64 | None], pd.DataFrame]


def read(path: Path, frame_time_s: Float64 | None = None) -> pd.DataFrame:
    """Read a table of another program as a table of frames.

    Args:
        path: The CSV.
        frame_time_s: float64 (T,), presentation times of the video's frames; None without the video.

    Returns:
        `frame`, `time_s`, `face`, `status` (`ok` or `no_face`), expressions as `p_`, and all other columns by their
        own names. A row without a face has no values.

    Raises:
        UsageError: The table is of no known program, is broken, or needs the video for its times.
    """
    table, skipped = _table(path)
    names = {str(name).lower() for name in table.columns}
    program = next((program for program in PROGRAMS.values() if program.fits(names)), None)
    if program is None:
        known = ", ".join(PROGRAMS)
        raise UsageError(path, f"is no table of {known}", "see `fervideo docs studies` for their columns")
    frames = program.read(table, path, frame_time_s)
    if frames["time_s"].isna().any() or (np.diff(frames["time_s"]) < 0).any():
        row = int(np.flatnonzero(frames["time_s"].isna() | (frames["time_s"].diff() < 0))[0]) + skipped + 2
        raise UsageError(f"{path}:{row}", "has no time, or one before that of the row above", "export the table again")
    return frames


def _table(path: Path) -> tuple[pd.DataFrame, int]:
    """Read the cells; lines before the header, which exports of iMotions have, are left out and counted."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        # The header is the first line with as many cells as the most of the first lines have.
        widths = [max(line.count(sign) for sign in ",;\t") for line in lines[:60]]
        skipped = widths.index(max(widths, default=0)) if widths else 0
        sign = max(",;\t", key=lines[skipped].count) if lines else ","
        table = pd.read_csv(path, sep=sign, skiprows=skipped, encoding="utf-8-sig", skip_blank_lines=False)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error).strip()
        raise UsageError(path, f"cannot be read as a table ({reason})", "give a CSV file in UTF-8") from error
    # Older releases of OpenFace put a blank after each comma.
    table.columns = [str(name).strip() for name in table.columns]
    return table, skipped


def _assemble(
    table: pd.DataFrame, frame: Int64, time_s: Float64, face: Int64, seen: npt.NDArray[np.bool_], drop: set[str]
) -> pd.DataFrame:
    """Make a table of frames: our columns, then those of the other program that are numbers."""
    values = table.drop(columns=[name for name in table if name in drop]).select_dtypes("number").astype(float)
    values = values.rename(columns={str(name): _ODD.sub("_", str(name)).strip("_") for name in values})
    values.loc[~seen] = np.nan
    keys = pd.DataFrame(
        {
            "frame": frame,
            "time_s": np.round(time_s, columns.TIME_DECIMALS),
            "face": pd.array(face, "Int64"),
            "status": np.where(seen, "ok", "no_face"),
        }
    )
    keys.loc[~seen, "face"] = pd.NA
    taken = [name for name in values if name in {*keys, "expression", "confidence", "valence"}]
    values = values.rename(columns={name: f"{name}_there" for name in taken})
    return pd.concat([keys, values], axis=1)


def _openface(table: pd.DataFrame, path: Path, frame_time_s: Float64 | None) -> pd.DataFrame:  # noqa: ARG001
    """Read OpenFace: frames count from 1, times are true, and rows without a face are zeros with success 0."""
    face = table["face_id"] if "face_id" in table else pd.Series(0, table.index)
    frames = _assemble(
        table,
        table["frame"].to_numpy(np.int64) - 1,
        table["timestamp"].to_numpy(float),
        np.asarray(face, np.int64),
        (table["success"] > 0).to_numpy(bool),
        {"frame", "timestamp", "face_id", "success"},
    )
    return frames.sort_values(["frame", "face"], kind="stable", ignore_index=True)


def _pyfeat(table: pd.DataFrame, path: Path, frame_time_s: Float64 | None) -> pd.DataFrame:
    """Read py-feat: its times are cut to whole seconds, so those of the video's frames are taken."""
    frame = table["frame"].to_numpy(np.int64)
    if frame_time_s is None:
        raise UsageError(
            path, "has times that are cut to whole seconds", "give the video, whose frames have true times"
        )
    if len(frame) and (frame.max() >= len(frame_time_s) or frame.min() < 0):
        reason = f"has frame {frame.max()}, and the video has {len(frame_time_s)} frames"
        raise UsageError(path, reason, "give the video that the table was made of")
    named = {str(name): _EXPRESSIONS[str(name).lower()] for name in table if str(name).lower() in _EXPRESSIONS}
    seen = table[list(named)].notna().any(axis=1).to_numpy(bool)
    # Faces of a frame stand in successive rows, and have no number that lasts.
    face = np.asarray(table.groupby("frame", sort=False).cumcount(), np.int64)
    frames = _assemble(table, frame, frame_time_s[frame], face, seen, {"frame", "approx_time"})
    return _with_expressions(frames, named, 1.0)


def _imotions(table: pd.DataFrame, path: Path, frame_time_s: Float64 | None) -> pd.DataFrame:  # noqa: ARG001
    """Read iMotions and its like: a time in milliseconds or seconds, and expressions from 0 to 100."""
    name = next(str(name) for name in table if str(name).lower() in _TIMES)
    time_s = pd.to_numeric(table[name], errors="coerce").to_numpy(float) * _TIMES[name.lower()]
    named = {str(name): _EXPRESSIONS[str(name).lower()] for name in table if str(name).lower() in _EXPRESSIONS}
    seen = table[list(named)].notna().any(axis=1).to_numpy(bool)
    # The export has rows of other sensors between those of the video.
    kept = seen | ~table.duplicated(name).to_numpy()
    frame = np.arange(len(table))
    frames = _assemble(table, frame, time_s, frame * 0, seen, {name})
    frames = frames[kept].reset_index(drop=True)
    frames["frame"] = np.arange(len(frames))
    return _with_expressions(frames, named, 0.01)


def _with_expressions(frames: pd.DataFrame, named: dict[str, str], scale: float) -> pd.DataFrame:
    """Add `expression`, `confidence` and `p_` from the expressions of another program."""
    own = {f"p_{name}": frames[_ODD.sub("_", there)] * scale for there, name in named.items()}
    if not own:
        return frames
    p = pd.DataFrame(own)
    seen = (frames["status"] == "ok").to_numpy()
    names = np.array([str(name).removeprefix("p_") for name in p])
    shown = names.astype(object)[p.fillna(-1).to_numpy().argmax(axis=1)]
    facts = pd.DataFrame({"expression": np.where(seen, shown, np.nan), "confidence": p.max(axis=1)})
    rest = frames.drop(columns=[_ODD.sub("_", there) for there in named])
    return pd.concat([rest.iloc[:, :4], facts, p, rest.iloc[:, 4:]], axis=1)


#: Programs whose tables can be read, the most specific first.
PROGRAMS = {
    "OpenFace": Foreign(lambda names: {"frame", "timestamp", "success"} <= names, _openface),
    "py-feat": Foreign(lambda names: {"frame", "approx_time", "neutral"} <= names, _pyfeat),
    "iMotions": Foreign(lambda names: bool(names & set(_TIMES)) and bool(names & set(_EXPRESSIONS)), _imotions),
}
