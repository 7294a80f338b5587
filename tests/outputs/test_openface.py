"""The table like OpenFace's."""

from __future__ import annotations

from pathlib import Path

from builders import make_timeline


def test_frames_count_from_one_and_angles_are_openfaces(tmp_path: Path) -> None:
    timeline = make_timeline(n_frames=4, tracks=[(0, 2)], media_start_s=1.5)
    timeline.frames.loc[0, ["pitch_deg", "yaw_deg", "roll_deg"]] = [10.0, -20.0, 30.0]
    text = timeline.save(tmp_path, format="openface")["openface"].read_text()
    assert text == (
        "frame,face_id,timestamp,confidence,success,pose_Rx,pose_Ry,pose_Rz\n"
        "1,0,1.5,1,1,-0.1745,0.3491,0.5236\n"
        "2,0,1.54,0,0,0.0,0.0,0.0\n"
        "3,0,1.58,1,1,-0.0021,0.0,0.0044\n"
        "4,0,1.62,0,0,0.0,0.0,0.0\n"
    )
