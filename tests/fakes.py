"""Stand-ins for heavy parts in tests of logic: a face of known shape, and a landmarker without mediapipe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

import numpy as np

from fervideo import boxes, crops
from fervideo.landmarks import N_LANDMARKS, RIGID
from fervideo.measures import facing, measure
from fervideo.pictures import Picture
from fervideo.records import LOOK_SHAPE, DetectedFaces, Float32, Float64, UInt8


def mean_face() -> Float64:
    """Build a face that is turned to the camera: float64 (N_LANDMARKS, 3), the outer eye corners 1 apart."""
    points = np.zeros((N_LANDMARKS, 3))
    points[list(RIGID)] = facing.TEMPLATE
    for outer, inner, upper, lower in ((33, 133, (160, 158), (144, 153)), (263, 362, (387, 385), (373, 380))):
        centre = (points[outer] + points[inner]) / 2
        for index, drop in (*((i, -0.03) for i in upper), *((i, 0.03) for i in lower)):
            points[index] = centre + np.array([0, drop, 0])
    points[[61, 291]] = (-0.28, 0.75, -0.1), (0.28, 0.75, -0.1)
    points[[13, 14]] = (0, 0.75, -0.2), (0, 0.75, -0.2)
    points[[63, 105, 66]] = (-0.35, -0.3, -0.1)
    points[[293, 334, 296]] = (0.35, -0.3, -0.1)
    points[[55, 285]] = (-0.16, -0.2, -0.15), (0.16, -0.2, -0.15)
    return points


def rotated(points: Float64, yaw: float = 0, pitch: float = 0, roll: float = 0) -> Float64:
    """Turn a face: first roll, then pitch, then yaw, in degrees; signs as in `FacingFaces.angles_deg`."""
    (cy, sy), (cp, sp), (cr, sr) = ((np.cos(a), np.sin(a)) for a in np.radians((yaw, pitch, roll)))
    about_y = np.array([(cy, 0, -sy), (0, 1, 0), (sy, 0, cy)])
    about_x = np.array([(1, 0, 0), (0, cp, sp), (0, -sp, cp)])
    about_z = np.array([(cr, -sr, 0), (sr, cr, 0), (0, 0, 1)])
    return points @ (about_y @ about_x @ about_z).T


def detected(points: Float64 | Float32, blur: float = 0.3, brightness: float = 0.5) -> DetectedFaces:
    """Return faces with these landmarks (M, N_LANDMARKS, 3), all in frame 0."""
    landmarks = points.astype(np.float32)
    return DetectedFaces(
        frame=np.zeros(len(landmarks), np.int64),
        box_px=boxes.around(landmarks),
        landmarks_px=landmarks,
        alignment=np.array([crops.alignment(face) for face in landmarks], np.float64).reshape(-1, 2, 3),
        blur=np.full(len(landmarks), blur, np.float32),
        brightness=np.full(len(landmarks), brightness, np.float32),
        look=np.zeros((len(landmarks), *LOOK_SHAPE), np.uint8),
        confirmation=np.full(len(landmarks), np.nan, np.float32),
    )


def measures_of(points: Float64, size_px: tuple[int, int] = (640, 480), **conditions: float) -> dict[str, float]:
    """Return the measures of one face by name; `conditions` are those of `detected`."""
    found = measure(detected(points[None], **conditions), np.array([size_px]))
    return {name: float(values[0]) for name, values in found.items()}


def face_in(box_px: Sequence[float]) -> Float32:
    """Stretch the mean face over a box x0, y0, x1, y1: landmarks float32 (N_LANDMARKS, 3)."""
    points, box = mean_face(), np.array(box_px, np.float64)
    low, size = points[:, :2].min(0), np.ptp(points[:, :2], axis=0)
    points[:, :2] = box[:2] + (points[:, :2] - low) / size * (box[2:] - box[:2])
    points[:, 2] *= (box[2] - box[0]) / size[0]
    return points.astype(np.float32)


class FakeLandmarker:
    """A `faces.Landmarker` that finds faces by a function of the picture.

    Args:
        boxes_in: Returns the boxes x0, y0, x1, y1 of the faces in a picture, in pixels; by default one, in its middle.

    Attributes:
        shapes: Height and width of each picture that was searched.
        searches: Whether small faces were wanted, too, in each.
        closed: Whether the context was left.
    """

    def __init__(self, boxes_in: Callable[[UInt8], Sequence[Sequence[float]]] | None = None) -> None:
        self._boxes_in = boxes_in or _middle
        self.shapes: list[tuple[int, ...]] = []
        self.searches: list[bool] = []
        self.closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closed = True

    def find(self, image: UInt8, *, search: bool = True) -> Float32:
        self.shapes.append(image.shape[:2])
        self.searches.append(search)
        found = [face_in(box) for box in self._boxes_in(image)]
        return np.array(found, np.float32).reshape(-1, N_LANDMARKS, 3)

    def follow(self, picture: Picture) -> tuple[Float32, Float32]:
        found = self.find(picture.at(1))
        return found, np.full(len(found), 0.9, np.float32)


def _middle(image: UInt8) -> Sequence[Sequence[float]]:
    height, width = image.shape[:2]
    return [(width * 0.3, height * 0.25, width * 0.7, height * 0.75)]
