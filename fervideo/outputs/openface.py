"""A table like that of OpenFace 2.2, for scripts that read its `frame`, `success` and head pose.

It contains no action units, gaze, landmarks or position of the head: fervideo has no values that mean the same.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from fervideo.outputs import tiers
from fervideo.outputs.saving import Files
from fervideo.timeline.record import Timeline

FILES = {"openface": "*.openface.csv"}
#: OpenFace's angle of each measure, and its sign: there the face turns and looks the other way.
_ANGLES = {"pose_Rx": ("pitch_deg", -1.0), "pose_Ry": ("yaw_deg", -1.0), "pose_Rz": ("roll_deg", 1.0)}


def write(timeline: Timeline, files: Files) -> None:
    """Write the frames of a timeline; as in OpenFace, a row without a face has `success` 0 and zeros.

    Raises:
        OSError: The file cannot be written.
    """
    rows = timeline.frames[timeline.frames["status"] != "damaged"]
    seen = (rows["status"] == "ok").astype(int)
    table = pd.DataFrame(
        {
            "frame": rows["frame"] + 1,
            "face_id": rows["face"].fillna(0).astype(int),
            "timestamp": (rows["time_s"] + tiers.media_start_s(timeline)).round(3),
            # OpenFace's confidence in its landmarks; scripts leave out rows below some value.
            "confidence": seen,
            "success": seen,
            **{
                name: np.round(np.radians(rows[measure].fillna(0.0)) * sign, 4) + 0.0
                for name, (measure, sign) in _ANGLES.items()
            },
        }
    )
    table.to_csv(files.parts["openface"], index=False, lineterminator="\n", encoding="utf-8")
