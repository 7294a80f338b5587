"""The command that brings in results of other programs: adopt."""

from __future__ import annotations

import argparse
from pathlib import Path

from fervideo.cli import options
from fervideo.cli.parser import Parser


def add_adopt(parser: Parser) -> None:
    """Add the options of `fervideo adopt`."""
    parser.add_argument(
        "tables", type=Path, nargs="+", metavar="TABLE", help="CSV of OpenFace 2.2, py-feat or iMotions"
    )
    parser.add_argument(
        "--videos", type=Path, metavar="DIR", help="folder of the videos, named like the tables (needed for py-feat)"
    )
    options.add_output(parser, Path("fervideo-results"))
    parser.epilog = (
        "Example: fervideo adopt openface/*.csv -o results; fervideo gather results --columns AU12_r -o a.csv"
    )
    parser.set_defaults(run=_adopt)


def _adopt(args: argparse.Namespace) -> int:
    options.check_folder(args.output)

    from fervideo import foreign

    for path in foreign.adopt(args.tables, args.videos, args.output, overwrite=args.overwrite):
        print(f"wrote {path}")
    return 0
