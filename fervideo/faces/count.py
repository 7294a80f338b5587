"""How many faces a clip shows at once, from some of its frames."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from fervideo import faces
from fervideo.faces.detector import Detector, is_among
from fervideo.pictures import Picture
from fervideo.records import AUTO_FACES, CONFIRMED, Float64
from fervideo.settings import FaceSettings

#: Most faces that are counted.
MOST_COUNTED = 16
#: One of so many frames is searched for small faces, too, which takes longer.
_SEARCHED = 3
#: Side of the part of a picture in which a small face has to be found again, in sides of its box.
_PART = 2.0


def count_faces(pictures: Iterable[Picture], settings: FaceSettings) -> int:
    """Return the number of faces that a clip shows at once, from some of its frames.

    Args:
        pictures: Frames spread over the clip, in turn.
        settings: Confidences.

    Returns:
        The most faces, 1 to MOST_COUNTED, that at least two of the frames show, since a single detection may be a false
        alarm.
    """
    counts, crowds = [], []
    crowd = _Crowds(settings)
    with faces.open_landmarker(settings, AUTO_FACES, still=True) as landmarker:
        for number, picture in enumerate(pictures):
            counts.append(len(landmarker.find(picture.at(picture.factor()))))
            if number % _SEARCHED == 0:
                crowds.append(crowd.count(picture))
    return min(max(_agreed(counts), _agreed(crowds), 1), MOST_COUNTED)


def _agreed(counts: Sequence[int]) -> int:
    """Return the most faces that two frames show; of one frame, all."""
    return sorted(counts)[-2:][0] if counts else 1


class _Crowds:
    """Two detectors that count the faces of any size in a picture."""

    def __init__(self, settings: FaceSettings) -> None:
        self._all = Detector(settings.min_detection_confidence, full_range=True)
        self._near = Detector(CONFIRMED, full_range=False)

    def count(self, picture: Picture) -> int:
        factor = picture.factor()
        image = picture.at(factor)
        found: list[Float64] = []
        for box in (*self._all.detect(image)[0], *self._all.detect_in_tiles(image)):
            if not is_among(box, found) and self._is_face(picture, factor * box):
                found.append(box)
        return len(found)

    def _is_face(self, picture: Picture, box_px: Float64) -> bool:
        """Check a box (4,) by a look at its part of the picture alone."""
        factor = picture.factor(box_px[None])
        image, box = picture.at(factor), box_px / factor
        height, width = image.shape[:2]
        centre, half = (box[:2] + box[2:]) / 2, _PART * float((box[2:] - box[:2]).max()) / 2
        x0, y0 = np.clip(centre - half, 0, (width - 1, height - 1)).astype(int)
        x1, y1 = np.ceil(centre + half).astype(int)
        part = np.ascontiguousarray(image[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)])
        return is_among(box - (x0, y0, x0, y0), list(self._near.detect(part)[0]))
