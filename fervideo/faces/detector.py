"""mediapipe's face detectors: boxes of faces in a picture, and in tiles of it.

The short-range one is made for a face that fills a good part of the picture, the full-range one for smaller faces.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from fervideo import boxes
from fervideo.records import Float64, UInt8
from fervideo.stderr import held_back

#: Boxes that overlap by more than this (IoU) are one face.
SAME_IOU = 0.3
#: Sides of a tile, as a share of the picture's: four tiles overlap by a fifth of it.
_TILE = 0.6
#: Pictures with a longest side below this have no tiles: a face that is small in them has too few pixels.
_TILED_PX = 480


class Detector:
    """A detector that loads its network at the first picture; detectors of a kind share it, since it remembers nothing.

    Args:
        min_confidence: Score from which on a detection counts.
        full_range: Whether small faces are wanted.
    """

    def __init__(self, min_confidence: float, *, full_range: bool) -> None:
        self._min_confidence, self._full_range = min_confidence, full_range

    def detect(self, image: UInt8) -> tuple[Float64, Float64]:
        """Find the faces of a picture.

        Args:
            image: uint8 (height, width, 3), RGB.

        Returns:
            Boxes float64 (n, 4): x0, y0, x1, y1 in pixels, and scores float64 (n,).
        """
        detections = self.detections(image)
        height, width = image.shape[:2]
        relative = [detection.location_data.relative_bounding_box for detection in detections]
        corners = [(box.xmin, box.ymin, box.xmin + box.width, box.ymin + box.height) for box in relative]
        scores = np.array([detection.score[0] for detection in detections], np.float64)
        return np.array(corners, np.float64).reshape(-1, 4) * (width, height, width, height), scores

    def detections(self, image: UInt8) -> list[Any]:
        """Find the faces of a picture, uint8 (height, width, 3) RGB, as mediapipe describes them."""
        with held_back():
            detection = _opened(self._min_confidence, self._full_range)
            return list(detection.process(image).detections or [])

    def detect_in_tiles(self, image: UInt8) -> Float64:
        """Find faces that are small even for the full range, in four tiles: boxes float64 (n, 4), without doubles.

        A face that is larger than half a tile is left out: a face cut by a tile's edge looks like a large one.
        """
        height, width = image.shape[:2]
        if max(height, width) < _TILED_PX:
            return np.empty((0, 4), np.float64)
        rows, columns = round(height * _TILE), round(width * _TILE)
        kept: list[Float64] = []
        for top in (0, height - rows):
            for left in (0, width - columns):
                tile = np.ascontiguousarray(image[top : top + rows, left : left + columns])
                for box in self.detect(tile)[0] + (left, top, left, top):
                    if (box[2:] - box[:2]).max() < min(rows, columns) / 2 and not is_among(box, kept):
                        kept.append(box)
        return np.array(kept, np.float64).reshape(-1, 4)


@lru_cache(maxsize=8)
def _opened(min_confidence: float, full_range: bool) -> Any:
    """Open a network of mediapipe, once in a process: many short clips would pay for that again and again."""
    with pyplot_deferred():
        from mediapipe.python.solutions.face_detection import FaceDetection

    return FaceDetection(min_detection_confidence=min_confidence, model_selection=int(full_range))


def is_among(box: Float64, others: list[Float64]) -> bool:
    """Check whether a box (4,) shows the same face as one of others."""
    return any(boxes.iou(box, other) > SAME_IOU for other in others)


@contextmanager
def pyplot_deferred() -> Iterator[None]:
    """Defer pyplot, which mediapipe imports for drawings that are not made here: that halves its start."""
    name = "matplotlib.pyplot"
    stand_ins = {absent: ModuleType(absent) for absent in ("matplotlib", name) if absent not in sys.modules}
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for absent, stand_in in stand_ins.items():
            del sys.modules[absent]
            # Code in this process that does draw gets the real one then.
            stand_in.__dict__["__getattr__"] = lambda attribute, absent=absent: getattr(
                import_module(absent), attribute
            )
