"""Faces from mediapipe FaceMesh (Kartynnik et al. 2019) with refined eyes and lips (Grishchenko et al. 2020).

FaceMesh's own detector is made for a face that fills a good part of the picture. If it finds fewer faces than wanted,
mediapipe's full-range detector searches for smaller ones. Each of these gets a FaceMesh of its own on its part of the
picture.
"""

from __future__ import annotations

from contextlib import ExitStack, nullcontext
from types import TracebackType
from typing import Any, Self

import numpy as np

from fervideo import boxes
from fervideo.faces.confirm import REJECTED, SecondLook
from fervideo.faces.detector import Detector, is_among, pyplot_deferred
from fervideo.landmarks import N_LANDMARKS
from fervideo.pictures import FACE_PX, Picture
from fervideo.records import Float32, Float64, UInt8
from fervideo.settings import FaceSettings
from fervideo.stderr import held_back

#: Frames from a search for small faces in vain to the next search.
_REST_FRAMES = 8
#: One of so many searches looks at tiles of the picture, too, which takes as long as four others.
_TILED_SEARCHES = 4
#: Side of the part of the picture that a small face gets, in face sizes, and the least margin that it may have there.
_REGION_SIDE, _LEAST_MARGIN = 2.4, 0.2
#: A landmark as bytes of a message: field 1 of 15 bytes, in it fields 1, 2 and 3 of 4 bytes each, here 0.
_LANDMARK_MARKS = np.frombuffer(b"\x0a\x0f\x0d\0\0\0\0\x15\0\0\0\0\x1d\0\0\0\0", np.uint8)
_MARKED = _LANDMARK_MARKS > 0
#: Pixels of a face that allow a smaller picture for the next frame.
_AMPLE_PX = 1.2 * FACE_PX
_BLANK = np.zeros((16, 16, 3), np.uint8)


