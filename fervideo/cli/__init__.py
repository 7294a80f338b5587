"""The command line: parse, call one function of the library, print."""

from fervideo.cli.commands import main

__all__ = ["main"]
