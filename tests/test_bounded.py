"""Text from elsewhere within limits: size, depth and length of a line each end in a ValueError."""

from pathlib import Path

import pytest

from fervideo import bounded
from fervideo.errors import UsageError
from fervideo.settings import load


def test_a_file_is_read_up_to_its_limit(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"x" * 10)
    assert bounded.read(tmp_path / "a", 10) == b"x" * 10
    with pytest.raises(ValueError, match="larger than 9 bytes"):
        bounded.read(tmp_path / "a", 9)


@pytest.mark.parametrize(
    "text", ["a=" + "[" * 1500 + "]" * 1500, "a" + ".a" * 4000 + "=1", "\n".join(["[" * 100] * 99)]
)
def test_toml_that_is_nested_without_end_is_refused(text: str):
    with pytest.raises(ValueError, match=r"nested too deeply|longer than|line 1"):
        bounded.toml(text)


@pytest.mark.parametrize("text", ["[" * 100_000, b'{"a":' * 100_000])
def test_json_that_is_nested_without_end_is_refused(text: str | bytes):
    with pytest.raises(ValueError, match="nested too deeply"):
        bounded.from_json(text)


def test_a_cell_without_an_end_is_refused():
    rows = bounded.rows(["a,b\n", "x" * 200_000], ",")
    assert next(rows) == (1, ["a", "b"])
    with pytest.raises(ValueError, match="line 2: field larger"):
        next(rows)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"x" * 70_000, "it is larger than 65,536 bytes"),
        (b"\xff\xfe", "not UTF-8, so no TOML"),
        (b"a=" + b"[" * 4000, "nested too deeply"),
        (b"[events]\nhold=" + b"9" * 4500, "a line is longer than 4096 characters"),
    ],
)
def test_such_settings_are_one_short_line(tmp_path: Path, content: bytes, reason: str):
    path = tmp_path / "a.toml"
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        load(path)
    assert reason in str(caught.value)
    assert len(str(caught.value)) < 300
