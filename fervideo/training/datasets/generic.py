"""Layouts that people make themselves: folders per label, manifests, labels per frame, intervals, ELAN."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

from fervideo.records import EXPRESSIONS
from fervideo.training.datasets.files import (
    clip_named,
    clips_in,
    first_lines,
    folders,
    header,
    names_of,
    seconds,
    table_rows,
    text_of,
    whole_number,
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
    return root.is_dir() and any(_is_frame_table(path) and _clip_beside(path).exists() for path in tables(root))


def _is_frame_table(path: Path) -> bool:
    columns = set(header(path))
    return "label" in columns and bool(columns & {"time_s", "frame"})


def _clip_beside(table: Path) -> Path:
    return clip_named(table.parent, table.stem)


def frames(root: Path) -> Manifest:
    """Read `<clip>.csv`, with a label per frame or from a time on, beside each clip."""
    found = Manifest(root, "frames")
    for table in filter(_is_frame_table, tables(root)):
        path = _clip_beside(table)
        found.clips.append(Clip(clip="", path=path, frame_labels=str(table), origin=str(table)))
    return named(found)


def is_elan(root: Path) -> bool:
    return any(_is_elan_table(path) for path in tables(root, ".txt", ".tsv"))


def _is_elan_table(path: Path) -> bool:
    # Lines with the media's paths may precede the header.
    if any("begin time" in line.lower() for line in first_lines(path, 20)):
        return True
    cells = header(path)
    return _clip_beside(path).exists() and len(_times(cells)) >= 2 and len(cells) >= 3


class _Annotation(NamedTuple):
    """One annotation of an ELAN export.

    Attributes:
        origin: File and line.
        tier: Name of its tier.
        participant: The tier's participant; may be empty.
        begin: Its start as text, which may be no time.
        end: Its end as text, which may be no time.
        label: Its value.
    """

    origin: str
    tier: str
    participant: str
    begin: str
    end: str
    label: str


def elan(root: Path) -> Manifest:
    """Read ELAN's tab-delimited text, with or without a header; its annotations are labels of the clip beside it.

    Only tiers are read on which most annotations, in all files together, are EXPRESSIONS; speech and the like are left
    out. If no tier is like that, labels are the user's own, and every tier is read. Participants are subjects. If more
    than one tier of a clip is read, names and origins of its stretches contain the tier.
    """
    found = Manifest(root, "elan")
    exports = {table: _annotations(table, found) for table in filter(_is_elan_table, tables(root, ".txt", ".tsv"))}
    wanted = _tiers_of_expressions([annotation for rows in exports.values() for annotation in rows])
    for table, rows in exports.items():
        kept = [annotation for annotation in rows if annotation.tier in wanted]
        tiers, people = {annotation.tier for annotation in kept}, {annotation.participant for annotation in kept} - {""}
        for origin, tier, participant, begin, end, label in kept:
            # Each tier has one participant, whose name may be missing in the export.
            part = tier if len(tiers) > 1 else participant if len(people) > 1 else ""
            unique = f"{origin}:{tier}" if len(tiers) > 1 else origin
            add_interval(found, unique, _clip_beside(table), begin, end, label, subject=participant, part=part)
    return named(found)


def _tiers_of_expressions(read: list[_Annotation]) -> set[str]:
    """Return the tiers on which most annotations are expressions; all tiers if none is like that."""
    labels: dict[str, list[str]] = {annotation.tier: [] for annotation in read}
    for annotation in read:
        if label := canonical(annotation.label):
            labels[annotation.tier].append(label)
    chosen = {tier for tier, names in labels.items() if 2 * sum(name in EXPRESSIONS for name in names) > len(names)}
    return chosen or set(labels)


def _annotations(table: Path, found: Manifest) -> list[_Annotation]:
    """Read the rows of an export, below its header where it has one."""
    lines = [[cell.strip() for cell in line.split("\t")] for line in text_of(table, found).splitlines()]
    start = next((row for row, cells in enumerate(lines) if any("begin time" in cell.lower() for cell in cells)), -1)
    names = [cell.lower() for cell in lines[start]] if start >= 0 else []
    read: list[_Annotation] = []
    for number, cells in enumerate(lines[start + 1 :], start + 2):
        if any(cells) and not cells[0].startswith(("#", '"#')):
            origin = f"{table}:{number}"
            read += _in_columns(origin, cells, names) if names else [_in_order(origin, cells)]
    return read


def _in_order(origin: str, cells: list[str]) -> _Annotation:
    """Read a row without a header: tier (and participant), times in one or more forms, and last the annotation.

    The first time is the start, which may be repeated in other forms. The next time that differs from it is the end.
    """
    times = _times(cells)
    later = [text for text in times if abs(seconds(text) - seconds(times[0])) > 1e-6]
    tier, participant, *_ = [*(cells[: cells.index(times[0])] if times else cells[:-1]), "", ""]
    return _Annotation(origin, tier, participant, times[0] if times else "?", later[0] if later else "?", cells[-1])


def _in_columns(origin: str, cells: list[str], names: list[str]) -> list[_Annotation]:
    """Read a row by its header: a column for annotations, or one for each tier."""

    def cell(word: str) -> str:
        at = [column for column, name in enumerate(names) if word in name and column < len(cells)]
        # Seconds are read first; milliseconds must be converted.
        at.sort(key=lambda column: ("ss.msec" not in names[column], names[column].endswith("- msec")))
        text = cells[at[0]] if at else ""
        number = whole_number(text) if at and names[at[0]].endswith("- msec") else None
        return text if number is None else f"{number / 1000}"

    when = cell("participant"), cell("begin time"), cell("end time")
    known = [i for i, name in enumerate(names) if any(word in name for word in ("annotation", "label", "value"))]
    if known:
        return [_Annotation(origin, cell("tier"), *when, cells[known[0]] if known[0] < len(cells) else "")]
    facts = ("time", "duration", "tier", "participant", "file")
    tiers = [i for i, name in enumerate(names[: len(cells)]) if not any(word in name for word in facts)]
    return [_Annotation(origin, names[i], *when, cells[i]) for i in tiers if cells[i]]


def _times(cells: list[str]) -> list[str]:
    """Return the cells that are times."""
    times = []
    for cell in cells:
        try:
            if cell and seconds(cell) >= 0:
                times.append(cell)
        except ValueError:
            continue
    return times
