"""Tables that people make themselves: manifests, labels per frame, intervals."""

from __future__ import annotations

import math
from pathlib import Path

from fervideo.training.datasets.files import clip_named, entries, header, names_of, path_in, seconds, table_rows
from fervideo.training.manifest import Clip, Manifest, canonical, canonical_split

_TABLES = (".csv", ".tsv")
#: Reason for which rows are left out.
_UNLABELLED = "rows without a label, such as N/A or no_face"


def tables(root: Path, *suffixes: str) -> list[Path]:
    """Return the table itself, or those in a folder."""
    if root.is_file():
        return [root]
    return [path for path in entries(root) if path.suffix.lower() in (suffixes or _TABLES)]


def folder_of(root: Path) -> Path:
    return root.parent if root.is_file() else root


def named(found: Manifest) -> Manifest:
    """Complete the names of clips: their path from the dataset's folder comes first."""
    names = names_of({clip.path for clip in found.clips}, folder_of(found.root))
    found.clips[:] = [clip._replace(clip=names[clip.path] + clip.clip) for clip in found.clips]
    return found


def is_manifest(root: Path) -> bool:
    return any(_is_manifest_table(path) for path in tables(root))


def _is_manifest_table(table: Path) -> bool:
    return {"path", "label"} <= set(header(table))


def manifest(root: Path) -> Manifest:
    """Read CSV with the columns of a manifest, at least `path` and `label`; paths start at the file's folder."""
    found = Manifest(root, "manifest")
    rows = [
        (path_in(table.parent, row["path"]), origin, row)
        for table in filter(_is_manifest_table, tables(root))
        for origin, row in table_rows(table, found, "path", "label")
    ]
    names = names_of({path for path, _, _ in rows}, folder_of(root))
    for path, origin, row in rows:
        times_s = _span(found, origin, row.get("start_s", ""), row.get("end_s", ""))
        votes, labels = row.get("label_votes", ""), row.get("frame_labels", "")
        is_unlabelled = row["label"] and not canonical(row["label"]) and not votes and not labels
        if not row["path"]:
            found.add_problem(origin, "has no path")
        elif is_unlabelled:
            found.left_out[_UNLABELLED] += 1
        if times_s is None or is_unlabelled or not row["path"]:
            continue
        stretch = "" if math.isnan(times_s[0]) else f"@{times_s[0]:g}"
        found.clips.append(
            Clip(
                clip=row.get("clip") or f"{names[path]}{stretch}",
                path=path,
                subject=row.get("subject", ""),
                label=canonical(row["label"]),
                label_votes=votes,
                split=canonical_split(row.get("split", "")),
                fold=row.get("fold", ""),
                start_s=times_s[0],
                end_s=times_s[1],
                frame_labels=labels
                if labels in ("", "interval", "synthetic")
                else str(path_in(folder_of(root), labels)),
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
    return any(_is_interval_table(path) for path in tables(root))


def _is_interval_table(table: Path) -> bool:
    # A manifest may have these columns, too.
    return {"clip", "start_s", "end_s", "label"} <= set(header(table)) and not _is_manifest_table(table)


def intervals(root: Path) -> Manifest:
    """Read CSV `clip,start_s,end_s,label`, optionally `subject`, `split` and `face`; a label holds in its stretch.

    Corrections of a report and disagreements with a coder are such tables. Their faces are numbered, and a training
    learns from face 0, the one seen longest: rows about other faces are left out.
    """
    found = Manifest(root, "intervals")
    for table in filter(_is_interval_table, tables(root)):
        for origin, row in table_rows(table, found, "clip", "start_s", "end_s", "label"):
            if not row["clip"]:
                found.add_problem(origin, "names no clip")
            elif row.get("face", "") not in ("", "0", "0.0"):
                found.left_out["rows about another face than 0, the one seen longest"] += 1
            else:
                add_interval(
                    found,
                    origin,
                    _clip_near(table.parent, row["clip"]),
                    row["start_s"],
                    row["end_s"],
                    row["label"],
                    subject=row.get("subject", ""),
                    split=canonical_split(row.get("split", "")),
                )
    return named(found)


def _clip_near(folder: Path, name: str) -> Path:
    """Find the clip that a table names, beside the table or a folder above; corrections often have their own folder."""
    near = [clip_named(path.parent, path.name) for path in (path_in(each, name) for each in (folder, folder.parent))]
    return next((path for path in near if path.exists()), near[0])


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
    if not canonical(label):
        found.left_out[_UNLABELLED] += 1
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
