"""Losses in MPEG transport streams: pieces that are gone, bytes that are cut out, recordings that are joined."""

from pathlib import Path

import clips
import numpy as np
import pytest

from fervideo.video.transport import losses

PID = 0x100


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clips.write(tmp_path_factory.mktemp("stream") / "clip.ts", 100)


def video_packets(path: Path) -> list[int]:
    """Return the first bytes of the packets of the video."""
    data = np.frombuffer(path.read_bytes(), np.uint8).reshape(-1, 188)
    return [188 * at for at, row in enumerate(data) if (int(row[1]) & 0x1F) << 8 | int(row[2]) == PID and row[3] & 0x10]


def test_a_whole_stream_has_none(stream: Path):
    assert losses(stream, PID).tolist() == []


@pytest.mark.parametrize("size", [188, 1, 1501])
def test_bytes_that_are_cut_out(stream: Path, size: int, tmp_path: Path):
    pieces = video_packets(stream)
    data = stream.read_bytes()
    path = tmp_path / "cut.ts"
    path.write_bytes(data[: pieces[50]] + data[pieces[50] + size :])
    (found,) = losses(path, PID)
    assert pieces[50] - 188 <= found <= pieces[50] + 188 * 18


def test_a_piece_that_is_overwritten(stream: Path):
    pieces = video_packets(stream)
    assert losses(clips.overwritten(stream, pieces[50], bytes(188)), PID).tolist() == [pieces[51]]


def test_stamps_before_packets(stream: Path, tmp_path: Path):
    data = np.frombuffer(stream.read_bytes(), np.uint8).reshape(-1, 188)
    path = tmp_path / "clip.m2ts"
    path.write_bytes(np.pad(np.delete(data, video_packets(stream)[50] // 188, 0), ((0, 0), (4, 0))).tobytes())
    (found,) = losses(path, PID)
    assert found == (video_packets(stream)[51] // 188 - 1) * 192


def test_joined_recordings_go_on_one_frame_later(stream: Path, tmp_path: Path):
    path = tmp_path / "joined.ts"
    path.write_bytes(stream.read_bytes() * 2)
    video = clips.open_video(path)
    assert video.sound.all()
    np.testing.assert_allclose(video.time_s, np.arange(200) / 25, atol=1e-4)
    assert clips.numbers(video, np.arange(95, 105)) == [95, 96, 97, 98, 99, 0, 1, 2, 3, 4]
