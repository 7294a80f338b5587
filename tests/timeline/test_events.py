"""Events: the rules of hysteresis and merging, and the table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from builders import (
    HAPPINESS,
    NEUTRAL,
    SURPRISE,
    event_settings,
    make_expressions,
    make_features,
    make_random_timeline,
    make_timeline,
    of_happiness,
)

from fervideo.records import Float64, Int64
from fervideo.settings import EventSettings
from fervideo.timeline import build
from fervideo.timeline.events import hysteresis, merge_short

#: Two expressions are enough for most rules; the others have probability 0.
N, H, S = NEUTRAL, HAPPINESS, SURPRISE


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
        timeline = make_random_timeline(seed, events=EventSettings(min_duration_s=minimum_s))
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
        p = of_happiness([0.6, 0.9, 0.9, 0.8])
        features = make_features(4, [range(4)], [0, 1, 3, 4])
        events = build(features, [make_expressions(p)], event_settings(), {}).events
        # The last frame lasts as long as the median of 1, 2 and 1 s.
        assert events.iloc[0].tolist()[:9] == [0, "happiness", 0.0, 1.0, 5.0, 5.0, 0.82, 0.9, 0.0]

    def test_come_out_by_face_then_onset(self) -> None:
        events = make_timeline(
            [["neutral", "fear"] * 2, "anger"], event_settings(), n_frames=4, tracks=[range(4), range(4)]
        ).events
        assert events["face"].tolist() == [0, 0, 0, 0, 1]
        assert events["onset_s"].tolist() == [0.0, 0.04, 0.08, 0.12, 0.0]

    def test_a_single_frame_lasts_as_long_as_the_clip(self) -> None:
        events = make_timeline(n_frames=1, duration_s=0.5).events
        assert events[["onset_s", "offset_s", "duration_s"]].iloc[0].tolist() == [0.0, 0.5, 0.5]

    def test_frames_of_one_time_are_survived(self) -> None:
        timeline = make_timeline([["neutral", "fear", "fear"]], event_settings(), n_frames=3, time_s=[0.0, 0.0, 0.0])
        assert timeline.events["mean_confidence"].tolist() == [0.93, 0.93]
        assert timeline.summary["events_per_min"].isna().all()
