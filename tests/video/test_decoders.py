"""Pictures from decord and from PyAV: the same bytes, and nothing printed."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import av
import clips
import numpy as np
import pytest

from fervideo.errors import VideoError
from fervideo.video import windows

#: Files of `clips.FILES` that decord reads.
DECORD_READS = [
    name
    for name in clips.FILES
    if not name.startswith(("av1", "ten_bit", "squeezed", "mpeg4", "vp9")) and name[-3:] not in (".ts", "avi")
]


@clips.needs_decord
@pytest.mark.parametrize("name", DECORD_READS)
def test_both_decoders_give_the_same_bytes(made: Callable[[str], Path], name: str):
    path = made(name)
    one, other = (next(windows(clips.open_video(path, decoder), np.arange(30, 40))) for decoder in ("decord", "pyav"))
    np.testing.assert_array_equal(one.frames, other.frames)
    np.testing.assert_array_equal(one.time_s, other.time_s)


@clips.needs_decord
@pytest.mark.parametrize("name", ["av1.mp4", "b_frames.avi", "ten_bit.mp4", "squeezed.mp4"])
def test_decord_is_refused_where_it_cannot_read(made: Callable[[str], Path], name: str):
    with pytest.raises(VideoError, match=r"decord .*; set video\.decoder=auto"):
        clips.open_video(made(name), "decord")


def test_pyav_reads_unless_decord_is_asked_for(made: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch):
    assert clips.open_video(made("b_frames.mp4")).info.decoder == "pyav"
    monkeypatch.setitem(sys.modules, "decord", None)
    assert clips.open_video(made("b_frames.mp4")).info.decoder == "pyav"
    with pytest.raises(VideoError, match=r"decord is not installed; set video\.decoder=auto"):
        clips.open_video(made("b_frames.mp4"), "decord")


@clips.needs_decord
def test_pyav_goes_on_where_decord_fails(made: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch):
    video = clips.open_video(made("b_frames.mp4"), "decord")
    decord = pytest.importorskip("decord")
    left, read = iter(range(13)), decord.VideoReader.next

    def failing(reader: object) -> object:
        if next(left, None) is None:
            raise decord.DECORDError("no more")
        return read(reader)

    monkeypatch.setattr(decord.VideoReader, "next", failing)
    assert clips.numbers(video, np.arange(30)) == list(range(30))


def test_nothing_is_printed(tmp_path: Path):
    path = clips.write(tmp_path / "clip.mp4", 60)
    damaged = clips.overwritten(path, clips.packet_spans(path)[40][0], bytes(300))
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    code = """if True:
        import sys
        from pathlib import Path
        import numpy as np
        from fervideo.errors import VideoError
        from fervideo.settings import VideoSettings
        from fervideo.video import probe, windows
        for decoder in ("auto", "pyav"):
            for name in sys.argv[1:]:
                try:
                    list(windows(probe(Path(name), VideoSettings(decoder=decoder)), np.arange(60)))
                except VideoError:
                    pass
    """
    done = subprocess.run(
        [sys.executable, "-c", code, path, damaged, text], capture_output=True, text=True, env=os.environ, check=True
    )
    assert done.stdout + done.stderr == ""


def test_real_clips(shared: Path):
    for path in sorted([*(shared / "clips").glob("*.mp4"), *(shared / "clips").glob("*.mov")]):
        video = clips.open_video(path)
        with av.open(str(path)) as container:
            decoded = list(container.decode(video=0))
        time_s = np.array([float(frame.pts * frame.time_base) for frame in decoded])
        assert video.info.n_frames == len(decoded), path
        np.testing.assert_allclose(video.time_s, time_s - time_s[0], atol=1e-9)
        assert (video.info.ends_early, video.sound.all(), video.info.rotation_deg) == ("", True, 0)
        for start in (0, len(decoded) // 2, len(decoded) - 3):
            window = next(windows(video, np.arange(start, start + 3)))
            for image, frame in zip(window.frames, decoded[start : start + 3], strict=True):
                same = {"width": image.shape[1], "height": image.shape[0]}
                picture = frame.to_ndarray(format="rgb24", interpolation="BILINEAR", **same)
                difference = np.abs(image.astype(int) - picture)
                assert difference.mean() < 0.1, (path, start)


@clips.needs_decord
def test_hidden_frames_of_a_real_clip(shared: Path):
    video = clips.open_video(shared / "clips" / "no_face.mp4")
    assert (video.info.n_frames, video.info.header_frames) == (95, 98)
    clips_of = [clips.open_video(shared / "clips" / "no_face.mp4", decoder) for decoder in ("pyav", "decord")]
    one, other = (next(windows(video, np.arange(90, 95))) for video in clips_of)
    np.testing.assert_array_equal(one.frames, other.frames)
