"""Praat's TextGrid: its text, and readers of its forms."""

from __future__ import annotations

from pathlib import Path

import pytest

from fervideo.errors import UsageError
from fervideo.outputs import textgrid
from fervideo.outputs.textgrid import LabelTier
from fervideo.timeline import Timeline

#: One tier as Praat writes it, in the long and in the short form.
LONG = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0\x20
xmax = 2.5\x20
tiers? <exists>\x20
size = 2\x20
item []:\x20
    item [1]:
        class = "IntervalTier"\x20
        name = "my ""face"" 1"\x20
        xmin = 0\x20
        xmax = 2.5\x20
        intervals: size = 2\x20
        intervals [1]:
            xmin = 0\x20
            xmax = 1e-1\x20
            text = ""\x20
        intervals [2]:
            xmin = 1e-1\x20
            xmax = 2.5\x20
            text = "fröhlich ! 3"\x20
    item [2]:
        class = "TextTier"\x20
        name = "clicks"\x20
        xmin = 0\x20
        xmax = 2.5\x20
        points: size = 1\x20
        points [1]:
            number = 1.5\x20
            mark = "x"\x20
"""
SHORT = (
    'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n2.5\n<exists>\n2\n"IntervalTier"\n"my ""face"" 1"\n0\n'
    '2.5\n2\n0\n1e-1\n""\n1e-1\n2.5\n"fröhlich ! 3"\n"TextTier"\n"clicks"\n0\n2.5\n1\n1.5\n"x"\n'
)
READ = [LabelTier('my "face" 1', ((0.0, 0.1, ""), (0.1, 2.5, "fröhlich ! 3")), 0), LabelTier("clicks", (), 1)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("text", [LONG, SHORT, LONG.replace("\n", "\r\n")])
def test_all_forms_and_encodings_are_read(tmp_path: Path, text: str, encoding: str) -> None:
    path = tmp_path / "clip.TextGrid"
    path.write_bytes(text.encode(encoding))
    assert textgrid.read(path) == READ


def test_tiers_tile_the_time_of_the_player(tmp_path: Path, timeline: Timeline) -> None:
    path = timeline.save(tmp_path, format="textgrid")["textgrid"]
    assert [(tier.name, list(tier.spans)) for tier in textgrid.read(path)] == [
        ("face 0 expression", [(0, 1.5, ""), (1.5, 1.7, "neutral"), (1.7, 1.9, "happiness")]),
        ("face 0 blink", [(0, 1.58, ""), (1.58, 1.66, "blink"), (1.66, 1.9, "")]),
        ("face 1 expression", [(0, 1.7, ""), (1.7, 1.9, "sadness")]),
    ]
    assert path.read_text().startswith('File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = 1.9\n')


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "ends too early"),
        (LONG[:200].encode(), "ends too early"),
        (LONG.replace("2.5", "soon").encode(), "cannot be read as a TextGrid"),
        (b'"ooTextFile" "Sound"', "it is no TextGrid"),
        (b"\xff\x80", "neither in UTF-8 nor in UTF-16"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "clip.TextGrid"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=reason):
        textgrid.read(path)
