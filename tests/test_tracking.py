"""Faces of synthetic shape on synthetic paths; shot cuts also on real clips, where there are some."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import cv2
import numpy as np
import pytest

from fervideo.columns import MEASURES
from fervideo.landmarks import N_LANDMARKS
from fervideo.records import EXPRESSIONS, THUMBNAIL_SHAPE, ClipFeatures, FaceObservations, FeatureShard
from fervideo.settings import TrackingSettings
from fervideo.tracking import join, shot_cuts

SETTINGS = TrackingSettings()
RNG = np.random.default_rng(7)
#: Two persons' landmarks in face heights: one with a long face, one with a round face.
ANGLES, RADII = RNG.uniform(0, 2 * np.pi, N_LANDMARKS), np.sqrt(RNG.uniform(0, 1, N_LANDMARKS))
DISC = np.column_stack([np.cos(ANGLES), np.sin(ANGLES), np.cos(3 * ANGLES)]) * RADII[:, None] / 2
LONG, ROUND = DISC * (0.7, 1, 0.3), DISC * (0.95, 1, 0.3)
SCENE = RNG.integers(0, 256, (2, *THUMBNAIL_SHAPE)).astype(np.uint8)


class Clip:
    """A clip that is built face by face; `who` is kept in the embedding, so that the person of a track is known."""

    def __init__(self, n_frames: int, fps: float = 30.0, time_s: np.ndarray | None = None) -> None:
        self.time_s = np.arange(n_frames) / fps if time_s is None else time_s
        self.thumbnail = np.repeat(SCENE[:1], n_frames, 0)
        self.faces: list[tuple[int, int, np.ndarray]] = []

    def face(
        self, index: int, x: float, y: float = 200.0, shape: np.ndarray = LONG, size: float = 100.0, who: int = 0
    ) -> None:
        wobble = np.random.default_rng(index).normal(0, 0.005, shape.shape)
        self.faces.append((index, who, (shape + wobble) * size + (x, y, 0)))

    def shards(self, length: int = 256, stride: int = 1) -> list[FeatureShard]:
        """Cut the clip into segments; `stride` is the number of file frames from one analysed frame to the next."""
        faces = sorted(self.faces, key=lambda face: face[0])
        indices = np.array([index for index, _, _ in faces], np.int64)
        frame = np.arange(len(self.time_s)) * stride
        shards = []
        for first in range(0, len(frame), length):
            last = first + length
            chosen = [face for face in faces if first <= face[0] < last]
            landmarks = np.array([points for _, _, points in chosen], np.float32).reshape(-1, N_LANDMARKS, 3)
            xy = landmarks[..., :2]
            observations = FaceObservations(
                frame=indices[(indices >= first) & (indices < last)] * stride,
                box_px=np.concatenate([xy.min(1), xy.max(1)], 1),
                landmarks_px=landmarks,
                embedding=np.array([[who] for _, who, _ in chosen], np.float32).reshape(-1, 1),
                frame_logits=np.zeros((len(chosen), len(EXPRESSIONS)), np.float32),
                measures=dict.fromkeys(MEASURES, np.zeros(len(chosen), np.float32)),
            )
            shards.append(
                FeatureShard(
                    len(shards),
                    frame[first:last],
                    self.time_s[first:last],
                    np.ones(len(frame[first:last]), np.bool_),
                    self.thumbnail[first:last],
                    observations,
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


@pytest.mark.parametrize(("lost", "tracks"), [(29, 1), (32, 2)])
def test_gap_is_bridged_up_to_max_gap_s(lost: int, tracks: int) -> None:
    clip = still(120, [*range(40), *range(40 + lost, 120)])
    assert len(set(clip.tracks(TrackingSettings(max_gap_s=1.0)))) == tracks


def test_gap_is_measured_in_seconds_not_in_frames() -> None:
    # Frames of 20 ms, then of 200 ms: seven lost frames are 0.16 s at first and 1.6 s later.
    time_s = np.concatenate([np.arange(50) * 0.02, 1 + np.arange(50) * 0.2])
    clip = Clip(100, time_s=time_s)
    for index in [*range(20), *range(27, 60), *range(67, 100)]:
        clip.face(index, 300)
    assert clip.tracks() == [0] * 53 + [1] * 33


def test_frames_sampled_further_apart_than_max_gap_s_still_join() -> None:
    assert still(20, range(20), fps=0.5).tracks() == [0] * 20
    assert len(set(still(20, [*range(10), *range(11, 20)], fps=0.5).tracks())) == 2


def test_max_gap_of_zero_bridges_nothing() -> None:
    clip = still(60, [*range(30), *range(31, 60)])
    assert len(set(clip.tracks(TrackingSettings(max_gap_s=0)))) == 2


def test_shot_cut_begins_new_tracks_even_where_no_face_is_seen() -> None:
    clip = still(60, [*range(30), *range(35, 60)])
    clip.thumbnail[32:] = SCENE[1]
    assert clip.tracks() == [0] * 30 + [1] * 25


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
    bare = FaceObservations(
        nobody.frame,
        nobody.box_px,
        nobody.landmarks_px,
        np.empty((0, 0), np.float32),
        nobody.frame_logits,
        nobody.measures,
    )
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
    assert whole.track.max() >= 5
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
        faces = FaceObservations(
            shard.observations.frame + segment * 256,
            *(getattr(shard.observations, name) for name in ("box_px", "landmarks_px", "embedding", "frame_logits")),
            shard.observations.measures,
        )
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


def test_first_frame_is_no_cut_and_short_clips_have_none() -> None:
    assert shot_cuts(SCENE[:0], SETTINGS).tolist() == []
    assert shot_cuts(SCENE[:1], SETTINGS).tolist() == [False]
    assert shot_cuts(SCENE, SETTINGS).tolist() == [False, True]


def scenery() -> np.ndarray:
    """A large picture with soft, uneven content, grey."""
    y, x = np.mgrid[0:240, 0:480]
    return 120 + 60 * np.sin(x / 37) * np.cos(y / 23) + 50 * ((x // 60 + y // 80) % 2)


def thumbnail(picture: np.ndarray) -> np.ndarray:
    """Average a picture's blocks, as area scaling does."""
    rows, columns = THUMBNAIL_SHAPE
    blocks = picture.reshape(rows, picture.shape[0] // rows, columns, picture.shape[1] // columns)
    return np.clip(blocks.mean((1, 3)), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param([scenery()[:, s : s + 320] for s in range(0, 150, 10)], id="pan"),
        pytest.param([scenery()[:, :320] * (1 - k / 15) for k in range(16)], id="fade to black"),
        pytest.param([scenery()[:, :320] * gain for gain in (1, 0.5, 1)], id="light off and on"),
        pytest.param(
            [scenery()[:, :320] * (1 - k / 15) + scenery()[::-1, 160:] * k / 15 for k in range(16)], id="cross-fade"
        ),
        pytest.param([np.full((240, 320), grey) for grey in (0, 3, 0, 5)], id="black with noise"),
    ],
)
def test_one_shot_has_no_cut(frames: list[np.ndarray]) -> None:
    assert not shot_cuts(np.array([thumbnail(frame) for frame in frames]), SETTINGS).any()


