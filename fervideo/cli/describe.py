"""The command that explains the columns of the tables."""

from __future__ import annotations

import argparse

from fervideo import columns
from fervideo.cli.parser import Parser
from fervideo.docs import tables


def add_describe(parser: Parser) -> None:
    """Add the options of `fervideo describe`."""
    parser.add_argument(
        "table", nargs="?", metavar="TABLE", help=f"one of {', '.join(columns.TABLES)} (default: all of them)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, an array of columns for each table")
    parser.epilog = "Example: fervideo describe events"
    parser.set_defaults(run=describe)


def describe(args: argparse.Namespace) -> int:
    """Print the columns of a table, or of all."""
    print(tables.to_json(args.table) if args.json else tables.describe(args.table))
    return 0
