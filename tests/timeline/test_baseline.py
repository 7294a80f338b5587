"""Columns relative to a person at rest, and the files that carry a baseline to another clip."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders import make_features, make_timeline, make_track

import fervideo
from fervideo import columns
from fervideo.errors import UsageError
from fervideo.outputs import baseline
from fervideo.settings import Settings, load
from fervideo.study.naming import named
from fervideo.timeline import Timeline, build
from fervideo.timeline.baseline import relative

REST = 0.25


def settings(*changes: str) -> Settings:
    return load(None, [("", f"measures.{change}") for change in changes])


@cache
def timeline(*changes: str, path: str = "clip.mp4") -> Timeline:
    """Build a clip of two faces for a second, face 1 up to 0.4 s; mouths open by 0.25 in the first half, 0.75 then."""
    features = make_features(25, (range(25), range(10)), path=Path(path))
    faces = features.observations
    values = np.where(faces.frame < 12, REST, 0.75).astype(np.float32)
    # Frames in the second half are the more neutral.
    logits = faces.frame_logits.copy()
    logits[faces.frame < 12, 0] = -3
    measures = {**faces.measures, "mouth_open": values, "quality": np.ones_like(values)}
    features = replace(features, observations=replace(faces, measures=measures, frame_logits=logits))
    return build(features, [make_track(range(25)), make_track(range(10), track=1)], settings(*changes), {})


@pytest.mark.parametrize(("how", "rest"), [("0:0.4", REST), ("0.6:1", 0.75), ("median", 0.75), ("calmest", 0.75)])
def test_relative_columns_are_less_the_median_at_rest(how: str, rest: float):
    raw = timeline(f"baseline={how}")
    found = relative(raw, how)
    assert list(found.frames) == [*raw.frames, *(f"{name}_rel" for name in columns.RELATIVE)]
    pd.testing.assert_frame_equal(found.frames[list(raw.frames)], raw.frames)
    own = found.frames[found.frames["face"] == 0]
    np.testing.assert_allclose(own["mouth_open_rel"], own["mouth_open"] - rest)
    assert not {"quality_rel", "face_px_rel"} & set(found.frames)


def test_a_face_without_a_good_frame_is_noted():
    found = relative(timeline("baseline='0.6:1'"), "0.6:1")
    assert found.frames.loc[found.frames["face"] == 1, "mouth_open_rel"].isna().all()
    assert found.provenance["notes"] == ["no baseline of face 1: its _rel columns are empty"]


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("5:9", r"clip\.mp4: --baseline 5:9 lies outside of 0 to 1 s, which are analysed; choose another stretch"),
        ("0:3", r"--baseline 0:3 lies outside"),
    ],
)
def test_a_stretch_outside_the_clip_is_one_line(how: str, reason: str):
    with pytest.raises(UsageError, match=reason):
        relative(timeline(), how)


def test_no_good_frame_is_one_line():
    poor = timeline()
    poor = replace(poor, frames=poor.frames.assign(quality=0.4))
    with pytest.raises(UsageError, match=r"has no good frame of a face for --baseline median \(quality of 0\.5 or"):
        relative(poor, "median")


def test_files_keep_baselines(tmp_path: Path):
    found = relative(timeline("baseline=median"), "median")
    paths = found.save(tmp_path)
    assert fervideo.read_timeline(paths["run"]) == found
    table = pd.read_csv(paths["baseline"])
    assert list(table) == columns.names(columns.baseline())
    assert table[["video", "face", "frames", "mouth_open"]].to_numpy().tolist() == [
        ["clip.mp4", 0, 25, 0.75],
        ["clip.mp4", 1, 10, REST],
    ]


def test_a_file_serves_other_clips_of_the_same_people(tmp_path: Path):
    # The name looks like a formula, which files keep from being one.
    names = "left=-Ann,right=Bob"
    first = relative(named(timeline(), names), "0:0.4")
    path = str(first.save(tmp_path)["baseline"])
    other = named(timeline(path="other.mp4"), "right=-Ann")
    found = relative(other, path, baseline.read(path), baseline.digest(path))
    own = found.frames[found.frames["face"] == 1]
    assert (own["mouth_open_rel"] == 0).all()
    assert found.frames.loc[found.frames["face"] == 0, "mouth_open_rel"].isna().all()
    assert len(found.provenance["baseline"]["digest"]) == 64


def test_a_file_of_one_face_serves_a_clip_of_one_face(tmp_path: Path):
    path = str(relative(timeline(), "0:0.4").select(0).save(tmp_path)["baseline"])
    stored = baseline.read(path)
    assert stored is not None
    found = relative(make_timeline(), path, stored.iloc[:1])
    assert found.frames["mouth_open_rel"].notna().all()
    with pytest.raises(UsageError, match=r"has 2 faces, and the clip 1 face, and no name is the same; give --names"):
        relative(make_timeline(), path, stored)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read as a baseline (No such file"),
        ("a,b\n1,2\n", "is no baseline: it lacks the column video; give the baseline.csv of another clip"),
        (",".join(columns.names(columns.baseline())) + "\n", "has no face"),
    ],
)
def test_another_file_is_one_line(tmp_path: Path, content: str | None, reason: str):
    path = tmp_path / "ann.csv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UsageError) as raised:
        baseline.digest(str(path))
    assert reason in str(raised.value)


@pytest.mark.parametrize("text", ["calm", "3", "9:5", "0-10"])
def test_ways_are_few(text: str):
    with pytest.raises(UsageError, match=r"it is: START:END in seconds, median, calmest, a baseline\.csv, or unset"):
        settings(f"baseline={text}")
    assert settings("baseline='none'").measures.baseline is None
