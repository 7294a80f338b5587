"""The making of reports: which pages, where they go, and the pictures that each gets."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from fervideo import atomic, outputs
from fervideo.errors import FervideoError, VideoError
from fervideo.outputs import tiers
from fervideo.outputs.found import Found
from fervideo.report import index, page, pictures
from fervideo.report.content import NO_PICTURES
from fervideo.report.index import Entry
from fervideo.timeline.record import Timeline


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to make reports.

    Attributes:
        output: Folder of the pages; None for the folders in which the timelines were looked for.
        embed: Whether a page contains a small copy of the video instead of a link to it.
    """

    output: Path | None = None
    embed: bool = False


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
        UsageError: Plotly is not installed; a source does not exist, or a folder contains no timeline.
        OutputError: A page that lists timelines, or the file that they share, cannot be written.
    """
    plotly = page.plotly_code()
    for source, own in [(source, outputs.find([source])) for source in sources]:
        folder = own[0].folder if options.output is None else options.output
        if not source.is_dir() or (len(own) == 1 and not index.is_batch(source)):
            yield _page_of(own[0], folder, options)
            continue
        with atomic.written(folder / page.SHARED) as temporary:
            temporary.write_bytes(plotly)
        entries: list[Entry] = []
        for each in own:
            yield _page_of(each, folder, options, entries)
        path = folder / index.NAME
        write(path, index.of_folder(entries, index.failures(source), title=source.absolute().name))
        yield Written(path=path)


def _page_of(
    each: Found, folder: Path, options: Options, entries: list[Entry] | None = None
) -> Written | FervideoError:
    """Write the page of a timeline; with a list of entries it belongs to a folder's, and gets an entry there."""
    path = folder / f"{each.stem}{page.SUFFIX}"
    try:
        timeline = outputs.read_timeline(each.path)
        shared = "" if entries is None else address_of(folder / page.SHARED, path.parent)
        home = "" if entries is None else address_of(folder / index.NAME, path.parent)
        faces, no_video = clip_page(timeline, path, embed=options.embed, shared=shared, home=home)
        if entries is not None:
            entries.append(Entry.of(timeline, each.stem, address_of(path, folder), faces))
    except FervideoError as error:
        return error
    return Written(path=path, no_video=no_video)


def clip_page(
    timeline: Timeline, path: Path, *, embed: bool = False, shared: str = "", home: str = ""
) -> tuple[dict[int, str], str]:
    """Write the page of a clip.

    Args:
        timeline: The timeline.
        path: The page.
        embed: Whether it contains a small copy of the video instead of a link to it.
        shared: Address of Plotly as seen from the page; empty to embed it.
        home: Address of the page that lists all clips; empty without.

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
    write(path, page.of_clip(timeline, found, address, missing, shared=shared, home=home))
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
