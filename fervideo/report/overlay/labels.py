"""Text on frames of video: each text is drawn once, as a mask, and laid on frames from then on."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fervideo.records import UInt8

#: RGB of a colour.
Colour = tuple[int, int, int]
_FONT = Path("fonts", "ttf", "DejaVuSans.ttf")


def colour_of(text: str) -> Colour:
    """Return the RGB of `#rrggbb`."""
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


@lru_cache(maxsize=8)
def _font(size_px: int) -> ImageFont.FreeTypeFont:
    # matplotlib's own font: the same text on every machine, with letters of most languages.
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / _FONT), size_px)


@lru_cache(maxsize=2048)
def _mask(text: str, size_px: int) -> UInt8:
    """Draw a text: uint8 (height, width), 255 in its strokes."""
    font = _font(size_px)
    ascent, descent = font.getmetrics()
    image = Image.new("L", (max(round(font.getlength(text)), 1), ascent + descent))
    ImageDraw.Draw(image).text((0, 0), text, fill=255, font=font)
    return np.asarray(image)


def width_px(text: str, size_px: int) -> int:
    """Return the width of a text."""
    return int(_mask(text, size_px).shape[1])


def height_px(size_px: int) -> int:
    """Return the height of a line of text."""
    return int(_mask(" ", size_px).shape[0])


def write(picture: UInt8, x: int, y: int, text: str, size_px: int, colour: Colour) -> None:
    """Write a text on a picture in place; parts outside it are cut off.

    Args:
        picture: uint8 (height, width, 3), RGB.
        x: Left edge of the text.
        y: Upper edge of it.
        text: The text.
        size_px: Size of the font.
        colour: Colour of the text.
    """
    mask = _mask(text, size_px)
    height, width = picture.shape[:2]
    x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + mask.shape[1], width), min(y + mask.shape[0], height)
    if x0 >= x1 or y0 >= y1:
        return
    part = picture[y0:y1, x0:x1]
    share = mask[y0 - y : y1 - y, x0 - x : x1 - x, None].astype(np.uint16)
    part[:] = (part * (255 - share) + np.array(colour, np.uint16) * share + 127) // 255


def darken(picture: UInt8, x0: int, y0: int, x1: int, y1: int) -> None:
    """Darken a rectangle of a picture in place, so that text on it can be read."""
    part = picture[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)]
    part //= 4
