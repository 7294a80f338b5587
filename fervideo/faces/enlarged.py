"""Faces in small pictures, which FaceMesh finds once they are enlarged.

Datasets have such pictures: cut-out faces of 48 pixels.
"""

from __future__ import annotations

import numpy as np

from fervideo import crops
from fervideo.faces import Landmarker
from fervideo.landmarks import N_LANDMARKS
from fervideo.records import Float32, UInt8

#: FaceMesh finds more of the tiny faces when they are enlarged, and some of the rest when they get a margin.
ENLARGED_PX = 256
MARGINS_PX = (0, 48)
#: Longest side of an enlarged picture.
_LARGEST_PX = 4096


def find(landmarker: Landmarker, image: UInt8) -> Float32:
    """Find the face in a picture that it fills, or in a larger photograph.

    Args:
        landmarker: For still pictures; of several faces its first one counts.
        image: uint8 (height, width, 3) RGB or (height, width) grey.

    Returns:
        float32 (0 or 1, N_LANDMARKS, 3) in the picture's pixels.
    """
    side = min(image.shape[:2])
    scale = max(min(ENLARGED_PX / side, _LARGEST_PX / max(image.shape[:2])), 1.0)
    for margin in MARGINS_PX:
        margin_px = round(margin * side * scale / ENLARGED_PX)
        # A small face within a picture that has to be enlarged would be too small for anything.
        found = landmarker.find(crops.framed(image, scale, margin_px), search=scale == 1)
        if len(found):
            landmarks: Float32 = (found[:1] - np.array([margin_px, margin_px, 0], np.float32)) / np.float32(scale)
            return landmarks
    return np.empty((0, N_LANDMARKS, 3), np.float32)


def find_all(landmarker: Landmarker, image: UInt8) -> Float32:
    """Find the faces of a photograph; in a small one that seems empty, the face that fills it.

    Args:
        landmarker: For still pictures.
        image: uint8 (height, width, 3), RGB.

    Returns:
        float32 (M, N_LANDMARKS, 3) in the photograph's pixels.
    """
    found = landmarker.find(image)
    return found if len(found) or min(image.shape[:2]) >= ENLARGED_PX else find(landmarker, image)
