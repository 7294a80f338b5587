"""Annotations in tiers, as labels: ELAN's .eaf and tab-delimited text, and Praat's TextGrid.

Only tiers are read on which most annotations, in all files together, are EXPRESSIONS; speech and the like are left out.
If no tier is like that, labels are the user's own, and every tier is read. Participants are subjects. If more than one
tier of a clip is read, names and origins of its stretches contain the tier.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from fervideo.errors import UsageError
from fervideo.outputs import elan as documents
from fervideo.outputs import textgrid as praat
from fervideo.records import EXPRESSIONS
from fervideo.training.datasets.files import clip_named, first_lines, header, seconds, text_of, whole_number
from fervideo.training.datasets.generic import add_interval, clip_beside, named, tables
from fervideo.training.manifest import Manifest, canonical
from fervideo.video.files import VIDEO_SUFFIXES

_DOCUMENT, _TEXTGRID = ".eaf", ".textgrid"


class _Annotation(NamedTuple):
    """One annotation.

    Attributes:
        origin: File, and line or ID.
        clip: Path of its clip.
        tier: Name of its tier.
        participant: The tier's participant; may be empty.
        begin: Its start as text, which may be no time.
        end: Its end as text, which may be no time.
        label: Its value.
    """

    origin: str
    clip: Path
    tier: str
    participant: str
    begin: str
    end: str
    label: str


def is_elan(root: Path) -> bool:
    return any(path.suffix.lower() == _DOCUMENT or _is_text(path) for path in tables(root, ".txt", ".tsv", _DOCUMENT))


def elan(root: Path) -> Manifest:
    """Read ELAN's .eaf, each about the video that it names, and its text of one clip or of many.

    Text has tabs, with or without a header. Annotations about a clip that has an .eaf are read from that alone.
    """
    found = Manifest(root, "elan")
    read: list[_Annotation] = []
    for path in tables(root, _DOCUMENT):
        if path.suffix.lower() == _DOCUMENT:
            read += _of_document(path, found)
    known = {annotation.clip for annotation in read}
    for path in filter(_is_text, tables(root, ".txt", ".tsv")):
        read += [annotation for annotation in _of_text(path, found) if annotation.clip not in known]
    return _manifest(found, read)


def is_textgrid(root: Path) -> bool:
    return any(path.suffix.lower() == _TEXTGRID for path in tables(root, _TEXTGRID))


def textgrid(root: Path) -> Manifest:
    """Read Praat's `<clip>.TextGrid` beside each clip; points have no duration and are left out."""
    found = Manifest(root, "textgrid")
    read: list[_Annotation] = []
    for path in tables(root, _TEXTGRID):
        try:
            tiers = praat.read(path)
        except UsageError as error:
            found.add_problem(path, error.reason)
            continue
        for tier in tiers:
            for number, span in enumerate(tier.spans, 1):
                facts = f"{path}:{number}", clip_beside(path), tier.name, "", str(span.start_s), str(span.end_s)
                read.append(_Annotation(*facts, span.label))
    return _manifest(found, read)


def _manifest(found: Manifest, read: list[_Annotation]) -> Manifest:
    """Add annotations to a manifest as stretches of their clips."""
    wanted = _tiers_of_expressions(read)
    by_clip: dict[Path, list[_Annotation]] = {}
    for annotation in read:
        if annotation.tier in wanted:
            by_clip.setdefault(annotation.clip, []).append(annotation)
    for kept in by_clip.values():
        tiers, people = {annotation.tier for annotation in kept}, {annotation.participant for annotation in kept} - {""}
        for origin, clip, tier, participant, begin, end, label in kept:
            # Each tier has one participant, whose name may be missing in the export.
            part = tier if len(tiers) > 1 else participant if len(people) > 1 else ""
            unique = f"{origin}:{tier}" if len(tiers) > 1 else origin
            add_interval(found, unique, clip, begin, end, label, subject=participant, part=part)
    return named(found)


def _tiers_of_expressions(read: Iterable[_Annotation]) -> set[str]:
    """Return the tiers on which most annotations are expressions; all tiers if none is like that."""
    labels: dict[str, list[str]] = {}
    for annotation in read:
        own = labels.setdefault(annotation.tier, [])
        if label := canonical(annotation.label):
            own.append(label)
    chosen = {tier for tier, names in labels.items() if 2 * sum(name in EXPRESSIONS for name in names) > len(names)}
    return chosen or set(labels)


