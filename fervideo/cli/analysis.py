"""Commands that analyse video: timeline, demo, batch."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from fervideo.cli import options, report
from fervideo.cli.parser import Parser
from fervideo.errors import UsageError

_LOG = logging.getLogger("fervideo")


def add_timeline(parser: Parser) -> None:
    """Add the options of `fervideo timeline`."""
    parser.add_argument("video", type=Path, metavar="VIDEO", help="the video file, or a folder of numbered images")
    parser.surplus = "give one video (quote a path with spaces), or use `fervideo batch FOLDER` for many"
    options.add_output(parser, Path(), "the current folder")
    options.add_part(parser)
    options.add_report(parser, "a page with the video beside its timeline")
    options.add_settings(parser)
    options.add_model(parser)
    parser.epilog = "Example: fervideo timeline interview.mp4 -o results --faces 2"
    parser.set_defaults(run=lambda args: _analyze(args, args.video))


def add_demo(parser: Parser) -> None:
    """Add the options of `fervideo demo`."""
    options.add_output(parser, Path("fervideo-demo"))
    options.add_part(parser)
    options.add_settings(parser)
    parser.set_defaults(run=_demo, report=True)


def add_batch(parser: Parser) -> None:
    """Add the options of `fervideo batch`."""
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER", help="a folder with videos")
    options.add_output(parser, Path("fervideo-results"))
    parser.add_argument(
        "--glob",
        metavar="PATTERN",
        help="pattern of the file names to take, such as '*.mp4' (default: the suffixes of videos)",
    )
    parser.add_argument(
        "--recursive",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="look into folders below (default: yes)",
    )
    parser.add_argument("--dry-run", action="store_true", help="only list the work, and estimate how long it takes")
    parser.add_argument("--retry-failed", action="store_true", help="try clips again that failed before")
    parser.add_argument("--fresh", action="store_true", help="do everything anew, even finished and cached work")
    parser.add_argument(
        "--timeout", type=float, default=30.0, metavar="MINUTES", help="longest time for a piece of work (default: 30)"
    )
    parser.add_argument(
        "--on-error",
        choices=("continue", "stop"),
        default="continue",
        metavar="continue|stop",
        help="go on with the other clips after a failure, or stop (default: continue)",
    )
    parser.add_argument("--shard", metavar="I/N", help="take the I-th of N shares of the clips")
    parser.add_argument("--engine", default="local", metavar="local|ray", help="run here or on Ray (default: local)")
    parser.add_argument("--address", default="auto", metavar="ADDRESS", help="of the Ray cluster (default: auto)")
    options.add_part(parser)
    options.add_report(parser, "a page for each clip, and one that lists them")
    options.add_settings(parser)
    parser.epilog = "Example: fervideo batch interviews -o results --config fast"
    parser.set_defaults(run=_batch)


def _analyze(args: argparse.Namespace, clip: Path) -> int:
    """Analyse a clip, write and show the results."""
    chosen = options.settings_of(args)
    options.check_folder(args.output)

    from fervideo import outputs, video
    from fervideo.pipeline import analyze
    from fervideo.timeline import describe

    if not args.overwrite:
        outputs.check_free(args.output, outputs.stem_of(clip.stem), clip, lambda: video.fingerprint(clip))
    result = analyze(clip, chosen, progress=True)
    paths = result.save(args.output, overwrite=args.overwrite)
    print(describe(result))
    for path in paths.values():
        print(f"wrote {path}")
    if args.report:
        report.make([paths["timeline"]])
    if result.damage:
        _LOG.warning("%s: %s; %s", clip, result.damage, video.REMEDY)
    return 1 if result.damage else 0


def _demo(args: argparse.Namespace) -> int:
    from fervideo import cache, demo

    clip, origin = demo.sample_clip(cache.root() / "demo")
    print(origin)
    return _analyze(args, clip)


def _batch(args: argparse.Namespace) -> int:
    if args.timeout <= 0:
        raise UsageError(f"--timeout {args.timeout:g}", "is not above 0", "give minutes")
    chosen = options.settings_of(args)

    from fervideo import batch

    names = ("glob", "recursive", "engine", "address", "retry_failed", "fresh", "on_error", "shard", "overwrite")
    how = batch.Options(**{name: getattr(args, name) for name in names}, timeout_min=args.timeout)
    if args.dry_run:
        prospects, seconds = batch.plan(args.folders, args.output, chosen, how)
        print(batch.describe_plan(prospects, seconds))
        return 0
    options.check_folder(args.output)
    outcome = batch.run(args.folders, args.output, chosen, how, progress=True)
    print(batch.describe(outcome))
    for name, failure in outcome.failures.items():
        _LOG.warning("%s: %s; %s", name, failure.error, failure.remedy)
    if args.report and outcome.done:
        report.make([args.output])
    return 1 if outcome.failures else 0
