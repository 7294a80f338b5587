"""Faces and their landmarks in pictures.

`open_landmarker` is the way to them; code that searches for faces needs only a `Landmarker`. The libraries mediapipe
and dlib are imported at the point of use, not with this package.

    facemesh.py    mediapipe FaceMesh, and its full-range detector for small faces
    upright.py     pictures that stand on their heads
    enlarged.py    faces that FaceMesh finds only when their picture is enlarged
    dlib.py        dlib's 68 landmarks in aligned crops
"""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Protocol, Self

from fervideo.faces.facemesh import FaceMeshLandmarker
from fervideo.faces.upright import upside_down
from fervideo.records import Float32, UInt8
from fervideo.settings import FaceSettings

__all__ = ["MOST_FACES", "Landmarker", "count_faces", "open_landmarker", "upside_down"]

#: Most faces that `count_faces` searches for.
MOST_FACES = 4


class Landmarker(Protocol):
    """A finder of faces; a context manager, since it may keep native memory.

    Its state may carry over from picture to picture, so one landmarker serves one segment.
    """

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def find(self, image: UInt8, *, search: bool = True) -> Float32:
        """Find the faces of one picture.

        Args:
            image: uint8 (height, width, 3), RGB.
            search: Whether to search for small faces, too, where the first detector finds too few.

        Returns:
            float32 (faces, N_LANDMARKS, 3): x, y in pixels, z in the same scale, towards the camera negative.
        """


def open_landmarker(settings: FaceSettings, max_faces: int, *, still: bool = False) -> Landmarker:
    """Return a landmarker that has loaded its models.

    Args:
        settings: Confidences.
        max_faces: Most faces in each picture.
        still: Whether pictures are unrelated photographs, not successive frames.
    """
    return FaceMeshLandmarker(settings, max_faces, still=still)


def count_faces(images: Iterable[UInt8], settings: FaceSettings) -> int:
    """Return the number of faces that a clip shows at once, from some of its frames.

    Args:
        images: Frames spread over the clip, uint8 (height, width, 3), RGB.
        settings: Confidences.

    Returns:
        The most faces, 1 to MOST_FACES, that at least two of the frames show, since a single detection may be a false
        alarm.
    """
    with open_landmarker(settings, MOST_FACES, still=True) as landmarker:
        counts = sorted(len(landmarker.find(image)) for image in images)
    agreed = counts[-2] if len(counts) > 1 else max(counts, default=1)
    return max(agreed, 1)
