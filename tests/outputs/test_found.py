"""Timelines in folders of results."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import make_timeline

from fervideo.errors import UsageError
from fervideo.outputs import find


def test_folders_are_searched_and_files_named(tmp_path: Path) -> None:
    for stem in ("b.x", "sub/a", ".hidden/c"):
        make_timeline().save((tmp_path / stem).parent, Path(stem).name)
    assert [(found.folder, found.stem) for found in find([tmp_path])] == [(tmp_path, "b.x"), (tmp_path, "sub/a")]
    files = sorted(tmp_path.glob("b.x.*"))
    assert [(found.folder, found.stem) for found in find([*files, tmp_path / "sub"])] == [
        (tmp_path, "b.x"),
        (tmp_path / "sub", "a"),
    ]


def test_a_source_without_timelines_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"has no results \(looked for \*\.timeline\.csv\); give the folder that"):
        find([tmp_path])
    with pytest.raises(UsageError, match="none: does not exist; give the folder that"):
        find([tmp_path / "none"])
