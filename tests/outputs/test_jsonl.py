"""JSON lines."""

from __future__ import annotations

import json
from pathlib import Path

from builders import make_timeline


def test_a_line_is_a_row_and_unknown_is_null(tmp_path: Path) -> None:
    timeline = make_timeline(n_frames=4, tracks=[(0, 2)], path=Path("\udcff.mp4"))
    paths = timeline.save(tmp_path, format="jsonl")
    frames = [json.loads(line) for line in paths["timeline"].read_text().splitlines()]
    assert [list(row) == list(timeline.frames) for row in frames] == [True] * 4
    assert frames[0]["face"] == 0
    assert (frames[1]["status"], frames[1]["raw_neutral"]) == ("gap", None)
    assert (frames[3]["face"], frames[3]["expression"]) == (None, None)
    (event,) = map(json.loads, paths["events"].read_text().splitlines())
    assert (event["expression"], event["offset_s"]) == ("neutral", 0.12)
    assert json.loads(paths["summary"].read_text())["video"] == "\ufffd.mp4"
