"""The command that makes reports, and the option with which other commands make one."""

from __future__ import annotations

import argparse
import logging
import webbrowser
from collections.abc import Sequence
from pathlib import Path

from fervideo.cli.parser import Parser
from fervideo.errors import FervideoError, UsageError

_LOG = logging.getLogger("fervideo")


def add_report(parser: Parser) -> None:
    """Add the options of `fervideo report`."""
    parser.add_argument(
        "results", type=Path, nargs="+", metavar="RESULTS", help="a .timeline.csv, or a folder with results"
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="folder of the pages (default: beside the results)"
    )
    parser.add_argument("--open", action="store_true", help="open the page in the browser")
    parser.add_argument("--embed", action="store_true", help="put a small copy of the video into the page")
    parser.add_argument(
        "--marks", type=Path, metavar="FILE", help="labels of a coder to show, such as the disagreements of agree"
    )
    parser.epilog = "Example: fervideo report results --open"
    parser.set_defaults(run=_report, interrupted="pages that were written are kept")


def _report(args: argparse.Namespace) -> int:
    from fervideo.video.files import VIDEO_SUFFIXES

    for path in args.results:
        if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file():
            raise UsageError(path, "is a video, and a report needs its results", f"fervideo timeline {path} --report")
    return make(args.results, args.output, embed=args.embed, marks=args.marks, show=args.open)


def make(
    sources: Sequence[Path],
    output: Path | None = None,
    *,
    embed: bool = False,
    marks: Path | None = None,
    show: bool = False,
) -> int:
    """Make reports, and print where they are.

    Args:
        sources: Files of timelines, and folders that contain some.
        output: Folder of the pages; None for beside the results.
        embed: Whether to put small copies of the videos into them.
        marks: Table with labels of a coder to show; None for none.
        show: Whether to open the last page in the browser: the list, where there is one.

    Returns:
        The exit code; one timeline that fails does not stop the others.
    """
    from fervideo.report import making

    done, failed, last = 0, 0, None
    for outcome in making.report(sources, making.Options(output=output, embed=embed, marks=marks)):
        if isinstance(outcome, FervideoError):
            _LOG.error("%s", outcome)
            failed += 1
            continue
        done, last = done + 1, outcome.path
        if outcome.no_video:
            _LOG.warning("%s: %s; the page works without it", outcome.path, outcome.no_video)
        print(f"wrote {outcome.path}")
    if last is not None and not (show and webbrowser.open(last.absolute().as_uri())):
        print(f"open {last} in a browser")
    return 0 if not failed else 1 if done else 2
