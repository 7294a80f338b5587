"""Shot cuts, on made-up pictures and on real clips where there are some; faces compared from frame to frame."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import cv2
import numpy as np
import pytest

from fervideo.records import LOOK_SHAPE, OUTSIDE, THUMBNAIL_SHAPE
from fervideo.settings import TrackingSettings
from fervideo.tracking import cuts

SHOT_CUT = TrackingSettings().shot_cut
RNG = np.random.default_rng(7)
SCENE = RNG.integers(0, 256, (2, *THUMBNAIL_SHAPE)).astype(np.uint8)


def shot_cuts(thumbnail: np.ndarray) -> np.ndarray:
    return cuts.shot_cuts(thumbnail, SHOT_CUT)


def test_first_frame_is_no_cut_and_short_clips_have_none() -> None:
    assert shot_cuts(SCENE[:0]).tolist() == []
    assert shot_cuts(SCENE[:1]).tolist() == [False]
    assert shot_cuts(SCENE).tolist() == [False, True]


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
    assert not shot_cuts(np.array([thumbnail(frame) for frame in frames])).any()


@pytest.mark.parametrize("after", [scenery()[::-1, 160:], np.zeros((240, 320)), 240 - scenery()[:, :320]])
def test_another_picture_is_a_cut(after: np.ndarray) -> None:
    frames = [scenery()[:, :320]] * 3 + [after] * 3
    assert shot_cuts(np.array([thumbnail(frame) for frame in frames])).tolist() == [
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
    cuts = {name: int(shot_cuts(clip).sum()) for name, clip in real_thumbnails.items()}
    assert cuts == dict.fromkeys(real_thumbnails, 0)


def test_real_clips_spliced_have_one_cut(real_thumbnails: dict[str, np.ndarray]) -> None:
    # d9, d10, d11 and d14 are framed alike: one head in the middle.
    for first, second in permutations(real_thumbnails, 2):
        spliced = np.concatenate([real_thumbnails[first], real_thumbnails[second]])
        assert np.flatnonzero(shot_cuts(spliced)).tolist() == [len(real_thumbnails[first])], (first, second)


LOOK = RNG.integers(1, 256, LOOK_SHAPE).astype(np.uint8)
OTHER = RNG.integers(1, 256, LOOK_SHAPE).astype(np.uint8)
LEFT_HALF = np.arange(LOOK_SHAPE[2]) < LOOK_SHAPE[2] // 2


@pytest.mark.parametrize(
    ("after", "seconds", "cut", "same"),
    [
        pytest.param(LOOK, 1 / 30, True, True, id="a slide that changes behind it"),
        pytest.param(LOOK // 3 + 20, 1 / 30, False, True, id="a light switched off"),
        pytest.param(np.stack([OTHER[0], LOOK[1]]), 1 / 30, False, True, id="a head that turns"),
        pytest.param(np.stack([LOOK[0], OTHER[1]]), 1 / 30, False, True, id="a wall that the camera passes"),
        pytest.param(OTHER, 1 / 30, False, False, id="another speaker in the same small picture"),
        pytest.param(LOOK * 0.55 + OTHER * 0.45, 1 / 30, False, False, id="a change too fast for one person"),
        pytest.param(LOOK * 0.55 + OTHER * 0.45, 0.5, False, True, id="the same change in half a second"),
        pytest.param(LOOK * 0.55 + OTHER * 0.45, 0.5, True, False, id="or with the whole picture"),
        pytest.param(np.where(LEFT_HALF, LOOK, OUTSIDE), 1 / 30, True, True, id="a face that leaves the picture"),
        pytest.param(np.where(LEFT_HALF, OTHER, OUTSIDE), 1 / 30, False, False, id="another one at the edge"),
    ],
)
def test_a_face_is_compared_with_itself(after: np.ndarray, seconds: float, cut: bool, same: bool) -> None:
    looks = np.stack([LOOK, after]).astype(np.uint8).reshape(2, LOOK_SHAPE[0], -1)
    assert cuts.is_same_face(looks[0], looks[1], np.array(seconds), np.array(cut)) == same
