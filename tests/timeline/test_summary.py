"""The summary of each face, and the expression that stands for it."""

from __future__ import annotations

import numpy as np
import pytest
from builders import (
    event_settings,
    make_expressions,
    make_features,
    make_timeline,
    make_track,
    probabilities,
)

from fervideo.columns import events, names, summary
from fervideo.settings import SequenceSettings, Settings
from fervideo.timeline import build


class TestSummary:
    def test_variable_rate_weighs_frames_by_their_duration(self) -> None:
        timeline = make_timeline(
            [["neutral", "happiness", "happiness"]], event_settings(), n_frames=3, time_s=[0.0, 3.0, 3.5]
        )
        row = timeline.summary.iloc[0]
        # 3 s of neutral, then 0.5 s and the median step of 1.75 s of happiness.
        assert (row["end_s"], row["time_neutral"], row["time_happiness"]) == (5.25, 0.5714, 0.4286)
        assert row["mean_valence"] == round(0.92 * 2.25 / 5.25, 4)
        assert row["events_per_min"] == round(2 / 5.25 * 60, 2)

    def test_takes_the_label_from_the_clip_head(self) -> None:
        p = np.array([probabilities("neutral")] * 3)
        track = make_expressions(p, clip_p=probabilities("contempt", 0.65))
        row = build(make_features(3, [range(3)]), [track], Settings(), {}).summary.iloc[0]
        assert (row["expression"], row["confidence"], row["time_neutral"]) == ("contempt", 0.65, 1.0)

    @pytest.mark.parametrize(("below", "shown"), [(0.0, "neutral"), (0.93, "neutral"), (0.94, "uncertain")])
    def test_abstains_where_nothing_is_probable_enough(self, below: float, shown: str) -> None:
        timeline = make_timeline(settings=Settings(sequence=SequenceSettings(uncertain_below=below)))
        row = timeline.summary.iloc[0]
        assert (row["expression"], row["confidence"], row["p_neutral"]) == (shown, 0.93, 0.93)
        assert set(timeline.frames["expression"]) == {"neutral"}

    def test_time_away_is_not_the_faces_time(self) -> None:
        features = make_features(10, [(0, 1, 8, 9)])
        timeline = build(features, [make_track((0, 1, 8, 9))], Settings(), {})
        assert timeline.frames["status"].tolist() == ["ok"] * 2 + ["no_face"] * 6 + ["ok"] * 2
        row = timeline.summary.iloc[0]
        assert (row["start_s"], row["end_s"], row["coverage"]) == (0.0, 0.4, 0.4)
        assert row["events_per_min"] == 2 / 0.16 * 60
        assert timeline.events[["onset_s", "offset_s"]].to_numpy().tolist() == [[0.0, 0.08], [0.32, 0.4]]

    def test_without_any_face_there_is_one_row_without_a_label(self) -> None:
        timeline = make_timeline([], n_frames=3, tracks=[])
        assert timeline.frames["status"].tolist() == ["no_face"] * 3
        assert (list(timeline.events.columns), len(timeline.events)) == (names(events()), 0)
        row = timeline.summary.iloc[0]
        assert (len(timeline.summary), row["video"], row["coverage"]) == (1, "clip.mp4", 0.0)
        assert row.drop(["video", "coverage"]).isna().all()
        assert list(row.index) == names(summary())
