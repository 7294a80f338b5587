"""Names of faces by their positions: in all tables, in files and in exports; positions without a face."""

from pathlib import Path

import pandas as pd
import pytest
from builders import make_timeline

import fervideo
from fervideo.errors import UsageError
from fervideo.outputs import tiers
from fervideo.settings import load
from fervideo.study.naming import named
from fervideo.timeline import Timeline, describe

NAMES = "left=therapist,1=client"


@pytest.fixture
def timeline() -> Timeline:
    settings = load(None, [("", f"measures.names={NAMES}")])
    return named(make_timeline(("happiness", "neutral", "neutral"), settings), NAMES)


def test_all_tables_have_names_at_their_end(timeline: Timeline):
    for table in (timeline.frames, timeline.events, timeline.summary):
        assert table.columns[-1] == "name"
        found = table.groupby("face", dropna=False)["name"].first()
        assert found[[0, 1]].tolist() == ["therapist", "client"]
        assert pd.isna(found[2])
    assert describe(timeline).splitlines()[1].startswith("0 therapist  100%")


def test_files_and_parts_keep_names(timeline: Timeline, tmp_path: Path):
    timeline.save(tmp_path)
    assert fervideo.read_timeline(tmp_path / "clip.run.json") == timeline
    assert timeline.select("client").summary["face"].tolist() == [1]
    assert timeline.between(0.1, 0.3).summary["name"].tolist()[:2] == ["therapist", "client"]
    assert fervideo.load_results(tmp_path, face="client")["face"].unique().tolist() == [1]
    # At least one export names people by these names.
    assert [tier.person for tier in tiers.of_events(timeline)] == ["therapist", "client", "face 2"]


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ("left=a,right=b", r"right=b: it shows 1 face, and a is the same one; choose --names that fit"),
        ("1=a", r"clip\.mp4: has no face for 1=a: it shows 1 face; choose"),
    ],
)
def test_a_name_without_a_face_is_one_line(names: str, reason: str):
    with pytest.raises(UsageError, match=reason):
        named(make_timeline(), names)


def test_a_clip_without_faces_has_nobody_to_name():
    with pytest.raises(UsageError, match="has no face for left=a: it shows 0 faces"):
        named(make_timeline(()), "left=a")
