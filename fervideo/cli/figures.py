"""Commands that draw results: figures for papers, and the video with its results drawn on it."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from fervideo.cli import options
from fervideo.cli.parser import Parser
from fervideo.errors import UsageError

_LOG = logging.getLogger("fervideo")


def add_plot(parser: Parser) -> None:
    """Add the options of `fervideo plot`."""
    parser.add_argument(
        "files",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="timelines (.timeline.csv) or folders with some; or one table that epochs, agree or gather wrote",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FIG",
        help="the figure to write: .png, .svg or .pdf (default: named after the first file, in the current folder)",
    )
    parser.add_argument(
        "--video", type=Path, metavar="V", help="the video, or the folder with the videos, for faces along the axis"
    )
    parser.add_argument(
        "--frames", type=int, metavar="N", help="faces along the axis (default: 8, or 12 on two columns)"
    )
    parser.add_argument(
        "--face",
        default="all",
        metavar="RULE",
        help="all, longest, largest, left, right, or the number or name of a face (default: all)",
    )
    parser.add_argument(
        "--width",
        choices=("one", "two"),
        metavar="one|two",
        help="columns of a page, 85 or 180 mm (default: two for timelines, else as fits)",
    )
    parser.add_argument("--by", default="", metavar="COLUMN", help="column of a table by which people are grouped")
    parser.add_argument(
        "--columns", metavar="A,B", help="measures of a table to draw (default: all, or the usual ones)"
    )
    parser.add_argument(
        "--bin", type=float, default=0.5, metavar="SECONDS", help="width of the bins of a gathered table (default: 0.5)"
    )
    parser.epilog = "Example: fervideo plot results/clip.timeline.csv --video clip.mp4 -o figure.pdf"
    parser.set_defaults(run=_plot, interrupted="nothing was written")


def _plot(args: argparse.Namespace) -> int:
    from fervideo.report import canvas

    output = args.output or Path(f"{_name(args.files[0])}.png")
    canvas.check_path(output)
    of_table = not any(path.is_dir() or _is_timeline(path) for path in args.files)
    if of_table and len(args.files) > 1:
        raise UsageError(args.files[1], "is no timeline", "give timelines, or one table")
    if of_table:
        from fervideo.report import groups

        if args.video or args.frames:
            raise UsageError("--video and --frames", "are for timelines", "leave them out")
        wanted = tuple(word.strip() for word in (args.columns or "").split(",") if word.strip())
        figure = groups.of_file(args.files[0], args.width, args.by, wanted, args.bin)
    else:
        from fervideo import outputs
        from fervideo.report import footage

        if args.by or args.columns:
            raise UsageError("--by and --columns", "are for tables of studies", "leave them out, or gather first")
        if args.frames and not args.video:
            raise UsageError("--frames", "needs the pictures", "add --video")
        found = outputs.find(args.files)
        timelines = [outputs.read_timeline(each.path) for each in found]
        names = [each.stem for each in found]
        how = {"face": args.face, "n_pictures": args.frames, "width": args.width or "two"}
        figure = footage.plot(timelines, names, args.video, **how)
    print(f"wrote {canvas.save(figure, output)}")
    return 0


def _is_timeline(path: Path) -> bool:
    from fervideo.outputs.run import SUFFIXES

    return path.name.endswith(SUFFIXES)


def _name(path: Path) -> str:
    """Return the name of a figure by default: that of a file without its last end."""
    return path.resolve().name if path.is_dir() else path.name.removesuffix(".csv").removesuffix(".parquet")


def add_overlay(parser: Parser) -> None:
    """Add the options of `fervideo overlay`."""
    parser.add_argument("video", type=Path, metavar="VIDEO", help="the video file, or a folder of numbered images")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILM", help="the film, .mp4 (default: VIDEO.overlay.mp4, here)"
    )
    parser.add_argument(
        "--timeline", type=Path, metavar="FILE", help="results to draw, a .timeline.csv (default: analyse the video)"
    )
    parser.add_argument("--landmarks", action="store_true", help="draw the landmarks of faces, too")
    parser.add_argument("--blur-faces", action="store_true", help="blur the faces that were found")
    parser.add_argument("--overwrite", action="store_true", help="replace a film that is there already")
    options.add_settings(parser)
    options.add_model(parser)
    parser.epilog = "Example: fervideo overlay clip.mp4 --timeline results/clip.timeline.csv -o film.mp4"
    parser.set_defaults(run=_overlay)


def _overlay(args: argparse.Namespace) -> int:
    changes = options.changes(args)
    settings = options.settings_of(args)
    output = args.output or Path(f"{args.video.stem}.overlay.mp4")
    if args.timeline and changes:
        raise UsageError(changes[0][0], "is for an analysis", "leave it out, or leave out --timeline")
    if args.timeline and args.landmarks:
        remedy = "leave out --timeline: a video that was analysed before is read from the cache"
        raise UsageError("--landmarks", "are in the cache, and not in tables", remedy)

    from fervideo import outputs, video
    from fervideo.report import overlay

    overlay.check(args.video, output, overwrite=args.overwrite)
    options.check_folder(output.parent)
    look = overlay.Look(landmarks=args.landmarks, blur=args.blur_faces)
    if args.timeline:
        timeline = outputs.read_timeline(args.timeline)
        done = overlay.write(args.video, output, timeline, look, progress=True)
    else:
        with overlay.analysed(args.video, settings, progress=True) as (timeline, shards):
            done = overlay.write(args.video, output, timeline, look, shards, progress=True)
    print(f"wrote {output}")
    seen = timeline.provenance.get("faces_seen") or 0
    if look.blur and seen > (shown := int(timeline.summary["face"].count())):
        reason = f"{seen} faces were seen at once, and {shown} were followed and blurred"
        _LOG.warning("%s: %s; --faces %d follows all", output, reason, seen)
    if done.lost_sound:
        _LOG.warning(
            "%s: %d packets of its sound are out of order or damaged, and left out", args.video, done.lost_sound
        )
    if timeline.damage or done.lost:
        reason = timeline.damage or f"{done.lost} frames cannot be decoded"
        _LOG.warning("%s: %s; %s", args.video, reason, video.REMEDY)
    return 1 if timeline.damage or done.lost else 0
