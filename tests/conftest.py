"""Fixtures that tests share: a clip of a real face that is always there, and the measuring clips where they are."""

from pathlib import Path

import pytest

from fervideo.demo import render_astronaut


@pytest.fixture(scope="session")
def face_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Render 11 seconds of a real photograph, without a face in the seconds 6 to 8: 275 frames in 2 segments, 2 tracks."""
    path = tmp_path_factory.mktemp("clips") / "astronaut.mp4"
    render_astronaut(path, seconds=11.0, faceless=(6.0, 8.0))
    return path


@pytest.fixture(scope="session")
def shared() -> Path:
    """Find the measuring data beside the checkout; the test is skipped where there is none."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the measuring clips are not on this machine")
    return folder


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test a cache of its own."""
    monkeypatch.setenv("FERVIDEO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"
