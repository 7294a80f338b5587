"""Faces and their landmarks in pictures.

`open_landmarker` is the way to them; code that searches for faces needs only a `Landmarker`. The libraries mediapipe
and dlib are imported at the point of use, not with this package.

    facemesh.py    mediapipe FaceMesh, and a search for faces that are too small for it
    detector.py    mediapipe's detectors, short and full range, and tiles of a picture
    confirm.py     a second detector that confirms the faces of a video
    upright.py     pictures that stand on their heads
    count.py       how many faces a clip shows at once
    enlarged.py    faces that FaceMesh finds only when their picture is enlarged
    dlib.py        dlib's 68 landmarks in aligned crops
"""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from fervideo.faces.facemesh import FaceMeshLandmarker
from fervideo.faces.upright import upside_down
from fervideo.pictures import Picture
from fervideo.records import Float32, UInt8
from fervideo.settings import FaceSettings

__all__ = ["Landmarker", "open_landmarker", "upside_down"]


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

    def follow(self, picture: Picture) -> tuple[Float32, Float32]:
        """Find the faces of the next frame of a video, and have some of them confirmed by a second detector.

        Args:
            picture: The frame. It is looked at in as many pixels as the faces need.

        Returns:
            Landmarks as of `find`, in pixels of the whole picture, and scores float32 (faces,), 0 to 1; NaN where the
            second detector did not look.
        """


def open_landmarker(settings: FaceSettings, max_faces: int, *, still: bool = False) -> Landmarker:
    """Return a landmarker that has loaded its models.

    Args:
        settings: Confidences.
        max_faces: Most faces in each picture.
        still: Whether pictures are unrelated photographs, not successive frames.
    """
    return FaceMeshLandmarker(settings, max_faces, still=still)
