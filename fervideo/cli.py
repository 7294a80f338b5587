"""The command line: parse, call one function of the library, print.

Exit codes: 0 done, 1 done in part (a damaged clip), 2 nothing done (bad usage or input).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from fervideo import __version__
from fervideo.errors import FervideoError, OutputError


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
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
        print("fervideo: interrupted; finished segments are kept, the same command goes on from there", file=sys.stderr)
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
    timeline.add_argument("-o", "--output", type=Path, default=Path(), metavar="DIR", help="where results go (default: the current folder)")
    _add_settings(timeline)
    timeline.set_defaults(run=_timeline)

    demo = commands.add_parser("demo", parents=[shared], help="analyse a sample video", description="Analyse a sample video.")
    demo.add_argument(
        "-o", "--output", type=Path, default=Path("fervideo-demo"), metavar="DIR", help="where results go (default: %(default)s)"
    )
    _add_settings(demo)
    demo.set_defaults(run=_demo)

    doctor = commands.add_parser("doctor", parents=[shared], help="check the installation", description="Check the installation.")
    doctor.set_defaults(run=_doctor)
    return parser


def _add_settings(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("settings", "each also a key in a TOML file; configs/default.toml explains them all")
    group.add_argument("--faces", metavar="N|auto", help="faces per frame to look for (default: auto, up to 4)")
    group.add_argument("--sample-fps", metavar="F", help="frames per second to look at (default: every frame)")
    group.add_argument("--smooth", metavar="SECONDS", help="extra Gaussian smoothing, standard deviation (default: 0)")
    group.add_argument("--device", metavar="auto|cpu|cuda", help="where the networks run (default: auto)")
    group.add_argument("--workers", metavar="N", help="processes (default: 0, as many as pay off, up to one per core)")
    group.add_argument("--no-cache", action="store_true", help="neither use nor keep extracted features")
    group.add_argument("--config", type=Path, metavar="FILE", help="a TOML file with settings")
    group.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="any setting; may be repeated")


#: Options that are short for a setting.
_OPTIONS = {
    "faces": "faces.max_faces",
    "sample_fps": "video.sample_fps",
    "smooth": "sequence.smooth_s",
    "device": "run.device",
    "workers": "run.workers",
}


def _analyze(args: argparse.Namespace, clip: Path) -> int:
    """Analyse a clip, write and show the results."""
    from fervideo import settings

    changes = [(f"--set {change}", change) for change in args.set]
    for option, key in _OPTIONS.items():
        if (text := getattr(args, option)) is not None:
            changes.append((f"--{option.replace('_', '-')} {text}", f"{key}={text}"))
    if args.no_cache:
        changes.append(("--no-cache", "run.cache=false"))
    chosen = settings.load(args.config, changes)
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
