"""The facts of video files, and files that cannot be read."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import clips
import numpy as np
import pytest

from fervideo.errors import VideoError
from fervideo.settings import VideoSettings
from fervideo.video import probe


def test_facts(made: Callable[[str], Path]):
    info = clips.open_video(path := made("turned_90.mp4")).info
    assert (info.codec, info.width_px, info.height_px, info.rotation_deg) == ("h264", clips.WIDTH, clips.HEIGHT, 90)
    assert (info.n_frames, info.header_frames, info.duration_s, info.mean_fps) == (60, 60, 2.4, 25)
    assert info.fingerprint == hashlib.sha256(path.read_bytes()).hexdigest()
    hidden = clips.open_video(made("hidden.mp4")).info
    assert (hidden.n_frames, hidden.header_frames, hidden.start_s) == (60, 65, 0)


def test_one_frame(tmp_path: Path):
    video = clips.open_video(clips.write(tmp_path / "one.mp4", 1))
    assert (video.info.n_frames, video.info.duration_s, video.info.variable_rate) == (1, 0.04, False)
    assert clips.numbers(video, np.arange(1)) == [0]


def test_names_that_look_like_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    path = clips.write(tmp_path / "plain.mp4", 3).rename(tmp_path / "12:30 %d é.mp4")
    for name in (path.name, "-dash \"quoted'.mp4", "line\nbreak.mp4", "x" * 251 + ".mp4"):
        path = path.rename(tmp_path / name)
        assert clips.numbers(clips.open_video(Path(name)), np.arange(3)) == [0, 1, 2]
    (tmp_path / "link.mp4").symlink_to(path)
    assert clips.open_video(tmp_path / "link.mp4").info.n_frames == 3


def test_a_message_stays_one_line_of_plain_text(tmp_path: Path):
    loop, name = tmp_path / "loop.mp4", tmp_path / "a\nb\x1b\udcff.mp4"
    loop.symlink_to(loop)
    for path, shown in ((loop, "loop.mp4"), (name, "a\\nb\\x1b\\udcff.mp4")):
        with pytest.raises(VideoError, match="does not exist; check the path") as error:
            clips.open_video(path)
        assert str(error.value).startswith(f"{tmp_path}/{shown}: ")


def test_files_that_cannot_be_read(tmp_path: Path, made: Callable[[str], Path]):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("no video at all\n" * 100)
    clips.write_sound(tmp_path / "sound.mp4")
    reasons = {
        "nowhere.mp4": "does not exist",
        ".": "is a folder",
        "empty.mp4": "is empty",
        "text.mp4": "cannot be read as a video",
        "sound.mp4": "holds no video",
    }
    for name, reason in reasons.items():
        with pytest.raises(VideoError, match=reason) as error:
            clips.open_video(tmp_path / name)
        assert error.value.subject == str(tmp_path / name)
        assert "\n" not in str(error.value)


def test_cut_before_the_first_frame(tmp_path: Path):
    end = clips.write(tmp_path / "end.mp4", 30)
    front = clips.write(tmp_path / "front.mp4", 30, container_options={"movflags": "faststart"})
    first, size = clips.packet_spans(front)[0]
    for path in (clips.cut(end, end.stat().st_size // 2), clips.cut(front, first + size // 2), clips.cut(front, first)):
        with pytest.raises(VideoError):
            clips.open_video(path)


def test_a_photograph_is_no_video(tmp_path: Path):
    from PIL import Image

    Image.new("RGB", (64, 48)).save(tmp_path / "a.png")
    with pytest.raises(VideoError, match=r"a\.png: is a photograph, not a video; use fervideo image"):
        probe(tmp_path / "a.png", VideoSettings())
