"""Commands on a folder of results: gather, agree, epochs, synchrony."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fervideo.cli import options
from fervideo.cli.parser import Parser
from fervideo.errors import UsageError, counted

if TYPE_CHECKING:
    from fervideo.study import Face

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
    _add_clock(parser)
    parser.epilog = "Example: fervideo gather results --design design.csv --face largest -o study.csv"
    parser.set_defaults(run=_gather, interrupted="nothing was written")


def add_agree(parser: Parser) -> None:
    """Add the options of `fervideo agree`."""
    parser.add_argument("results", type=Path, metavar="RESULTS", help=_RESULTS)
    parser.add_argument("hand", type=Path, metavar="HAND", help="labels of a coder, in any layout that train reads")
    parser.add_argument(
        "--coder",
        type=Path,
        action="append",
        default=[],
        metavar="HAND2",
        help="labels of one more coder; may be repeated",
    )
    parser.add_argument("--format", metavar="NAME", help="layout of the labels (default: recognised)")
    parser.add_argument(
        "--on-error",
        choices=("stop", "skip"),
        default="stop",
        metavar="stop|skip",
        help="skip: leave out labels that have problems (default: stop)",
    )
    parser.add_argument("--bin", type=float, default=0.5, metavar="SECONDS", help="width of a bin (default: 0.5)")
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="A=B",
        help="take label A for B, in labels and results alike; may be repeated",
    )
    parser.add_argument("--rest", default="", metavar="LABEL", help="label of the time that a coder leaves without one")
    parser.add_argument(
        "--overlap", type=float, default=0.25, metavar="SHARE", help="overlap of events that match (default: 0.25)"
    )
    _add_selection(parser, "longest")
    _add_quality(parser)
    _add_clock(parser)
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="folder of the tables (default: none)")
    parser.epilog = "Example: fervideo agree results coded.csv --map joy=happiness -o agreement"
    parser.set_defaults(run=_agree)


def add_epochs(parser: Parser) -> None:
    """Add the options of `fervideo epochs`."""
    parser.add_argument("results", type=Path, metavar="RESULTS", help=_RESULTS)
    parser.add_argument(
        "--events",
        type=Path,
        required=True,
        metavar="FILE",
        help="CSV with a row per event: onset_s, perhaps clip or participant, and condition, trial and so on",
    )
    parser.add_argument(
        "--window", default="-1:5", metavar="A:B", help="start and end of the window, from the event (default: -1:5)"
    )
    parser.add_argument(
        "--baseline", default="-1:0", metavar="A:B|none", help="stretch whose mean is subtracted (default: -1:0)"
    )
    parser.add_argument("--hz", type=float, default=10.0, metavar="N", help="bins per second (default: 10)")
    parser.add_argument("--by", default="", metavar="COLUMN", help="column by which curves are drawn apart")
    parser.add_argument(
        "--columns",
        metavar="A,B",
        help="columns of values, p for all probabilities (default: smile,p_happiness,valence)",
    )
    parser.add_argument(
        "--above", type=float, metavar="VALUE", help="value above which time counts (default: half of the peak)"
    )
    _add_selection(parser, "longest")
    _add_quality(parser)
    parser.add_argument(
        "--min-good",
        type=float,
        default=0.5,
        metavar="SHARE",
        help="least share of good frames in the window, and in the baseline (default: 0.5)",
    )
    _add_clock(parser)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder of the tables")
    parser.epilog = "Example: fervideo epochs results --events stimuli.csv --by condition -o epochs"
    parser.set_defaults(run=_epochs, interrupted="nothing was written")


def add_synchrony(parser: Parser) -> None:
    """Add the options of `fervideo synchrony`."""
    parser.add_argument(
        "results",
        type=Path,
        nargs="+",
        metavar="TIMELINE",
        help="the .timeline.csv of one clip with two faces, or of two",
    )
    parser.add_argument("--faces", metavar="A,B", help="the two faces, by number, rule or name (default: left,right)")
    parser.add_argument("--columns", default="smile,p_happiness", metavar="A,B", help="columns (default: %(default)s)")
    for name, default, about in (
        ("window", 5.0, "length of a window in seconds"),
        ("lag", 2.0, "largest lag in seconds, either way"),
        ("step", 1.0, "seconds from window to window"),
        ("hz", 10.0, "bins per second"),
    ):
        parser.add_argument(
            f"--{name}", type=float, default=default, metavar="N", help=f"{about} (default: {default:g})"
        )
    parser.add_argument("--surrogates", type=int, default=500, metavar="N", help="shuffled courses (default: 500)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the shuffling (default: 0)")
    _add_quality(parser)
    parser.add_argument(
        "--min-good", type=float, default=0.8, metavar="SHARE", help="least share of a window with both faces (0.8)"
    )
    _add_clock(parser)
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="folder of the tables (default: none)")
    parser.epilog = "Example: fervideo synchrony results/talk.timeline.csv --faces left,right -o synchrony"
    parser.set_defaults(run=_synchrony, interrupted="nothing was written")


def _add_clock(parser: Parser) -> None:
    parser.add_argument(
        "--clock",
        type=Path,
        metavar="FILE",
        help="CSV video_s,clock, perhaps clip: two or more pairs; adds the time of that clock to the tables",
    )


def _add_quality(parser: Parser) -> None:
    parser.add_argument(
        "--min-quality", type=float, default=0.0, metavar="Q", help="least quality of a frame that counts (default: 0)"
    )


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
        clock=args.clock,
    )
    done = study.gather(args.results, args.output, chosen)
    print(f"{counted(done.clips, 'clip')}, {counted(done.rows, 'row')}")
    print(f"wrote {done.path}")
    return 1 if done.missing else 0


def _agree(args: argparse.Namespace) -> int:
    for option, value in (("min-coverage", args.min_coverage), ("overlap", args.overlap)):
        _check_share(f"--{option}", value)
    renamed = dict(_renaming(text) for text in args.map)

    from fervideo import study
    from fervideo.cli.training import problems_shown
    from fervideo.study import agree_files
    from fervideo.training.hand_labels import read_labels

    how = study.Comparison(
        bin_s=args.bin,
        renamed=renamed,
        rest=args.rest,
        face=args.face,
        design=args.design,
        min_coverage=args.min_coverage,
        min_quality=args.min_quality,
        overlap=args.overlap,
        clock=args.clock,
    )
    with problems_shown():
        coders = [read_labels(path, args.format, args.on_error == "skip") for path in (args.hand, *args.coder)]
        found = study.agree(args.results, coders, how)
    print(agree_files.describe(found))
    if args.output:
        from fervideo.report import canvas, groups

        for path in agree_files.save(found, args.output):
            print(f"wrote {path}")
        # The confusion is that of the results and the first coder, and so is the first pair.
        figure = groups.confusion(found.confusion, title=agree_files.kappa(found.pairs.to_dict("records")[0]))
        print(f"wrote {canvas.save(figure, args.output / 'confusion.png')}")
    return 0


def _epochs(args: argparse.Namespace) -> int:
    for option, value in (("min-coverage", args.min_coverage), ("min-good", args.min_good)):
        _check_share(f"--{option}", value)
    window_s = _span("--window", args.window)
    baseline_s = None if args.baseline == "none" else _span("--baseline", args.baseline)

    from fervideo import study
    from fervideo.outputs import write_csv
    from fervideo.report import canvas, groups

    how = study.Epoching(
        columns=_words(args.columns) or (),
        window_s=window_s,
        baseline_s=baseline_s,
        hz=args.hz,
        by=args.by,
        above=args.above,
        face=args.face,
        design=args.design,
        min_coverage=args.min_coverage,
        min_quality=args.min_quality,
        min_good=args.min_good,
        clock=args.clock,
    )
    options.check_folder(args.output)
    found = study.epochs(args.results, args.events, how)
    print(f"{counted(found.n_trials, 'trial')}, {found.n_dropped} of them dropped for too few good frames")
    for name, table in (("epochs", found.table), ("trials", found.trials), ("curves", found.curves)):
        write_csv(table, args.output / f"{name}.csv")
        print(f"wrote {args.output / f'{name}.csv'}")
    if found.curves["measure"].nunique() > groups.MOST_MEASURES:
        print(f"no picture of more than {groups.MOST_MEASURES} measures: draw some with fervideo plot --columns")
    else:
        print(f"wrote {canvas.save(groups.over_people(found.curves), args.output / 'curves.png')}")
    return 0


def _synchrony(args: argparse.Namespace) -> int:
    _check_share("--min-good", args.min_good)
    if args.surrogates < 0 or args.seed < 0:
        raise UsageError("--surrogates and --seed", "are below 0", "give 0 or more")

    from fervideo import study
    from fervideo.outputs import write_csv

    how = study.Windows(
        columns=_words(args.columns) or (),
        window_s=args.window,
        lag_s=args.lag,
        step_s=args.step,
        hz=args.hz,
        surrogates=args.surrogates,
        seed=args.seed,
        min_quality=args.min_quality,
        min_good=args.min_good,
        clock=args.clock,
    )
    one, other = _two_faces(args.results, _words(args.faces))
    found = study.synchrony(one, other, how)
    for row in found.summary.to_dict("records"):
        size = f"effect size {row['effect_size_abs_z']:.2f} (of the amount of z; {row['surrogates']} surrogates)"
        print(f"{row['measure']}: peak r {row['peak_r']:.3f}, median lag {row['lag_s']:g} s, {size}")
    for name, table in (("synchrony", found.summary), ("windows", found.windows)) if args.output else ():
        write_csv(table, args.output / f"{name}.csv")
        print(f"wrote {args.output / f'{name}.csv'}")
    return 0


def _two_faces(paths: Sequence[Path], rules: Sequence[str] | None) -> list[Face]:
    """Return the two faces: of one clip, or one of each of two clips.

    Raises:
        UsageError: There are not one or two clips, or not two faces.
    """
    from fervideo import outputs
    from fervideo.study import Face

    if len(paths) > 2:
        raise UsageError(paths[2], "is a third clip", "give one clip with two faces, or two clips")
    default = ["left", "right"] if len(paths) == 1 else ["longest", "longest"]
    rules = rules or default
    if len(rules) != 2:
        raise UsageError(f"--faces {','.join(rules)}", "are not two faces", "write for example --faces 0,1")
    found = [outputs.find([path]) for path in paths]
    if several := next((path for path, own in zip(paths, found, strict=True) if len(own) > 1), None):
        raise UsageError(several, "has the results of several clips", "give the .timeline.csv of one")
    clips = [own[0] for own in found]
    names = [clip.stem for clip in clips] if len(clips) == 2 else [f"face {rule}" for rule in rules]
    names = names if names[0] != names[1] else [f"{path} {rule}" for path, rule in zip(paths, rules, strict=True)]
    tables = [clip.table("frames") for clip in clips] * (3 - len(clips))
    return [Face(name=name, path=path, rule=rule) for name, path, rule in zip(names, tables, rules, strict=True)]


def _span(option: str, text: str) -> tuple[float, float]:
    """Read a stretch of time, `-1:5`.

    Raises:
        UsageError: It has another form.
    """
    begin, _, end = text.partition(":")
    try:
        return float(begin), float(end)
    except ValueError:
        raise UsageError(f"{option} {text}", "is not of the form A:B", "give seconds, such as -1:5") from None


def _renaming(text: str) -> tuple[str, str]:
    """Read `a=b`.

    Raises:
        UsageError: It has another form.
    """
    old, equals, new = (part.strip() for part in text.partition("="))
    if not (old and equals and new):
        raise UsageError(f"--map {text}", "is not of the form A=B", "write for example --map joy=happiness")
    return old, new


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
