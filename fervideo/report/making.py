"""The making of reports: which pages, where they go, and the pictures that each gets."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fervideo import atomic, outputs
from fervideo.errors import FervideoError, UsageError, VideoError
from fervideo.outputs import tiers
from fervideo.outputs.found import Found
from fervideo.report import coder, index, page, pictures
from fervideo.report.content import NO_PICTURES
from fervideo.report.index import Entry
from fervideo.timeline.record import Timeline

#: Stretches of a coder by the stem of their timeline.
Marks = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to make reports.

    Attributes:
        output: Folder of the pages; None for the folders in which the timelines were looked for.
        embed: Whether a page contains a small copy of the video instead of a link to it.
        marks: Table with labels of a coder to show beside the results; None for none.
    """

    output: Path | None = None
    embed: bool = False
    marks: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Written:
    """A page that was written.

    Attributes:
        path: The page.
        no_video: Why it has no video; empty where it has one, or needs none.
    """

    path: Path
    no_video: str = ""


def report(sources: Sequence[Path], options: Options) -> Iterator[Written | FervideoError]:
    """Write a page for each timeline, and for each folder that contains several a page that lists them.

    Args:
        sources: Files of timelines, and folders that contain some.
        options: How to make the pages.

    Yields:
        Each page, or the error of a timeline; the page that lists those of a folder comes after them.

    Raises:
        UsageError: Plotly is not installed; a source does not exist, or a folder contains no timeline. Or the pages of
            several sources would be one file.
        OutputError: A page that lists timelines, or the file that they share, cannot be written.
    """
    plotly = page.plotly_code()
    found = [(source, outputs.find([source])) for source in sources]
    _check_apart(found, options.output)
    marks = coder.read(options.marks, [each for _, own in found for each in own]) if options.marks else {}
    for source, own in found:
        folder = own[0].folder if options.output is None else options.output
        if not source.is_dir() or (len(own) == 1 and not index.is_batch(source)):
            yield _page_of(own[0], folder, options, marks)
            continue
        with atomic.written(folder / page.SHARED) as temporary:
            temporary.write_bytes(plotly)
        entries: list[Entry] = []
        for each in own:
            yield _page_of(each, folder, options, marks, entries)
        path = folder / index.NAME
        write(path, index.of_folder(entries, index.failures(source), title=source.absolute().name))
        yield Written(path=path)


def _check_apart(found: Sequence[tuple[Path, Sequence[Found]]], output: Path | None) -> None:
    """Check that no page would replace another one in the folder for all.

    Raises:
        UsageError: Several folders have a list each, or two timelines have one name.
    """
    stems = [each.stem for _, own in found for each in own]
    if output is not None and (sum(source.is_dir() for source, _ in found) > 1 or len(set(stems)) < len(stems)):
        reason = "is one folder for pages of the same name"
        raise UsageError(f"-o {output}", reason, "make one report after the other, each with a folder of its own")


def _page_of(
    each: Found, folder: Path, options: Options, marks: Marks, entries: list[Entry] | None = None
) -> Written | FervideoError:
    """Write the page of a timeline; with a list of entries it belongs to a folder's, and gets an entry there."""
    path = folder / f"{each.stem}{page.SUFFIX}"
    try:
        timeline = outputs.read_timeline(each.path)
        shared = "" if entries is None else address_of(folder / page.SHARED, path.parent)
        home = "" if entries is None else address_of(folder / index.NAME, path.parent)
        own = marks.get(each.stem, ())
        faces, no_video = clip_page(timeline, path, embed=options.embed, shared=shared, home=home, marks=own)
        if entries is not None:
            entries.append(Entry.of(timeline, each.stem, address_of(path, folder), faces))
    except FervideoError as error:
        return error
    return Written(path=path, no_video=no_video)


def clip_page(
    timeline: Timeline,
    path: Path,
    *,
    embed: bool = False,
    shared: str = "",
    home: str = "",
    marks: Sequence[Mapping[str, Any]] = (),
) -> tuple[dict[int, str], str]:
    """Write the page of a clip.

    Args:
        timeline: The timeline.
        path: The page.
        embed: Whether it contains a small copy of the video instead of a link to it.
        shared: Address of Plotly as seen from the page; empty to embed it.
        home: Address of the page that lists all clips; empty without.
        marks: Stretches of a coder, as `coder.read` returns them.

    Returns:
        Pictures of the faces by number, and why the page has no video, empty where it has one.

    Raises:
        UsageError: Plotly is not installed.
        OutputError: The page cannot be written.
    """
    source, no_video, found = tiers.video_path(timeline), "", NO_PICTURES
    try:
        found = pictures.of_clip(timeline, source, with_proxy=embed)
    except VideoError as error:
        no_video = f"{source.name} {error.reason}"
    else:
        if source.is_dir() and not embed:
            no_video = f"{source.name} is a folder of images, which no browser plays"
    address = "" if no_video or embed else address_of(source, path.parent)
    missing = f"{tiers.printable(no_video)}." if no_video else ""
    write(path, page.of_clip(timeline, found, address, missing, shared=shared, home=home, marks=marks))
    return dict(found.faces), no_video


def write(path: Path, text: str) -> None:
    """Write a page, all of it or nothing.

    Raises:
        OutputError: It cannot be written.
    """
    with atomic.written(path) as temporary:
        temporary.write_bytes(text.encode("utf-8", "replace"))


def address_of(path: Path, folder: Path) -> str:
    """Return the address of a file as seen from a page in a folder; in full where there is no way between them."""
    relative = tiers.relative_path(path, folder)
    if relative is None:
        return path.absolute().as_uri()
    # A name with a colon in front would be taken for a scheme.
    return quote(os.fsencode(relative if relative.startswith("../") else f"./{relative}"))