def _of_document(path: Path, found: Manifest) -> Iterator[_Annotation]:
    """Read the annotations of an .eaf, on the clock of its video."""
    try:
        document = documents.read(path)
    except UsageError as error:
        found.add_problem(path, error.reason)
        return
    clip, origin_s = _video(path, document.media)
    for annotation in document.annotations:
        begin, end = (str(round(time_s + origin_s, 6)) for time_s in (annotation.start_s, annotation.end_s))
        facts = annotation.tier, annotation.participant, begin, end, annotation.label
        yield _Annotation(f"{path}:{annotation.id}", clip, *facts)


def _video(path: Path, media: Iterable[documents.Medium]) -> tuple[Path, float]:
    """Return the video of a document and the video's time at the document's time 0.

    It is looked for beside the document first, since documents move from machine to machine together with their videos.
    """
    videos = [medium for medium in media if Path(medium.names[0]).suffix.lower() in VIDEO_SUFFIXES]
    for medium in videos:
        elsewhere = path.parent / medium.relative, Path(medium.url.removeprefix("file://"))
        for clip in (*(path.parent / name for name in medium.names), *elsewhere):
            if clip.is_file():
                return clip, medium.origin_s
    beside = clip_beside(path)
    if videos and not beside.exists():
        return path.parent / videos[0].names[0], videos[0].origin_s
    return beside, videos[0].origin_s if videos else 0.0


def _is_text(path: Path) -> bool:
    # Lines with the media's paths may precede the header.
    if path.suffix.lower() == _DOCUMENT:
        return False
    if any("begin time" in line.lower() for line in first_lines(path, 20)):
        return True
    cells = header(path)
    is_about_clip = clip_beside(path).exists() or any(cell.endswith(_DOCUMENT) for cell in cells)
    return is_about_clip and len(_times(cells)) >= 2 and len(cells) >= 3


def _of_text(table: Path, found: Manifest) -> Iterator[_Annotation]:
    """Read the rows of an export, below its header where it has one.

    An export of many files names them in the last columns of each row, or in a line before the rows of each.
    """
    lines = [[cell.strip() for cell in line.split("\t")] for line in text_of(table, found).splitlines()]
    start = next((row for row, cells in enumerate(lines) if any("begin time" in cell.lower() for cell in cells)), -1)
    names = [cell.lower() for cell in lines[start]] if start >= 0 else []
    clip = clip_beside(table)
    for number, cells in enumerate(lines[start + 1 :], start + 2):
        if not any(cells) or cells[0].startswith(("#", '"#')):
            continue
        files = [cell for cell in cells if cell.lower().endswith(_DOCUMENT)]
        if files:
            clip = _clip_of(table, files)
        if files == [cell for cell in cells if cell]:
            continue
        origin, known = f"{table}:{number}", [cell for cell in cells if cell not in files]
        yield from _in_columns(origin, clip, cells, names) if names else [_in_order(origin, clip, known)]


def _clip_of(table: Path, files: list[str]) -> Path:
    """Return the clip of an .eaf that an export names, beside the export or beside the .eaf itself.

    Args:
        table: The export.
        files: The name of the .eaf, its path, or both.
    """
    folders = [table.parent, *(Path(file).parent for file in files if Path(file).is_absolute())]
    stem = files[0].replace("\\", "/").rpartition("/")[2][: -len(_DOCUMENT)]
    clips = [clip_named(folder, stem) for folder in folders]
    return next((clip for clip in clips if clip.exists()), clips[0])


def _in_order(origin: str, clip: Path, cells: list[str]) -> _Annotation:
    """Read a row without a header: tier (and participant), times in one or more forms, and last the annotation.

    The first time is the start, which may be repeated in other forms. The next time that differs from it is the end.
    """
    times = _times(cells)
    later = [text for text in times if abs(seconds(text) - seconds(times[0])) > 1e-6]
    tier, participant, *_ = [*(cells[: cells.index(times[0])] if times else cells[:-1]), "", ""]
    begin, end = times[0] if times else "?", later[0] if later else "?"
    return _Annotation(origin, clip, tier, participant, begin, end, cells[-1])


def _in_columns(origin: str, clip: Path, cells: list[str], names: list[str]) -> list[_Annotation]:
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
        label = cells[known[0]] if known[0] < len(cells) else ""
        return [_Annotation(origin, clip, cell("tier"), *when, label)]
    facts = ("time", "duration", "tier", "participant", "file")
    tiers = [i for i, name in enumerate(names[: len(cells)]) if name and not any(word in name for word in facts)]
    return [_Annotation(origin, clip, names[i], *when, cells[i]) for i in tiers if cells[i]]


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
