"""The `docs` command: the documentation of the package, printed to stdout."""

from __future__ import annotations

import argparse

from fervideo.cli.parser import Parser


def add_docs(parser: Parser) -> None:
    """Add the options of `fervideo docs`."""
    parser.add_argument("topic", nargs="?", metavar="TOPIC", help="the topic to print (default: list the topics)")
    parser.epilog = "Example: fervideo docs results"
    parser.set_defaults(run=_docs)


def _docs(args: argparse.Namespace) -> int:
    from fervideo import docs

    if args.topic is not None:
        print(docs.read(args.topic), end="")
        return 0
    topics = docs.topics()
    width = max(map(len, topics))
    print("\n".join(f"{name:<{width}}  {heading}" for name, heading in topics.items()))
    return 0
