"""Layouts that people make themselves: folders per label, manifests, labels per frame, intervals."""

from __future__ import annotations

import math
from pathlib import Path

from fervideo.training.datasets.files import (
    clip_named,
    clips_in,
    folders,
    header,
    names_of,
    seconds,
    table_rows,
)
from fervideo.training.manifest import Clip, Manifest, canonical, canonical_split

_TABLES = (".csv", ".tsv")


def tables(root: Path, *suffixes: str) -> list[Path]:
    """Return the table itself, or those in a folder."""
    if root.is_file():
        return [root]
    return sorted(
        path
        for path in root.iterdir()
        if path.suffix.lower() in (suffixes or _TABLES) and not path.name.startswith(".")
    )


def folder_of(root: Path) -> Path:
    return root.parent if root.is_file() else root


def named(found: Manifest) -> Manifest:
    """Complete the names of clips: their path from the dataset's folder comes first."""
    names = names_of({clip.path for clip in found.clips}, folder_of(found.root))
    found.clips[:] = [clip._replace(clip=names[clip.path] + clip.clip) for clip in found.clips]
    return found


def is_folder(root: Path) -> bool:
    return any(clips_in(folder) for folder in folders(root))


def folder(root: Path) -> Manifest:
    """Read `<label>/<clip>`, which is also a clip's name."""
    found = Manifest(root, "folder")
    for parent in folders(root):
        for path in clips_in(parent):
            found.clips.append(Clip(clip="", path=path, label=canonical(parent.name), origin=str(path)))
    return named(found)


def is_manifest(root: Path) -> bool:
    return any({"path", "label"} <= set(header(path)) for path in tables(root))


def manifest(root: Path) -> Manifest:
    """Read CSV with the columns of a manifest, at least `path` and `label`; paths start at the file's folder."""
    found = Manifest(root, "manifest")
    rows = [
        (table.parent / row["path"], origin, row)
        for table in tables(root)
        if {"path", "label"} <= set(header(table))
        for origin, row in table_rows(table, found, "path", "label")
    ]
    names = names_of({path for path, _, _ in rows}, folder_of(root))
    for path, origin, row in rows:
        times_s = _span(found, origin, row.get("start_s", ""), row.get("end_s", ""))
        is_unlabelled = row["label"] and not canonical(row["label"])
        if not row["path"]:
            found.add_problem(origin, "has no path")
        if times_s is None or is_unlabelled or not row["path"]:
            continue
        labels = row.get("frame_labels", "")
        stretch = "" if math.isnan(times_s[0]) else f"@{times_s[0]:g}"
        found.clips.append(
            Clip(
                clip=row.get("clip") or f"{names[path]}{stretch}",
                path=path,
                subject=row.get("subject", ""),
                label=canonical(row["label"]),
                label_votes=row.get("label_votes", ""),
                split=canonical_split(row.get("split", "")),
                fold=row.get("fold", ""),
                start_s=times_s[0],
                end_s=times_s[1],
                frame_labels=labels if labels in ("", "interval", "synthetic") else str(folder_of(root) / labels),
                origin=origin,
            )
        )
    return found


def _span(found: Manifest, origin: str, start: str, end: str) -> tuple[float, float] | None:
    """Read a stretch of time; None for a bad number, which is a problem."""
    try:
        return seconds(start), seconds(end)
    except ValueError as error:
        found.add_problem(origin, str(error))
        return None


def is_intervals(root: Path) -> bool:
    return any({"clip", "start_s", "end_s", "label"} <= set(header(path)) for path in tables(root))


def intervals(root: Path) -> Manifest:
    """Read CSV `clip,start_s,end_s,label`, optionally `subject` and `split`; a row's label holds in its stretch."""
    found = Manifest(root, "intervals")
    for table in (path for path in tables(root) if {"clip", "start_s", "end_s", "label"} <= set(header(path))):
        for origin, row in table_rows(table, found, "clip", "start_s", "end_s", "label"):
            if not row["clip"]:
                found.add_problem(origin, "names no clip")
                continue
            add_interval(
                found,
                origin,
                clip_named(table.parent, row["clip"]),
                row["start_s"],
                row["end_s"],
                row["label"],
                subject=row.get("subject", ""),
                split=canonical_split(row.get("split", "")),
            )
    return named(found)


def add_interval(
    found: Manifest,
    origin: str,
    path: Path,
    start: str,
    end: str,
    label: str,
    *,
    subject: str = "",
    split: str = "",
    part: str | None = None,
) -> None:
    """Add a stretch in which a label holds, unless the label is one of UNLABELLED.

    Args:
        found: The manifest.
        origin: File and row of the stretch.
        path: Its clip.
        start: Its start, as text.
        end: Its end, as text.
        label: Its label.
        subject: Its subject.
        split: Its split.
        part: Middle of the stretch's name, after the clip's name and before its start; None for the subject.
    """
    times_s = _span(found, origin, start, end)
    if times_s is None or not canonical(label):
        return
    if any(map(math.isnan, times_s)):
        found.add_problem(origin, "has no start or no end")
        return
    part = subject if part is None else part
    name = f"{'/' if part else ''}{part}@{times_s[0]:g}"
    found.clips.append(
        Clip(
            clip=name,
            path=path,
            subject=subject,
            label=canonical(label),
            split=split,
            start_s=times_s[0],
            end_s=times_s[1],
            frame_labels="interval",
            origin=origin,
        )
    )


def is_frames(root: Path) -> bool:
    return root.is_dir() and any(_is_frame_table(path) and clip_beside(path).exists() for path in tables(root))


def _is_frame_table(path: Path) -> bool:
    columns = set(header(path))
    return "label" in columns and bool(columns & {"time_s", "frame"})


def clip_beside(table: Path) -> Path:
    return clip_named(table.parent, table.stem)


def frames(root: Path) -> Manifest:
    """Read `<clip>.csv`, with a label per frame or from a time on, beside each clip."""
    found = Manifest(root, "frames")
    for table in filter(_is_frame_table, tables(root)):
        path = clip_beside(table)
        found.clips.append(Clip(clip="", path=path, frame_labels=str(table), origin=str(table)))
    return named(found)
