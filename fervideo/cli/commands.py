"""The command line: parse, call one function of the library, print.

Exit codes: 0 done, 1 done in part (a damaged clip, or some of many failed), 2 nothing done (bad usage or input).
"""

from __future__ import annotations

import argparse
import gc
import json
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fervideo import __version__
from fervideo.cli import options
from fervideo.errors import DatasetError, FervideoError, OutputError, UsageError

if TYPE_CHECKING:
    from fervideo.settings import Settings


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    # A command is short: looking for garbage while modules load would take a tenth of that time. And its threads should
    # not wait for one another for longer than a frame takes, as they do where one of them imports torch.
    gc.set_threshold(100_000)
    sys.setswitchinterval(5e-4)
    args = _parser().parse_args(argv)
    try:
        code: int = args.run(args)
        return code
    except FervideoError as error:
        if args.debug:
            raise
        print(f"fervideo: {_one_line(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        if args.debug:
            raise
        kept = getattr(args, "interrupted", "finished segments are kept, the same command goes on from there")
        print(f"fervideo: interrupted; {kept}", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fervideo",
        description="Turn video of people into timelines of their apparent facial expressions.",
        epilog="Results show what faces express, not what people feel. Have the consent of the people in the video.",
    )
    parser.add_argument("--version", action="version", version=f"fervideo {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--debug", action="store_true", help="show the traceback of an error")

    timeline = commands.add_parser("timeline", parents=[shared], help="analyse a video", description="Analyse a video.")
    timeline.add_argument("video", type=Path, metavar="VIDEO", help="the video file")
    timeline.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="where results go (default: the current folder)",
    )
    options.add_settings(timeline)
    options.add_model(timeline)
    timeline.set_defaults(run=_timeline)

    demo = commands.add_parser(
        "demo", parents=[shared], help="analyse a sample video", description="Analyse a sample video."
    )
    demo.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("fervideo-demo"),
        metavar="DIR",
        help="where results go (default: %(default)s)",
    )
    options.add_settings(demo)
    demo.set_defaults(run=_demo)

    batch = commands.add_parser(
        "batch", parents=[shared], help="analyse folders of videos", description="Analyse folders of videos."
    )
    options.add_batch(batch)
    batch.set_defaults(run=_batch)

    image = commands.add_parser(
        "image", parents=[shared], help="classify the faces of photographs", description="Classify faces."
    )
    options.add_image(image)
    image.set_defaults(run=_image)

    compare = commands.add_parser(
        "compare", parents=[shared], help="score frame classifiers", description="Score frame classifiers."
    )
    options.add_compare(compare)
    compare.set_defaults(run=_compare)

    _add_cache(
        commands.add_parser(
            "cache", parents=[shared], help="look at, prune or clear the cache", description="Tend the cache."
        )
    )

    _add_training(commands, shared)

    doctor = commands.add_parser(
        "doctor", parents=[shared], help="check the installation", description="Check the installation."
    )
    doctor.set_defaults(run=_doctor)
    return parser


def _add_training(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser
) -> None:
    train = commands.add_parser(
        "train", parents=[shared], help="train on labelled video", description="Train on labelled video."
    )
    folds = commands.add_parser(
        "cross-validate", parents=[shared], help="train and evaluate over folds", description="Run all folds."
    )
    evaluate = commands.add_parser(
        "evaluate", parents=[shared], help="evaluate a trained model", description="Evaluate a model on labelled video."
    )
    for parser in (train, folds, evaluate):
        parser.add_argument("dataset", type=Path, metavar="DATASET", help="the dataset's folder, or a table")
        parser.add_argument(
            "--format",
            metavar="NAME",
            help="its layout, such as ravdess, dfew, folder, intervals (default: recognised)",
        )
        parser.add_argument(
            "--on-error", choices=("stop", "skip"), default="stop", help="skip: leave out rows that have problems"
        )
    for parser in (train, folds):
        parser.add_argument(
            "-o", "--output", type=Path, required=True, metavar="RUN", help="where the model and its scores go"
        )
        parser.add_argument(
            "--init", metavar="default|RUN", help="go on from the package's model, or from another run's"
        )
    train.add_argument("--resume", action="store_true", help="go on with a run that was broken off")
    train.set_defaults(run=_train, interrupted="finished epochs are kept, --resume goes on from there")
    folds.set_defaults(run=_cross_validate)
    evaluate.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="where scores, predictions and pictures go (default: nowhere)"
    )
    evaluate.add_argument(
        "--split", choices=("train", "validation", "test", "all"), help="(default: test, where there is one)"
    )
    evaluate.set_defaults(run=_evaluate)
    for parser in (train, folds, evaluate):
        options.add_settings(parser)
    options.add_model(evaluate)


