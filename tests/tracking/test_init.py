"""Faces of synthetic shape and looks on synthetic paths."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from fervideo.columns import MEASURES
from fervideo.landmarks import N_LANDMARKS
from fervideo.records import EXPRESSIONS, LOOK_SHAPE, THUMBNAIL_SHAPE, ClipFeatures, FaceObservations, FeatureShard
from fervideo.settings import TrackingSettings
from fervideo.tracking import join

SETTINGS = TrackingSettings()
RNG = np.random.default_rng(7)
#: Two persons' landmarks in face heights: one with a long face, one with a round face.
ANGLES, RADII = RNG.uniform(0, 2 * np.pi, N_LANDMARKS), np.sqrt(RNG.uniform(0, 1, N_LANDMARKS))
DISC = np.column_stack([np.cos(ANGLES), np.sin(ANGLES), np.cos(3 * ANGLES)]) * RADII[:, None] / 2
LONG, ROUND = DISC * (0.7, 1, 0.3), DISC * (0.95, 1, 0.3)
SCENE = RNG.integers(0, 256, (2, *THUMBNAIL_SHAPE)).astype(np.uint8)
LOOKS = RNG.integers(0, 256, (4, *LOOK_SHAPE)).astype(np.uint8)


class Clip:
    """A clip that is built face by face; `who` is kept in the embedding, so that the person of a track is known."""

    def __init__(self, n_frames: int, fps: float = 30.0, time_s: np.ndarray | None = None) -> None:
        self.time_s = np.arange(n_frames) / fps if time_s is None else time_s
        self.thumbnail = np.repeat(SCENE[:1], n_frames, 0)
        self.faces: list[tuple[int, int, np.ndarray, np.ndarray, float]] = []

    def face(
        self,
        index: int,
        x: float,
        y: float = 200.0,
        shape: np.ndarray = LONG,
        size: float = 100.0,
        who: int = 0,
        look: np.ndarray | None = None,
        score: float = np.nan,
    ) -> None:
        """Add a face; its look is the person's, and `score` that of the second detector."""
        wobble = np.random.default_rng(index).normal(0, 0.005, shape.shape)
        self.faces.append(
            (index, who, (shape + wobble) * size + (x, y, 0), LOOKS[who] if look is None else look, score)
        )

    def shards(self, length: int = 256, stride: int = 1) -> list[FeatureShard]:
        """Cut the clip into segments; `stride` is the number of file frames from one analysed frame to the next."""
        faces = sorted(self.faces, key=lambda face: face[0])
        indices = np.array([index for index, *_ in faces], np.int64)
        frame = np.arange(len(self.time_s)) * stride
        shards = []
        for first in range(0, len(frame), length):
            last = first + length
            chosen = [face for face in faces if first <= face[0] < last]
            landmarks = np.array([face[2] for face in chosen], np.float32).reshape(-1, N_LANDMARKS, 3)
            xy = landmarks[..., :2]
            observations = FaceObservations(
                frame=indices[(indices >= first) & (indices < last)] * stride,
                box_px=np.concatenate([xy.min(1), xy.max(1)], 1),
                landmarks_px=landmarks,
                embedding=np.array([[face[1]] for face in chosen], np.float32).reshape(-1, 1),
                frame_logits=np.zeros((len(chosen), len(EXPRESSIONS)), np.float32),
                measures=dict.fromkeys(MEASURES, np.zeros(len(chosen), np.float32)),
            )
            shards.append(
                FeatureShard(
                    segment=len(shards),
                    frame=frame[first:last],
                    time_s=self.time_s[first:last],
                    sound=np.ones(len(frame[first:last]), np.bool_),
                    size_px=np.tile((640, 360), (len(frame[first:last]), 1)),
                    thumbnail=self.thumbnail[first:last],
                    observations=observations,
                    look=np.array([face[3] for face in chosen], np.uint8).reshape(-1, *LOOK_SHAPE),
                    confirmation=np.array([face[4] for face in chosen], np.float32),
                )
            )
        return shards

    def people(self, settings: TrackingSettings = SETTINGS) -> dict[int, list[int]]:
        """Join the clip and return the persons whose faces are in each track."""
        joined = join(self.shards(), settings)
        who = joined.observations.embedding[:, 0].astype(int)
        return {int(track): sorted(set(who[joined.track == track].tolist())) for track in np.unique(joined.track)}

    def tracks(self, settings: TrackingSettings = SETTINGS) -> list[int]:
        return join(self.shards(), settings).track.tolist()


