"""Fixtures that the tests of photographs share."""

from pathlib import Path

import pytest
from PIL import Image

from fervideo import demo


@pytest.fixture(scope="module")
def portrait() -> Image.Image:
    return Image.fromarray(demo._photograph()).crop((122, 20, 322, 220))


@pytest.fixture(scope="module")
def faces(portrait: Image.Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the smile twice, large and tiny, and a wall that is labelled neutral."""
    root = tmp_path_factory.mktemp("faces")
    for label in ("happiness", "neutral"):
        (root / label).mkdir()
    portrait.save(root / "happiness" / "large.png")
    portrait.convert("L").resize((48, 48)).save(root / "happiness" / "tiny.jpg")
    Image.new("L", (48, 48), 90).save(root / "neutral" / "wall.png")
    return root
