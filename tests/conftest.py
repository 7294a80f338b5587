"""Fixtures that tests share: a real face and a clip of it, always there, and the measuring clips if there are any."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from portraits import Face, find_smile

from fervideo import demo, faces
from fervideo.records import EXPRESSIONS
from fervideo.settings import FaceSettings

#: Faces in each split of the made-up archive.
FERPLUS_FACES = 16 * len(EXPRESSIONS)


@pytest.fixture(scope="session")
def face_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Render 11 seconds of a real photograph, faceless from 6 to 8: 275 frames in 2 segments, 1 face."""
    path = tmp_path_factory.mktemp("clips") / "astronaut.mp4"
    demo.render_astronaut(path, seconds=11.0, faceless=(6.0, 8.0))
    return path


@pytest.fixture(scope="session")
def shared() -> Path:
    """Find the measuring data beside the checkout; the test is skipped if there is none."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the measuring clips are not on this machine")
    return folder


@pytest.fixture(scope="session")
def astronaut() -> Image.Image:
    """Return the portrait of Eileen Collins, who smiles."""
    return Image.fromarray(demo._photograph())


@pytest.fixture(scope="session")
def smile() -> Face:
    """Find the face in that portrait."""
    return find_smile()


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create a cache for one test."""
    monkeypatch.setenv("FERVIDEO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def ferplus(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Write an archive like ferplus.npz, and its landmarks: one real face, shaken, FERPLUS_FACES a split."""
    from skimage.data import astronaut

    n = FERPLUS_FACES
    photograph = np.ascontiguousarray(astronaut()[30:230, 110:310])
    with faces.open_landmarker(FaceSettings(), 1, still=True) as landmarker:
        landmarks = landmarker.find(photograph)[0] * (48 / 200)
    image = cv2.resize(cv2.cvtColor(photograph, cv2.COLOR_RGB2GRAY), (48, 48), interpolation=cv2.INTER_AREA)
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("ferplus")
    label = np.arange(2 * n) % len(EXPRESSIONS)
    votes = np.zeros((2 * n, 10), np.uint8)
    votes[np.arange(2 * n), label] = 10
    images = np.clip(image + rng.integers(-20, 20, (2 * n, 48, 48)), 0, 255).astype(np.uint8)
    # The label shows in the position of the lips, so that there is something to learn.
    shaken = landmarks + rng.normal(0, 0.2, (2 * n, *landmarks.shape))
    shaken[:, [61, 291, 13, 14, 0, 17], 1] += label[:, None]
    shaken[0] = np.nan
    names = (*EXPRESSIONS, "unknown", "NF")
    np.savez(
        folder / "ferplus.npz",
        images=images,
        votes=votes,
        vote_names=names,
        split=np.repeat([0, 1], n).astype(np.uint8),
    )
    np.savez(folder / "landmarks.npz", landmarks_px=shaken.astype(np.float32))
    return folder / "ferplus.npz", folder / "landmarks.npz"
