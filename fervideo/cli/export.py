"""The command that writes results in the formats of other programs."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from fervideo.cli.parser import Parser
from fervideo.errors import FervideoError, UsageError

if TYPE_CHECKING:
    from fervideo.outputs.found import Found

_LOG = logging.getLogger("fervideo")
#: Formats as the help names them; `outputs.FORMATS` also has csv, which the other commands write.
_FORMATS = "elan|boris|webvtt|textgrid|parquet|jsonl|xlsx|openface"


def add_export(parser: Parser) -> None:
    """Add the options of `fervideo export`."""
    parser.add_argument(
        "results", type=Path, nargs="+", metavar="RESULTS", help="a .timeline.csv, or a folder with results"
    )
    parser.add_argument(
        "--to", required=True, metavar=_FORMATS, help="the format; `fervideo docs exports` explains all"
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="folder of the files (default: beside the results)"
    )
    parser.add_argument("--hz", type=float, metavar="N", help="frames per second to keep, in tables (default: all)")
    parser.add_argument("--into", type=Path, metavar="FILE", help="with --to elan: add the tiers to this .eaf")
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there already")
    parser.epilog = "Example: fervideo export results --to elan"
    parser.set_defaults(run=_export, interrupted="files that were written are kept")


def _export(args: argparse.Namespace) -> int:
    """Export timelines; one that fails does not stop the others."""
    from fervideo import outputs
    from fervideo.outputs.exporting import export

    if args.to == "csv":
        raise UsageError("--to csv", "is the form that results have already", f"formats: {_FORMATS.replace('|', ', ')}")
    outputs.check_format(args.to, args.hz)
    found = outputs.find(args.results)
    if args.into is not None:
        return _extend(args, found)
    failed = 0
    for outcome in export(found, args.to, args.output, args.hz, args.overwrite):
        if isinstance(outcome, FervideoError):
            _LOG.error("%s", outcome)
            failed += 1
        else:
            print(*(f"wrote {path}" for path in outcome), sep="\n")
    return 0 if not failed else 2 if failed == len(found) else 1


def _extend(args: argparse.Namespace, found: list[Found]) -> int:
    from fervideo import outputs
    from fervideo.outputs import elan

    if args.to != "elan" or args.output is not None or len(found) > 1:
        remedy = "write `fervideo export CLIP.timeline.csv --to elan --into FILE`"
        raise UsageError("--into", "takes one timeline and --to elan, and goes without -o", remedy)
    copy = elan.extend(outputs.read_timeline(found[0].path), args.into)
    print(f"wrote {args.into}")
    print(f"kept {copy}")
    return 0
