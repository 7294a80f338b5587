"""The videos of a batch, and where the results of each go."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fervideo import outputs, video
from fervideo.errors import UsageError
from fervideo.video.files import VIDEO_SUFFIXES


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A video and the paths of its results.

    Attributes:
        path: The file, absolute.
        name: Its path below the input folder, with `/`; unique in a batch.
        folder: Folder of its results, absolute.
        stem: First part of their names.
    """

    path: Path
    name: str
    folder: Path
    stem: str


def find(folders: Sequence[Path], output: Path, glob: str | None = None, *, recursive: bool = True) -> list[Clip]:
    """Find the videos in folders, ordered by name; hidden files and folders are left out.

    The tree under an input folder is mirrored under the output folder; of several input folders, the tree under the
    folder that they share. Clips of one folder that differ in their suffix only keep it in the names of their results.

    Args:
        folders: Input folders.
        output: The output folder.
        glob: Pattern that file names must match; by default they end with a suffix of videos.
        recursive: Whether to search folders below, too.

    Raises:
        UsageError: A path is no folder, no video is in it, or the output folder is in it.
    """
    # A name for a folder above would lead out of the output folder, which mirrors these paths.
    roots = [folder.resolve() if ".." in folder.parts else folder.absolute() for folder in folders]
    output = output.absolute()
    for given, root in zip(folders, roots, strict=True):
        _check(given, root, output if recursive else None)
    base = Path(os.path.commonpath(roots))
    paths = sorted({path for root in roots for path in _videos(root, glob, recursive)})
    if not paths:
        looked_for = glob or ", ".join(VIDEO_SUFFIXES)
        omitted = "" if recursive else "; folders below it were left out (--no-recursive)"
        reason = f"no videos found (looked for {looked_for}{omitted})"
        raise UsageError(", ".join(map(str, folders)), reason, "check the folder, or use --glob")
    # Two clips may share a stem, and one's stem may be the other's name: a.mp4.mov beside a.mp4 and a.mov.
    taken = Counter([*(path.with_suffix("") for path in paths), *paths])
    return [
        Clip(
            path=path,
            name=path.relative_to(base).as_posix(),
            folder=output / path.parent.relative_to(base),
            stem=outputs.stem_of(path.stem if taken[path.with_suffix("")] == 1 else path.name),
        )
        for path in paths
    ]


def _check(given: Path, root: Path, output: Path | None) -> None:
    """Check that an input folder is one, and that it does not contain the output folder."""
    if not root.exists():
        raise UsageError(*video.missing(given).args)
    if not root.is_dir():
        raise UsageError(given, "is no folder", "give folders, or use `fervideo timeline` for a single video")
    # realpath, unlike resolve(), bears a loop of links.
    if output is not None and Path(os.path.realpath(output)).is_relative_to(os.path.realpath(root)):
        remedy = "choose another output folder with -o, or use --no-recursive"
        raise UsageError(output, f"lies in the input folder {given}", remedy)


def _videos(root: Path, glob: str | None, recursive: bool) -> list[Path]:
    pattern = glob or "*"
    try:
        found = list(root.rglob(pattern) if recursive else root.glob(pattern))
    except (ValueError, NotImplementedError) as error:
        raise UsageError(f"--glob {glob}", f"is no pattern ({error})", "write for example --glob '*.mp4'") from None
    return [
        path
        for path in found
        if (glob or path.suffix.lower() in VIDEO_SUFFIXES)
        and not any(part.startswith(".") for part in path.relative_to(root).parts)
        and path.is_file()
    ]


def shard(clips: Sequence[Clip], part: str | None) -> list[Clip]:
    """Return one of n equal shares of the clips: for `i/n` the i-th, the (n + i)-th and so on.

    Args:
        clips: All clips.
        part: The share, as `i/n`; None for all clips.

    Raises:
        UsageError: It is not of the form i/n with i from 1 to n.
    """
    if part is None:
        return list(clips)
    number, _, count = part.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise UsageError(f"--shard {part}", "is not i/n with i from 1 to n", "write for example --shard 1/8")
    return list(clips)[int(number) - 1 :: int(count)]
