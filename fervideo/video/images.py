"""Folders of images as videos: each image is a frame, and a number missing between two is a frame that was not kept.

Images are named by numbers (`00001.jpg`, `S005_001_00000011.png`), or else taken in the order of their names. Every
frame stands alone, so decoding may start anywhere. Segments, cache and results follow the same rules as for files.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from fervideo.errors import VideoError
from fervideo.records import Int64, UInt8, VideoInfo
from fervideo.video.files import VIDEO_SUFFIXES, missing, state
from fervideo.video.record import Video

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
#: OpenCV warps no picture that is longer.
_LONGEST_PX = 32_766


def image_files(folder: Path) -> list[Path]:
    """Return the images of a folder in the order of their numbers, or of their names if two numbers are the same."""
    paths = sorted(
        path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")
    )
    return [paths[i] for i in np.argsort(_numbers(paths), kind="stable")]


def image_numbers(folder: Path) -> Int64:
    """Return the number in each image's name, int64 (n,), in the order of the frames; from 0 if names have none."""
    return _numbers(image_files(folder))


def _numbers(paths: list[Path]) -> Int64:
    ends = [re.search(r"(\d{1,15})\D*$", path.stem) for path in paths]
    numbers = [int(end[1]) for end in ends if end]
    apart = len(set(numbers)) == len(paths)
    return np.array(numbers if apart else range(len(paths)), np.int64)


def read_image(path: Path) -> UInt8:
    """Read an image, upright as its EXIF orientation has it.

    Returns:
        uint8 (height, width, 3), RGB.

    Raises:
        VideoError: It cannot be read.
    """
    # Video files need none of it.
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with _quietly(UserWarning, Image.DecompressionBombWarning), Image.open(path) as image:
            if max(image.size) > _LONGEST_PX:
                size = " x ".join(map(str, image.size))
                raise VideoError(path, f"is {size} pixels, more than {_LONGEST_PX} on a side", "scale it down")
            upright = ImageOps.exif_transpose(image)
            if upright.mode.startswith("I"):
                # 16 bits of grey, which Pillow would cut off at 255.
                grey = np.asarray(upright)
                upright = Image.fromarray((grey >> 8 if grey.max() > 255 else grey).astype(np.uint8))
            return np.asarray(upright.convert("RGB"))
    except FileNotFoundError:
        raise missing(path) from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        reason = "is no picture that can be decoded" if isinstance(error, UnidentifiedImageError) else str(error)
        is_video = path.suffix.lower() in VIDEO_SUFFIXES
        remedy = "use `fervideo timeline` for a video" if is_video else "export it again, as JPEG or PNG"
        raise VideoError(path, f"cannot be read as an image ({reason})", remedy) from error


@contextmanager
def _quietly(*kinds: type[Warning]) -> Iterator[None]:
    """Ignore Pillow's warnings about a picture that can be shown all the same: broken EXIF data, a large size."""
    with warnings.catch_warnings():
        for kind in kinds:
            warnings.simplefilter("ignore", kind)
        yield


def probe_images(folder: Path, fps: float) -> Video:
    """Read the facts of a folder of images.

    Args:
        folder: The folder.
        fps: Images per second, by their numbers.

    Raises:
        VideoError: It contains no images, or not even the first can be decoded.
    """
    files = image_files(folder)
    if not files:
        raise VideoError(
            folder,
            f"is a folder without images ({', '.join(IMAGE_SUFFIXES)})",
            "give a video file or a folder of images, or use `fervideo batch FOLDER` for a folder of videos",
        )
    at = state(folder)
    fingerprint = _fingerprint(files, fps)
    height, width = read_image(files[0]).shape[:2]
    numbers = _numbers(files)
    pts = numbers - numbers[0]
    n = len(files)
    info = VideoInfo(
        path=folder,
        fingerprint=fingerprint,
        codec="images",
        decoder="images",
        width_px=width,
        height_px=height,
        n_frames=n,
        header_frames=0,
        duration_s=float(pts[-1] + 1) / fps,
        mean_fps=fps * max(n - 1, 1) / max(int(pts[-1]), 1),
        variable_rate=int(pts[-1]) != n - 1,
        rotation_deg=0,
        start_s=0.0,
        media_start_s=0.0,
        holes="",
        ends_early="",
    )
    every = np.arange(n)
    return Video(
        info=info,
        time_s=pts / fps,
        pts=pts,
        packet=every,
        sound=np.ones(n, np.bool_),
        entry=every,
        entry_packet=every,
        entry_position=every,
        keys=every,
        turn=(False, 1, 1),
        notes=(),
        state=at,
    )


def _fingerprint(files: list[Path], fps: float) -> str:
    """Return the SHA-256 of the rate, and of each image's name and bytes."""
    digest = hashlib.sha256(repr(fps).encode())
    for path in files:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise VideoError(path, f"cannot be opened ({error.strerror})", "check its permissions") from error
        digest.update(f"\0{path.name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def image_pictures(video: Video, frame: Int64) -> Iterator[UInt8 | str]:
    """Decode images, in order; one of another size is scaled to that of the first.

    Args:
        video: The opened folder.
        frame: int64 (n,), rising frame indices.

    Yields:
        uint8 (height, width, 3), RGB, upright; or the reason why the image cannot be decoded.
    """
    from PIL import Image

    files = image_files(video.info.path)
    size = video.info.width_px, video.info.height_px
    for index in frame.tolist():
        try:
            picture = read_image(files[index])
        except VideoError as error:
            yield f"{files[index].name} {error.reason}"
            continue
        same = picture.shape[1::-1] == size
        yield picture if same else np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR))