class FaceMeshLandmarker:
    """The `Landmarker` of mediapipe FaceMesh.

    Args:
        settings: Confidences.
        max_faces: Most faces per frame.
        still: Whether frames are unrelated photographs.
    """

    def __init__(self, settings: FaceSettings, max_faces: int, *, still: bool = False) -> None:
        self._settings, self._max_faces, self._still = settings, max_faces, still
        self._mesh = _Mesh(settings, max_faces, still=still)
        self._detector = Detector(settings.min_detection_confidence, full_range=True)
        self._second = SecondLook()
        self._small: list[_SmallFace] = []
        self._searches = self._rest = self._n_before = 0
        self._doubted: list[Float64] = []
        self._size_px: tuple[int, int] | None = None
        #: By how much the sides of the picture in which FaceMesh looks are divided; photographs stay as they are.
        self._factor = 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with ExitStack() as stack:
            for close in (self._mesh.close, *(small.close for small in self._small)):
                stack.callback(close)

    def find(self, image: UInt8, *, search: bool = True) -> Float32:
        """Find the faces of one picture, as `Landmarker.find`; small ones where FaceMesh itself finds too few."""
        found = self._found(Picture.of(image)) if search else list(self._mesh.find(image))
        return _stacked(found[: self._max_faces])

    def follow(self, picture: Picture) -> tuple[Float32, Float32]:
        """Find the faces of the next frame of a video, as `Landmarker.follow`."""
        if self._size_px != picture.size_px:
            if self._size_px is not None:
                # In a picture of another shape the faces of the last frame are elsewhere.
                self._forget()
            self._size_px, self._factor = picture.size_px, picture.factor()
        found = self._found(picture)
        # A face in doubt takes no other's turn, but the second look has to see it again.
        doubted = [face for face in found if self._is_doubted(face)] if self._doubted else []
        sure = [face for face in found if not self._is_doubted(face)] if self._doubted else found
        landmarks = _stacked([*sure[: self._max_faces], *doubted])
        score, failed = self._second.look(picture, landmarks)
        self._doubted = [_box(face) for face, times in zip(landmarks, failed, strict=True) if times]
        if REJECTED in failed:
            # Once for each such face: FaceMesh is to look at the whole picture again.
            self._forget()
        kept = np.array([times < REJECTED for times in failed], np.bool_)
        return landmarks[kept], score[kept]

    def _found(self, picture: Picture) -> list[Float32]:
        """Find the faces of one picture, more than `max_faces` where some are in doubt."""
        faces = self._mesh.find(picture.at(self._factor), self._factor)
        if not self._still:
            faces = self._again(picture, faces)
        found = list(faces)
        if self._n_sure(found) < self._max_faces or self._small:
            self._follow_small(picture, found)
            self._search(picture, found)
        return found

    def _again(self, picture: Picture, faces: Float32) -> Float32:
        """Look once more at a frame in which FaceMesh has lost a face, or has too few pixels of one."""
        if len(faces) < self._n_before:
            # FaceMesh notices the loss of a face one frame late: only now does its own detector search again.
            faces = self._mesh.find(picture.at(self._factor), self._factor)
        box_px = boxes.around(faces)
        if picture.factor(box_px) < self._factor:
            self._factor = picture.factor(box_px)
            faces = self._mesh.find(picture.at(self._factor), self._factor)
        # A face that grows and shrinks around a limit is not looked at twice in every other frame.
        self._factor = max(picture.factor(box_px, _AMPLE_PX), self._factor)
        self._n_before = len(faces)
        return faces

    def _n_sure(self, found: list[Float32]) -> int:
        return sum(not self._is_doubted(face) for face in found) if self._doubted else len(found)

    def _is_doubted(self, face: Float32) -> bool:
        return is_among(_box(face), self._doubted)

    def _follow_small(self, picture: Picture, found: list[Float32]) -> None:
        """Add the known small faces; forget those that are gone, or large enough for FaceMesh's own detector by now."""
        kept = []
        for small in self._small:
            landmarks = small.find(picture)
            if landmarks is None or _is_known(landmarks, found):
                small.close()
            else:
                kept.append(small)
                found.append(landmarks)
        self._small = kept

    def _search(self, picture: Picture, found: list[Float32]) -> None:
        """Search for small faces, unless that was in vain a moment ago."""
        if self._n_sure(found) >= self._max_faces:
            return
        if self._rest and not self._still:
            self._rest -= 1
            return
        factor = 1 if self._still else picture.factor()
        image = picture.at(factor)
        self._add(picture, factor * self._detector.detect(image)[0], found)
        if not self._still and self._n_sure(found) < self._max_faces and self._searches % _TILED_SEARCHES == 0:
            self._add(picture, factor * self._detector.detect_in_tiles(image), found)
        self._searches += 1
        self._rest = _REST_FRAMES if self._n_sure(found) < self._max_faces else 0

    def _add(self, picture: Picture, detected: Float64, found: list[Float32]) -> None:
        """Find the landmarks of faces that a detector has found, float64 (n, 4), and add them."""
        for box in detected:
            if self._n_sure(found) >= self._max_faces or is_among(box, [_box(face) for face in found]):
                continue
            small = _SmallFace(self._settings, box, still=self._still)
            landmarks = small.find(picture)
            if landmarks is None or _is_known(landmarks, found):
                small.close()
                continue
            found.append(landmarks)
            if self._still:
                small.close()
            else:
                self._small.append(small)

    def _forget(self) -> None:
        """Forget all faces that are followed, so that the next frame is searched as the first one was."""
        self._mesh.forget()
        for small in self._small:
            small.close()
        self._small, self._rest, self._n_before = [], 0, 0


