"""Shapes of faces: similarities undone, and the mean of many."""

import numpy as np
import pytest

from fervideo.classifiers import shape


@pytest.mark.parametrize("d", [2, 3])
def test_align_undoes_a_similarity(d: int):
    rng = np.random.default_rng(0)
    mean, rigid = rng.normal(0, 1, (20, d)), tuple(range(8))
    rotation = np.linalg.qr(rng.normal(0, 1, (5, d, d)))[0]
    rotation[:, :, 0] *= np.sign(np.linalg.det(rotation))[:, None]
    np.testing.assert_allclose(
        shape.align(3 * mean @ rotation + 7, mean, rigid), np.broadcast_to(mean, (5, 20, d)), atol=1e-9
    )


def test_a_mean_face_is_the_common_shape():
    rng = np.random.default_rng(0)
    face, (cos, sin) = rng.normal(0, 1, (12, 2)), (np.cos(rng.normal(0, 0.2, 50)), np.sin(rng.normal(0, 0.2, 50)))
    turn = np.stack([cos, -sin, sin, cos], 1).reshape(50, 2, 2) * rng.uniform(0.5, 2, (50, 1, 1))
    found = shape.mean_face(face @ turn + rng.normal(0, 3, (50, 1, 2)), tuple(range(12)), (0, 1))
    np.testing.assert_allclose(np.linalg.norm(found[0] - found[1]), 1, atol=0.02)
    np.testing.assert_allclose(shape.align(face[None], found, tuple(range(12)))[0], found, atol=0.02)
