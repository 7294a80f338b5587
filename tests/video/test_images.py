"""Images: upright, of eight bits, alone or as the frames of a video."""

from pathlib import Path

import clips
import numpy as np
import pytest
from PIL import Image

from fervideo import settings, video
from fervideo.errors import VideoError


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_all_orientations_are_turned_upright(tmp_path: Path, orientation: int, suffix: str):
    """A red corner is stored at the top left; the orientation decides where it is shown."""
    stored = np.zeros((32, 64, 3), np.uint8)
    stored[:16, :16, 0] = 255
    exif = Image.Exif()
    exif[0x112] = orientation
    Image.fromarray(stored).save(tmp_path / f"x.{suffix}", exif=exif, quality=95)
    image = video.read_image(tmp_path / f"x.{suffix}")
    corners = {
        "top left": image[4, 4, 0],
        "top right": image[4, -5, 0],
        "bottom right": image[-5, -5, 0],
        "bottom left": image[-5, 4, 0],
    }
    names = ["top left", "top right", "bottom right", "bottom left"] * 2
    assert max(corners, key=lambda name: corners[name]) == names[orientation - 1]
    assert image.shape == ((32, 64, 3) if orientation < 5 else (64, 32, 3))


def test_a_folder_of_images_with_exif_data_is_a_video(tmp_path: Path, astronaut: Image.Image):
    """Each image is turned upright by its own orientation, mirrored ones included."""
    stored = astronaut.resize((48, 48))
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x112] = orientation
        stored.save(tmp_path / f"{orientation}.jpg", exif=exif)
    probed = video.probe(tmp_path, settings.VideoSettings())
    frames = np.concatenate([window.frames for window in video.windows(probed, np.arange(8))])
    for orientation, frame in enumerate(frames, 1):
        np.testing.assert_array_equal(frame, video.read_image(tmp_path / f"{orientation}.jpg"))
    assert len({frame.tobytes() for frame in frames}) == 8


def test_sixteen_bits_of_grey_are_scaled_to_eight(tmp_path: Path):
    Image.fromarray(np.arange(0, 65536, 256, dtype=np.uint16).reshape(16, 16)).save(tmp_path / "deep.png")
    np.testing.assert_array_equal(video.read_image(tmp_path / "deep.png")[..., 0].ravel(), np.arange(256))


def test_a_whole_number_that_fits_eight_bits_is_one(tmp_path: Path):
    Image.fromarray(np.array([[0, 128, 255]], np.int32)).save(tmp_path / "a.tif")
    assert video.read_image(tmp_path / "a.tif")[0, :, 0].tolist() == [0, 128, 255]


def test_warnings_of_pillow_are_hidden(
    tmp_path: Path, recwarn: pytest.WarningsRecorder, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    Image.new("L", (15, 10), 90).save(tmp_path / "large.png")
    assert video.read_image(tmp_path / "large.png").shape == (10, 15, 3)
    assert not recwarn.list


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.gif"])
def test_animations_are_read_or_named(tmp_path: Path, name: str):
    shades = [Image.new("RGB", (64, 48), (40 * i, 90, 90)) for i in range(1, 5)]
    shades[0].save(tmp_path / name, save_all=True, append_images=shades[1:], duration=[100, 200, 100, 100])
    if name == "a.webp":
        with pytest.raises(
            VideoError, match="is an animated WebP, which FFmpeg cannot decode; convert it to GIF or MP4"
        ):
            video.probe(tmp_path / name, settings.VideoSettings())
        return
    probed = video.probe(tmp_path / name, settings.VideoSettings())
    assert probed.time_s.tolist() == pytest.approx([0, 0.1, 0.3, 0.4])
    (window,) = video.windows(probed, np.arange(4))
    assert window.frames[:, 24, 32, 0].tolist() == pytest.approx([40, 80, 120, 160], abs=8)


def test_a_video_named_like_an_image_is_read(tmp_path: Path):
    path = clips.write(tmp_path / "a.mp4", 3).rename(tmp_path / "a.png")
    assert clips.numbers(video.probe(path, settings.VideoSettings()), np.arange(3)) == [0, 1, 2]


def test_images_of_a_folder_keep_their_sizes_and_are_turned(tmp_path: Path):
    Image.new("RGB", (60, 40)).save(tmp_path / "1.png")
    Image.new("RGB", (20, 50)).save(tmp_path / "2.png")
    probed = video.probe(tmp_path, settings.VideoSettings(rotate=90))
    assert (probed.info.width_px, probed.info.height_px, probed.info.rotation_deg) == (40, 60, 90)
    assert [window.frames.shape[1:3] for window in video.windows(probed, np.arange(2))] == [(60, 40), (20, 50)]


def test_photographs_that_are_too_large_are_refused(tmp_path: Path):
    """A file of a few kB may stand for a picture that fills the memory."""
    Image.new("1", (40_000, 30_000)).save(tmp_path / "bomb.png")
    with pytest.raises(VideoError, match="is 40000 x 30000 pixels, more than 200,000,000 in all"):
        video.read_image(tmp_path / "bomb.png")
    with pytest.raises(VideoError, match="more than 1,000 in all; scale it down, or allow it"):
        video.probe(tmp_path, settings.VideoSettings(max_pixels=1000))
