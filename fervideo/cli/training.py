"""Commands that learn from labelled video: train, evaluate, cross-validate."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fervideo.cli import options
from fervideo.cli.parser import Parser
from fervideo.errors import DatasetError, counted

if TYPE_CHECKING:
    from fervideo.training.prepare import Purpose
    from fervideo.training.preview import Preview

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
        "--dry-run",
        action=_DryRun,
        nargs=0,
        default=False,
        help="only show layout, labels, clips, people and splits, and list problems; needs no -o",
    )
    parser.add_argument(
        "--on-error",
        choices=("stop", "skip"),
        default="stop",
        metavar="stop|skip",
        help="skip: leave out rows that have problems (default: stop)",
    )


class _DryRun(argparse.Action):
    """A flag that makes the output optional."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, *_: Any) -> None:
        """Set the flag."""
        setattr(namespace, self.dest, True)
        for action in parser._actions:
            action.required = action.required and action.dest != "output"


def _add_run(parser: Parser) -> None:
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="RUN", help="folder of the model and its scores"
    )
    parser.add_argument("--init", metavar="default|RUN", help="go on from the package's model, or from another run's")


def _train(args: argparse.Namespace) -> int:
    chosen, skip = options.training_settings_of(args), args.on_error == "skip"
    if args.dry_run:
        return _preview(args, "train", init=args.init)

    from fervideo.training import gain, runs, scores

    with problems_shown():
        report = runs.train(
            args.dataset,
            args.output,
            chosen,
            format=args.format,
            init=args.init,
            resume=args.resume,
            skip=skip,
            show=_show,
        )
    print(scores.describe(report.test))
    if lines := gain.describe(report.gains, report.init):
        print(f"\n{lines}")
    if report.test.groups < scores.FEWEST_PEOPLE:
        print(f"few people were tested: fervideo cross-validate {args.dataset} -o RUN tests every one of them in turn")
    print(f"wrote {args.output}; use it with: fervideo timeline VIDEO --model {args.output}")
    return _skipped(report.skipped, args.output / "skipped.csv")


def _cross_validate(args: argparse.Namespace) -> int:
    chosen, skip = options.training_settings_of(args), args.on_error == "skip"
    if args.dry_run:
        return _preview(args, "folds", init=args.init)

    from fervideo.training import run_files, runs

    with problems_shown():
        report = runs.cross_validate(
            args.dataset, args.output, chosen, format=args.format, init=args.init, skip=skip, show=_show
        )
    print(run_files.describe_folds(report))
    print(f"wrote {args.output}")
    return _skipped(report.skipped, args.output / "fold_*" / "skipped.csv")


def _evaluate(args: argparse.Namespace) -> int:
    chosen, skip = options.training_settings_of(args), args.on_error == "skip"
    if args.dry_run:
        return _preview(args, "evaluate", split=args.split)

    from fervideo.training import runs, scores

    with problems_shown():
        report = runs.evaluate_run(
            args.dataset, chosen, format=args.format, split=args.split, output=args.output, skip=skip, show=_show
        )
    print(scores.describe(report))
    if args.output is not None:
        print(f"wrote {args.output}")
    if report.left_out:
        print(f"left out {counted(report.left_out, 'row')} of other splits, or that the model learnt from")
    return _skipped(report.skipped, None if args.output is None else args.output / "skipped.csv")


def _show(preview: Preview) -> None:
    """Print a dataset before its videos are opened, which may take long."""
    print(preview.describe(), flush=True)


def _preview(args: argparse.Namespace, purpose: Purpose, **chosen: str | None) -> int:
    """Print a dataset as a run would use it, and its problems; return the exit code that the run would have."""
    settings = options.training_settings_of(args)

    from fervideo.training import runs

    with problems_shown():
        preview = runs.preview(args.dataset, settings, purpose, format=args.format, **chosen)
    _show(preview)
    for problem in preview.problems:
        _LOG.warning("%s", problem)
    if preview.unfit or (preview.problems and args.on_error == "stop"):
        return 2
    return 1 if preview.problems else 0


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
