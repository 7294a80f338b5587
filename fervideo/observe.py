"""One observer for video, photographs and stills: from an image to its faces, their crops and their measures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from fervideo import boxes, crops, faces, measures
from fervideo.records import (
    CROP_PX,
    LOOK_SHAPE,
    DetectedFaces,
    FaceObservations,
    Float32,
    Float64,
    FramePredictions,
    Int64,
    UInt8,
)
from fervideo.settings import FaceSettings

#: Finds the faces of a photograph: uint8 (height, width, 3) to float32 (M, N_LANDMARKS, 3).
Finder = Callable[[faces.Landmarker, UInt8], Float32]


@dataclass(frozen=True)
class Observer:
    """Faces of one image after the other.

    Attributes:
        landmarker: Its landmarks.
        find: How the faces of a photograph are looked for with it; None for the frames of a video.
    """

    landmarker: faces.Landmarker
    find: Finder | None = None

    def __call__(self, image: UInt8, frame: int = 0) -> tuple[DetectedFaces, UInt8]:
        """Find the faces of an image.

        Args:
            image: uint8 (height, width, 3), RGB, or as `find` takes it.
            frame: Index of the image in its video.

        Returns:
            The M faces, and their crops uint8 (M, CROP_PX, CROP_PX), grey.
        """
        if self.find is None:
            landmarks, confirmation = self.landmarker.follow(image)
        else:
            landmarks = self.find(self.landmarker, image)
            confirmation = np.full(len(landmarks), np.nan, np.float32)
        alignment = np.array([crops.alignment(face) for face in landmarks], np.float64).reshape(-1, 2, 3)
        cut = cut_out(image, alignment)
        box_px = boxes.around(landmarks)
        found = DetectedFaces(
            frame=np.full(len(landmarks), frame, np.int64),
            box_px=box_px,
            landmarks_px=landmarks,
            alignment=alignment,
            blur=np.array([crops.blur(face) for face in cut], np.float32),
            brightness=np.array([crops.brightness(face) for face in cut], np.float32),
            look=_looks(image, cut, alignment, box_px),
            confirmation=confirmation,
        )
        return found, cut


@contextmanager
def opened(settings: FaceSettings, max_faces: int, *, find: Finder | None = None) -> Iterator[Observer]:
    """Provide an observer; OpenCV works on one thread meanwhile.

    Args:
        settings: Confidences.
        max_faces: Most faces per image.
        find: How the faces of unrelated photographs are looked for; None for successive frames of a video.
    """
    with faces.open_landmarker(settings, max_faces, still=find is not None) as landmarker, crops.one_thread():
        yield Observer(landmarker, find)


def _looks(image: UInt8, cut: UInt8, alignment: Float64, box_px: Float32) -> UInt8:
    """Return the looks of the faces of an image, uint8 (M, *LOOK_SHAPE)."""
    if image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=2)
    looks = [crops.look(image, *face) for face in zip(cut, alignment, box_px, strict=True)]
    return np.array(looks, np.uint8).reshape(-1, *LOOK_SHAPE)


def cut_out(image: UInt8, alignment: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> UInt8:
    """Cut crops out of an image by their transforms float64 (M, 2, 3): uint8 (M, CROP_PX, CROP_PX)."""
    return np.array([crops.crop(image, transform) for transform in alignment], np.uint8).reshape(-1, CROP_PX, CROP_PX)


def observations(found: DetectedFaces, predictions: FramePredictions, size_px: Int64) -> FaceObservations:
    """Join detected faces with predictions for them, and measure them.

    Args:
        found: The faces.
        predictions: One for each of them.
        size_px: int64 (M, 2), width and height of the picture that each was found in.

    Raises:
        ValueError: There are not as many predictions as faces.
    """
    return FaceObservations(
        frame=found.frame,
        box_px=found.box_px,
        landmarks_px=found.landmarks_px,
        embedding=predictions.embedding,
        frame_logits=predictions.logits,
        measures=measures.measure(found, size_px),
    )
