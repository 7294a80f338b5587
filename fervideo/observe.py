"""One observer for video, photographs and stills: from an image to its faces, their crops and their measures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from fervideo import boxes, crops, faces, measures
from fervideo.records import CROP_PX, DetectedFaces, FaceObservations, Float32, FramePredictions, UInt8
from fervideo.settings import FaceSettings

#: Finds the faces of an image: uint8 (height, width, 3) to float32 (M, N_LANDMARKS, 3).
Finder = Callable[[faces.Landmarker, UInt8], Float32]


def find_directly(landmarker: faces.Landmarker, image: UInt8) -> Float32:
    """Find the faces of an image with a landmarker and no help."""
    return landmarker.find(image)


@dataclass(frozen=True)
class Observer:
    """Faces of one image after the other.

    Attributes:
        landmarker: Its landmarks.
        find: How faces are looked for with it.
    """

    landmarker: faces.Landmarker
    find: Finder

    def __call__(self, image: UInt8, frame: int = 0) -> tuple[DetectedFaces, UInt8]:
        """Find the faces of an image.

        Args:
            image: uint8 (height, width, 3), RGB, as `find` takes it.
            frame: Index of the image in its video.

        Returns:
            The M faces, and their crops uint8 (M, CROP_PX, CROP_PX), grey.
        """
        landmarks = self.find(self.landmarker, image)
        alignment = np.array([crops.alignment(face) for face in landmarks], np.float64).reshape(-1, 2, 3)
        cut = cut_out(image, alignment)
        found = DetectedFaces(
            frame=np.full(len(landmarks), frame, np.int64),
            box_px=boxes.around(landmarks),
            landmarks_px=landmarks,
            alignment=alignment,
            blur=np.array([crops.blur(face) for face in cut], np.float32),
            brightness=np.array([crops.brightness(face) for face in cut], np.float32),
        )
        return found, cut


@contextmanager
def opened(
    settings: FaceSettings, max_faces: int, *, still: bool = False, find: Finder = find_directly
) -> Iterator[Observer]:
    """Provide an observer; OpenCV works on one thread meanwhile.

    Args:
        settings: Confidences.
        max_faces: Most faces per image.
        still: Whether images are unrelated photographs.
        find: How faces are looked for: directly, or as `faces.enlarged` does.
    """
    with faces.open_landmarker(settings, max_faces, still=still) as landmarker, crops.one_thread():
        yield Observer(landmarker, find)


def cut_out(image: UInt8, alignment: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> UInt8:
    """Cut crops out of an image by their transforms float64 (M, 2, 3): uint8 (M, CROP_PX, CROP_PX)."""
    return np.array([crops.crop(image, transform) for transform in alignment], np.uint8).reshape(-1, CROP_PX, CROP_PX)


def observations(found: DetectedFaces, predictions: FramePredictions) -> FaceObservations:
    """Join detected faces with predictions for them, and measure them.

    Raises:
        ValueError: There are not as many predictions as faces.
    """
    return FaceObservations(
        frame=found.frame,
        box_px=found.box_px,
        landmarks_px=found.landmarks_px,
        embedding=predictions.embedding,
        frame_logits=predictions.logits,
        measures=measures.measure(found.landmarks_px),
    )