class _Mesh:
    """A FaceMesh that runs on whole pictures, silently."""

    def __init__(self, settings: FaceSettings, max_faces: int, *, still: bool) -> None:
        # Its native code prints while its threads start, which a blank picture waits for, and again at the first face.
        self._started = False
        with held_back():
            with pyplot_deferred():
                from mediapipe.python.solutions.face_mesh import FaceMesh

            self._mesh = FaceMesh(
                static_image_mode=still,
                max_num_faces=max_faces,
                refine_landmarks=True,
                min_detection_confidence=settings.min_detection_confidence,
                min_tracking_confidence=settings.min_tracking_confidence,
            )
            self._mesh.process(_BLANK)

    def find(self, image: UInt8, factor: int = 1) -> Float32:
        """Find the faces of a picture whose sides were divided by `factor`, in pixels before that."""
        with nullcontext() if self._started else held_back():
            faces = self._mesh.process(image).multi_face_landmarks or []
        self._started = self._started or bool(faces)
        height, width = factor * image.shape[0], factor * image.shape[1]
        points = [_points(face) for face in faces]
        # FaceMesh gives z in units of the image's width.
        return np.array(points, np.float32).reshape(-1, N_LANDMARKS, 3) * np.array([width, height, width], np.float32)

    def forget(self) -> None:
        """Forget the last picture, so that the next has nothing to do with it."""
        with held_back():
            self._mesh.reset()
            self._mesh.process(_BLANK)
        self._started = False

    def close(self) -> None:
        self._mesh.close()


class _SmallFace:
    """A small face that is followed within its part of the picture."""

    def __init__(self, settings: FaceSettings, box: Float64, *, still: bool) -> None:
        self._mesh = _Mesh(settings, 1, still=still)
        self._centre_on(box)

    def _centre_on(self, box: Float64) -> None:
        """Move the part of the picture so that a face is in its middle."""
        centre, side = (box[:2] + box[2:]) / 2, float((box[2:] - box[:2]).max()) * _REGION_SIDE
        self._corner = np.round(centre - side / 2).astype(int)
        self._side = max(round(side), 16)

    def find(self, picture: Picture) -> Float32 | None:
        """Find the face: float32 (N_LANDMARKS, 3) in pixels of the whole picture, or None."""
        part_px = np.concatenate([self._corner, self._corner + self._side])
        factor = picture.factor(part_px[None], _REGION_SIDE * FACE_PX)
        image = picture.at(factor)
        x0, y0 = np.clip(self._corner // factor, 0, (image.shape[1] - 1, image.shape[0] - 1))
        x1, y1 = part_px[2:] // factor
        part = np.ascontiguousarray(image[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)])
        faces = self._mesh.find(part, factor)
        if not len(faces):
            return None
        landmarks: Float32 = faces[0] + np.array([factor * x0, factor * y0, 0], np.float32)
        box = _box(landmarks)
        margin = np.concatenate([box[:2] - self._corner, self._corner + self._side - box[2:]]).min()
        if margin < _LEAST_MARGIN * (box[2:] - box[:2]).max():
            self._centre_on(box)
            self._mesh.forget()
        return landmarks

    def close(self) -> None:
        self._mesh.close()


def _points(face: Any) -> Float32:
    """Read the landmarks of a face, float32 (n, 3).

    Reading them one by one takes longer than all else around FaceMesh. As bytes, each landmark is a length and three
    numbers, each behind a byte that names it, as long as nothing else is set.
    """
    data = np.frombuffer(face.SerializeToString(), np.uint8)
    n = len(face.landmark)
    if len(data) == n * len(_LANDMARK_MARKS):
        rows = data.reshape(n, -1)
        if (rows[:, _MARKED] == _LANDMARK_MARKS[_MARKED]).all():
            numbers: Float32 = np.ascontiguousarray(rows[:, ~_MARKED]).view("<f4").astype(np.float32)
            return numbers
    return np.array([(point.x, point.y, point.z) for point in face.landmark], np.float32)


def _box(landmarks: Float32) -> Float64:
    box: Float64 = boxes.around(landmarks[None])[0].astype(np.float64)
    return box


def _is_known(landmarks: Float32, others: list[Float32]) -> bool:
    return is_among(_box(landmarks), [_box(other) for other in others])


def _stacked(faces: list[Float32]) -> Float32:
    return np.stack(faces) if faces else np.empty((0, N_LANDMARKS, 3), np.float32)
