"""The video with its results drawn on it: times, sound, pictures, and names of files."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import clips
import cv2
import numpy as np
import pytest
from builders import make_timeline

from fervideo.errors import FervideoError
from fervideo.records import Float64, UInt8
from fervideo.report import overlay
from fervideo.timeline import Timeline

N = 12
#: Uneven times in milliseconds.
UNEVEN = [0, 40, 80, 110, 240, 280, 320, 400, 440, 500, 520, 600]


def timeline_of(path: Path, shown: list[str] | None = None, **changes: Any) -> Timeline:
    """Return the timeline of a made clip with the faces of some expressions."""
    video = clips.open_video(path)
    tracks = changes.pop("tracks", [range(video.info.n_frames)] * len(shown or []))
    made = make_timeline(shown or [], tracks=tracks, n_frames=video.info.n_frames, time_s=video.time_s)
    return replace(made, info=replace(video.info, **changes))


def film_of(path: Path, timeline: Timeline, look: overlay.Look | None = None) -> tuple[Path, overlay.Written]:
    film = path.with_name("film.mp4")
    return film, overlay.write(path, film, timeline, look or overlay.Look())


def pictures(film: Path) -> list[UInt8]:
    with av.open(str(film)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def times(film: Path, kind: str = "video") -> tuple[Float64, float]:
    """Return the times of the packets of a stream, and the end of the last one."""
    with av.open(str(film)) as container:
        stream = container.streams.get(**{kind: 0})[0]
        packets = sorted((packet.pts, packet.duration) for packet in container.demux(stream) if packet.size)
        found = np.array([pts for pts, _ in packets]) * float(stream.time_base)
        return found, float(sum(packets[-1]) * stream.time_base)


def shrunk(picture: UInt8) -> UInt8:
    """Return the upper part of a film at the size of the made clips."""
    height = picture.shape[1] * clips.HEIGHT // clips.WIDTH
    return cv2.resize(picture[:height], (clips.WIDTH, clips.HEIGHT), interpolation=cv2.INTER_AREA)


def with_sound(path: Path, codec: str, start: int = 0) -> Path:
    """Write a clip with half a second of a tone, which begins so many frames before the pictures."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"g": "4"})
        stream.width, stream.height, stream.pix_fmt = clips.WIDTH, clips.HEIGHT, "yuv420p"
        sound = container.add_stream(codec, rate=16000, layout="mono")
        for i in range(N):
            frame = av.VideoFrame.from_ndarray(clips.picture(i), format="rgb24")
            frame.pts, frame.time_base = i + start, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        tone = np.sin(np.arange(8192) / 5).astype(np.float32)[None] * 8000
        for at in range(8):
            part = np.ascontiguousarray(tone[:, at * 1024 : (at + 1) * 1024]).astype(np.int16)
            piece = av.AudioFrame.from_ndarray(part, format="s16", layout="mono")
            piece.sample_rate, piece.pts, piece.time_base = 16000, at * 1024, Fraction(1, 16000)
            container.mux(sound.encode(piece))
        container.mux(sound.encode(None))
    return path


def test_uneven_times_are_kept_to_the_end_of_the_last_frame(tmp_path: Path):
    path = clips.write(tmp_path / "clip.mp4", N, pts=UNEVEN, time_base=clips.MS)
    film, done = film_of(path, timeline_of(path))
    found, end_s = times(film)
    assert done == (N, 0, 0)
    assert found * 1000 == pytest.approx(UNEVEN, abs=0.02)
    assert end_s == pytest.approx(clips.open_video(path).info.duration_s, abs=1e-4)
    assert [clips.number(shrunk(picture)) for picture in pictures(film)] == list(range(N))


@pytest.mark.parametrize("made", [{"rotation": 90}, {"squeezed": 2}, {"pix_fmt": "yuv420p10le"}])
def test_pictures_are_as_a_player_shows_them(tmp_path: Path, made: dict[str, Any]):
    path = clips.write(tmp_path / "clip.mp4", 3, **made)
    film, _ = film_of(path, timeline_of(path))
    assert [clips.number(shrunk(picture)) for picture in pictures(film)] == [0, 1, 2]


