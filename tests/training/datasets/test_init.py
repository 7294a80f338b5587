"""The table of layouts: recognised by itself, asked for by name, and found wanting."""

from __future__ import annotations

from pathlib import Path

import pytest

from fervideo.errors import DatasetError
from fervideo.training import datasets


@pytest.mark.parametrize("name", datasets.FORMATS)
def test_a_reader_that_finds_no_clip_names_the_folder(tmp_path: Path, name: str):
    with pytest.raises(DatasetError) as caught:
        datasets.read(tmp_path, name)
    message = f"{caught.value} {' '.join(caught.value.problems)}"
    assert str(tmp_path) in message


def test_an_unknown_layout_and_an_unknown_name(tmp_path: Path):
    with pytest.raises(DatasetError, match=r"looked for: ravdess: Actor_01"):
        datasets.read(tmp_path)
    with pytest.raises(DatasetError, match=r"one of ravdess"):
        datasets.read(tmp_path, "ravdes")
    with pytest.raises(DatasetError, match="does not exist"):
        datasets.read(tmp_path / "none")