def still(n_frames: int, seen: list[int] | range, fps: float = 30.0) -> Clip:
    clip = Clip(n_frames, fps)
    for index in seen:
        clip.face(index, 300)
    return clip


@pytest.mark.parametrize("fps", [30.0, 5.0])
def test_two_faces_that_cross_keep_their_tracks(fps: float) -> None:
    clip = Clip(int(4 * fps), fps)
    for index, t in enumerate(clip.time_s):
        clip.face(index, 200 + 100 * t, 200, LONG, who=0)
        if not 1.7 < t < 2.3:  # behind the other one
            clip.face(index, 600 - 100 * t, 230, ROUND, who=1)
    assert clip.people() == {0: [0], 1: [1]}


def test_shape_decides_where_two_faces_swap_between_two_frames() -> None:
    clip = Clip(20, fps=5)
    for index in range(20):
        way = 40 * (index - 9.5)
        clip.face(index, 1000 + way, 200, LONG, who=0)
        clip.face(index, 1000 - way, 220, ROUND, who=1)
    assert clip.people() == {0: [0], 1: [1]}


def test_assignment_is_best_for_all_faces_together() -> None:
    # The second face comes closer to the first one's old position; only one pairing leaves nobody alone.
    clip = Clip(12)
    for index in range(12):
        step = 25 if index >= 6 else 0
        clip.face(index, 300 - step, who=0)
        clip.face(index, 345 - step, 260, who=1)
    assert clip.people() == {0: [0], 1: [1]}


@pytest.mark.parametrize("lost", [1, 29, 80])
def test_a_face_that_returns_as_it_was_keeps_its_number(lost: int) -> None:
    assert still(160, [*range(40), *range(40 + lost, 160)]).tracks() == [0] * (160 - lost)


@pytest.mark.parametrize(("blend", "tracks", "hints"), [(0.2, 1, [-1]), (0.4, 2, [-1, 0]), (0.9, 2, [-1, -1])])
def test_a_face_that_returns_changed_may_be_the_same(blend: float, tracks: int, hints: list[int]) -> None:
    clip = still(200, range(60))
    for index in range(150, 200):
        clip.face(index, 300, look=((1 - blend) * LOOKS[0] + blend * LOOKS[1]).astype(np.uint8))
    joined = join(clip.shards(), SETTINGS)
    assert (len(set(joined.track.tolist())), joined.maybe.tolist()) == (tracks, hints)


