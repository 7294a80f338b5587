"""The Excel workbook."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import make_timeline

from fervideo.errors import UsageError
from fervideo.outputs import xlsx

openpyxl = pytest.importorskip("openpyxl")


def test_types_are_those_of_the_tables(tmp_path: Path) -> None:
    timeline = make_timeline(n_frames=4, tracks=[(0, 2)], path=Path("=1+2.mp4"))
    book = openpyxl.load_workbook(timeline.save(tmp_path, format="xlsx")["workbook"])
    assert book.sheetnames == ["frames", "events", "summary", "columns", "run"]
    header, *rows = ([cell.value for cell in row] for row in book["frames"].rows)
    assert header == list(timeline.frames)
    assert [(type(row[0]), row[2], row[3]) for row in rows] == [
        (int, 0, "ok"),
        (int, 0, "gap"),
        (int, 0, "ok"),
        (int, None, "no_face"),
    ]
    video = book["summary"]["A2"]
    assert (video.value, video.data_type) == ("=1+2.mp4", "s")
    assert book["events"].freeze_panes == "A2"
    assert ("events", "onset_s", "s") in [tuple(cell.value for cell in row[:3]) for row in book["columns"].rows]
    assert dict(tuple(cell.value for cell in row) for row in book["run"].rows)["status"] == "complete"


def test_more_rows_than_a_sheet_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx, "_MOST_ROWS", 9)
    with pytest.raises(UsageError, match=r"has 10 rows of frames, and a sheet of Excel at most 9; thin them out with"):
        make_timeline().save(tmp_path, format="xlsx")
    assert list(tmp_path.iterdir()) == []
