"""Frames from decord and from PyAV: the same bytes, and the same end where a file is damaged."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import clips
import numpy as np
import pytest

from fervideo.errors import VideoError
from fervideo.video import decoders, windows


@clips.needs_decord
@pytest.mark.parametrize("name", [name for name in clips.FILES if "ten_bit" not in name])
def test_both_decoders_give_the_same_bytes(made: Callable[[str], Path], name: str):
    path = made(name)
    one, other = (next(windows(clips.open_video(path, decoder), np.arange(30, 40))) for decoder in ("auto", "pyav"))
    np.testing.assert_array_equal(one.frames, other.frames)
    np.testing.assert_array_equal(one.time_s, other.time_s)


@clips.needs_decord
def test_decord_reads_the_files_that_it_can_and_pyav_the_rest(made: Callable[[str], Path]):
    chosen = {
        name: clips.open_video(made(name)).info.decoder
        for name in ("b_frames.mp4", "hevc_open_gop.mp4", "hidden.mp4", "av1.mp4", "b_frames.ts")
    }
    assert chosen == {
        "b_frames.mp4": "decord",
        "hevc_open_gop.mp4": "decord",
        "hidden.mp4": "decord",
        "av1.mp4": "pyav",
        "b_frames.ts": "pyav",
    }
    with pytest.raises(VideoError, match=r"decord cannot decode it; set video\.decoder=auto"):
        clips.open_video(made("av1.mp4"), "decord")


@clips.needs_decord
def test_decord_reads_no_file_that_could_fill_the_memory(made: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("fervideo.video.decoders._DECORD_BYTES", clips.N * clips.WIDTH * clips.HEIGHT * 3 - 1)
    assert clips.open_video(made("b_frames.mp4")).info.decoder == "pyav"
    assert clips.open_video(made("b_frames.mp4"), "decord").info.decoder == "decord"


def test_pyav_reads_all_where_decord_is_absent(made: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "decord", None)
    video = clips.open_video(made("b_frames.mp4"))
    assert video.info.decoder == "pyav"
    assert clips.numbers(video, np.arange(50, 54)) == [50, 51, 52, 53]


@clips.needs_decord
def test_pyav_goes_on_where_decord_fails(made: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch):
    video = clips.open_video(made("b_frames.mp4"))
    decord = pytest.importorskip("decord")
    left, read = iter(range(13)), decord.VideoReader.next

    def failing(reader: object) -> object:
        if next(left, None) is None:
            raise decord.DECORDError("no more")
        return read(reader)

    monkeypatch.setattr(decord.VideoReader, "next", failing)
    assert clips.numbers(video, np.arange(30)) == list(range(30))


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("h264.mp4", "libx264", clips.B_FRAMES),
        ("h264.mkv", "libx264", clips.LONG_GOP),
        ("hevc.mp4", "libx265", clips.HEVC_OPEN_GOP),
        ("mpeg4.mp4", "mpeg4", {"g": "12", "bf": "2"}),
    ],
)
@pytest.mark.parametrize("junk", ["few zeros", "zeros", "noise"])
@pytest.mark.parametrize("decoder", ["auto", "pyav"])
def test_overwritten_in_the_middle(
    tmp_path: Path, name: str, codec: str, options: dict[str, str], junk: str, decoder: str
):
    path = clips.write(tmp_path / name, 100, codec, options)
    start, size = clips.packet_spans(path)[70]
    many = path.stat().st_size // 10
    data = {"few zeros": bytes(max(8, size // 2)), "zeros": bytes(many), "noise": np.random.default_rng(0).bytes(many)}[
        junk
    ]
    video = clips.open_video(clips.overwritten(path, start + size // 3, data), decoder)
    found, damage = clips.readable(video)
    # Three B-frames may hang on the frame that is hit.
    assert 66 <= len(found) <= 71
    assert found == list(range(len(found)))
    assert f"frame {len(found)}" in damage or f"after frame {len(found) - 1}" in damage
    assert clips.readable(video) == (found, damage)


@clips.needs_decord
def test_damage_looks_the_same_from_both_decoders(tmp_path: Path):
    path = clips.write(tmp_path / "clip.mp4", 100)
    start, _ = clips.packet_spans(path)[40]
    damaged = clips.overwritten(path, start + 4, b"\xff" * 900)
    assert clips.readable(clips.open_video(damaged, "auto")) == clips.readable(clips.open_video(damaged, "pyav"))


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
        assert (video.damage, video.info.rotation_deg) == ("", 0)
        for start in (0, len(decoded) // 2, len(decoded) - 3):
            window = next(windows(video, np.arange(start, start + 3)))
            for image, frame in zip(window.frames, decoded[start : start + 3], strict=True):
                difference = np.abs(image.astype(int) - frame.to_ndarray(format="rgb24", interpolation="BILINEAR"))
                assert difference.mean() < 0.1, (path, start)


def test_hidden_frames_of_a_real_clip(shared: Path):
    video = clips.open_video(shared / "clips" / "no_face.mp4")
    assert (video.info.n_frames, video.info.header_frames) == (95, 98)
    same = replace(video, info=replace(video.info, decoder="pyav"))
    for one, other in zip(windows(video, np.arange(90, 95)), windows(same, np.arange(90, 95)), strict=True):
        np.testing.assert_array_equal(one.frames, other.frames)


def test_side_data_that_nobody_knows_turns_nothing():
    class Frame:
        @property
        def side_data(self) -> None:
            raise ValueError("31 is not a valid Type")

    assert decoders.turning(Frame()) == ((False, 1, 1), 0)
