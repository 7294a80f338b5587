"""Video files against what was drawn into them: which frames, at which times, from any start, and where damage begins."""

import hashlib
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import clips
import numpy as np
import pytest

from fervideo.errors import DamagedVideo, VideoError
from fervideo.records import SEGMENT_FRAMES, Int64
from fervideo.settings import VideoSettings
from fervideo.video import Video, probe, select, spread, windows

try:
    import decord
except ImportError:
    decord = None

needs_decord = pytest.mark.skipif(decord is None, reason="decord has no wheel for this platform")
MS = Fraction(1, 1000)
#: Files whose frames hide, overlap, turn or refuse to be counted: name, then arguments of `clips.write`.
FILES = {
    "b_frames.mp4": {},
    "b_frames.mkv": {},
    "b_frames.ts": {},
    "b_frames.avi": {},
    "long_gop.mp4": {"options": clips.LONG_GOP},
    "open_gop.mp4": {"options": clips.OPEN_GOP},
    "open_gop.mkv": {"options": clips.OPEN_GOP},
    "intra_refresh.mp4": {"options": clips.INTRA_REFRESH},
    "all_intra.mp4": {"options": {"g": "1"}},
    "tiny_gop.mp4": {"options": {"x264-params": "keyint=2:min-keyint=1:bframes=1:b-adapt=0"}},
    "hevc_open_gop.mp4": {"codec": "libx265", "options": clips.HEVC_OPEN_GOP},
    "fragments.mp4": {"container_options": {"movflags": "frag_keyframe+empty_moov"}},
    "hidden.mp4": {"hidden": 5},
    "late.mp4": {"pts": range(500, 500 + 40 * 60, 40), "time_base": MS},
    "mpeg4.mp4": {"codec": "mpeg4", "options": {"bf": "2", "g": "12"}},
    "mpeg4.avi": {"codec": "mpeg4", "options": {"bf": "2", "g": "12"}},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"g": "20", "cpu-used": "8", "deadline": "realtime"}},
    "av1.mp4": {"codec": "libsvtav1", "options": clips.AV1},
    "ten_bit.mp4": {"pix_fmt": "yuv420p10le"},
    "turned_90.mp4": {"rotation": 90},
    "turned_180.mp4": {"rotation": 180},
    "turned_270.mp4": {"rotation": 270},
}
N = 60


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Write the files, each when first asked for."""
    folder = tmp_path_factory.mktemp("made")

    def make(name: str) -> Path:
        path = folder / name
        return path if path.exists() else clips.write(path, N, **FILES[name])

    return make


def opened(path: Path, decoder: str = "auto") -> Video:
    return probe(path, VideoSettings(decoder=decoder))


def numbers(video: Video, frame: Int64) -> list[int]:
    return [clips.number(image) for window in windows(video, frame, batch=8) for image in window.frames]


def good(video: Video) -> tuple[list[int], str]:
    """Read the numbers of all frames up to the damage, and what is said about it."""
    found, damage = [], ""
    try:
        for window in windows(video, np.arange(video.info.n_frames)):
            found += [clips.number(image) for image in window.frames]
    except DamagedVideo as error:
        damage = error.reason
    return found, damage


@pytest.mark.parametrize("decoder", ["auto", "pyav"])
@pytest.mark.parametrize("name", FILES)
def test_every_start_gives_the_frames_of_decoding_in_order(made: Callable[[str], Path], name: str, decoder: str):
    video = opened(made(name), decoder)
    assert video.info.n_frames == N
    assert numbers(video, np.arange(N)) == list(range(N))
    for start in (55, 20, 23, 24, 25, 26, 48, 0, 40, 59):
        frame = np.arange(start, min(start + 4, N))
        assert numbers(video, frame) == frame.tolist()


@pytest.mark.parametrize("name", FILES)
def test_frames_may_be_far_apart(made: Callable[[str], Path], name: str):
    frame = np.array([1, 5, 22, 29, 30, 58])
    assert numbers(opened(made(name)), frame) == frame.tolist()


@needs_decord
@pytest.mark.parametrize("name", [name for name in FILES if "ten_bit" not in name])
def test_both_decoders_give_the_same_bytes(made: Callable[[str], Path], name: str):
    path = made(name)
    one, other = (next(windows(opened(path, decoder), np.arange(30, 40))) for decoder in ("auto", "pyav"))
    np.testing.assert_array_equal(one.frames, other.frames)
    np.testing.assert_array_equal(one.time_s, other.time_s)


@needs_decord
def test_decord_reads_what_it_can_and_pyav_the_rest(made: Callable[[str], Path]):
    chosen = {
        name: opened(made(name)).info.decoder
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
        opened(made("av1.mp4"), "decord")


@needs_decord
def test_decord_reads_no_file_that_could_fill_the_memory(made: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("fervideo.video.decoders._DECORD_BYTES", N * clips.WIDTH * clips.HEIGHT * 3 - 1)
    assert opened(made("b_frames.mp4")).info.decoder == "pyav"
    assert opened(made("b_frames.mp4"), "decord").info.decoder == "decord"


def test_pyav_reads_all_where_decord_is_absent(made: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "decord", None)
    video = opened(made("b_frames.mp4"))
    assert video.info.decoder == "pyav"
    assert numbers(video, np.arange(50, 54)) == [50, 51, 52, 53]


@needs_decord
def test_pyav_goes_on_where_decord_fails(made: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch):
    video = opened(made("b_frames.mp4"))
    left, read = iter(range(13)), decord.VideoReader.next

    def failing(reader: object) -> object:
        if next(left, None) is None:
            raise decord.DECORDError("no more")
        return read(reader)

    monkeypatch.setattr(decord.VideoReader, "next", failing)
    assert numbers(video, np.arange(30)) == list(range(30))


def test_windows_that_alternate_do_not_disturb_each_other(made: Callable[[str], Path]):
    video = opened(made("b_frames.mp4"))
    pairs = zip(windows(video, np.arange(30), 5), windows(video, np.arange(30, 60), 5), strict=True)
    found = [[clips.number(image) for image in (*one.frames, *other.frames)] for one, other in pairs]
    assert found == [[*range(k, k + 5), *range(k + 30, k + 35)] for k in range(0, 30, 5)]


def test_a_video_can_be_sent_to_another_process(made: Callable[[str], Path]):
    video = opened(made("open_gop.mp4"))
    assert numbers(pickle.loads(pickle.dumps(video)), np.arange(40, 44)) == [40, 41, 42, 43]


def test_open_groups_are_no_entries(made: Callable[[str], Path]):
    assert opened(made("b_frames.mp4")).entry.tolist() == [0, 24, 48]
    assert opened(made("hidden.mp4")).entry.tolist() == [0, 19, 43]
    for name in ("open_gop.mp4", "open_gop.mkv", "hevc_open_gop.mp4", "intra_refresh.mp4"):
        assert opened(made(name)).entry.tolist() == [0], name


def test_window_sizes(made: Callable[[str], Path]):
    found = list(windows(opened(made("b_frames.mp4")), np.arange(3, 13), batch=4))
    assert [window.frame.tolist() for window in found] == [[3, 4, 5, 6], [7, 8, 9, 10], [11, 12]]
    assert list(windows(opened(made("b_frames.mp4")), np.arange(0))) == []


# Times and facts.


def test_times_are_presentation_times(tmp_path: Path):
    pts = np.cumsum([700, *[40, 40, 20, 100, 33] * 8])
    info = (video := opened(clips.write(tmp_path / "vfr.mp4", 41, pts=pts.tolist(), time_base=MS))).info
    np.testing.assert_allclose(video.time_s, (pts - 700) / 1000, atol=1e-9)
    assert (info.variable_rate, info.start_s) == (True, 0.7)
    np.testing.assert_allclose([window.time_s[0] for window in windows(video, np.arange(41), 1)], video.time_s)


@pytest.mark.parametrize("name", ["ntsc.mkv", "ntsc.mp4", "ntsc.ts"])
def test_rounded_times_are_no_variable_rate(tmp_path: Path, name: str):
    info = opened(clips.write(tmp_path / name, 50, rate=Fraction(30000, 1001))).info
    assert not info.variable_rate
    assert info.mean_fps == pytest.approx(29.97, abs=0.01)
    assert info.duration_s == pytest.approx(50 * 1001 / 30000, abs=0.002)


def test_facts(made: Callable[[str], Path]):
    info = opened(path := made("turned_90.mp4")).info
    assert (info.codec, info.width_px, info.height_px, info.rotation_deg) == ("h264", clips.WIDTH, clips.HEIGHT, 90)
    assert (info.n_frames, info.header_frames, info.duration_s, info.mean_fps) == (60, 60, 2.4, 25)
    assert info.fingerprint == hashlib.sha256(path.read_bytes()).hexdigest()
    hidden = opened(made("hidden.mp4")).info
    assert (hidden.n_frames, hidden.header_frames, hidden.start_s) == (60, 65, 0)


def test_one_frame(tmp_path: Path):
    video = opened(clips.write(tmp_path / "one.mp4", 1))
    assert (video.info.n_frames, video.info.duration_s, video.info.variable_rate) == (1, 0.04, False)
    assert numbers(video, np.arange(1)) == [0]


def test_names_that_look_like_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    path = clips.write(tmp_path / "plain.mp4", 3).rename(tmp_path / "12:30 %d é.mp4")
    assert numbers(opened(Path(path.name)), np.arange(3)) == [0, 1, 2]


# Which frames to look at.


def test_select_picks_by_time():
    time_s = np.array([0, 0.1, 0.2, 0.35, 0.9, 1.0, 1.1])
    assert select(time_s, None).tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert select(time_s, 5).tolist() == [0, 2, 4, 5]
    assert select(time_s, 1).tolist() == [0, 5]
    assert select(time_s, 1000).tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert select(np.zeros(1), 10).tolist() == [0]


@pytest.mark.parametrize("fps", [24, 25, 30000 / 1001, 60])
def test_select_at_the_clips_own_rate_takes_every_frame(fps: float):
    exact = np.arange(500) / fps
    for time_s in (exact, exact.round(3), np.floor(exact * 1000) / 1000):
        assert len(select(time_s - time_s[0], fps)) == 500


def test_select_keeps_the_rate_on_any_clip():
    assert select(np.arange(300) / 30, 10).tolist() == list(range(0, 300, 3))
    assert len(select(np.arange(240) / 24, 10)) == 100


def test_spread_prefers_places_that_are_quick_to_reach(made: Callable[[str], Path]):
    assert spread(opened(made("b_frames.mp4")), 3).tolist() == [0, 24, 48]
    assert spread(opened(made("long_gop.mp4")), 3).tolist() == [0, 30, 50]
    assert spread(opened(made("all_intra.mp4")), 100).tolist() == list(range(60))


# Files that are no videos, or not whole.


def test_what_cannot_be_read(tmp_path: Path, made: Callable[[str], Path]):
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
            opened(tmp_path / name)
        assert error.value.subject == str(tmp_path / name)
        assert "\n" not in str(error.value)


def test_cut_before_the_first_frame(tmp_path: Path):
    end = clips.write(tmp_path / "end.mp4", 30)
    front = clips.write(tmp_path / "front.mp4", 30, container_options={"movflags": "faststart"})
    first, size = clips.packet_places(front)[0]
    for path in (clips.cut(end, end.stat().st_size // 2), clips.cut(front, first + size // 2), clips.cut(front, first)):
        with pytest.raises(VideoError) as error:
            opened(path)
        assert not isinstance(error.value, DamagedVideo)


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("cut.mp4", "libx264", clips.B_FRAMES),
        ("cut.mkv", "libx264", clips.B_FRAMES),
        ("hevc.mp4", "libx265", clips.HEVC_OPEN_GOP),
        ("mpeg4.mp4", "mpeg4", {"g": "12", "bf": "2"}),
    ],
)
@pytest.mark.parametrize("decoder", ["auto", "pyav"])
def test_cut_in_the_middle(tmp_path: Path, name: str, codec: str, options: dict[str, str], decoder: str):
    front = {"movflags": "faststart"} if name.endswith("mp4") else None
    path = clips.write(tmp_path / name, 100, codec, options, container_options=front)
    start, size = clips.packet_places(path)[70]
    video = opened(clips.cut(path, start + size // 2), decoder)
    found, damage = good(video)
    assert 66 <= len(found) <= 70
    assert found == list(range(len(found)))
    assert len(found) == video.info.n_frames
    assert f"is cut short after frame {len(found) - 1}" in damage


def test_cut_is_told_at_the_last_segment_only(tmp_path: Path):
    path = clips.write(tmp_path / "cut.mp4", 300, container_options={"movflags": "faststart"})
    video = opened(clips.cut(path, clips.packet_places(path)[290][0]))
    assert numbers(video, np.arange(SEGMENT_FRAMES)) == list(range(SEGMENT_FRAMES))
    with pytest.raises(DamagedVideo, match="its header lists 300 frames"):
        numbers(video, np.arange(SEGMENT_FRAMES, video.info.n_frames))


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
    start, size = clips.packet_places(path)[70]
    many = path.stat().st_size // 10
    data = {"few zeros": bytes(max(8, size // 2)), "zeros": bytes(many), "noise": np.random.default_rng(0).bytes(many)}[
        junk
    ]
    video = opened(clips.overwritten(path, start + size // 3, data), decoder)
    found, damage = good(video)
    # Three B-frames may hang on the frame that is hit.
    assert 66 <= len(found) <= 71
    assert found == list(range(len(found)))
    assert f"frame {len(found)}" in damage or f"after frame {len(found) - 1}" in damage
    assert good(video) == (found, damage)


@needs_decord
def test_damage_looks_the_same_from_both_decoders(tmp_path: Path):
    path = clips.write(tmp_path / "clip.mp4", 100)
    start, _ = clips.packet_places(path)[40]
    damaged = clips.overwritten(path, start + 4, b"\xff" * 900)
    assert good(opened(damaged, "auto")) == good(opened(damaged, "pyav"))


def test_a_damaged_segment_does_not_hide_the_ones_before(tmp_path: Path):
    path = clips.write(tmp_path / "clip.mp4", 300)
    video = opened(clips.overwritten(path, clips.packet_places(path)[280][0] + 4, bytes(500)))
    assert numbers(video, np.arange(SEGMENT_FRAMES)) == list(range(SEGMENT_FRAMES))
    with pytest.raises(DamagedVideo, match=r"frame 2(77|78|79|80) \(11\.\d+ s\)"):
        numbers(video, np.arange(SEGMENT_FRAMES, 300))


def test_nothing_is_printed(tmp_path: Path):
    path = clips.write(tmp_path / "clip.mp4", 60)
    damaged = clips.overwritten(path, clips.packet_places(path)[40][0], bytes(300))
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


# Real clips.


def test_real_clips(shared: Path):
    for path in sorted([*(shared / "clips").glob("*.mp4"), *(shared / "clips").glob("*.mov")]):
        video = opened(path)
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
    video = opened(shared / "clips" / "no_face.mp4")
    assert (video.info.n_frames, video.info.header_frames) == (95, 98)
    same = replace(video, info=replace(video.info, decoder="pyav"))
    for one, other in zip(windows(video, np.arange(90, 95)), windows(same, np.arange(90, 95)), strict=True):
        np.testing.assert_array_equal(one.frames, other.frames)


def test_a_photograph_is_no_video(tmp_path: Path):
    from PIL import Image

    Image.new("RGB", (64, 48)).save(tmp_path / "a.png")
    with pytest.raises(VideoError, match=r"a\.png: is a photograph, not a video; use fervideo image"):
        probe(tmp_path / "a.png", VideoSettings())


def test_side_data_that_nobody_knows_turns_nothing():
    class Frame:
        @property
        def side_data(self) -> None:
            raise ValueError("31 is not a valid Type")

    from fervideo.video import decoders

    assert decoders.turning(Frame()) == ((False, 1, 1), 0)