def test_cut_and_back_gives_two_people() -> None:
    clip = Clip(240)
    for index in range(240):
        clip.face(index, 300, who=index // 60 % 2)
        clip.thumbnail[index] = SCENE[index // 60 % 2]
    assert clip.people() == {0: [0], 1: [1]}


def test_an_hour_away() -> None:
    clip = Clip(240, time_s=np.concatenate([np.arange(120), 108000 + np.arange(120)]) / 30)
    for index in range(240):
        clip.face(index, 300)
    assert clip.tracks() == [0] * 240


def test_two_people_are_two_wherever_they_are() -> None:
    clip = Clip(120)
    for index in range(120):
        clip.face(index, 300, who=index // 60)
    assert clip.people() == {0: [0], 1: [1]}


def test_a_slide_that_changes_behind_a_face_is_no_cut() -> None:
    clip = still(60, [*range(30), *range(35, 60)])
    clip.thumbnail[32:] = SCENE[1]
    assert clip.tracks() == [0] * 55


@pytest.mark.parametrize("seen", [True, False])
def test_a_flash_is_no_cut(seen: bool) -> None:
    clip = Clip(90)
    for index in range(90):
        flash = 40 <= index < 43
        clip.thumbnail[index] = SCENE[int(flash)]
        if seen or not flash:
            clip.face(index, 300, look=LOOKS[3] if flash else LOOKS[0])
    assert clip.tracks() == [0] * (90 if seen else 87)


def test_frames_sampled_further_apart_than_max_gap_s_still_join() -> None:
    assert still(20, range(20), fps=0.5).tracks() == [0] * 20


def test_a_face_that_no_look_confirms_is_dropped() -> None:
    clip = Clip(120)
    for index in range(120):
        clip.face(index, 300, score=0.9 if index % 16 == 0 else np.nan)
        clip.face(index, 700, who=1, score=0.3 if index % 16 == 0 else np.nan)
    assert clip.people() == {0: [0]}


def test_a_face_that_walks_off_is_dropped_from_there_on() -> None:
    clip = Clip(128)
    for index in range(128):
        clip.face(index, 300, score=np.nan if index % 16 else 0.9 if index != 32 and index < 80 else 0.3)
    # One look in vain, at a hand before the face, is nothing; the rows after the last good look are gone.
    assert clip.tracks() == [0] * 80


def test_quick_move_at_five_frames_per_second_is_followed() -> None:
    clip = Clip(20, fps=5)
    for index in range(20):
        # Turning the head changes the shape at the same time.
        clip.face(index, 300 + 80 * (index % 2), shape=LONG * (1 + 0.15 * (index % 2), 1, 1))
    assert clip.tracks() == [0] * 20


def test_another_position_is_another_face() -> None:
    # A landmarker of one face may hop between two people.
    clip = Clip(60)
    for index in range(60):
        clip.face(
            index,
            200 if index // 15 % 2 == 0 else 500,
            shape=LONG if index // 15 % 2 == 0 else ROUND,
            who=index // 15 % 2,
        )
    assert clip.people() == {0: [0], 1: [1]}


def test_face_reported_twice_is_kept_once() -> None:
    clip = Clip(30)
    for index in range(30):
        clip.face(index, 302, size=96, who=1)
        clip.face(index, 300, size=100, who=0)
    joined = join(clip.shards(), SETTINGS)
    assert joined.track.tolist() == [0] * 30
    assert (joined.observations.embedding == 0).all()


def test_false_alarm_is_dropped_and_min_track_s_zero_keeps_it() -> None:
    clip = still(60, range(60))
    for index in (20, 21, 22):
        clip.face(index, 700, shape=ROUND)
    assert clip.tracks() == [0] * 60
    assert clip.tracks(TrackingSettings(min_track_s=0)).count(1) == 3


@pytest.mark.parametrize(
    ("n_frames", "fps", "seen", "kept"),
    [
        (1, 30.0, 1, 1),  # one frame is all there is
        (3, 30.0, 3, 3),  # a clip shorter than min_track_s
        (50, 5.0, 1, 1),  # at 5 frames per second one detection stands for 0.2 s
        (50, 10.0, 1, 0),
        (50, 10.0, 2, 2),
        (60, 30.0, 5, 0),
        (60, 30.0, 6, 6),
    ],
)
def test_track_is_kept_if_seen_for_long_enough_at_the_sample_rate(
    n_frames: int, fps: float, seen: int, kept: int
) -> None:
    assert len(still(n_frames, range(seen), fps).tracks()) == kept


def test_tracks_are_numbered_by_detections_then_first_appearance() -> None:
    clip = Clip(90)
    for who, (first, last) in enumerate([(0, 20), (5, 90), (10, 30)]):
        for index in range(first, last):
            clip.face(index, 200 + 300 * who, who=who)
    assert clip.people() == {0: [1], 1: [0], 2: [2]}


def test_rows_are_ordered_by_frame_then_track_without_landmarks() -> None:
    clip = Clip(90)
    for index in range(90):
        clip.face(index, 700, who=1)
        if index < 80:
            clip.face(index, 200, who=0)
    joined = join(clip.shards(), SETTINGS)
    rows = list(zip(joined.observations.frame.tolist(), joined.track.tolist(), strict=True))
    assert rows == sorted(rows)
    assert joined.observations.landmarks_px.shape == (170, 0, 3)
    assert joined.frame.tolist() == list(range(90))
    assert joined.time_s.tolist() == clip.time_s.tolist()


@pytest.mark.parametrize("n_frames", [0, 40])
def test_clip_without_a_face(n_frames: int) -> None:
    joined = join(Clip(n_frames).shards(16), SETTINGS)
    assert len(joined.track) == len(joined.observations) == 0
    assert len(joined.frame) == n_frames


def test_segments_without_a_face_do_not_decide_the_width_of_embeddings() -> None:
    clip = still(64, range(20, 40))
    shards = clip.shards(16)
    nobody = shards[0].observations
    bare = replace(nobody, embedding=np.empty((0, 0), np.float32))
    shards[0] = replace(shards[0], observations=bare)
    assert join(shards, SETTINGS).observations.embedding.shape == (20, 1)


def busy_clip() -> Clip:
    """Three people who come, go, cross, twitch and are cut away, at an uneven rate."""
    rng = np.random.default_rng(3)
    clip = Clip(300, time_s=np.cumsum(rng.uniform(0.01, 0.06, 300)))
    clip.thumbnail[140:] = SCENE[1]
    for index in range(300):
        for who, (shape, speed) in enumerate([(LONG, 1.5), (ROUND, -1.5), (LONG * (1, 0.8, 1), 0.3)]):
            if rng.random() < 0.9 - 0.5 * (60 < index < 90):
                clip.face(index, 400 + speed * (index - 150) + rng.normal(0, 3), 150 + 90 * who, shape, who=who)
    return clip


@pytest.mark.parametrize("length", [1, 7, 64, 256])
def test_segments_leave_no_seam(length: int) -> None:
    clip = busy_clip()
    whole, parts = join(clip.shards(300), SETTINGS), join(iter(clip.shards(length)), SETTINGS)
    assert whole.track.max() >= 2
    np.testing.assert_array_equal(whole.track, parts.track)
    np.testing.assert_array_equal(whole.frame, parts.frame)
    np.testing.assert_array_equal(whole.observations.box_px, parts.observations.box_px)


def test_sampled_frames_keep_their_index_in_the_file() -> None:
    clip = still(40, range(40), fps=10)
    joined = join(clip.shards(stride=3), SETTINGS)
    assert joined.observations.frame.tolist() == list(range(0, 120, 3))
    assert set(joined.track.tolist()) == {0}


def test_damage_is_no_gap_and_no_cut() -> None:
    seen = [*range(20), *range(40, 60)]
    first, broken, last = still(60, seen).shards(20)
    broken = replace(broken, sound=np.zeros(20, np.bool_), thumbnail=broken.thumbnail * 0, damage="it is missing")
    joined = join([first, broken, last], SETTINGS)
    assert joined.track.tolist() == [0] * 40
    assert joined.sound.tolist() == [index in seen for index in range(60)]
    assert joined.damage == "20 of 60 frames cannot be decoded, 0.667 s to 1.333 s: it is missing"


def test_landmarks_are_asked_for() -> None:
    shard = still(4, range(4)).shards()[0]
    bare = replace(shard, observations=shard.observations.without_landmarks())
    with pytest.raises(ValueError, match="segment 0: tracking needs landmarks"):
        join([bare], SETTINGS)


def test_result_goes_into_clip_features() -> None:
    clip = ClipFeatures(None, *join(still(30, range(30)).shards(), SETTINGS))  # type: ignore[arg-type]
    assert clip.n_tracks == 1


def test_long_clip_is_joined_fast() -> None:
    shards = still(256, range(256)).shards()
    clip = []
    for segment in range(80):
        shard = shards[0]
        faces = replace(shard.observations, frame=shard.observations.frame + segment * 256)
        clip.append(
            replace(
                shard,
                segment=segment,
                frame=shard.frame + segment * 256,
                time_s=shard.time_s + segment * 256 / 30,
                observations=faces,
            )
        )
    start = time.process_time()
    joined = join(clip, SETTINGS)
    assert time.process_time() - start < 1.5  # 0.2 s was measured
    assert joined.track.tolist() == [0] * 20480


def test_a_face_stays_one_where_the_pictures_of_a_call_grow() -> None:
    (shard,) = still(20, range(20)).shards()
    seen, zoom = shard.observations, np.repeat([1, 4], 10)
    grown = replace(seen, box_px=seen.box_px * zoom[:, None].astype(np.float32))
    settings = TrackingSettings(max_cost=0.4)
    size_px = shard.size_px * zoom[:, None]
    assert set(join([replace(shard, observations=grown, size_px=size_px)], settings).track.tolist()) == {0}
