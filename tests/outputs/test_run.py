"""Whose files lie in a folder: the check before any work."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from builders import make_timeline

from fervideo.errors import OutputError
from fervideo.outputs import check_free, stem_of

OWN = Path("/a/clip.mp4")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A folder with the results of OWN."""
    make_timeline(path=OWN, fingerprint="1" * 64).save(tmp_path)
    return tmp_path


def unknown() -> str:
    raise AssertionError("the fingerprint is not needed")


def test_a_folder_that_is_missing_or_has_other_names_is_free(saved: Path) -> None:
    check_free(saved / "new", "clip", Path("/b/clip.mp4"), unknown)
    check_free(saved, "cli", Path("/b/cli.mp4"), unknown)


def test_the_same_path_needs_no_fingerprint(saved: Path) -> None:
    check_free(saved, "clip", OWN, unknown)
    check_free(saved, "clip", Path("/a/b/../clip.mp4"), unknown)


def test_a_link_to_the_video_is_the_video(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").touch()
    (tmp_path / "link.mp4").symlink_to(tmp_path / "clip.mp4")
    make_timeline(path=tmp_path / "clip.mp4").save(tmp_path)
    check_free(tmp_path, "clip", tmp_path / "link.mp4", unknown)


def test_another_path_is_the_same_video_by_its_fingerprint(saved: Path) -> None:
    check_free(saved, "clip", Path("/b/clip.mp4"), lambda: "1" * 64)
    with pytest.raises(OutputError, match=r"clip.run.json is there already, of another video \(/a/clip.mp4\)"):
        check_free(saved, "clip", Path("/b/clip.mp4"), lambda: "2" * 64)


@pytest.mark.parametrize("record", [None, b"{", b"[]", b"{}", b'{"video": {"path": 1}}', b"\xff"])
@pytest.mark.parametrize("table", ["timeline", "events", "summary"])
def test_files_without_a_readable_record_are_somebody_elses(tmp_path: Path, record: bytes | None, table: str) -> None:
    (tmp_path / f"clip.{table}.csv").write_text("mine")
    if record is not None:
        (tmp_path / "clip.run.json").write_bytes(record)
    with pytest.raises(OutputError, match=rf"clip.{table}.csv is there already, and no clip.run.json that can be read"):
        check_free(tmp_path, "clip", OWN, lambda: "1" * 64)


def test_a_record_without_an_absolute_path_is_known_by_its_fingerprint_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = make_timeline(path=Path("clip.mp4"), fingerprint="1" * 64).save(tmp_path)["run"]
    record = json.loads(path.read_text())
    del record["absolute_path"]
    path.write_text(json.dumps(record))
    check_free(tmp_path, "clip", tmp_path / "clip.mp4", lambda: "1" * 64)
    with pytest.raises(OutputError):
        check_free(tmp_path, "clip", tmp_path / "clip.mp4", lambda: "2" * 64)


def test_long_names_are_cut_and_marked():
    assert stem_of("a" * 200) == "a" * 200
    one, other = (stem_of("ü" * 124 + end) for end in ("abc", "xyz"))
    assert one != other
    assert one.startswith("ü" * 103 + "~")
    assert len(f"{one}.timeline.csv".encode()) <= 255


def test_a_loop_of_links_owns_nothing(saved: Path, tmp_path: Path):
    (tmp_path / "one.mp4").symlink_to(tmp_path / "other.mp4")
    (tmp_path / "other.mp4").symlink_to(tmp_path / "one.mp4")
    with pytest.raises(OutputError, match="of another video"):
        check_free(saved, "clip", tmp_path / "one.mp4", lambda: "another")
