"""Which videos a batch takes, and where the results of each go."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fervideo import video
from fervideo.errors import UsageError

#: Names of video files end like this, in any case.
SUFFIXES = (
    ".3gp",
    ".avi",
    ".flv",
    ".m2ts",
    ".m4v",
    ".mkv",
    ".mov",
    ".mp4",
    ".mpeg",
    ".mpg",
    ".mts",
    ".ogv",
    ".ts",
    ".webm",
    ".wmv",
)


@dataclass(frozen=True)
class Clip:
    """Name a video and the place of its results.

    Attributes:
        path: The file, absolute.
        name: Its path below the input folder, with `/`; unique in a batch.
        folder: Where its results go, absolute.
        stem: What they are called.
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
        folders: Where to look.
        output: Where results go.
        glob: What file names must match; by default the suffixes of videos.
        recursive: Whether to look into folders below.

    Raises:
        UsageError: A folder is none, holds no video, or would take results for videos.
    """
    roots = [folder.absolute() for folder in folders]
    output = output.absolute()
    for given, root in zip(folders, roots, strict=True):
        if not root.exists():
            raise UsageError(*video.missing(given).args)
        if not root.is_dir():
            raise UsageError(given, "is no folder", "give folders, or use `fervideo timeline` for a single video")
        if recursive and output.resolve().is_relative_to(root.resolve()):
            raise UsageError(
                output,
                f"lies in the input folder {given}",
                "choose another output folder with -o, or use --no-recursive",
            )
    base = Path(os.path.commonpath(roots))
    paths = sorted({path for root in roots for path in _videos(root, glob, recursive)})
    if not paths:
        looked_for = glob or ", ".join(SUFFIXES)
        where = "" if recursive else "; folders below it were left out (--no-recursive)"
        raise UsageError(
            ", ".join(map(str, folders)),
            f"no videos found (looked for {looked_for}{where})",
            "check the folder, or use --glob",
        )
    # Two clips that share a stem; or whose stem is the other's name, as of a.mp4.mov beside a.mp4 and a.mov.
    taken = Counter([*(path.with_suffix("") for path in paths), *paths])
    return [
        Clip(
            path,
            path.relative_to(base).as_posix(),
            output / path.parent.relative_to(base),
            path.stem if taken[path.with_suffix("")] == 1 else path.name,
        )
        for path in paths
    ]


def _videos(root: Path, glob: str | None, recursive: bool) -> list[Path]:
    found = root.rglob(glob or "*") if recursive else root.glob(glob or "*")
    return [
        path
        for path in found
        if (glob or path.suffix.lower() in SUFFIXES)
        and not any(part.startswith(".") for part in path.relative_to(root).parts)
        and path.is_file()
    ]


def shard(clips: Sequence[Clip], part: str | None) -> list[Clip]:
    """Take one of n equal shares of the clips: for `i/n` the i-th, the (n + i)-th and so on.

    Raises:
        UsageError: It is not of the form i/n with i from 1 to n.
    """
    if part is None:
        return list(clips)
    number, _, count = part.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise UsageError(f"--shard {part}", "is not i/n with i from 1 to n", "write for example --shard 1/8")
    return list(clips)[int(number) - 1 :: int(count)]
