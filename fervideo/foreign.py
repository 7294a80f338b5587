"""Results of other programs: read as a table of frames, and written as results that the commands on studies read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from fervideo import atomic, video
from fervideo.columns import TABLES
from fervideo.errors import OutputError, UsageError
from fervideo.outputs import run, write_csv
from fervideo.settings import VideoSettings
from fervideo.study import faces, foreign
from fervideo.timeline.tables import make_table
from fervideo.video.files import VIDEO_SUFFIXES


def read_foreign(path: Path | str, video_path: Path | str | None = None) -> pd.DataFrame:
    """Read a table of OpenFace 2.2, py-feat, or an export such as iMotions', as a table of frames.

    Args:
        path: The CSV.
        video_path: The video that it was made of, for py-feat, whose own times are cut to whole seconds.

    Returns:
        As in `study.foreign.read`.

    Raises:
        UsageError: The table is of no known program, is broken, or needs its video.
        VideoError: The video cannot be read.
    """
    times_s = None
    if video_path is not None:
        times_s = video.probe(Path(video_path), VideoSettings()).time_s
    return foreign.read(Path(path), times_s)


def adopt(paths: Sequence[Path], videos: Path | None, output: Path, *, overwrite: bool = False) -> list[Path]:
    """Write tables of other programs as results: frames, events and a summary for each.

    Args:
        paths: The CSVs; their stems name the clips.
        videos: Folder with the videos of the same stems; None where times need none.
        output: Folder of the results.
        overwrite: Whether results of the same name may be replaced.

    Returns:
        The tables of frames.

    Raises:
        UsageError: A table cannot be read, or two have one name.
        VideoError: A video cannot be read.
        OutputError: The results cannot be written, or are there already.
    """
    stems = [path.stem for path in paths]
    if double := next((stem for stem in stems if stems.count(stem) > 1), None):
        raise UsageError(double, "is the name of two tables", "bring them in one by one, into folders of their own")
    written = []
    for path in paths:
        frames = read_foreign(path, None if videos is None else _video_of(videos, path.stem))
        if not overwrite and (there := [s for s in run.SUFFIXES if (output / f"{path.stem}{s}").exists()]):
            reason = f"{path.stem}{there[0]} is there already"
            raise OutputError(output, reason, "choose another folder with -o, or use --overwrite")
        written.append(_save(frames, output, path.stem))
    return written


def _video_of(videos: Path, stem: str) -> Path:
    """Return the video of a name."""
    found = [path for suffix in VIDEO_SUFFIXES if (path := videos / f"{stem}{suffix}").exists()]
    if not found:
        raise UsageError(videos, f"has no video named {stem}", "name videos like their tables")
    return found[0]


def _save(frames: pd.DataFrame, output: Path, stem: str) -> Path:
    """Write the tables of one clip; return the path of the table of frames."""
    ok = frames[frames["status"] == "ok"]
    seen = faces.seen(frames)
    by_face = ok.groupby("face")["time_s"]
    facts = {"face": seen.index, "coverage": seen["coverage"], "start_s": by_face.min(), "end_s": by_face.max()}
    rows = {"video": stem, **pd.DataFrame(facts)} if len(seen) else {"video": [stem]}
    summary = make_table(TABLES["summary"].columns(), rows)
    for suffix, table in ((".events.csv", _events(ok)), (".summary.csv", summary), (".timeline.csv", frames)):
        write_csv(table, output / f"{stem}{suffix}")
    with atomic.written(output / f"{stem}{run.SUFFIX}") as temporary:
        run.write({"foreign": stem}, temporary)
    return output / f"{stem}.timeline.csv"


def _events(ok: pd.DataFrame) -> pd.DataFrame:
    """Return the runs of frames that show one expression; none for programs without expressions."""
    known = TABLES["events"].columns()
    parts = []
    for face, own in ok.groupby("face") if "expression" in ok else ():
        shown, time_s, frame = (own[name].to_numpy() for name in ("expression", "time_s", "frame"))
        first = np.flatnonzero((shown[1:] != shown[:-1]) | (np.diff(frame) > 1)) + 1
        first = np.append(0, first)
        # A run lasts until the next one begins; before a gap as long as the median frame.
        lasting_s = np.append(np.diff(time_s), 0.0)
        usual_s = float(np.median(np.diff(time_s))) if len(time_s) > 1 else 0.0
        last = np.append(first[1:], len(own)) - 1
        is_gap = np.append(np.diff(frame) > 1, True)[last]
        offset_s = time_s[last] + np.where(is_gap, usual_s, lasting_s[last])
        rows = {"face": face, "expression": shown[first], "onset_s": time_s[first], "offset_s": offset_s}
        parts.append(pd.DataFrame({**rows, "duration_s": offset_s - time_s[first]}))
    return make_table(known, {**pd.concat(parts, ignore_index=True)} if parts else {})
