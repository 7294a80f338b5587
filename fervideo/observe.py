"""One observer for video, photographs and stills: from an image to its faces, their crops and their measures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from fervideo import boxes, crops, faces, measures
from fervideo.pictures import Picture
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

    def __call__(self, picture: Picture, frame: int = 0) -> tuple[DetectedFaces, UInt8]:
        """Find the faces of a picture.

        Args:
            picture: The frame, or the photograph as `find` takes it.
            frame: Its index in its video.

        Returns:
            The M faces, in pixels of the whole picture, and their crops uint8 (M, CROP_PX, CROP_PX), grey.
        """
        if self.find is None:
            landmarks, confirmation = self.landmarker.follow(picture)
        else:
            landmarks = self.find(self.landmarker, picture.at(1))
            confirmation = np.full(len(landmarks), np.nan, np.float32)
        alignment = np.array([crops.alignment(face) for face in landmarks], np.float64).reshape(-1, 2, 3)
        box_px = boxes.around(landmarks)
        cut = cut_out(picture, box_px, alignment)
        found = DetectedFaces(
            frame=np.full(len(landmarks), frame, np.int64),
            box_px=box_px,
            landmarks_px=landmarks,
            alignment=alignment,
            blur=np.array([crops.blur(face) for face in cut], np.float32),
            brightness=np.array([crops.brightness(face) for face in cut], np.float32),
            look=_looks(picture, cut, alignment, box_px),
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


def _looks(picture: Picture, cut: UInt8, alignment: Float64, box_px: Float32) -> UInt8:
    """Return the looks of the faces of a picture, uint8 (M, *LOOK_SHAPE)."""
    factor = picture.factor(box_px)
    image = picture.at(factor)
    if image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=2)
    looks = [
        crops.look(image, face, crops.in_shrunk(transform, factor), box / factor)
        for face, transform, box in zip(cut, alignment, box_px, strict=True)
    ]
    return np.array(looks, np.uint8).reshape(-1, *LOOK_SHAPE)


def cut_out(picture: Picture, box_px: Float32, alignment: Float64) -> UInt8:
    """Cut the crops of the M faces of a picture.

    Args:
        picture: The picture.
        box_px: float32 (M, 4), the boxes of all its faces.
        alignment: float64 (M, 2, 3), the transforms of the faces.

    Returns:
        uint8 (M, CROP_PX, CROP_PX).
    """
    factor = picture.factor(box_px)
    cut = [crops.crop(picture.at(factor), crops.in_shrunk(transform, factor)) for transform in alignment]
    return np.array(cut, np.uint8).reshape(-1, CROP_PX, CROP_PX)


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
