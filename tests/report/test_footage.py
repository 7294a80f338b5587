"""Faces for figures, cut out of the video of a timeline."""

from pathlib import Path
from typing import Any

import clips
import numpy as np
import pytest
from builders import make_timeline
from PIL import Image

from fervideo.errors import UsageError
from fervideo.report import footage, source
from fervideo.report.courses import Moment
from fervideo.settings import Settings, VideoSettings
from fervideo.timeline import Timeline


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return clips.write(tmp_path / "clip.mp4", 30)


def timeline_of(path: Path, **changes: object) -> Timeline:
    facts: dict[str, Any] = {"path": path, "n_frames": 30, "width_px": clips.WIDTH, "height_px": clips.HEIGHT}
    facts |= changes
    return make_timeline(["happiness"], tracks=[range(facts["n_frames"])], **facts)


def test_the_frames_of_the_moments_are_cut(clip: Path):
    opened = source.opened(timeline_of(clip), clip)
    moments = [Moment(slot, frame / 25, frame, (0, 0, 64, 64), "fear") for slot, frame in enumerate((3, 12, 27))]
    found = footage.faces(opened, moments)
    assert sorted(found) == [0, 1, 2]
    for moment in moments:
        # The square is as high as the picture; its first blocks are those of the frame's number.
        side, block = found[moment.slot].shape[0], found[moment.slot].shape[0] // 4
        shown = found[moment.slot].mean(axis=2)[block // 2 : side : block, block // 2 : side : block] > 127
        assert np.array_equal(shown, clips.picture(moment.frame).mean(axis=2)[8::16, 8:64:16] > 127)


def test_a_timeline_draws_itself_with_faces(clip: Path, tmp_path: Path):
    figure = timeline_of(clip).plot(tmp_path / "figure.svg", video=clip, frames=5, width="one")
    assert (tmp_path / "figure.svg").read_bytes().count(b"<image") == 5
    assert round(figure.get_figwidth() * 25.4) == 85


def test_a_folder_has_the_videos_of_all(clip: Path):
    found = [timeline_of(clip), timeline_of(clip)]
    assert len(footage.plot(found, ["a", "b"], clip.parent, n_pictures=2).axes) == 6


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_frames": 29}, "has 30 frames, and the timeline of clip.mp4 has 29; give the video that was analysed"),
        ({"width_px": 64}, "has 128 x 64 pixels, and the timeline of clip.mp4 has 64 x 64; give the video that"),
    ],
)
def test_another_video_is_refused(clip: Path, changes: dict[str, int], message: str):
    with pytest.raises(UsageError) as error:
        source.opened(timeline_of(clip, **changes), clip)
    assert message in str(error.value)


def test_images_have_the_rate_at_which_they_were_analysed(tmp_path: Path):
    for number in range(3):
        Image.new("RGB", (64, 64)).save(tmp_path / f"{number}.png")
    used = Settings(video=VideoSettings(image_fps=5))
    facts: dict[str, Any] = {"path": tmp_path, "n_frames": 3, "width_px": 64, "height_px": 64}
    timeline = make_timeline(["fear"], used, tracks=[range(3)], **facts)
    assert source.opened(timeline, tmp_path).time_s.tolist() == [0.0, 0.2, 0.4]


def test_too_many_pictures_are_refused():
    with pytest.raises(UsageError, match=r"99 pictures: are no row of pictures; choose from 1 to 40"):
        footage.plot([make_timeline()], ["a"], Path("x"), n_pictures=99)
