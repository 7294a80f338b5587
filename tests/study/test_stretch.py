"""Parts of timelines: stretches and faces, their events and their summaries."""

import numpy as np
import pandas as pd
import pytest
from builders import event_settings, make_timeline

from fervideo.errors import UsageError

#: Ten frames at 10 a second: face 0 laughs from 0.4 s on, face 1 is there until 0.6 s.
SHOWN = (["neutral"] * 4 + ["happiness"] * 6, ["sadness"] * 6)


@pytest.fixture
def timeline():
    return make_timeline(SHOWN, event_settings(), n_frames=10, fps=10.0, tracks=[range(10), range(6)])


def test_a_stretch_keeps_times_and_cuts_events(timeline):
    part = timeline.between(0.2, 0.5)
    assert part.frames["time_s"].unique().tolist() == [0.2, 0.3, 0.4]
    names = ["face", "expression", "onset_s", "offset_s", "duration_s"]
    assert part.events[names].to_numpy().tolist() == [
        [0, "neutral", 0.2, 0.4, 0.2],
        [0, "happiness", 0.4, 0.5, 0.1],
        [1, "sadness", 0.2, 0.5, 0.3],
    ]
    assert part.events["apex_s"].isna().tolist() == [True, False, True]
    assert part.events["uncertain"].isna().all()
    assert timeline.between(0.4, 2).events["uncertain"].iloc[0] == 0
    assert part.provenance["between_s"] == [0.2, 0.5]


def test_a_stretch_has_a_summary_of_its_own(timeline):
    part = timeline.between(0.2, 0.5).summary
    names = ["face", "start_s", "end_s", "coverage", "expression", "time_neutral", "time_happiness", "events_per_min"]
    assert part[names].to_numpy().tolist() == [
        [0, 0.2, 0.5, 1.0, "happiness", 0.6667, 0.3333, 400.0],
        [1, 0.2, 0.5, 1.0, "sadness", 0.0, 0.0, 200.0],
    ]
    assert part["clip_expression"].isna().all()


def test_the_whole_stretch_has_the_summary_of_the_timeline(timeline):
    whole = timeline.between(0, 100)
    pd.testing.assert_frame_equal(whole.frames, timeline.frames)
    pd.testing.assert_frame_equal(whole.events, timeline.events)
    own = [name for name in timeline.summary if "clip_" not in name]
    pd.testing.assert_frame_equal(whole.summary[own], timeline.summary[own])


def test_a_stretch_outside_the_video(timeline):
    with pytest.raises(UsageError, match=r"between 5 and 9 s: contains no frame; the video has 0 to 0.9 s; give sec"):
        timeline.between(5, 9)


@pytest.mark.parametrize("face", [1, "1"])
def test_one_face_keeps_the_time_axis(timeline, face):
    part = timeline.select(face)
    assert part.frames["time_s"].tolist() == np.round(np.arange(10) / 10, 6).tolist()
    assert part.frames["status"].tolist() == ["ok"] * 6 + ["no_face"] * 4
    assert part.frames["p_sadness"].notna().tolist() == [True] * 6 + [False] * 4
    assert (part.events["face"].tolist(), part.summary["face"].tolist()) == ([1], [1])


def test_faces_by_rule(timeline):
    assert timeline.select("longest").summary["face"].tolist() == [0]
    assert timeline.select("right").summary["face"].tolist() == [1]
    with pytest.raises(UsageError, match="face 7: is not in this timeline; its faces are 0, 1"):
        timeline.select(7)