@pytest.mark.parametrize("after", [scenery()[::-1, 160:], np.zeros((240, 320)), 240 - scenery()[:, :320]])
def test_another_picture_is_a_cut(after: np.ndarray) -> None:
    frames = [scenery()[:, :320]] * 3 + [after] * 3
    assert shot_cuts(np.array([thumbnail(frame) for frame in frames]), SETTINGS).tolist() == [
        False,
        False,
        False,
        True,
        False,
        False,
    ]


@pytest.fixture(scope="module")
def real_thumbnails(shared: Path) -> dict[str, np.ndarray]:
    """Thumbnails of six frames per second of clips that are one shot each."""
    names = ("WolfgangLanger_Pexels", "d9", "d10", "d11", "d14", "s18", "s29", "single_face", "no_face")
    decord = pytest.importorskip("decord")
    found = {}
    for path in (shared / "clips" / f"{name}.mp4" for name in names):
        reader = decord.VideoReader(str(path), num_threads=1)
        # Frames between are skipped without colour conversion, which is most of the work.
        frames = [cv2.cvtColor(reader[i].asnumpy(), cv2.COLOR_RGB2GRAY) for i in range(0, min(len(reader), 360), 5)]
        found[path.stem] = np.array(
            [cv2.resize(frame, THUMBNAIL_SHAPE[::-1], interpolation=cv2.INTER_AREA) for frame in frames]
        )
    return found


def test_real_single_shots_have_no_cut_at_six_frames_per_second(real_thumbnails: dict[str, np.ndarray]) -> None:
    cuts = {name: int(shot_cuts(clip, SETTINGS).sum()) for name, clip in real_thumbnails.items()}
    assert cuts == dict.fromkeys(real_thumbnails, 0)


def test_real_clips_spliced_have_one_cut(real_thumbnails: dict[str, np.ndarray]) -> None:
    # d9, d10, d11 and d14 are framed alike: one head in the middle.
    for first, second in permutations(real_thumbnails, 2):
        spliced = np.concatenate([real_thumbnails[first], real_thumbnails[second]])
        assert np.flatnonzero(shot_cuts(spliced, SETTINGS)).tolist() == [len(real_thumbnails[first])], (first, second)
