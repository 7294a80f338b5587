"""Options that several commands take, and the settings that they are short for."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from fervideo.errors import OutputError

if TYPE_CHECKING:
    from fervideo.settings import Settings, TrainingSettings

#: Options whose values are texts.
_TEXTS = ("model", "from_", "to", "region", "names", "baseline")


def add_output(parser: argparse.ArgumentParser, default: Path, about: str = "%(default)s") -> None:
    """Add `-o DIR`, the folder of the results, and `--overwrite`."""
    parser.add_argument(
        "-o", "--output", type=Path, default=default, metavar="DIR", help=f"folder of the results (default: {about})"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the results of another video, too")


def add_report(parser: argparse.ArgumentParser, page: str) -> None:
    """Add `--report`."""
    parser.add_argument("--report", action="store_true", help=f"make {page}, too (see `fervideo docs report`)")


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add `--model RUN`."""
    parser.add_argument(
        "--model",
        metavar="RUN",
        help="a model of your own: a folder that `fervideo train` wrote (default: the package's)",
    )


def add_settings(parser: argparse.ArgumentParser, *, video: bool = True, faces: bool = True) -> None:
    """Add the options that are settings.

    Args:
        parser: The command's.
        video: Whether the command reads video.
        faces: Whether one classifier and a number of faces may be chosen.
    """
    group = parser.add_argument_group(
        "settings", "each also a key in a TOML file; `fervideo settings` lists all, with their ranges and effects"
    )
    if faces:
        group.add_argument(
            "--classifier", metavar="cnn|transfer|svm|mlp", help="classifier of single frames (default: cnn)"
        )
        most = 4 if video else 16
        group.add_argument(
            "--faces", metavar="N|auto", help=f"faces per picture to look for (default: auto, up to {most})"
        )
        turned = "auto, by 180 where faces stand on their heads" if video else "0"
        group.add_argument("--rotate", metavar="90|180|270", help=f"turn pictures clockwise (default: {turned})")
    if video:
        group.add_argument("--sample-fps", metavar="F", help="frames per second to look at (default: every frame)")
        group.add_argument(
            "--smooth", metavar="SECONDS", help="extra Gaussian smoothing, standard deviation (default: 0)"
        )
        group.add_argument(
            "--cache",
            action=argparse.BooleanOptionalAction,
            help="keep extracted features and use those that are kept (default: yes)",
        )
    group.add_argument("--device", metavar="auto|cpu|cuda", help="processor of the networks (default: auto)")
    group.add_argument(
        "--workers", metavar="N", help="worker processes (default: 0, one per core, fewer for little work)"
    )
    group.add_argument(
        "--config", metavar="FILE", help="a TOML file with settings, or a shipped one: fast, accurate, default, train"
    )
    group.add_argument(
        "--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="any setting; may be repeated"
    )


def add_part(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose a part of a video, name its faces, and compare them with themselves at rest."""
    group = parser.add_argument_group(
        "part of a video, and its people", "settings, too; times and boxes stay those of the whole video"
    )
    group.add_argument("--from", dest="from_", metavar="TIME", help="where to begin: seconds or hh:mm:ss")
    group.add_argument("--to", metavar="TIME", help="where to end")
    group.add_argument(
        "--region",
        metavar="X,Y,W,H",
        help="the part of the picture to look at, in pixels or with %%: 50%%,0,50%%,100%%",
    )
    group.add_argument(
        "--names",
        metavar="POSITION=NAME,...",
        help="names of faces by position: left=therapist,right=client; also longest, largest, or a number",
    )
    group.add_argument(
        "--baseline",
        metavar="S:S|median|calmest|FILE|none",
        help="add columns relative to the face at rest: in a stretch such as 0:10 (seconds), over all frames, "
        "in the calmest, or as baseline.csv of another clip has it (default: none)",
    )


def settings_of(args: argparse.Namespace) -> Settings:
    """Return the settings of an analysis from its options.

    Raises:
        UsageError: One is not possible.
    """
    from fervideo import settings

    return settings.load(args.config, changes(args))


def training_settings_of(args: argparse.Namespace) -> TrainingSettings:
    """Return the settings of a training from its options.

    Raises:
        UsageError: One is not possible.
    """
    from fervideo import settings

    return settings.load(args.config, changes(args), settings.TrainingSettings)


def changes(args: argparse.Namespace) -> list[tuple[str, str]]:
    """Return the settings that options change, as `settings.load` takes them."""
    from fervideo.settings import OPTIONS, option

    found = [(f"--set {change}", change) for change in args.set]
    for name, key in OPTIONS.items():
        value = getattr(args, name, None)
        if isinstance(value, bool):
            found.append((option(name) if value else f"--no-{name}", f"{key}={json.dumps(value)}"))
        elif value is not None:
            # A path is a text, even if it looks like a number.
            found.append((f"{option(name)} {value}", f"{key}={json.dumps(value) if name in _TEXTS else value}"))
    return found


def check_folder(folder: Path) -> None:
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
