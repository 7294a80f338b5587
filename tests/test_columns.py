"""Columns as data: their order, and that one registration is enough for a measure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders import make_features, make_observations, make_track

import fervideo
from fervideo import columns, measures, photos, pipeline
from fervideo.columns import Column
from fervideo.measures.facing import FacingFaces
from fervideo.records import EXPRESSIONS, Float64
from fervideo.settings import Settings
from fervideo.timeline import build

OWN_LABELS = ("happiness", "bored")


def of_labels(*prefixes: str, labels: Sequence[str] = EXPRESSIONS) -> list[str]:
    return [f"{prefix}_{label}" for prefix in prefixes for label in labels]


#: The order of every table, literally: columns are only ever added at the end.
ORDER = {
    "frames": [
        *("frame", "time_s", "face", "status", "expression", "confidence"),
        *of_labels("p", "raw"),
        *("valence", "box_x_px", "box_y_px", "box_w_px", "box_h_px", "yaw_deg", "pitch_deg", "roll_deg"),
        *("eye_open_left", "eye_open_right", "mouth_open", "smile", "brow_raise", "brow_furrow"),
    ],
    "events": [
        *("face", "expression", "onset_s", "apex_s", "offset_s", "duration_s"),
        *("mean_confidence", "peak_confidence"),
    ],
    "summary": [
        *("video", "face", "start_s", "end_s", "coverage", "expression", "confidence"),
        *of_labels("clip_p", "time"),
        *("events_per_min", "mean_valence", "clip_expression"),
    ],
    "photos": [
        *("photo", "face", "expression", "confidence"),
        *of_labels("p"),
        *("box_x_px", "box_y_px", "box_w_px", "box_h_px", "yaw_deg", "pitch_deg", "roll_deg"),
        *("eye_open_left", "eye_open_right", "mouth_open", "smile", "brow_raise", "brow_furrow"),
    ],
    "failures": ["path", "stage", "error", "remedy"],
}
ORDER["clips"] = ["path", "status", *ORDER["summary"]]


@pytest.mark.parametrize("table", ORDER)
def test_columns_keep_their_order(table: str) -> None:
    found = columns.names(getattr(columns, table)())
    assert found[: len(ORDER[table])] == ORDER[table]
    assert len(set(found)) == len(found)


def test_columns_follow_the_labels_of_a_model() -> None:
    frames, summary = columns.names(columns.frames(OWN_LABELS)), columns.names(columns.summary(OWN_LABELS))
    assert [name for name in frames if name.startswith("p_")] == of_labels("p", labels=OWN_LABELS)
    assert [name for name in frames if name.startswith("raw_")] == of_labels("raw")
    follow = [name for name in summary if name.startswith(("clip_p_", "time_"))]
    assert follow == of_labels("clip_p", "time", labels=OWN_LABELS)
    assert columns.names(columns.clips(OWN_LABELS)) == ["path", "status", *summary]


@pytest.mark.parametrize("table", ORDER)
def test_every_column_is_explained(table: str) -> None:
    for column in getattr(columns, table)():
        assert len(column.meaning.split()) > 2 or column.name == "duration_s", column.name
        assert column.unit or column.dtype != "float", column.name
        assert column.decimals is not None or column.dtype != "float", column.name


class TestNewMeasure:
    """One registration, in the two literal tables, is all that a measure needs."""

    COLUMN = Column(name="nose_size", unit="noses", decimals=1, meaning="size of the nose", source="Gogol 1836")

    @pytest.fixture(autouse=True)
    def registered(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def nose_size(faces: FacingFaces) -> Float64:
            return np.full(len(faces.landmarks_px), 1.26)

        monkeypatch.setitem(columns.MEASURES, "nose_size", self.COLUMN)
        monkeypatch.setitem(measures.FUNCTIONS, "nose_size", nose_size)

    @pytest.mark.parametrize("table", ["frames", "photos"])
    def test_it_is_the_last_column(self, table: str) -> None:
        assert columns.names(getattr(columns, table)()) == [*ORDER[table], "nose_size"]

    def test_it_is_in_the_table_of_frames_rounded(self) -> None:
        frames = build(make_features(2, [range(2)]), [make_track(range(2))], Settings(), {}).frames
        assert frames.columns[-1] == "nose_size"
        assert frames["nose_size"].tolist() == [1.1, 1.1]

    def test_it_is_in_the_table_of_photographs(self) -> None:
        faces = photos._faces_of(Path("a.jpg"), make_observations(range(1)))
        assert faces.columns[-1] == "nose_size"
        assert faces["nose_size"].tolist() == [1.1]

    def test_it_is_computed_for_a_cached_clip_without_a_decode(
        self, face_clip: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        chosen = {"video.sample_fps": 1, "run.workers": 1}
        with monkeypatch.context() as patch:
            patch.delitem(columns.MEASURES, "nose_size")
            patch.delitem(measures.FUNCTIONS, "nose_size")
            before = fervideo.analyze(face_clip, chosen).frames
        monkeypatch.setattr(pipeline.video, "windows", None)
        after = fervideo.analyze(face_clip, chosen).frames
        assert set(after["nose_size"].dropna()) == {1.3}
        pd.testing.assert_frame_equal(after.drop(columns="nose_size"), before)
