"""Commands that learn from labelled video: train, evaluate, cross-validate."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fervideo.cli import options
from fervideo.cli.parser import Parser
from fervideo.errors import DatasetError, counted

_LOG = logging.getLogger("fervideo")


def add_train(parser: Parser) -> None:
    """Add the options of `fervideo train`."""
    _add_dataset(parser)
    _add_run(parser)
    parser.add_argument("--resume", action="store_true", help="go on with a run that was broken off")
    options.add_settings(parser)
    parser.epilog = "Example: fervideo train RAVDESS -o run; then fervideo timeline clip.mp4 --model run"
    parser.set_defaults(run=_train, interrupted="finished epochs are kept, --resume goes on from there")


def add_cross_validate(parser: Parser) -> None:
    """Add the options of `fervideo cross-validate`."""
    _add_dataset(parser)
    _add_run(parser)
    options.add_settings(parser)
    parser.set_defaults(run=_cross_validate)


def add_evaluate(parser: Parser) -> None:
    """Add the options of `fervideo evaluate`."""
    _add_dataset(parser)
    parser.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="folder of scores, predictions and pictures (default: none)"
    )
    parser.add_argument(
        "--split",
        choices=("train", "validation", "test", "all"),
        metavar="train|validation|test|all",
        help="the clips to evaluate on (default: test, if the dataset has such a split)",
    )
    options.add_settings(parser)
    options.add_model(parser)
    parser.set_defaults(run=_evaluate)


def _add_dataset(parser: Parser) -> None:
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="the dataset's folder, or a table")
    parser.add_argument(
        "--format", metavar="NAME", help="its layout, such as ravdess, dfew, folder, intervals (default: recognised)"
    )
    parser.add_argument(
        "--on-error",
        choices=("stop", "skip"),
        default="stop",
        metavar="stop|skip",
        help="skip: leave out rows that have problems (default: stop)",
    )


def _add_run(parser: Parser) -> None:
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="RUN", help="folder of the model and its scores"
    )
    parser.add_argument("--init", metavar="default|RUN", help="go on from the package's model, or from another run's")


def _train(args: argparse.Namespace) -> int:
    chosen, skip = options.training_settings_of(args), args.on_error == "skip"

    from fervideo.training import runs, scores

    with problems_shown():
        report = runs.train(
            args.dataset, args.output, chosen, format=args.format, init=args.init, resume=args.resume, skip=skip
        )
    print(scores.describe(report.test))
    print(f"wrote {args.output}; use it with: fervideo timeline VIDEO --model {args.output}")
    return _skipped(report.skipped, args.output / "skipped.csv")


def _cross_validate(args: argparse.Namespace) -> int:
    chosen, skip = options.training_settings_of(args), args.on_error == "skip"

    from fervideo.training import run_files, runs

    with problems_shown():
        report = runs.cross_validate(args.dataset, args.output, chosen, format=args.format, init=args.init, skip=skip)
    print(run_files.describe_folds(report))
    print(f"wrote {args.output}")
    return _skipped(report.skipped, args.output / "fold_*" / "skipped.csv")


def _evaluate(args: argparse.Namespace) -> int:
    chosen, skip = options.training_settings_of(args), args.on_error == "skip"

    from fervideo.training import runs, scores

    with problems_shown():
        report = runs.evaluate_run(
            args.dataset, chosen, format=args.format, split=args.split, output=args.output, skip=skip
        )
    print(scores.describe(report))
    if args.output is not None:
        print(f"wrote {args.output}")
    if report.left_out:
        print(f"left out {counted(report.left_out, 'row')} of other splits, or that the model learnt from")
    return _skipped(report.skipped, None if args.output is None else args.output / "skipped.csv")


def _skipped(n_rows: int, listed: Path | None) -> int:
    """Report how many rows were left out for their problems, and which file lists them; return the exit code."""
    if n_rows:
        where = "-o DIR lists them" if listed is None else f"see {listed}"
        _LOG.warning("left out %s with problems, %s", counted(n_rows, "row"), where)
    return 1 if n_rows else 0


@contextmanager
def problems_shown() -> Iterator[None]:
    """Print every problem of a dataset before the line of the error that counts them."""
    try:
        yield
    except DatasetError as error:
        for problem in error.problems:
            _LOG.warning("%s", problem)
        raise