def test_a_browser_can_play_the_film_at_once(tmp_path: Path):
    path = clips.write(tmp_path / "clip.mkv", 3)
    film, _ = film_of(path, timeline_of(path))
    content = film.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert "consent of the people in it" in container.metadata["comment"]


def test_sound_is_copied_with_its_times(tmp_path: Path):
    path = with_sound(tmp_path / "clip.mp4", "aac")
    film, done = film_of(path, timeline_of(path))
    with av.open(str(path)) as source, av.open(str(film)) as written:
        before, after = ([bytes(p) for p in each.demux(audio=0) if p.size] for each in (source, written))
    assert before == after
    assert times(film, "audio")[0] == pytest.approx(times(path, "audio")[0], abs=1e-4)
    assert done.lost_sound == 0


def test_sound_that_browsers_do_not_play_is_coded_anew(tmp_path: Path):
    path = with_sound(tmp_path / "clip.mkv", "pcm_s16le")
    film, _ = film_of(path, timeline_of(path))
    with av.open(str(film)) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
        samples = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    # 8,192 samples of a tone; the coder may fill up its last packet.
    assert 0.5 <= len(samples) / 16000 <= 0.65
    assert np.abs(samples[2000:6000]).max() > 0.15


def test_pictures_that_begin_late_stay_behind_the_sound(tmp_path: Path):
    path = with_sound(tmp_path / "clip.mkv", "aac", start=5)
    timeline = timeline_of(path)
    assert timeline.info.media_start_s == pytest.approx(0.2, abs=0.07)
    film, _ = film_of(path, timeline)
    (before, _), (after, _) = times(path, "audio"), times(film, "audio")
    lag_s = times(film)[0][0] - after[0]
    assert lag_s == pytest.approx(timeline.info.start_s - before[0], abs=2e-3)


def test_damaged_frames_are_left_out_and_counted(tmp_path: Path):
    path = clips.write(tmp_path / "clip.mp4", 60)
    start, size = clips.packet_spans(path)[30]
    broken = clips.overwritten(path, start + size // 2, bytes(size // 2))
    film, done = film_of(broken, timeline_of(broken))
    assert done.frames + done.lost == 60
    assert 0 < done.lost <= 24
    assert len(pictures(film)) == done.frames


def test_a_blurred_face_has_no_detail(tmp_path: Path):
    path = clips.write(tmp_path / "clip.mp4", 3)
    timeline = timeline_of(path, ["neutral"])
    frames = timeline.frames.assign(box_x_px=20.0, box_y_px=10.0, box_w_px=60.0, box_h_px=40.0)
    film, _ = film_of(path, replace(timeline, frames=frames), overlay.Look(blur=True))
    for index, picture in enumerate(pictures(film)):
        small = shrunk(picture).astype(float)
        assert np.abs(np.diff(small[20:45, 30:70], axis=1)).max() < 25
        assert np.abs(small[:, 100:] - clips.picture(index)[:, 100:]).mean() < 12


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("clip.mp4", "clip.mp4: is the video itself; give the film another name"),
        ("film.avi", "film.avi: has another end than .mp4; write for example -o film.mp4"),
        ("old.mp4", "old.mp4: is there already; choose another folder with -o, or use --overwrite"),
        ("folder.mp4", "folder.mp4: is a folder; give the name of a file"),
    ],
)
def test_nothing_of_the_users_is_replaced(tmp_path: Path, name: str, message: str):
    (tmp_path / "clip.mp4").write_bytes(b"1")
    (tmp_path / "old.mp4").write_bytes(b"2")
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(FervideoError) as error:
        overlay.check(tmp_path / "clip.mp4", tmp_path / name, overwrite=False)
    assert str(error.value).endswith(message)
    if name == "clip.mp4":
        with pytest.raises(FervideoError):
            overlay.check(tmp_path / "clip.mp4", tmp_path / name, overwrite=True)
