"""Commands on a folder of results: gather."""

from __future__ import annotations

import argparse
from pathlib import Path

from fervideo.cli.parser import Parser
from fervideo.errors import UsageError, counted

#: Help of the argument that all these commands begin with.
_RESULTS = "folder that `fervideo batch` or `timeline` wrote, or the .timeline.csv of one clip"


def add_gather(parser: Parser) -> None:
    """Add the options of `fervideo gather`."""
    parser.add_argument("results", type=Path, metavar="RESULTS", help=_RESULTS)
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="the table to write: .csv or .parquet"
    )
    parser.add_argument(
        "--table",
        choices=("frames", "events", "summary"),
        default="frames",
        metavar="frames|events|summary",
        help="the tables to gather (default: frames)",
    )
    _add_selection(parser, "all")
    parser.add_argument(
        "--columns",
        metavar="A,B",
        help="columns to take, p for all probabilities, or all (default of frames: expression, confidence, p, valence)",
    )
    parser.epilog = "Example: fervideo gather results --design design.csv --face largest -o study.csv"
    parser.set_defaults(run=_gather, interrupted="nothing was written")


def _add_selection(parser: Parser, face: str) -> None:
    """Add the options that choose clips and faces."""
    parser.add_argument(
        "--design",
        type=Path,
        metavar="FILE",
        help="CSV with a row per clip: a column clip (path or name), then participant, condition and so on",
    )
    parser.add_argument(
        "--face",
        default=face,
        metavar="RULE",
        help=f"all, longest, largest, left, right, or the number or name of a face (default: {face})",
    )
    parser.add_argument(
        "--min-coverage",
        type=float,
        default=0.05,
        metavar="SHARE",
        help="leave out faces seen in a smaller share of the frames, as false ones (default: 0.05)",
    )


def _gather(args: argparse.Namespace) -> int:
    _check_share("--min-coverage", args.min_coverage)

    from fervideo import study

    chosen = study.Selection(
        design=args.design,
        table=args.table,
        face=args.face,
        columns=_words(args.columns),
        min_coverage=args.min_coverage,
    )
    done = study.gather(args.results, args.output, chosen)
    print(f"{counted(done.clips, 'clip')}, {counted(done.rows, 'row')}")
    print(f"wrote {done.path}")
    return 1 if done.missing else 0


def _words(text: str | None) -> list[str] | None:
    """Return the words of a list with commas."""
    return None if text is None else [word.strip() for word in text.split(",") if word.strip()]


def _check_share(option: str, value: float) -> None:
    """Check a share.

    Raises:
        UsageError: It is not from 0 to 1.
    """
    if not 0 <= value <= 1:
        raise UsageError(f"{option} {value:g}", "is no share", "give a number from 0 to 1")
