"""Commands on photographs: image, compare."""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path

from fervideo.cli import options
from fervideo.cli.parser import Parser
from fervideo.cli.training import problems_shown
from fervideo.errors import UsageError

_LOG = logging.getLogger("fervideo")


def add_image(parser: Parser) -> None:
    """Add the options of `fervideo image`."""
    parser.add_argument("photos", type=Path, nargs="+", metavar="PHOTO", help="a photograph, or a folder of them")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="a CSV file for the faces (default: none)")
    options.add_settings(parser, video=False)
    parser.epilog = "Example: fervideo image portrait.jpg holiday-photos -o faces.csv"
    parser.set_defaults(run=_image)


def add_compare(parser: Parser) -> None:
    """Add the options of `fervideo compare`."""
    parser.add_argument(
        "dataset",
        type=Path,
        metavar="DATASET",
        help="an .npz with images, split, and votes or label and label_names; or ROOT of ROOT/<label>/*.png",
    )
    parser.add_argument(
        "--classifiers",
        default="cnn,transfer,svm,mlp",
        metavar="NAMES",
        help="names, or paths of .safetensors (default: %(default)s)",
    )
    parser.add_argument(
        "--split", choices=("train", "validation", "test"), help="a split of an .npz (default: the last)"
    )
    parser.add_argument(
        "--only-present", action="store_true", help="let classifiers predict only the labels that DATASET contains"
    )
    parser.add_argument(
        "--map",
        nargs="+",
        action="extend",
        default=[],
        metavar="LABEL=EXPRESSION",
        help="the expression that a label stands for; none leaves its images out",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, an object for each classifier")
    options.add_settings(parser, video=False, faces=False)
    parser.set_defaults(run=_compare)


def _image(args: argparse.Namespace) -> int:
    chosen = options.settings_of(args)
    if args.output is not None:
        options.check_folder(args.output.parent)

    from fervideo import photos

    found = photos.classify_photos(args.photos, chosen, progress=True)
    for problem in found.problems:
        _LOG.warning("%s", problem)
    if not len(found.faces):
        return 2
    print(photos.describe(found.faces))
    if args.output is not None:
        found.save(args.output)
        print(f"wrote {args.output}")
    return 1 if found.problems else 0


def _compare(args: argparse.Namespace) -> int:
    chosen, renamed = options.settings_of(args), {}
    for text in args.map:
        label, equals, expression = text.partition("=")
        if not equals:
            raise UsageError(f"--map {text}", "is not LABEL=EXPRESSION", "write for example --map happy=happiness")
        renamed[label] = expression

    from fervideo.training import compare, scores

    names = [name.strip() for name in args.classifiers.split(",")]
    with problems_shown():
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
