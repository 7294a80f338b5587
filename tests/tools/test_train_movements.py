"""The recipe of the network of movements: mirrored faces, and a training on made faces."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from fervideo.measures import movements
from fervideo.movements import MOVEMENTS

#: Landmarks that the network reads.
N_READ = 146
GOOGLE = sorted({movement.google for movement in MOVEMENTS.values()})


@pytest.fixture
def recipe(tools: None) -> ModuleType:
    import train_movements

    return train_movements


def made_faces(n: int) -> np.ndarray:
    """Return n even faces (n, N_READ, 2), each point with one across, and a little noise."""
    rng, half = np.random.default_rng(0), N_READ // 2
    right = np.random.default_rng(1).uniform((-0.5, -0.5), (-0.05, 0.5), (half, 2))
    face = np.concatenate([right, right * (-1, 1)])
    return (face + rng.normal(0, 0.003, (n, *face.shape))).astype(np.float32)


def test_points_and_movements_have_partners_across_the_face(recipe: ModuleType):
    across, n = recipe._mirrored(made_faces(50)), N_READ
    assert len(recipe.READ) == N_READ
    assert across.tolist() == [(index + n // 2) % n for index in range(n)]
    swapped = [GOOGLE[index] for index in recipe._swapped(GOOGLE)]
    assert swapped[GOOGLE.index("mouthSmileLeft")] == "mouthSmileRight"
    assert swapped[GOOGLE.index("jawOpen")] == "jawOpen"


def test_a_network_learns_and_loads(recipe: ModuleType, tmp_path: Path):
    faces = made_faces(400)
    shown = np.clip(0.5 + 40 * (faces[:, : len(GOOGLE), 1] - faces[:, : len(GOOGLE), 1].mean(0)), 0, 1)
    shown = shown.astype(np.float32)
    looks, mixes, out = (tmp_path / name for name in ("looks.npz", "mixes.npz", "a.safetensors"))
    np.savez(looks, ours=faces, theirs=faces, movements=shown, person=np.arange(len(faces)), names=GOOGLE)
    np.savez(mixes, ours=faces, theirs=faces, of_ours=shown, of_theirs=shown)
    recipe.train(looks, mixes, out, epochs=2, hidden=(16,))
    found = movements.load(out)(faces.reshape(len(faces), -1))
    assert found.shape == (len(faces), len(MOVEMENTS))
    assert np.isfinite(found).all()
