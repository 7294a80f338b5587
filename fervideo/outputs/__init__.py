"""Formats of timelines: one small file each, its reader beside its writer, and one table that lists them.

csv.py, run.py             the tables and the record of the run, which every other command reads
baseline.py                faces at rest, for other clips
parquet.py, jsonl.py       the same tables for other programs
xlsx.py, openface.py
tiers.py                   events as tiers on the player's clock, for the formats of annotations:
elan.py, boris.py
textgrid.py, webvtt.py
saving.py                  files that appear together
found.py, exporting.py     the timelines in folders of results, and the export of all of them

A new format is a file here and a line in FORMATS.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fervideo.errors import UsageError, nearest
from fervideo.outputs import baseline, boris, csv, elan, jsonl, openface, parquet, saving, textgrid, webvtt, xlsx
from fervideo.outputs.csv import write_csv
from fervideo.outputs.found import find
from fervideo.outputs.run import check_free, stem_of
from fervideo.outputs.saving import Files
from fervideo.timeline.record import Timeline

__all__ = [
    "FORMATS",
    "Files",
    "Format",
    "check_format",
    "check_free",
    "find",
    "read_timeline",
    "save",
    "stem_of",
    "write_csv",
]


@dataclass(frozen=True, kw_only=True)
class Format:
    """One format that timelines are written in.

    Attributes:
        files: Path of each of its files below the folder, by name; `*` stands for the stem.
        write: Function that writes a timeline to temporary files.
        read: Function that reads a timeline from the path of any of its files; None where it cannot be read back.
        has_frames: Whether it contains the table of frames, which can be thinned out.
        joined: Name of a further file, which joins the first files of several timelines; empty for none.
        join: Function that writes it, from the paths of these files by stem.
        needs: The library of the extra `export` that it needs; empty for none.
    """

    files: Mapping[str, str]
    write: Callable[[Timeline, Files], None]
    read: Callable[[Path], Timeline] | None = None
    has_frames: bool = False
    joined: str = ""
    join: Callable[[Mapping[str, Path], Path], None] | None = None
    needs: str = ""


#: Every format, by name.
FORMATS: dict[str, Format] = {
    "csv": Format(files=csv.FILES, write=csv.write, read=csv.read, has_frames=True),
    "elan": Format(files=elan.FILES, write=elan.write),
    "boris": Format(files=boris.FILES, write=boris.write, joined=boris.JOINED, join=boris.join),
    "webvtt": Format(files=webvtt.FILES, write=webvtt.write, has_frames=True),
    "textgrid": Format(files=textgrid.FILES, write=textgrid.write),
    "parquet": Format(files=parquet.FILES, write=parquet.write, read=parquet.read, has_frames=True, needs="pyarrow"),
    "jsonl": Format(files=jsonl.FILES, write=jsonl.write, has_frames=True),
    "xlsx": Format(files=xlsx.FILES, write=xlsx.write, has_frames=True, needs="openpyxl"),
    "openface": Format(files=openface.FILES, write=openface.write, has_frames=True),
}


def save(
    timeline: Timeline,
    folder: Path,
    stem: str | None = None,
    overwrite: bool = False,
    name: str = "csv",
    hz: float | None = None,
) -> dict[str, Path]:
    """Write a timeline in a format, all of its files or none.

    Args:
        timeline: The timeline.
        folder: Folder for the files; made if it is missing.
        stem: First part of the files' names, which may begin with folders; by default the video's stem.
        overwrite: Whether files that are there may be replaced; those of the same video always are for `csv`.
        name: The format, one of FORMATS.
        hz: Frames per second to keep; None for all.

    Returns:
        The paths of the files by name.

    Raises:
        UsageError: The format is unknown, lacks its library, or has no frames to thin out; or `hz` is not above 0.
        OutputError: Files are there already, or cannot be written.
    """
    chosen = check_format(name, hz)
    stem = stem_of(timeline.info.path.stem) if stem is None else stem
    patterns = {**chosen.files, **(baseline.files(timeline) if name == "csv" else {})}
    paths = {key: folder / pattern.replace("*", stem) for key, pattern in patterns.items()}
    if not overwrite:
        if "run" in chosen.files:
            # The record of the run names the video that the files belong to.
            path = Path(timeline.provenance.get("absolute_path", timeline.info.path))
            check_free(folder, stem, path, lambda: timeline.info.fingerprint)
        else:
            saving.check_free(paths)
    with saving.together(folder, paths) as parts:
        chosen.write(timeline if hz is None else thinned(timeline, hz), Files(folder, stem, parts))
        if "baseline" in parts:
            baseline.write(timeline, parts["baseline"])
    return paths


def check_format(name: str, hz: float | None = None) -> Format:
    """Return a format that can be written.

    Args:
        name: Its name, one of FORMATS.
        hz: Frames per second to keep; None for all.

    Raises:
        UsageError: The format is unknown, lacks its library, or has no frames to thin out; or `hz` is not above 0.
    """
    if name not in FORMATS:
        near = nearest(name, FORMATS)
        meant = f"did you mean {near}? " if near else ""
        raise UsageError(f"format {name}", "is unknown", f"{meant}formats: {', '.join(FORMATS)}")
    chosen = FORMATS[name]
    if hz is not None and not (hz > 0 and math.isfinite(hz)):
        raise UsageError(f"--hz {hz:g}", "is not above 0", "give frames per second")
    if hz is not None and not chosen.has_frames:
        raise UsageError(f"--hz {hz:g}", f"thins out frames, and {name} contains events alone", "leave it out")
    if chosen.needs:
        try:
            importlib.import_module(chosen.needs)
        except ImportError as error:
            reason = f"{chosen.needs} cannot be imported ({error})"
            raise UsageError(f"format {name}", reason, "pip install 'fervideo[export]'") from None
    return chosen


def thinned(timeline: Timeline, hz: float) -> Timeline:
    """Return a timeline with the first frame of every 1 / hz seconds; events and summary stay."""
    frames = timeline.frames
    # A frame that should be at 0.1 s may be there by a rounding error less.
    step = np.floor(frames["time_s"] * hz + 1e-6)
    is_first = frames["frame"] == frames.groupby(step)["frame"].transform("first")
    # A last row without a frame has the time at which a damaged video ends.
    return replace(timeline, frames=frames[is_first | (frames["status"] == "damaged")].reset_index(drop=True))


def read_timeline(path: Path | str) -> Timeline:
    """Read a saved timeline back, equal to the one that was saved.

    Args:
        path: Any one of its files; the others lie beside it.

    Raises:
        UsageError: A file is missing, is not one that fervideo wrote, or is of a newer version of fervideo.
    """
    path = Path(path)
    for known in FORMATS.values():
        if known.read and any(path.match(Path(pattern).name) for pattern in known.files.values()):
            return known.read(path)
    return csv.read(path)
