"""What options the commands take, and which settings these are short for."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

#: Options that are short for a setting.
_OPTIONS = {
    "classifier": "classifier.name",
    "faces": "faces.max_faces",
    "sample_fps": "video.sample_fps",
    "smooth": "sequence.smooth_s",
    "device": "run.device",
    "workers": "run.workers",
    "model": "sequence.model",
}


def add_batch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER", help="where the videos are")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("fervideo-results"),
        metavar="DIR",
        help="where results go (default: %(default)s)",
    )
    parser.add_argument(
        "--glob",
        metavar="PATTERN",
        help="what file names must match, such as '*.mp4' (default: the suffixes of videos)",
    )
    parser.add_argument(
        "--recursive",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="look into folders below (default: yes)",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="only list what would be done, and estimate how long it takes"
    )
    parser.add_argument("--retry-failed", action="store_true", help="try clips again that failed before")
    parser.add_argument("--fresh", action="store_true", help="do everything anew, whatever is done or cached")
    parser.add_argument(
        "--timeout", type=float, default=30.0, metavar="MINUTES", help="longest time for a piece of work (default: 30)"
    )
    parser.add_argument(
        "--on-error", choices=("continue", "stop"), default="continue", help="what to do when a clip fails"
    )
    parser.add_argument("--shard", metavar="I/N", help="take the I-th of N shares of the clips")
    parser.add_argument("--engine", default="local", metavar="local|ray", help="where to work (default: local)")
    parser.add_argument("--address", default="auto", metavar="ADDRESS", help="of the Ray cluster (default: auto)")
    add_settings(parser)


def add_image(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("photos", type=Path, nargs="+", metavar="PHOTO", help="photographs, or folders of them")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="a CSV file for the faces (default: none)")
    add_settings(parser, video=False)


def add_compare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "dataset", type=Path, metavar="DATASET", help="an .npz with images, votes, split, or ROOT of ROOT/<label>/*.png"
    )
    parser.add_argument(
        "--classifiers",
        default="cnn,transfer,svm,mlp",
        metavar="NAMES",
        help="names, or paths of .safetensors (default: %(default)s)",
    )
    parser.add_argument("--split", choices=("train", "validation", "test"), help="of an .npz (default: test)")
    parser.add_argument("--only-present", action="store_true", help="let them answer only what DATASET holds")
    parser.add_argument(
        "--map",
        nargs="+",
        action="extend",
        default=[],
        metavar="LABEL=EXPRESSION",
        help="what a folder's name means; none leaves it out",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, an object for each classifier")
    add_settings(parser, video=False, faces=False)


def add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", metavar="RUN", help="a model of your own: what `fervideo train` wrote (default: the package's)"
    )


def add_settings(parser: argparse.ArgumentParser, *, video: bool = True, faces: bool = True) -> None:
    group = parser.add_argument_group(
        "settings", "each also a key in a TOML file; configs/default.toml explains them all"
    )
    if faces:
        group.add_argument(
            "--classifier", metavar="cnn|transfer|svm|mlp", help="what tells a face's expression (default: cnn)"
        )
        group.add_argument(
            "--faces",
            metavar="N|auto",
            help=f"faces per picture to look for (default: auto, up to {4 if video else 16})",
        )
    if video:
        group.add_argument("--sample-fps", metavar="F", help="frames per second to look at (default: every frame)")
        group.add_argument(
            "--smooth", metavar="SECONDS", help="extra Gaussian smoothing, standard deviation (default: 0)"
        )
        group.add_argument("--no-cache", action="store_true", help="neither use nor keep extracted features")
    group.add_argument("--device", metavar="auto|cpu|cuda", help="where the networks run (default: auto)")
    group.add_argument("--workers", metavar="N", help="processes (default: 0, as many as pay off, up to one per core)")
    group.add_argument("--config", type=Path, metavar="FILE", help="a TOML file with settings")
    group.add_argument(
        "--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="any setting; may be repeated"
    )


def changes(args: argparse.Namespace) -> list[tuple[str, str]]:
    """Return the settings that options change, as `settings.load` takes them."""
    found = [(f"--set {change}", change) for change in args.set]
    for option, key in _OPTIONS.items():
        if (text := getattr(args, option, None)) is not None:
            # A path is a text, whatever it looks like.
            found.append(
                (f"--{option.replace('_', '-')} {text}", f"{key}={json.dumps(text) if option == 'model' else text}")
            )
    if getattr(args, "no_cache", False):
        found.append(("--no-cache", "run.cache=false"))
    return found
