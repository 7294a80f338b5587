"""Columns as data: their order, their texts, the docs, and that one registration is enough for a measure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders import make_features, make_observations, make_track

import fervideo
from fervideo import columns, measures, photos, pipeline
from fervideo.columns import Column
from fervideo.docs import tables
from fervideo.errors import UsageError
from fervideo.measures.facing import FacingFaces
from fervideo.records import EXPRESSIONS, Float64
from fervideo.settings import Settings
from fervideo.timeline import build

DOCS = Path(columns.__file__).parent / "docs"
OWN_LABELS = ("happiness", "bored")


def of_labels(*prefixes: str, labels: Sequence[str] = EXPRESSIONS) -> list[str]:
    return [f"{prefix}_{label}" for prefix in prefixes for label in labels]


CONDITIONS = (
    *("face_px", "inside", "blur", "brightness", "quality", "cut_off", "asymmetry_smile", "asymmetry_brows"),
    *("gaze_yaw_deg", "gaze_pitch_deg"),
)
MOVES = [
    *("move_brow_down_left", "move_brow_down_right", "move_brow_inner_up"),
    *("move_brow_outer_up_left", "move_brow_outer_up_right", "move_eye_blink_left", "move_eye_blink_right"),
    *("move_eye_look_down_left", "move_eye_look_down_right", "move_eye_look_in_left", "move_eye_look_in_right"),
    *("move_eye_look_out_left", "move_eye_look_out_right", "move_eye_look_up_left", "move_eye_look_up_right"),
    *("move_eye_squint_left", "move_eye_squint_right", "move_eye_wide_left", "move_eye_wide_right", "move_jaw_open"),
    *("move_mouth_dimple_left", "move_mouth_dimple_right", "move_mouth_funnel", "move_mouth_left"),
    *("move_mouth_lower_down_left", "move_mouth_lower_down_right", "move_mouth_press_left"),
    *("move_mouth_press_right", "move_mouth_pucker", "move_mouth_right", "move_mouth_shrug_lower"),
    *("move_mouth_smile_left", "move_mouth_smile_right", "move_mouth_upper_up_left", "move_mouth_upper_up_right"),
]
#: The order of every table, literally: columns are only ever added at the end.
ORDER = {
    "frames": [
        *("frame", "time_s", "face", "status", "expression", "confidence"),
        *of_labels("p", "raw"),
        *("valence", "box_x_px", "box_y_px", "box_w_px", "box_h_px", "yaw_deg", "pitch_deg", "roll_deg"),
        *("eye_open_left", "eye_open_right", "mouth_open", "smile", "brow_raise", "brow_furrow"),
        "media_time_s",
        *("eyes_closed", "towards_camera", "speaking"),
        *CONDITIONS,
        *MOVES,
        *("second_expression", "second_confidence", "uncertain"),
    ],
    "events": [
        *("face", "expression", "onset_s", "apex_s", "offset_s", "duration_s"),
        *("mean_confidence", "peak_confidence", "media_onset_s", "kind", "amplitude", "rise_s"),
        *("second_expression", "second_confidence", "uncertain"),
    ],
    "summary": [
        *("video", "face", "start_s", "end_s", "coverage", "expression", "confidence"),
        *of_labels("clip_p", "time"),
        *("events_per_min", "mean_valence", "clip_expression"),
        *("maybe_face", "still", "faces_seen"),
        *("blinks_per_min", "closed_share"),
        *("towards_share", "left_share", "right_share", "up_share", "down_share", "smile_share", "speaking_share"),
    ],
    "baseline": [
        *("video", "face", "name", "frames", "yaw_deg", "pitch_deg", "roll_deg"),
        *("eye_open_left", "eye_open_right", "mouth_open", "smile", "brow_raise", "brow_furrow"),
        *CONDITIONS[6:],
        *MOVES,
    ],
    "photos": [
        *("photo", "face", "expression", "confidence"),
        *of_labels("p"),
        *("box_x_px", "box_y_px", "box_w_px", "box_h_px", "yaw_deg", "pitch_deg", "roll_deg"),
        *("eye_open_left", "eye_open_right", "mouth_open", "smile", "brow_raise", "brow_furrow"),
        *CONDITIONS,
        *MOVES,
    ],
    "failures": ["path", "stage", "error", "remedy"],
}
ORDER["clips"] = ["path", "status", *ORDER["summary"]]


@pytest.mark.parametrize("table", columns.TABLES)
def test_columns_keep_their_order(table: str) -> None:
    found = columns.names(columns.TABLES[table].columns())
    assert found[: len(ORDER[table])] == ORDER[table]
    assert len(set(found)) == len(found)


def test_columns_follow_the_labels_of_a_model() -> None:
    frames, summary = columns.names(columns.frames(OWN_LABELS)), columns.names(columns.summary(OWN_LABELS))
    assert [name for name in frames if name.startswith("p_")] == of_labels("p", labels=OWN_LABELS)
    assert [name for name in frames if name.startswith("raw_")] == of_labels("raw")
    follow = [name for name in summary if name.startswith(("clip_p_", "time_"))]
    assert follow == of_labels("clip_p", "time", labels=OWN_LABELS)
    assert columns.names(columns.clips(OWN_LABELS)) == ["path", "status", *summary]


@pytest.mark.parametrize("table", columns.TABLES)
def test_every_column_is_explained(table: str) -> None:
    for column in columns.TABLES[table].columns():
        assert len(column.meaning.split()) > 2 or column.name == "duration_s", column.name
        assert column.unit or column.dtype != "float", column.name
        assert column.decimals is not None or column.dtype != "float", column.name


@pytest.mark.parametrize("table", columns.TABLES)
def test_the_docs_stay_within_their_width(table: str) -> None:
    assert max(map(len, tables.to_markdown(table).splitlines())) <= 120


@pytest.mark.parametrize("table", columns.TABLES)
def test_the_terminal_shows_every_column_within_its_width(table: str) -> None:
    title, header, *lines = tables.describe(table).splitlines()
    assert title.startswith(f"{table}: ")
    assert header.split() == ["name", "unit", "meaning", "source"]
    assert [line.split()[0] for line in lines if line[0] != " "] == ORDER[table]
    assert max(map(len, lines)) <= 120


def test_a_table_is_aligned_text() -> None:
    assert tables.describe("failures") == (
        "failures: one row per clip with a failure, failures.csv of a batch\n"
        "name    unit  meaning                                                      source\n"
        "path          path of the video, relative to the folder given\n"
        "stage         stage that failed: `open`, `extract`, `finish`, or `decode`\n"
        "              where frames are missing\n"
        "error         reason of the failure\n"
        "remedy        remedy that may help"
    )


def test_without_a_name_all_tables_are_shown() -> None:
    assert tables.describe() == "\n\n".join(map(tables.describe, columns.TABLES))
    assert set(json.loads(tables.to_json())) == set(columns.TABLES)


def test_json_has_every_field() -> None:
    found = json.loads(tables.to_json("frames"))["frames"]
    assert [Column(**column) for column in found] == list(columns.frames())


@pytest.mark.parametrize(
    ("name", "remedy"),
    [("frame", "did you mean frames?"), ("clip", "did you mean clips?"), ("xyz", "choose from frames, events")],
)
def test_an_unknown_table_gets_the_nearest(name: str, remedy: str) -> None:
    for show in (tables.describe, tables.to_json, tables.to_markdown):
        with pytest.raises(UsageError, match=f"describe {name}: is not a table; ") as caught:
            show(name)
        assert remedy in str(caught.value)


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.md")), ids=lambda path: path.stem)
def test_the_docs_have_the_columns_of_the_code(path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    assert tables.renewed(page) == page, "run: python tools/generated_docs.py"


def test_the_docs_have_every_table() -> None:
    page = (DOCS / "results.md").read_text(encoding="utf-8")
    for name in ORDER["frames"] + ORDER["events"] + ORDER["summary"] + ORDER["photos"] + ORDER["clips"]:
        assert f"| `{name}` |" in page, name


class TestNewMeasure:
    """One registration, in the two literal tables, is all that a measure needs."""

    #: The builders give each measure its position among all, over 8; this one is the last.
    BUILT = round(len(columns.MEASURES) / 8, 1)
    COLUMN = Column(name="nose_size", unit="noses", decimals=1, meaning="size of the nose", source="Gogol 1836")

    @pytest.fixture(autouse=True)
    def registered(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def nose_size(faces: FacingFaces) -> Float64:
            return np.full(len(faces.landmarks_px), 1.26)

        monkeypatch.setitem(columns.MEASURES, "nose_size", self.COLUMN)
        monkeypatch.setitem(measures.FUNCTIONS, "nose_size", nose_size)

    @pytest.mark.parametrize("table", ["frames", "photos"])
    def test_it_is_the_last_column(self, table: str) -> None:
        assert columns.names(columns.TABLES[table].columns()) == [*ORDER[table], "nose_size"]

    def test_it_is_in_the_table_of_frames_rounded(self) -> None:
        frames = build(make_features(2, [range(2)]), [make_track(range(2))], Settings(), {}).frames
        assert frames.columns[-1] == "nose_size"
        assert frames["nose_size"].tolist() == [self.BUILT] * 2

    def test_it_is_in_the_table_of_photographs(self) -> None:
        faces = photos._faces_of(Path("a.jpg"), make_observations(range(1)))
        assert faces.columns[-1] == "nose_size"
        assert faces["nose_size"].tolist() == [self.BUILT]

    def test_it_is_computed_for_a_cached_clip_without_a_decode(
        self, face_clip: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        chosen = {"video.sample_fps": 1, "run.workers": 1}
        with monkeypatch.context() as patch:
            patch.delitem(columns.MEASURES, "nose_size")
            patch.delitem(measures.FUNCTIONS, "nose_size")
            before = fervideo.analyze(face_clip, chosen).frames
        monkeypatch.setattr(pipeline.video, "pictures", None)
        after = fervideo.analyze(face_clip, chosen).frames
        assert set(after["nose_size"].dropna()) == {1.3}
        pd.testing.assert_frame_equal(after.drop(columns="nose_size"), before)

    def test_it_is_described(self) -> None:
        assert re.search(r"nose_size +noses +size of the nose", tables.describe("frames"))
        assert "Gogol 1836" in tables.describe("photos")
        assert json.loads(tables.to_json("frames"))["frames"][-1]["name"] == "nose_size"

    def test_the_docs_miss_it(self) -> None:
        page = (DOCS / "results.md").read_text(encoding="utf-8")
        assert "| `nose_size` | noses | size of the nose | Gogol 1836 |" in tables.renewed(page)
