"""The table of frames: rows, order, values, and the row where a damaged clip breaks off."""

from __future__ import annotations

import numpy as np
import pytest
from builders import (
    HAPPINESS,
    SURPRISE,
    make_expressions,
    make_features,
    make_random_timeline,
    make_timeline,
    make_track,
)

from fervideo.columns import prefixed
from fervideo.settings import Settings
from fervideo.timeline import build


class TestFrames:
    def test_two_faces_are_sorted_by_frame_then_face(self) -> None:
        frames = make_timeline(["neutral", "fear"], n_frames=4, tracks=[range(4), range(1, 3)]).frames
        assert list(zip(frames["frame"], frames["face"], strict=True)) == [
            (0, 0),
            (1, 0),
            (1, 1),
            (2, 0),
            (2, 1),
            (3, 0),
        ]
        assert frames.loc[frames["face"] == 1, "box_x_px"].tolist() == [300.0, 301.0]
        assert frames.loc[frames["face"] == 1, "valence"].tolist() == [-0.92, -0.92]

    def test_a_frame_with_only_a_bridged_face_is_no_frame_without_a_face(self) -> None:
        frames = make_timeline(n_frames=3, tracks=[(0, 2)]).frames
        assert frames["status"].tolist() == ["ok", "gap", "ok"]

    def test_sampled_frames_keep_their_numbers_and_have_no_gaps_between(self) -> None:
        frames = (0, 3, 6, 9)
        features = make_features(10, [(0, 3, 9)], step=3, fps=30)
        timeline = build(features, [make_track(frames)], Settings(), {})
        assert timeline.frames[["frame", "time_s", "status"]].to_numpy().tolist() == [
            [0, 0.0, "ok"],
            [3, 0.1, "ok"],
            [6, 0.2, "gap"],
            [9, 0.3, "ok"],
        ]
        assert timeline.events[["onset_s", "offset_s"]].to_numpy().tolist() == [[0.0, 0.4]]
        assert timeline.summary["coverage"].tolist() == [0.75]

    def test_raw_is_the_frame_network_and_p_the_sequence_model(self) -> None:
        features = make_features(2, [range(2)])
        frames = build(features, [make_track(range(2), "anger")], Settings(), {}).frames
        assert frames["p_anger"].tolist() == [0.93, 0.93]
        assert frames["raw_neutral"].tolist() == [0.93, 0.93]

    def test_a_tie_goes_to_the_first_expression(self) -> None:
        p = np.zeros((1, 8), np.float32)
        p[0, [SURPRISE, HAPPINESS]] = 0.5
        frames = build(make_features(1, [range(1)]), [make_expressions(p)], Settings(), {}).frames
        assert frames["expression"].tolist() == ["happiness"]

    @pytest.mark.parametrize("seed", range(4))
    def test_rounded_probabilities_sum_to_one_and_stay_close(self, seed: int) -> None:
        timeline = make_random_timeline(seed)
        seen = timeline.frames[timeline.frames["status"].isin(["ok", "gap"])]
        assert np.abs(seen[prefixed("p")].sum(axis=1) - 1).max() < 1e-12
        assert np.abs(seen.loc[seen["status"] == "ok", prefixed("raw")].sum(axis=1) - 1).max() < 1e-12
        for prefix in ("clip_p", "time"):
            assert np.abs(timeline.summary[prefixed(prefix)].sum(axis=1) - 1).max() < 1e-12

    def test_rounding_moves_no_probability_by_a_unit(self) -> None:
        p = np.random.default_rng(1).dirichlet(np.ones(8), 500).astype(np.float32)
        frames = build(make_features(500, [range(500)]), [make_expressions(p)], Settings(), {}).frames
        assert np.abs(frames[prefixed("p")].to_numpy() - p).max() < 1e-4

    def test_dtypes_do_not_depend_on_the_contents(self) -> None:
        full, empty = make_timeline(), make_timeline([], n_frames=3, tracks=[])
        for name in ("frames", "events", "summary"):
            assert getattr(full, name).dtypes.equals(getattr(empty, name).dtypes)
        assert str(full.frames["face"].dtype) == "Int64"

    def test_tracks_must_be_those_of_the_clip(self) -> None:
        features = make_features(4, [range(4)])
        for tracks in (
            [],
            [make_track(range(4)), make_track(range(4), track=1)],
            [make_track(range(3))],
            [make_track(range(5))],
        ):
            with pytest.raises(ValueError, match="clip"):
                build(features, tracks, Settings(), {})


class TestDamage:
    def test_a_frame_that_cannot_be_decoded_has_a_row_without_a_face(self) -> None:
        timeline = make_timeline(n_frames=6, tracks=[(0, 1, 4)], damaged=(2, 5), shown=[["neutral"] * 4])
        assert timeline.frames["status"].tolist() == ["ok", "ok", "damaged", "gap", "ok", "damaged"]
        assert timeline.frames["time_s"].tolist() == [0.0, 0.04, 0.08, 0.12, 0.16, 0.2]
        assert timeline.frames.iloc[2].drop(["frame", "time_s", "media_time_s", "status"]).isna().all()
        assert timeline.summary["coverage"].tolist() == [0.75]
        reason = "2 of 6 frames cannot be decoded, 0.080 s to 0.120 s, 0.200 s to the end: packet 90 is broken"
        assert (timeline.provenance["status"], timeline.damage) == ("damaged", reason)

    def test_no_event_runs_across_damage(self) -> None:
        events = make_timeline(n_frames=6, tracks=[(0, 1, 4, 5)], damaged=(2, 3), shown=[["neutral"] * 4]).events
        assert events[["onset_s", "offset_s"]].to_numpy().tolist() == [[0.0, 0.08], [0.16, 0.24]]

    def test_a_last_row_stands_where_a_file_ends_early(self) -> None:
        timeline = make_timeline(n_frames=3, ends_early="is cut short", tracks=[range(2)])
        frames = timeline.frames
        assert frames["status"].tolist() == ["ok", "ok", "no_face", "damaged"]
        assert frames["frame"].tolist() == [0, 1, 2, 3]
        assert frames["time_s"].tolist() == [0.0, 0.04, 0.08, 0.12]
        assert timeline.summary["coverage"].tolist() == [round(2 / 3, 4)]
        assert (timeline.provenance["status"], timeline.damage) == ("damaged", "is cut short")
        whole = make_timeline(n_frames=3, ends_early="is cut short")
        assert whole.events["offset_s"].iloc[-1] == whole.frames["time_s"].iloc[-1]

    def test_holes_are_reported(self) -> None:
        assert make_timeline(holes="frames are missing").damage == "frames are missing"


def test_media_times_are_those_of_a_player() -> None:
    timeline = make_timeline(n_frames=3, media_start_s=1.5)
    assert timeline.frames["media_time_s"].tolist() == [1.5, 1.54, 1.58]
    assert timeline.events["media_onset_s"].tolist() == [1.5]
