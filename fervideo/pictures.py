"""A picture that is shrunk as far as a face in it allows: no network here sees more than 192 pixels of a face.

FaceMesh sees a square around a face, half as wide again as the face, in 192 pixels. Detectors see the whole picture, or
a tile of it, in 192 pixels. A crop of a face has 56. All else in a phone's picture only costs time and memory.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fervideo.records import Float32, Float64, UInt8

#: Pixels that the longer side of a face and of a picture keep at least.
FACE_PX, PICTURE_PX = 128, 540
_NO_BOXES = np.empty((0, 4), np.float64)


class Picture:
    """A picture at its own size and, computed once where it is wanted, at a half, a quarter and so on of its sides.

    Args:
        size_px: Width and height.
        shrunk: Returns the picture at one part of its sides: 1, 2, 4 and so on.

    Attributes:
        size_px: The same.
    """

    def __init__(self, size_px: tuple[int, int], shrunk: Callable[[int], UInt8]) -> None:
        self.size_px = size_px
        self._shrunk = shrunk
        self._made: dict[int, UInt8] = {}

    @classmethod
    def of(cls, image: UInt8) -> Picture:
        """Return the picture of an image, uint8 (height, width, 3) RGB or (height, width) grey."""
        # crops needs OpenCV, which `import fervideo.faces` does without.
        from fervideo import crops

        return cls((image.shape[1], image.shape[0]), lambda factor: crops.shrunk(image, factor))

    def at(self, factor: int) -> UInt8:
        """Return the picture with sides divided by `factor`: uint8 (height // factor, width // factor, 3), RGB."""
        if factor not in self._made:
            self._made[factor] = np.ascontiguousarray(self._shrunk(factor))
        return self._made[factor]

    def turned(self, degrees: int) -> Picture:
        """Return the picture turned clockwise by 0, 90, 180 or 270 degrees."""
        if not degrees:
            return self
        size_px = self.size_px[::-1] if degrees % 180 else self.size_px
        return Picture(size_px, lambda factor: np.rot90(self._shrunk(factor), -degrees // 90))

    def part(self, x: int, y: int, width: int, height: int) -> Picture:
        """Return a part of the picture, in pixels of the whole one."""
        from fervideo import crops

        return Picture((width, height), lambda factor: crops.shrunk(self.at(1)[y : y + height, x : x + width], factor))

    def factor(self, box_px: Float32 | Float64 = _NO_BOXES, face_px: float = FACE_PX) -> int:
        """Return by how much the sides may be divided, for the smallest of some faces.

        Args:
            box_px: Boxes (M, 4) in pixels of the whole picture; without any, the picture alone counts.
            face_px: Pixels that the longer side of a face keeps at least.
        """
        most = max(self.size_px) / PICTURE_PX
        if len(box_px):
            most = min(most, float((box_px[:, 2:] - box_px[:, :2]).max(1).min()) / face_px)
        factor = 1
        while 2 * factor <= most:
            factor *= 2
        return factor
