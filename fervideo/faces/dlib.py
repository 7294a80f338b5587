"""dlib's 68 landmarks (Kazemi & Sullivan 2014) in aligned crops, for the svm and the mlp."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from fervideo.errors import UsageError
from fervideo.records import Float32, UInt8

#: Factor by which a crop is enlarged for dlib's predictor, and the face's box in it then (left, top, right, bottom).
#: The box is the median of those that dlib's own detector finds in the aligned crops of FER+.
_DLIB_ZOOM, _DLIB_FACE = 4, (15, 29, 194, 194)


def dlib_landmarks(crops: UInt8) -> Float32:
    """Find dlib's 68 landmarks (Kazemi & Sullivan 2014) in aligned crops.

    Args:
        crops: uint8 (M, CROP_PX, CROP_PX), grey.

    Returns:
        float32 (M, 68, 2), x, y in pixels of the crop.

    Raises:
        UsageError: dlib or its model is not installed.
    """
    dlib, predictor = _dlib_predictor()
    face = dlib.rectangle(*_DLIB_FACE)
    found = np.empty((len(crops), 68, 2), np.float32)
    for row, crop in enumerate(crops):
        shape = predictor(dlib.resize_image(crop, _DLIB_ZOOM * crop.shape[0], _DLIB_ZOOM * crop.shape[1]), face)
        found[row] = [(point.x, point.y) for point in shape.parts()]
    # Pixel centres: large = (small + 0.5) * zoom - 0.5.
    return (found + 0.5) / _DLIB_ZOOM - 0.5


@lru_cache(maxsize=1)
def _dlib_predictor() -> tuple[Any, Any]:
    """Load dlib and its 68-point predictor, whose licence is non-commercial."""
    # The package that carries the model is not imported: that needs setuptools, and yields no more than a folder.
    carrier = find_spec("face_recognition_models")
    try:
        import dlib
    except ImportError:
        dlib = None
    if dlib is None or carrier is None or carrier.origin is None:
        raise UsageError(
            "landmarks = dlib", "dlib or its 68-point model is not installed", "run: pip install 'fervideo[dlib]'"
        )
    model = Path(carrier.origin).parent / "models" / "shape_predictor_68_face_landmarks.dat"
    return dlib, dlib.shape_predictor(str(model))
