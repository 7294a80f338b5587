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
from fervideo.pictures import Picture
from fervideo.records import Int64, UInt8, VideoInfo
from fervideo.settings import VideoSettings
from fervideo.video.display import check_size
from fervideo.video.files import VIDEO_SUFFIXES, missing, state
from fervideo.video.record import Video

#: Most pixels of a photograph, unless the settings allow others.
MOST_PIXELS = VideoSettings().max_pixels
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")


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


def read_image(path: Path, most_pixels: int = MOST_PIXELS) -> UInt8:
    """Read an image, upright as its EXIF orientation has it.

    Args:
        path: The image.
        most_pixels: Most pixels that it may have.

    Returns:
        uint8 (height, width, 3), RGB.

    Raises:
        VideoError: It cannot be read, or it is too large.
    """
    # Video files need none of it.
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with _quietly(), Image.open(path) as image:
            check_size(path, *image.size, most_pixels)
            upright = ImageOps.exif_transpose(image)
            if upright.mode.startswith("I"):
                # 16 bits of grey, which Pillow would cut off at 255.
                grey = np.asarray(upright)
                upright = Image.fromarray((grey >> 8 if grey.max() > 255 else grey).astype(np.uint8))
            return np.asarray(upright.convert("RGB"))
    except FileNotFoundError:
        raise missing(path) from None
    except (OSError, ValueError, SyntaxError) as error:
        reason = "is no picture that can be decoded" if isinstance(error, UnidentifiedImageError) else str(error)
        is_video = path.suffix.lower() in VIDEO_SUFFIXES
        remedy = "use `fervideo timeline` for a video" if is_video else "export it again, as JPEG or PNG"
        raise VideoError(path, f"cannot be read as an image ({reason})", remedy) from error


def check_moving(path: Path) -> None:
    """Check that a file named like an image is an animation that FFmpeg reads, or no image at all.

    Raises:
        VideoError: It is a photograph, or an animated WebP.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with _quietly(), Image.open(path) as image:
            kind, moving = image.format, getattr(image, "is_animated", False)
    except UnidentifiedImageError:
        return  # perhaps a video by another name
    except (OSError, ValueError, SyntaxError):
        kind, moving = "", False
    if moving and kind == "WEBP":
        remedy = "convert it to GIF or MP4, or save its pictures in a folder"
        raise VideoError(path, "is an animated WebP, which FFmpeg cannot decode", remedy)
    if not moving or kind == "TIFF":
        raise VideoError(path, "is a photograph, not a video", "use fervideo image, or give a folder of images")


@contextmanager
def _quietly() -> Iterator[None]:
    """Ignore Pillow's warnings of broken EXIF data, and its limit of pixels: that of the settings counts."""
    from PIL import Image

    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def probe_images(folder: Path, settings: VideoSettings) -> Video:
    """Read the facts of a folder of images.

    Args:
        folder: The folder.
        settings: `image_fps` counts, images per second by their numbers, and `max_pixels`.

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
    at, fps = state(folder), settings.image_fps
    fingerprint = _fingerprint(files, fps)
    height, width = read_image(files[0], settings.max_pixels).shape[:2]
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
        pixel_aspect=1.0,
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
        max_pixels=settings.max_pixels,
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


def image_pictures(video: Video, frame: Int64) -> Iterator[Picture | str]:
    """Decode images, in order; each has its own size.

    Args:
        video: The opened folder.
        frame: int64 (n,), rising frame indices.

    Yields:
        The picture, upright; or the reason why the image cannot be decoded.
    """
    files = image_files(video.info.path)
    for index in frame.tolist():
        try:
            yield Picture.of(read_image(files[index], video.max_pixels))
        except VideoError as error:
            yield f"{files[index].name} {error.reason}"