def _add_cache(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    actions.add_parser("info", help="say where it is and how large").set_defaults(run=_cache_info)
    prune = actions.add_parser("prune", help="remove what was used longest ago")
    prune.add_argument("--max-size", required=True, metavar="SIZE", help="what may stay, such as 50GB or 500MB")
    prune.set_defaults(run=_cache_prune)
    actions.add_parser("clear", help="remove all of it").set_defaults(run=_cache_clear)


def _settings(args: argparse.Namespace) -> Settings:
    """Read the settings of a run from its options."""
    from fervideo import settings

    return settings.load(args.config, options.changes(args))


def _analyze(args: argparse.Namespace, clip: Path) -> int:
    """Analyse a clip, write and show the results."""
    chosen = _settings(args)
    _check_folder(args.output)

    from fervideo.pipeline import analyze
    from fervideo.timeline import describe

    result = analyze(clip, chosen, progress=True)
    paths = result.save(args.output)
    print(describe(result))
    for path in paths.values():
        print(f"wrote {path}")
    if result.damage:
        print(f"fervideo: {clip}: {result.damage}; the results end there", file=sys.stderr)
    return 1 if result.damage else 0


def _timeline(args: argparse.Namespace) -> int:
    return _analyze(args, args.video)


def _demo(args: argparse.Namespace) -> int:
    from fervideo import cache, demo

    clip, origin = demo.sample_clip(cache.root() / "demo")
    print(origin)
    return _analyze(args, clip)


def _batch(args: argparse.Namespace) -> int:
    if args.timeout <= 0:
        raise UsageError(f"--timeout {args.timeout:g}", "is not above 0", "give minutes")
    chosen = _settings(args)

    from fervideo import batch

    names = ("glob", "recursive", "engine", "address", "retry_failed", "fresh", "on_error", "shard")
    how = batch.Options(**{name: getattr(args, name) for name in names}, timeout_min=args.timeout)
    if args.dry_run:
        prospects, seconds = batch.plan(args.folders, args.output, chosen, how)
        print(batch.describe_plan(prospects, seconds))
        return 0
    _check_folder(args.output)
    report = batch.run(args.folders, args.output, chosen, how, progress=True)
    print(batch.describe(report))
    for name, failure in report.failures.items():
        print(f"fervideo: {_one_line(f'{name}: {failure.error}; {failure.remedy}')}", file=sys.stderr)
    return 1 if report.failures else 0


def _image(args: argparse.Namespace) -> int:
    chosen = _settings(args)
    if args.output is not None:
        _check_folder(args.output.parent)

    from fervideo import photos

    found = photos.classify_photos(args.photos, chosen, progress=True)
    for problem in found.problems:
        print(f"fervideo: {_one_line(str(problem))}", file=sys.stderr)
    if not len(found.faces):
        return 2
    print(photos.describe(found.faces))
    if args.output is not None:
        found.save(args.output)
        print(f"wrote {args.output}")
    return 1 if found.problems else 0


def _compare(args: argparse.Namespace) -> int:
    chosen, renamed = _settings(args), {}
    for text in args.map:
        label, equals, expression = text.partition("=")
        if not equals:
            raise UsageError(f"--map {text}", "is not LABEL=EXPRESSION", "write for example --map happy=happiness")
        renamed[label] = expression

    from fervideo.training import compare, scores

    names = [name.strip() for name in args.classifiers.split(",")]
    with _problems_shown():
        comparison = compare.compare(
            args.dataset,
            names,
            chosen,
            split=args.split,
            renamed=renamed,
            only_present=args.only_present,
            progress=True,
        )
    rows = scores.to_json(comparison.classifiers)
    print(json.dumps(rows, indent=1) if args.json else compare.describe(comparison))
    return 0


def _train(args: argparse.Namespace) -> int:
    from fervideo import settings

    chosen = settings.load(args.config, options.changes(args), settings.TrainingSettings)

    from fervideo.training import runs, scores

    skip = args.on_error == "skip"
    with _problems_shown():
        report = runs.train(
            args.dataset, args.output, chosen, format=args.format, init=args.init, resume=args.resume, skip=skip
        )
    print(scores.describe(report.test))
    print(f"wrote {args.output}; use it with: fervideo timeline VIDEO --model {args.output}")
    return _skipped(report.skipped, args.output / "skipped.csv")


def _cross_validate(args: argparse.Namespace) -> int:
    from fervideo import settings

    chosen = settings.load(args.config, options.changes(args), settings.TrainingSettings)

    from fervideo.training import run_files, runs

    with _problems_shown():
        report = runs.cross_validate(
            args.dataset, args.output, chosen, format=args.format, init=args.init, skip=args.on_error == "skip"
        )
    print(run_files.describe_folds(report))
    print(f"wrote {args.output}")
    return _skipped(report.skipped, args.output / "fold_*" / "skipped.csv")


def _evaluate(args: argparse.Namespace) -> int:
    from fervideo import settings

    chosen = settings.load(args.config, options.changes(args), settings.TrainingSettings)

    from fervideo.training import runs, scores

    skip = args.on_error == "skip"
    with _problems_shown():
        report = runs.evaluate_run(
            args.dataset, chosen, format=args.format, split=args.split, output=args.output, skip=skip
        )
    print(scores.describe(report))
    if args.output is not None:
        print(f"wrote {args.output}")
    if report.left_out:
        print(f"{report.left_out} rows of other splits, or that the model learnt from, were left out")
    return _skipped(report.skipped, None if args.output is None else args.output / "skipped.csv")


def _skipped(n_rows: int, listed: Path | None) -> int:
    """Print how many rows were left out for their problems, and where they are listed; return the exit code for that."""
    if n_rows:
        where = "-o DIR lists them" if listed is None else f"see {listed}"
        print(f"fervideo: {n_rows} rows with problems were left out, {where}", file=sys.stderr)
    return 1 if n_rows else 0


@contextmanager
def _problems_shown() -> Iterator[None]:
    """Print every problem of a dataset before the line that says that there are some."""
    try:
        yield
    except DatasetError as error:
        for problem in error.problems:
            print(f"fervideo: {_one_line(problem)}", file=sys.stderr)
        raise


def _cache_info(args: argparse.Namespace) -> int:  # noqa: ARG001
    from fervideo import cache

    n_bytes, n_clips = cache.size()
    print(f"{cache.root()}: {n_clips} clips, {n_bytes / 1e6:.1f} MB")
    return 0


def _cache_prune(args: argparse.Namespace) -> int:
    from fervideo import cache

    n_bytes, n_clips = cache.prune(_bytes(args.max_size))
    print(f"removed {n_clips} clips, {n_bytes / 1e6:.1f} MB")
    return _cache_info(args)


def _cache_clear(args: argparse.Namespace) -> int:
    from fervideo import cache

    cache.clear()
    return _cache_info(args)


def _bytes(text: str) -> int:
    """Read a number of bytes such as 50GB.

    Raises:
        UsageError: It is none.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kMGT]?)B?", text, re.IGNORECASE)
    if not match:
        raise UsageError(f"--max-size {text}", "is no size", "write for example 50GB or 500MB")
    thousands = " kmgt".index(match[2].lower() or " ")
    return int(float(match[1]) * 1000.0**thousands)


def _doctor(args: argparse.Namespace) -> int:  # noqa: ARG001  (every command takes them)
    from fervideo import doctor

    findings, healthy = doctor.report()
    print("\n".join(map(str, findings)))
    return 0 if healthy else 1


def _check_folder(folder: Path) -> None:
    """Make the output folder now rather than fail after the work.

    Raises:
        OutputError: It cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(folder, f"cannot be written ({error.strerror or error})", "choose another with -o") from error


def _one_line(text: str) -> str:
    return " ".join(text.split())
