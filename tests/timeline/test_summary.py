"""The summary of each face, and the expression that stands for it."""

from __future__ import annotations

import numpy as np
import pytest
from builders import (
    event_settings,
    make_expressions,
    make_features,
    make_random_timeline,
    make_timeline,
    make_track,
    probabilities,
)

from fervideo.columns import events, names, summary
from fervideo.records import EXPRESSIONS
from fervideo.settings import EventSettings, SequenceSettings, Settings
from fervideo.timeline import build
from fervideo.timeline.summary import main_expression


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

    def test_the_clip_head_has_columns_of_its_own(self) -> None:
        p = np.array([probabilities("neutral")] * 3)
        track = make_expressions(p, clip_p=probabilities("contempt", 0.65))
        row = build(make_features(3, [range(3)]), [track], Settings(), {}).summary.iloc[0]
        assert (row["clip_expression"], row["clip_p_contempt"], row["clip_p_neutral"]) == ("contempt", 0.65, 0.05)
        assert (row["expression"], row["confidence"], row["time_neutral"]) == ("neutral", 0.93, 1.0)

    @pytest.mark.parametrize(("below", "shown"), [(0.0, "neutral"), (0.93, "neutral"), (0.94, "uncertain")])
    def test_abstains_where_nothing_is_probable_enough(self, below: float, shown: str) -> None:
        timeline = make_timeline(settings=Settings(sequence=SequenceSettings(uncertain_below=below)))
        row = timeline.summary.iloc[0]
        assert (row["expression"], row["confidence"], row["clip_p_neutral"]) == (shown, 0.93, 0.93)
        assert set(timeline.frames["expression"]) == {"neutral"}
        assert row["clip_expression"] == "neutral"

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


class TestExpression:
    """The one expression that stands for a face, and its confidence."""

    @pytest.mark.parametrize(
        ("time", "least", "expected"),
        [
            pytest.param({"neutral": 0.9, "fear": 0.1}, 0.1, "fear", id="just long enough"),
            pytest.param({"neutral": 0.9001, "fear": 0.0999}, 0.1, "neutral", id="not long enough"),
            pytest.param({"neutral": 0.8, "fear": 0.09, "anger": 0.11}, 0.1, "anger", id="the longest of several"),
            pytest.param({"neutral": 0.6, "fear": 0.2, "anger": 0.2}, 0.1, "anger", id="of equals the first"),
            pytest.param({"fear": 0.5, "anger": 0.5}, 0.6, "neutral", id="neutral, though never shown"),
            pytest.param({"neutral": 1.0}, 0.0, "neutral", id="an expression that is not shown is not named"),
            pytest.param({"neutral": 0.9999, "fear": 0.0001}, 0.0, "fear", id="without a limit a moment is enough"),
        ],
    )
    def test_is_the_longest_other_than_neutral(self, time: dict[str, float], least: float, expected: str) -> None:
        shares = np.array([time.get(label, 0.0) for label in EXPRESSIONS])
        assert EXPRESSIONS[main_expression(shares, EXPRESSIONS, least)] == expected

    def test_without_neutral_is_the_longest(self) -> None:
        assert main_expression(np.array([0.2, 0.45, 0.35]), ("awe", "bored", "calm"), 0.5) == 1

    @pytest.mark.parametrize(("share", "shown", "confidence"), [(0.1, "happiness", 0.8), (0.5, "neutral", 0.75)])
    def test_confidence_is_its_mean_while_it_is_shown(self, share: float, shown: str, confidence: float) -> None:
        # 3 s and 1 s of neutral, 1 s and 1 s of happiness.
        p = np.zeros((4, 8))
        p[:, :2] = [(0.7, 0.3), (0.3, 0.7), (0.1, 0.9), (0.9, 0.1)]
        chosen = Settings(events=EventSettings(summary_share=share))
        row = build(make_features(4, [range(4)], [0, 3, 4, 5]), [make_expressions(p)], chosen, {}).summary.iloc[0]
        assert (row["time_neutral"], row["time_happiness"]) == (0.6667, 0.3333)
        assert (row["expression"], row["confidence"]) == (shown, confidence)

    @pytest.mark.parametrize(("below", "shown"), [(0.0, "neutral"), (0.1, "uncertain")])
    def test_neutral_that_no_frame_shows_has_no_confidence(self, below: float, shown: str) -> None:
        chosen = Settings(events=EventSettings(summary_share=0.6), sequence=SequenceSettings(uncertain_below=below))
        row = make_timeline([["fear"] * 5 + ["anger"] * 5], chosen).summary.iloc[0]
        assert (row["expression"], row["time_neutral"]) == (shown, 0.0)
        assert np.isnan(row["confidence"])

    def test_agrees_with_the_shares_of_time_beside_it(self) -> None:
        for seed in range(4):
            table = make_random_timeline(seed).summary
            for _, row in table.iterrows():
                others = {label: row[f"time_{label}"] for label in EXPRESSIONS[1:]}
                assert row["expression"] == max(others, key=others.__getitem__)
