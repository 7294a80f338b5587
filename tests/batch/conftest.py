"""A folder of clips, and a batch of it that nothing disturbs."""

import shutil
from pathlib import Path

import pytest
from batches import run, touch

from fervideo import demo


@pytest.fixture(scope="session")
def folder(face_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips of one name, of 275 frames in 2 segments and of 50 in 1, and two files that are no videos."""
    root = touch(tmp_path_factory.mktemp("batch") / "interviews", "a/clip.mp4", "b/text.mp4", "b/notes.txt")
    shutil.copy(face_clip, root / "a" / "clip.mp4")
    demo.render_astronaut(root / "b" / "clip.mp4", seconds=2.0, size=(320, 180), faceless=None)
    (root / "b" / "empty.mov").touch()
    return root


@pytest.fixture(scope="session")
def unbroken(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a run that nothing disturbs; its cache lies beside them."""
    root = tmp_path_factory.mktemp("unbroken")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FERVIDEO_CACHE", str(root / "cache"))
        run(folder, root / "out")
    return root / "out"


@pytest.fixture
def warm(unbroken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copies of the unbroken run's results and cache, to go on from."""
    shutil.copytree(unbroken.parent, tmp_path / "warm")
    monkeypatch.setenv("FERVIDEO_CACHE", str(tmp_path / "warm" / "cache"))
    return tmp_path / "warm" / "out"
