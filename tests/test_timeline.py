"""Timelines: the tables' exact text, the events' rules, the round trip, and what goes wrong."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import make_features, make_info, make_timeline, make_track, probabilities
from pandas.testing import assert_frame_equal

from fervideo import atomic
from fervideo.errors import OutputError, UsageError
from fervideo.records import EXPRESSIONS, Float64, Int64, TrackExpressions
from fervideo.settings import EventSettings, SequenceSettings, Settings
from fervideo.timeline import (
    EVENT_COLUMNS,
    P_COLUMNS,
    RAW_COLUMNS,
    SUMMARY_COLUMNS,
    TIME_COLUMNS,
    Timeline,
    build,
    describe,
    hysteresis,
    merge_short,
    read_timeline,
)

#: Two expressions are enough for most rules; the others have probability 0.
N, H, S = (EXPRESSIONS.index(name) for name in ("neutral", "happiness", "surprise"))


def settings(min_duration_s: float = 0.0, enter: float = 0.5, hold: float = 0.35) -> Settings:
    return Settings(events=EventSettings(enter=enter, hold=hold, min_duration_s=min_duration_s))


def of_happiness(values: Sequence[float]) -> Float64:
    """Return float64 (n, C): happiness as given, neutral the rest."""
    p = np.zeros((len(values), len(EXPRESSIONS)))
    p[:, H], p[:, N] = values, 1 - np.array(values)
    return p


def random_timeline(seed: int, n: int = 400, events: EventSettings | None = None) -> Timeline:
    """Build a clip with uneven frame times and two faces: the first leaves and comes back, the second is bridged here and there."""
    random = np.random.default_rng(seed)
    time_s = np.cumsum(random.uniform(0.01, 0.09, n)) - 0.05
    stays = [i for i in range(n) if i < 150 or i >= 230]
    seen = sorted(random.choice(np.arange(40, 200), 120, replace=False).tolist())
    features = make_features(n, (stays, seen), time_s, damage="cut off" if seed % 2 else "")
    tracks = []
    for number, frames in enumerate((stays, range(seen[0], seen[-1] + 1))):
        p = random.dirichlet(np.full(len(EXPRESSIONS), 0.15), len(frames)).astype(np.float32)
        tracks.append(TrackExpressions(number, np.array(frames), p, p.mean(axis=0)))
    return build(features, tracks, Settings(events=events or EventSettings()), {})


class TestFiles:
    """The schema, literally."""

    @pytest.fixture
    def saved(self, tmp_path: Path) -> dict[str, Path]:
        # Face 0: seen, bridged, seen; then a frame without a face.
        timeline = make_timeline([["neutral", "neutral", "happiness"]], settings(), n_frames=4, tracks=[(0, 2)])
        return timeline.save(tmp_path)

    def test_timeline(self, saved: dict[str, Path]) -> None:
        assert saved["timeline"].name == "clip.timeline.csv"
        assert saved["timeline"].read_bytes().decode() == (
            "frame,time_s,face,status,expression,confidence,"
            "p_neutral,p_happiness,p_surprise,p_sadness,p_anger,p_disgust,p_fear,p_contempt,"
            "raw_neutral,raw_happiness,raw_surprise,raw_sadness,raw_anger,raw_disgust,raw_fear,raw_contempt,"
            "valence,box_x_px,box_y_px,box_w_px,box_h_px,"
            "yaw_deg,pitch_deg,roll_deg,eye_open_left,eye_open_right,mouth_open,smile,brow_raise,brow_furrow\n"
            "0,0.0,0,ok,neutral,0.93,0.93,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.93,0.01,0.01,0.01,0.01,0.01,0.01,0.01,"
            "0.0,100.0,80.0,50.0,60.0,0.0,0.12,0.25,0.375,0.5,0.625,0.75,0.875,1.0\n"
            "1,0.04,0,gap,neutral,0.93,0.93,0.01,0.01,0.01,0.01,0.01,0.01,0.01,,,,,,,,,0.0,,,,,,,,,,,,,\n"
            "2,0.08,0,ok,happiness,0.93,0.01,0.93,0.01,0.01,0.01,0.01,0.01,0.01,0.93,0.01,0.01,0.01,0.01,0.01,0.01,0.01,"
            "0.92,101.0,80.0,50.0,60.0,0.0,0.12,0.25,0.375,0.5,0.625,0.75,0.875,1.0\n"
            "3,0.12,,no_face,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,\n"
        )

    def test_events(self, saved: dict[str, Path]) -> None:
        assert saved["events"].read_bytes().decode() == (
            "face,expression,onset_s,apex_s,offset_s,duration_s,mean_confidence,peak_confidence\n"
            "0,neutral,0.0,0.0,0.08,0.08,0.93,0.93\n"
            "0,happiness,0.08,0.08,0.12,0.04,0.93,0.93\n"
        )

    def test_summary(self, saved: dict[str, Path]) -> None:
        assert saved["summary"].read_bytes().decode() == (
            "video,face,start_s,end_s,coverage,expression,confidence,"
            "p_neutral,p_happiness,p_surprise,p_sadness,p_anger,p_disgust,p_fear,p_contempt,"
            "time_neutral,time_happiness,time_surprise,time_sadness,time_anger,time_disgust,time_fear,time_contempt,"
            "events_per_min,mean_valence\n"
            "clip.mp4,0,0.0,0.12,0.5,neutral,0.93,0.93,0.01,0.01,0.01,0.01,0.01,0.01,0.01,"
            "0.6667,0.3333,0.0,0.0,0.0,0.0,0.0,0.0,1000.0,0.3067\n"
        )

    def test_run(self, saved: dict[str, Path]) -> None:
        run = json.loads(saved["run"].read_text(encoding="utf-8"))
        assert (run["status"], run["reason"], run["labels"]) == ("complete", "", list(EXPRESSIONS))
        assert run["video"]["path"] == "clip.mp4"
        assert run["video"]["variable_rate"] is False
        assert run["settings"]["events"] == {"enter": 0.5, "hold": 0.35, "min_duration_s": 0.0}


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
        p[0, [S, H]] = 0.5
        frames = build(
            make_features(1, [range(1)]), [TrackExpressions(0, np.array([0]), p, p[0])], Settings(), {}
        ).frames
        assert frames["expression"].tolist() == ["happiness"]

    @pytest.mark.parametrize("seed", range(4))
    def test_rounded_probabilities_sum_to_one_and_stay_close(self, seed: int) -> None:
        timeline = random_timeline(seed)
        seen = timeline.frames[timeline.frames["status"].isin(["ok", "gap"])]
        assert np.abs(seen[list(P_COLUMNS)].sum(axis=1) - 1).max() < 1e-12
        assert np.abs(seen.loc[seen["status"] == "ok", list(RAW_COLUMNS)].sum(axis=1) - 1).max() < 1e-12
        for columns in (P_COLUMNS, TIME_COLUMNS):
            assert np.abs(timeline.summary[list(columns)].sum(axis=1) - 1).max() < 1e-12

    def test_rounding_moves_no_probability_by_a_unit(self) -> None:
        p = np.random.default_rng(1).dirichlet(np.ones(8), 500).astype(np.float32)
        frames = build(
            make_features(500, [range(500)]), [TrackExpressions(0, np.arange(500), p, p[0])], Settings(), {}
        ).frames
        assert np.abs(frames[list(P_COLUMNS)].to_numpy() - p).max() < 1e-4

    def test_dtypes_do_not_depend_on_what_is_in_the_table(self) -> None:
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


class TestHysteresis:
    @pytest.mark.parametrize(
        ("happiness", "first", "label"),
        [
            pytest.param([0.1, 0.45, 0.61, 0.62, 0.9], [0, 3], [N, H], id="begins at enter"),
            pytest.param([0.9, 0.45, 0.39, 0.9], [0], [H], id="goes on from hold while no other has entered"),
            pytest.param([0.9, 0.38, 0.9], [0, 1, 2], [H, N, H], id="gives way to another that has entered"),
            pytest.param([0.4], [0], [N], id="one row holds its most probable"),
        ],
    )
    def test_two_expressions(self, happiness: list[float], first: list[int], label: list[int]) -> None:
        found = hysteresis(of_happiness(happiness), EventSettings(enter=0.62, hold=0.35))
        assert [part.tolist() for part in found] == [first, label]

    def test_an_equal_does_not_take_over(self) -> None:
        assert hysteresis(of_happiness([0.9, 0.5]), EventSettings(enter=0.5))[1].tolist() == [H]

    def test_the_leader_takes_over_without_entering_once_nothing_is_held(self) -> None:
        p = np.zeros((3, 8))
        p[:, :3] = [(0.8, 0.1, 0.1), (0.3, 0.3, 0.4), (0.3, 0.4, 0.3)]
        # Row 1: neutral is below hold, surprise leads. Row 2: surprise is below hold as well.
        assert hysteresis(p, EventSettings(enter=0.6))[1].tolist() == [N, S, H]

    def test_a_leader_that_has_not_entered_waits(self) -> None:
        p = np.zeros((2, 8))
        p[:, :3] = [(0.8, 0.1, 0.1), (0.4, 0.1, 0.45)]
        assert hysteresis(p, EventSettings())[1].tolist() == [N]


class TestMerging:
    def merged(
        self, label: list[int], p: Float64, bounds_s: Sequence[float], min_duration_s: float
    ) -> list[tuple[int, int]]:
        """Merge events of one row each."""
        bounds = np.array(bounds_s, np.float64)
        first, labels = merge_short(
            np.arange(len(label)), np.array(label), p * np.diff(bounds)[:, None], bounds, min_duration_s
        )
        return list(zip(first.tolist(), labels.tolist(), strict=True))

    def test_between_two_of_one_label_all_three_join(self) -> None:
        assert self.merged([N, H, N], of_happiness([0, 1, 0]), [0, 1, 1.1, 2], 0.2) == [(0, N)]

    @pytest.mark.parametrize(("towards", "expected"), [(N, [(0, N), (2, S)]), (S, [(0, N), (1, S)])])
    def test_goes_to_the_neighbour_that_is_more_probable_in_it(
        self, towards: int, expected: list[tuple[int, int]]
    ) -> None:
        p = np.zeros((3, 8))
        p[[0, 1, 2], [N, H, S]] = 0.6
        p[1, towards] = 0.3
        assert self.merged([N, H, S], p, [0, 1, 1.1, 2], 0.2) == expected

    def test_of_equals_the_earlier_neighbour(self) -> None:
        p = np.zeros((3, 8))
        p[:, [N, H, S]] = 1 / 3
        assert self.merged([N, H, S], p, [0, 1, 1.1, 2], 0.2) == [(0, N), (2, S)]

    def test_the_shortest_goes_first(self) -> None:
        # Merging 0.1 first lets the two of 0.15 grow into one of 0.4; from the left, nothing of happiness would be
        # left.
        p = of_happiness([0, 1, 0, 1, 0])
        assert self.merged([N, H, N, H, N], p, [0, 1, 1.15, 1.25, 1.4, 2.4], 0.2) == [(0, N), (1, H), (4, N)]

    def test_at_the_edges_there_is_one_neighbour(self) -> None:
        assert self.merged([H, N, H], of_happiness([1, 0, 1]), [0, 0.1, 1, 1.1], 0.2) == [(0, N)]

    def test_a_lone_event_stays_however_short(self) -> None:
        assert self.merged([H], of_happiness([1]), [0, 0.1], 0.2) == [(0, H)]
        assert len(self.merged([H, N, H, N], of_happiness([1, 0, 1, 0]), [0, 0.01, 0.02, 0.03, 0.04], 5)) == 1

    def test_just_long_enough_is_long_enough(self) -> None:
        # In floating point 1.16 - 0.96 is less than 0.2.
        assert len(self.merged([N, H, N], of_happiness([0, 1, 0]), [0, 0.96, 1.16, 2], 0.2)) == 3

    def test_agrees_with_the_plain_procedure(self) -> None:
        for seed in range(20):
            random = np.random.default_rng(seed)
            p = random.dirichlet(np.full(8, 0.3), 60)
            bounds_s = np.round(np.append(0, np.cumsum(random.uniform(0.01, 0.2, 60))), 6)
            first, label = hysteresis(p, EventSettings())
            mass = p * np.diff(bounds_s)[:, None]
            found = merge_short(first, label, mass, bounds_s, 0.3)
            assert list(zip(*(part.tolist() for part in found), strict=True)) == plainly_merged(
                first, label, mass, bounds_s, 0.3
            )


def plainly_merged(
    first: Int64, label: Int64, mass: Float64, bounds_s: Float64, minimum_s: float
) -> list[tuple[int, int]]:
    """Merge as the documentation says, looking at all events each time."""
    events = list(zip(first.tolist(), label.tolist(), strict=True))
    while len(events) > 1:
        starts = np.array([start for start, _ in events] + [len(mass)])
        lengths = np.round(np.diff(bounds_s[starts]), 6)
        i = int(lengths.argmin())
        if lengths[i] >= minimum_s:
            break
        inside = mass[starts[i] : starts[i + 1]].sum(axis=0)
        neighbours = [events[j][1] for j in (i - 1, i + 1) if 0 <= j < len(events)]
        events[i] = (events[i][0], max(neighbours, key=lambda name: inside[name]))
        events = [event for j, event in enumerate(events) if j == 0 or event[1] != events[j - 1][1]]
    return events


class TestEvents:
    @pytest.mark.parametrize("seed", range(6))
    @pytest.mark.parametrize("minimum_s", [0.0, 0.2, 3.0])
    def test_tile_each_stay_of_each_face(self, seed: int, minimum_s: float) -> None:
        timeline = random_timeline(seed, events=EventSettings(min_duration_s=minimum_s))
        times = timeline.frames.drop_duplicates("frame").set_index("frame")["time_s"]
        ends = times.shift(-1)
        for number, rows in timeline.frames.dropna(subset=["face"]).groupby("face"):
            events = timeline.events[timeline.events["face"] == number]
            stays = (rows["frame"].diff() > 1).cumsum()
            begin, end = rows.groupby(stays)["frame"].min(), rows.groupby(stays)["frame"].max()
            assert len(begin) == (2 if number == 0 else 1)
            touching = events["onset_s"].iloc[1:].to_numpy() == events["offset_s"].iloc[:-1].to_numpy()
            assert (~touching).sum() == len(begin) - 1
            assert set(times[begin]) <= set(events["onset_s"])
            assert set(ends[end].dropna()) <= set(events["offset_s"])
            assert events["duration_s"].sum() == pytest.approx((events["offset_s"] - events["onset_s"]).sum(), abs=1e-4)
            assert (events["duration_s"] >= minimum_s).all() or len(events) == len(begin)
            repeated = events["expression"].iloc[1:].to_numpy() == events["expression"].iloc[:-1].to_numpy()
            assert not (repeated & touching).any()
        assert (timeline.events["onset_s"] <= timeline.events["apex_s"]).all()
        assert (timeline.events["apex_s"] < timeline.events["offset_s"]).all()
        assert (timeline.events["mean_confidence"] <= timeline.events["peak_confidence"] + 1e-4).all()

    def test_the_apex_is_the_first_peak_and_the_mean_is_weighted_by_time(self) -> None:
        p = of_happiness([0.6, 0.9, 0.9, 0.8]).astype(np.float32)
        features = make_features(4, [range(4)], [0, 1, 3, 4])
        events = build(features, [TrackExpressions(0, np.arange(4), p, p[0])], settings(), {}).events
        # The last frame lasts as long as the median of 1, 2 and 1 s.
        assert events.iloc[0].tolist() == [0, "happiness", 0.0, 1.0, 5.0, 5.0, 0.82, 0.9]

    def test_come_out_by_face_then_onset(self) -> None:
        events = make_timeline(
            [["neutral", "fear"] * 2, "anger"], settings(), n_frames=4, tracks=[range(4), range(4)]
        ).events
        assert events["face"].tolist() == [0, 0, 0, 0, 1]
        assert events["onset_s"].tolist() == [0.0, 0.04, 0.08, 0.12, 0.0]

    def test_a_single_frame_lasts_as_long_as_the_clip(self) -> None:
        events = make_timeline(n_frames=1, duration_s=0.5).events
        assert events[["onset_s", "offset_s", "duration_s"]].iloc[0].tolist() == [0.0, 0.5, 0.5]

    def test_frames_of_one_time_are_survived(self) -> None:
        timeline = make_timeline([["neutral", "fear", "fear"]], settings(), n_frames=3, time_s=[0.0, 0.0, 0.0])
        assert timeline.events["mean_confidence"].tolist() == [0.93, 0.93]
        assert timeline.summary["events_per_min"].isna().all()


class TestSummary:
    def test_variable_rate_weighs_frames_by_their_duration(self) -> None:
        timeline = make_timeline(
            [["neutral", "happiness", "happiness"]], settings(), n_frames=3, time_s=[0.0, 3.0, 3.5]
        )
        row = timeline.summary.iloc[0]
        # 3 s of neutral, then 0.5 s and the median step of 1.75 s of happiness.
        assert (row["end_s"], row["time_neutral"], row["time_happiness"]) == (5.25, 0.5714, 0.4286)
        assert row["mean_valence"] == round(0.92 * 2.25 / 5.25, 4)
        assert row["events_per_min"] == round(2 / 5.25 * 60, 2)

    def test_takes_the_label_from_the_clip_head(self) -> None:
        track = make_track(range(3), "neutral")
        other = TrackExpressions(0, track.frame, track.probabilities, probabilities("contempt", 0.65))
        row = build(make_features(3, [range(3)]), [other], Settings(), {}).summary.iloc[0]
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
        assert (tuple(timeline.events.columns), len(timeline.events)) == (EVENT_COLUMNS, 0)
        row = timeline.summary.iloc[0]
        assert (len(timeline.summary), row["video"], row["coverage"]) == (1, "clip.mp4", 0.0)
        assert row.drop(["video", "coverage"]).isna().all()
        assert len(row) == len(SUMMARY_COLUMNS)


class TestDamage:
    def test_one_last_row_says_where_the_clip_breaks_off(self) -> None:
        timeline = make_timeline(n_frames=3, damage="packet 90 is broken", tracks=[range(2)])
        frames = timeline.frames
        assert frames["status"].tolist() == ["ok", "ok", "no_face", "damaged"]
        assert frames["frame"].tolist() == [0, 1, 2, 3]
        assert frames["time_s"].tolist() == [0.0, 0.04, 0.08, 0.12]
        assert frames.iloc[-1].drop(["frame", "time_s", "status"]).isna().all()
        assert timeline.summary["coverage"].tolist() == [round(2 / 3, 4)]
        assert (timeline.provenance["status"], timeline.provenance["reason"]) == ("damaged", "packet 90 is broken")
        assert timeline.damage == "packet 90 is broken"

    def test_the_row_stands_where_the_events_end(self) -> None:
        timeline = make_timeline(n_frames=3, damage="packet 90 is broken")
        assert timeline.events["offset_s"].iloc[-1] == timeline.frames["time_s"].iloc[-1]


class TestRoundTrip:
    @pytest.mark.parametrize("entry", ["timeline", "events", "summary", "run"])
    def test_any_of_the_files_leads_to_all(self, tmp_path: Path, entry: str) -> None:
        timeline = make_timeline()
        assert read_timeline(timeline.save(tmp_path)[entry]) == timeline

    @pytest.mark.parametrize(
        "make",
        [
            lambda: random_timeline(2),
            lambda: random_timeline(3),
            lambda: make_timeline([], n_frames=3, tracks=[]),
            lambda: make_timeline([], n_frames=1, tracks=[], damage="x"),
            lambda: make_timeline(path=Path('films/a, "b" é.x.mp4')),
            lambda: make_timeline(path=Path("NA")),
            lambda: make_timeline(path=Path("\udcff.mp4")),
            lambda: make_timeline(provenance={"frames_per_s": 301.25, "digests": ("a", "b"), "note": "Zoë"}),
        ],
        ids=[
            "two faces",
            "damaged",
            "no face",
            "one frame",
            "commas and quotes",
            "called NA",
            "not UTF-8",
            "provenance",
        ],
    )
    def test_everything_comes_back(self, tmp_path: Path, make: Callable[[], Timeline]) -> None:
        timeline = make()
        paths = timeline.save(tmp_path / "new" / "folder", stem="x.y")
        back = read_timeline(paths["timeline"])
        for name in ("frames", "events", "summary"):
            assert_frame_equal(getattr(back, name), getattr(timeline, name), check_exact=True)
        assert (back.info, back.labels, back.provenance) == (timeline.info, timeline.labels, timeline.provenance)
        assert back == timeline
        again = back.save(tmp_path / "again", stem="x.y")
        assert all(again[name].read_bytes() == path.read_bytes() for name, path in paths.items())

    def test_a_difference_is_seen(self) -> None:
        assert make_timeline() != make_timeline(["fear"])
        assert make_timeline() != make_timeline(provenance={"seed": 1})
        assert make_timeline() != make_timeline(codec="vp9")

    def test_the_callers_provenance_cannot_hide_the_runs_own(self) -> None:
        assert make_timeline(provenance={"status": "fine"}).provenance["status"] == "complete"

    @pytest.mark.parametrize("missing", ["timeline", "events", "summary", "run"])
    def test_a_missing_file_is_named(self, tmp_path: Path, missing: str) -> None:
        paths = make_timeline().save(tmp_path)
        paths[missing].unlink()
        with pytest.raises(UsageError, match=paths[missing].name):
            read_timeline(tmp_path / "clip.timeline.csv")

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("timeline", b""),
            ("timeline", b"a,b\n1,2\n"),
            ("timeline", b"a,b\n1,2,3\n1,2,3,4\n"),
            ("timeline", b"\xff\xfe\x00"),
            ("events", b"face,expression\n0,neutral\n"),
            ("run", b"{"),
            ("run", b"[]"),
            ("run", b'{"video": {"path": "x"}}'),
        ],
    )
    def test_something_else_is_refused(self, tmp_path: Path, name: str, content: bytes) -> None:
        paths = make_timeline().save(tmp_path)
        paths[name].write_bytes(content)
        with pytest.raises(UsageError, match=paths[name].name) as caught:
            read_timeline(paths["timeline"])
        assert "\n" not in str(caught.value)

    def test_another_name_is_refused(self, tmp_path: Path) -> None:
        for path in (tmp_path, tmp_path / "table.csv"):
            with pytest.raises(UsageError, match="not named like a timeline"):
                read_timeline(path)


class TestSaving:
    def test_a_failure_leaves_the_old_files_and_nothing_else(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_timeline().save(tmp_path)
        before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        to_csv, calls = pd.DataFrame.to_csv, []

        def fill_the_disk(table: pd.DataFrame, path: Path, **options: Any) -> None:
            calls.append(path)
            to_csv(table, path, **options)
            if len(calls) == 2:
                raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(pd.DataFrame, "to_csv", fill_the_disk)
        with pytest.raises(OutputError, match="No space left on device"):
            make_timeline(["fear"]).save(tmp_path)
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before

    def test_an_interrupt_leaves_nothing_either(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupt(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(json, "dumps", interrupt)
        timeline = Timeline(make_info(), EXPRESSIONS, pd.DataFrame(), pd.DataFrame(), pd.DataFrame(), {})
        with pytest.raises(KeyboardInterrupt):
            timeline.save(tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_the_next_save_removes_what_a_kill_left(self, tmp_path: Path) -> None:
        code = "import sys; from fervideo import atomic; print(atomic.process_name())"
        gone = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
        left = {
            name: tmp_path / f".fervideo-{name}-x1_"
            for name in (gone, atomic.process_name(), "1@elsewhere", "2@elsewhere")
        }
        for draft in left.values():
            draft.mkdir()
            (draft / "timeline").write_text("half")
        os.utime(left["2@elsewhere"], (0, 0))
        make_timeline().save(tmp_path)
        assert [draft.exists() for draft in left.values()] == [False, True, True, False]

    def test_overwrites_what_was_there(self, tmp_path: Path) -> None:
        make_timeline().save(tmp_path)
        timeline = make_timeline(["fear"])
        assert read_timeline(timeline.save(tmp_path)["run"]) == timeline
        assert len(list(tmp_path.iterdir())) == 4

    @pytest.mark.parametrize("below", ["", "sub/folder"])
    def test_a_folder_that_is_a_file_is_named(self, tmp_path: Path, below: str) -> None:
        # Permission bits do not bind root, a file in the way does.
        (tmp_path / "file").touch()
        with pytest.raises(OutputError, match=str(tmp_path / "file" / below)) as caught:
            make_timeline().save(tmp_path / "file" / below)
        assert "\n" not in str(caught.value)


class TestDescribe:
    def test_one_line_per_face(self) -> None:
        shown = [["neutral"] * 6 + ["happiness"] * 4, "fear"]
        assert describe(make_timeline(shown, tracks=[range(10), range(2, 5)])) == (
            "face  coverage  mostly   share of time               events\n"
            "0     100%      neutral  neutral 60%, happiness 40%  1\n"
            "1     30%       fear     fear 100%                   1"
        )

    def test_small_shares_are_left_out(self) -> None:
        assert "happiness" not in describe(make_timeline([["neutral"] * 149 + ["happiness"]], n_frames=150))

    def test_no_face_and_damage_are_said(self) -> None:
        timeline = make_timeline([], n_frames=3, tracks=[], damage="packet 90 is broken")
        assert describe(timeline) == "no face found\ndamaged: the table ends at 0.12 s (packet 90 is broken)"
