"""Fixtures of the video tests: the difficult files, each written once."""

from collections.abc import Callable
from pathlib import Path

import clips
import pytest


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function that writes a file of `clips.FILES` when it is first wanted."""
    folder = tmp_path_factory.mktemp("made")

    def make(name: str) -> Path:
        path = folder / name
        return path if path.exists() else clips.write(path, clips.N, **clips.FILES[name])

    return make
