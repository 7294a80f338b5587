"""Pictures that stand on their heads: a camera hung from the ceiling, a phone whose note of its rotation was lost.

FaceMesh finds upside-down faces as if they were upright, and puts eyes where the mouth is: smiles come out as neutral.
A detector is surer of a face that stands the right way up. So some frames are looked at both ways up. A picture on its
side needs no such look: FaceMesh turns its faces itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import atan2, degrees

import numpy as np

from fervideo.faces.detector import Detector
from fervideo.pictures import Picture
from fervideo.records import UInt8

#: Least score of a face that decides: upright faces of ten clips had 0.87 to 0.97, upside-down ones 0.5 to 0.81.
_SURE = 0.8
#: Least score of a face that is looked at.
_LEAST = 0.5
#: By how much the score must rise if the picture is turned.
_BETTER = 0.05
#: Greatest angle between the line from eyes to mouth and the vertical of a face that counts, in degrees.
_STEEPEST_DEG = 45
#: Frames that must agree.
_AGREE = 2


def upside_down(pictures: Iterable[Picture]) -> bool:
    """Check whether the faces of a clip stand on their heads.

    Args:
        pictures: Frames spread over the clip. The first with a face that is surely upright is the last that is taken.

    Returns:
        Whether two frames or more, or the only one, have a face that is surely upright once they are turned by 180
        degrees.
    """
    n = votes = 0
    detectors = [Detector(_LEAST, full_range=full_range) for full_range in (False, True)]
    for picture in pictures:
        image = picture.at(picture.factor())
        n += 1
        stands, hangs = _score(detectors, image), _score(detectors, np.ascontiguousarray(image[::-1, ::-1]))
        if stands >= _SURE and stands + _BETTER > hangs:
            return False
        votes += hangs >= _SURE and hangs >= stands + _BETTER
    return votes >= min(_AGREE, n) > 0


def _score(detectors: list[Detector], image: UInt8) -> float:
    """Return the score of the surest face that stands upright in a picture; 0 without one."""
    best = 0.0
    height, width = image.shape[:2]
    for face in (face for detector in detectors for face in detector.detections(image)):
        points = [(point.x * width, point.y * height) for point in face.location_data.relative_keypoints[:4]]
        (x0, y0), (x1, y1), _, (x, y) = points
        if abs(degrees(atan2(x - (x0 + x1) / 2, y - (y0 + y1) / 2))) <= _STEEPEST_DEG:
            best = max(best, float(face.score[0]))
    return best
