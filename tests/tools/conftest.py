"""Fixtures for tests of the recipes and tools."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fervideo.sequence.course import INPUTS, n_features

TOOLS = Path(__file__).parents[2] / "tools"


@pytest.fixture(autouse=True)
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the recipes importable, as they import one another."""
    monkeypatch.syspath_prepend(TOOLS)


@pytest.fixture
def make_bank() -> Callable[[Path], None]:
    """Store rendered stills of eight clearly different expressions, with embeddings of 4."""

    def make(path: Path) -> None:
        import simulate

        rng, label = np.random.default_rng(1), np.repeat(np.arange(8), 3)
        features = rng.normal(0, 0.1, (len(label), len(simulate.VARIANTS), n_features(INPUTS, 4)))
        features[..., :8] += 4 * np.eye(8)[label][:, None]
        features[..., :8] -= np.logaddexp.reduce(features[..., :8], axis=-1, keepdims=True)
        np.savez(path, features=features.astype(np.float32), target=np.eye(8, dtype=np.float32)[label], label=label)

    return make
