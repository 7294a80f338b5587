"""Made results of studies: tables of frames, events and summaries with known contents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fervideo import columns
from fervideo.columns import TABLES
from fervideo.timeline.tables import make_table

#: Left edges of the boxes of faces 0, 1 and so on; face 1 is left of face 0.
LEFT_PX = (400.0, 100.0, 700.0)


def frames_of(time_s: Sequence[float] | np.ndarray, faces: Sequence[Mapping[str, Any]] = ({},)) -> pd.DataFrame:
    """Make a table of frames.

    Args:
        time_s: Times of the frames.
        faces: Values of each face by column, for all frames or one for each; `seen` is where it is seen, else it has
            no row. By default a face is seen everywhere, neutral, and 50 by 60 pixels large.
    """
    n = len(time_s)
    parts = []
    for number, values in enumerate(faces):
        own = {"expression": "neutral", "confidence": 0.9, "p_neutral": 0.9, "p_happiness": 0.1, "valence": 0.1}
        own |= {"box_x_px": LEFT_PX[number], "box_y_px": 80.0, "box_w_px": 50.0, "box_h_px": 60.0, **values}
        seen = np.broadcast_to(np.array(own.pop("seen", True), bool), n)
        table = pd.DataFrame({"frame": np.arange(n), "time_s": time_s, "face": number, "status": "ok", **own})
        parts.append(table[seen])
    faceless = np.setdiff1d(np.arange(n), np.concatenate([part["frame"] for part in parts]))
    parts.append(pd.DataFrame({"frame": faceless, "time_s": np.array(time_s)[faceless], "status": "no_face"}))
    joined = pd.concat(parts).sort_values(["frame", "face"], kind="stable")
    known = columns.frames()
    table = make_table(known, {name: joined[name].to_numpy() for name in columns.names(known) if name in joined})
    others = [name for name in joined if name not in table]
    return table.assign(**{name: joined[name].to_numpy() for name in others})


def write_result(
    root: Path, name: str, frames: pd.DataFrame, events: Sequence[tuple[int, str, float, float]] = ()
) -> Path:
    """Write the tables of a clip.

    Args:
        root: The folder of results.
        name: Path of the clip below it.
        frames: Its table of frames.
        events: Face, expression, onset and offset of each event.

    Returns:
        The path of the table of frames.
    """
    path = root / f"{name}.timeline.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(frames, path)
    face, shown, onset_s, offset_s = zip(*events, strict=True) if events else ((), (), (), ())
    values = {"face": face, "expression": shown, "onset_s": onset_s, "offset_s": offset_s}
    values["duration_s"] = np.array(offset_s) - np.array(onset_s)
    values["kind"] = ["expression"] * len(face)
    _write(make_table(TABLES["events"].columns(), values), root / f"{name}.events.csv")
    seen = frames[frames["status"] == "ok"].groupby("face").size() / frames["frame"].nunique()
    summary = {"video": f"{Path(name).name}.mp4", "face": seen.index, "coverage": seen.to_numpy(), "start_s": 0.0}
    summary = summary if len(seen) else {"video": [f"{Path(name).name}.mp4"], "coverage": [0.0]}
    _write(make_table(TABLES["summary"].columns(), summary), root / f"{name}.summary.csv")
    return path


def _write(table: pd.DataFrame, path: Path) -> None:
    table.to_csv(path, index=False, lineterminator="\n")


def write_text(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
