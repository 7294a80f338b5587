"""A second detector that confirms faces, and goes on confirming: clutter may look like a face to FaceMesh for long.

FaceMesh searches the whole picture once and then follows the faces that it has found. The second look is at the face
alone, upright and large. A shelf or a plant that passed the first look does not pass this one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fervideo import boxes
from fervideo.faces.detector import SAME_IOU, Detector
from fervideo.pictures import Picture
from fervideo.records import CONFIRMED, Float32, Float64

#: Frames from one look to the next, at a face that is confirmed and at one that is in doubt.
_EVERY, _IN_DOUBT = 32, 4
#: A face in doubt is rejected after so many looks in vain.
REJECTED = 2
#: The picture of a look: its side in crops and in pixels, which is that of the network.
_ROOM, _LOOK_PX = 1.7, 128
#: Lowest score that is worth knowing.
_LEAST = 0.1


@dataclass
class _Known:
    """A face of the frame before.

    Attributes:
        box: float64 (4,).
        due: Frames to the next look.
        failed: Looks in vain since the last that confirmed it.
        score: That of the last look.
    """

    box: Float64
    due: int = 0
    failed: int = 0
    score: float = 0.0


class SecondLook:
    """The scores of the faces of successive frames.

    A face is looked at when it appears and at every 32nd frame from then on. So the scores of a segment follow from its
    frames alone.
    """

    def __init__(self) -> None:
        self._detector = Detector(_LEAST, full_range=False)
        self._known: list[_Known] = []

    def look(self, picture: Picture, landmarks_px: Float32) -> tuple[Float32, list[int]]:
        """Look at those faces of the next frame for which it is time.

        Args:
            picture: The frame.
            landmarks_px: float32 (M, N_LANDMARKS, 3), all faces of the frame.

        Returns:
            Scores float32 (M,), NaN where it was not time; a face in doubt keeps its last one. For each face, how many
            looks have been in vain since the last that confirmed it.
        """
        score = np.full(len(landmarks_px), np.nan, np.float32)
        now: list[_Known] = []
        for row, box in enumerate(boxes.around(landmarks_px).astype(np.float64)):
            known = self._take(box)
            if known.due == 0:
                known.score = self._score(picture, landmarks_px[row])
                known.failed = 0 if known.score >= CONFIRMED else known.failed + 1
                known.due = _IN_DOUBT if known.failed else _EVERY
                score[row] = known.score
            elif known.failed:
                score[row] = known.score
            known.due -= 1
            now.append(known)
        self._known = now
        return score, [known.failed for known in now]

    def _take(self, box: Float64) -> _Known:
        """Take the face of the frame before that a box shows, or a new one."""
        if self._known:
            overlap = boxes.iou(np.array([known.box for known in self._known]), box)
            row = int(overlap.argmax())
            if overlap[row] > SAME_IOU:
                known = self._known.pop(row)
                known.box = box
                return known
        return _Known(box)

    def _score(self, picture: Picture, landmarks_px: Float32) -> float:
        # crops needs OpenCV, which `import fervideo.faces` does without.
        from fervideo import crops

        factor = picture.factor(boxes.around(landmarks_px[None]))
        alignment = crops.in_shrunk(crops.alignment(landmarks_px), factor)
        face = crops.with_room(picture.at(factor), alignment, _ROOM, _LOOK_PX)
        found, scores = self._detector.detect(face)
        # The face fills the middle of the picture.
        middle = _LOOK_PX / 2
        at_middle = (found[:, :2] < middle).all(1) & (found[:, 2:] > middle).all(1)
        return float(scores[at_middle].max(initial=0.0))
