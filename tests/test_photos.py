"""Photographs of real faces: upright, also where they stand for the frames of a video."""

from pathlib import Path

import pytest
from PIL import Image

from fervideo import demo, settings, video


@pytest.fixture(scope="module")
def astronaut() -> Image.Image:
    """Show Eileen Collins, who smiles."""
    return Image.fromarray(demo._photograph())


def test_a_folder_of_images_with_exif_data_is_a_video(tmp_path: Path, astronaut: Image.Image):
    exif = Image.Exif()
    exif[0x112] = 6
    astronaut.resize((64, 48)).save(tmp_path / "1.jpg", exif=exif)
    probed = video.probe(tmp_path, settings.VideoSettings())
    assert (probed.info.width_px, probed.info.height_px, probed.info.rotation_deg) == (48, 64, 90)
