"""Labels of a coder in a report: the clips that they belong to, and tables that cannot be read."""

from pathlib import Path

import pytest

from fervideo.errors import UsageError
from fervideo.outputs.found import Found
from fervideo.report import coder

FOUND = [Found(Path("x"), Path(), stem) for stem in ("a", "sub/b")]


def table(folder: Path, *rows: str) -> Path:
    path = folder / "disagreements.csv"
    path.write_text("\n".join(["clip,start_s,end_s,label,fervideo,subject,face,confidence", *rows, ""]))
    return path


def test_stretches_come_to_their_clips(tmp_path: Path):
    path = table(tmp_path, "b.mp4,2,3,anger,fear,,1,0.5", "sub/b,0.5,1,sadness,fear,,,", "other,1,2,fear,anger,,0,")
    assert coder.read(path, FOUND) == {
        "sub/b": [
            {"start": 0.5, "end": 1.0, "label": "sadness", "face": None},
            {"start": 2.0, "end": 3.0, "label": "anger", "face": 1},
        ]
    }


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a,2,1,anger,fear,,0,", r":2: has a bad number \(2 to 1 is no stretch of time\); mend"),
        ("a,x,1,anger,fear,,0,", ":2: has a bad number"),
        ("a,0,1,anger,fear,,left,", ":2: has a bad number"),
        ("other,0,1,anger,fear,,0,", "names none of the clips of the report"),
    ],
)
def test_a_bad_table_is_one_line(tmp_path: Path, row: str, message: str):
    with pytest.raises(UsageError, match=message):
        coder.read(table(tmp_path, row), FOUND)
