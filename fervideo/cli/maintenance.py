"""Commands that look after an installation: settings, cache, doctor."""

from __future__ import annotations

import argparse
import json
import re
from dataclasses import asdict

from fervideo.cli import options
from fervideo.cli.parser import Parser
from fervideo.errors import UsageError, counted


def add_settings(parser: Parser) -> None:
    """Add the options of `fervideo settings`."""
    parser.add_argument("sections", nargs="*", metavar="SECTION", help="sections to print (default: all)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON, an object for each setting")
    form.add_argument("--toml", action="store_true", help="print a TOML file for --config, with comments")
    options.add_part(parser)
    options.add_settings(parser)
    options.add_model(parser)
    parser.epilog = "Example: fervideo settings events --config fast"
    parser.set_defaults(run=_settings)


def add_cache(parser: Parser) -> None:
    """Add the options of `fervideo cache`."""
    parser.add_argument(
        "action",
        choices=("info", "prune", "clear"),
        metavar="info|prune|clear",
        help="info: print its folder and its size; prune: remove what was used longest ago; clear: remove all",
    )
    parser.add_argument("--max-size", metavar="SIZE", help="with prune: the size that may stay, such as 50GB or 500MB")
    parser.set_defaults(run=_cache)


def add_doctor(parser: Parser) -> None:
    """Add the options of `fervideo doctor`."""
    parser.set_defaults(run=_doctor)


def _settings(args: argparse.Namespace) -> int:
    from fervideo import settings

    chosen = options.training_settings_of(args)
    if args.toml:
        print(settings.to_toml(chosen, args.sections, comments=True), end="")
    elif args.json:
        print(json.dumps([asdict(each) for each in settings.describe(chosen, args.sections)], indent=1))
    else:
        print(settings.to_text(chosen, args.sections))
    return 0


def _cache(args: argparse.Namespace) -> int:
    if (args.action == "prune") != (args.max_size is not None):
        remedy = "write `fervideo cache prune --max-size 50GB`"
        raise UsageError(f"cache {args.action}", "--max-size goes with prune, and prune with it", remedy)

    from fervideo import cache

    if args.action == "prune":
        n_bytes, n_clips = cache.prune(_bytes(args.max_size))
        print(f"removed {counted(n_clips, 'clip')}, {n_bytes / 1e6:.1f} MB")
    elif args.action == "clear":
        from fervideo import demo

        cache.clear()
        demo.forget(cache.root() / "demo")
    n_bytes, n_clips = cache.size()
    print(f"{cache.root()}: {counted(n_clips, 'clip')}, {n_bytes / 1e6:.1f} MB")
    return 0


def _bytes(text: str) -> int:
    """Read a number of bytes such as 50GB.

    Raises:
        UsageError: It is none.
    """
    match = re.fullmatch(r"(\d{1,15}(?:\.\d+)?)\s*([kMGT]?)B?", text, re.IGNORECASE)
    if not match:
        raise UsageError(f"--max-size {text}", "is no size", "write for example 50GB or 500MB")
    thousands = " kmgt".index(match[2].lower() or " ")
    return int(float(match[1]) * 1000.0**thousands)


def _doctor(args: argparse.Namespace) -> int:  # noqa: ARG001  (every command takes them)
    from fervideo import doctor

    findings, healthy = doctor.report()
    print("\n".join(map(str, findings)))
    return 0 if healthy else 1
