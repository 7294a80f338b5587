"""Tables of other programs: headers as they write them, literal frames, and use in a study."""

from fractions import Fraction
from pathlib import Path

import clips
import numpy as np
import pytest
from studies import write_text

import fervideo
from fervideo import foreign, study
from fervideo.errors import FervideoError
from fervideo.study import foreign as tables

#: OpenFace 2.2; older releases put a blank after each comma.
OPENFACE = [
    "frame, face_id, timestamp, confidence, success, pose_Ry, AU12_r, AU12_c",
    "1, 0, 0.000, 0.98, 1, 0.1, 2.5, 1",
    "2, 0, 0.040, 0.00, 0, 0, 0, 0",
    "3, 0, 0.080, 0.95, 1, 0.2, 1.5, 1",
]
PYFEAT = [
    "FaceScore,AU12,anger,disgust,fear,happiness,sadness,surprise,neutral,input,frame,approx_time",
    "0.99,0.8,0.01,0.01,0.01,0.9,0.02,0.02,0.03,clip.mp4,0,00:00",
    ",,,,,,,,,clip.mp4,2,00:00",
    "0.98,0.1,0.01,0.01,0.01,0.2,0.02,0.02,0.73,clip.mp4,4,00:00",
]
IMOTIONS = [
    "#INFO,Study name,Pilot",
    "#INFO,Respondent,P01",
    "Row,Timestamp,EventSource,Joy,Anger,Brow Furrow",
    "1,0,AFFDEX,80,5,1.5",
    "2,10,GSR,,,",
    "3,40,AFFDEX,,,",
    "4,80.5,AFFDEX,10,60,3",
]


def listed(table, *names: str) -> list[list]:
    values = table[list(names)].astype(object)
    return values.where(values.notna(), None).to_numpy().tolist()


@pytest.mark.parametrize("blank", [" ", ""])
def test_openface_counts_from_1_and_writes_zeros_without_a_face(tmp_path: Path, blank: str):
    path = write_text(tmp_path / "a.csv", *(line.replace(", ", f",{blank}") for line in OPENFACE))
    frames = fervideo.read_foreign(path)
    assert listed(frames, "frame", "time_s", "face", "status", "AU12_r", "confidence_there") == [
        [0, 0.0, 0, "ok", 2.5, 0.98],
        [1, 0.04, None, "no_face", None, None],
        [2, 0.08, 0, "ok", 1.5, 0.95],
    ]


def test_pyfeat_has_the_times_of_the_video(tmp_path: Path):
    path = write_text(tmp_path / "a.csv", *PYFEAT)
    frames = tables.read(path, np.array([0.0, 0.03, 0.1, 0.13, 0.2]))
    assert listed(frames, "frame", "time_s", "status", "expression", "confidence", "p_happiness", "AU12") == [
        [0, 0.0, "ok", "happiness", 0.9, 0.9, 0.8],
        [2, 0.1, "no_face", None, None, None, None],
        [4, 0.2, "ok", "neutral", 0.73, 0.2, 0.1],
    ]
    with pytest.raises(FervideoError, match="has times that are cut to whole seconds; give the video"):
        tables.read(path)
    with pytest.raises(FervideoError, match="has frame 4, and the video has 3 frames; give the video that"):
        tables.read(path, np.arange(3.0))


def test_imotions_has_facts_above_its_header_and_rows_of_other_sensors(tmp_path: Path):
    frames = fervideo.read_foreign(write_text(tmp_path / "a.csv", *IMOTIONS))
    assert listed(frames, "time_s", "status", "expression", "p_happiness", "p_anger", "Brow_Furrow") == [
        [0.0, "ok", "happiness", 0.8, 0.05, 1.5],
        [0.01, "no_face", None, None, None, None],
        [0.04, "no_face", None, None, None, None],
        [0.0805, "ok", "anger", 0.1, 0.6, 3.0],
    ]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["a,b", "1,2"], "is no table of OpenFace, py-feat, iMotions; see `fervideo docs studies`"),
        (
            [OPENFACE[0], "1, 0, 5.0, 1, 1, 0, 0, 0", "2, 0, 1.0, 1, 1, 0, 0, 0"],
            ":3: has no time, or one before that of the row above; export",
        ),
        ([], "cannot be read as a table"),
    ],
)
def test_tables_that_are_not_possible(tmp_path: Path, lines: list[str], message: str):
    with pytest.raises(FervideoError, match=message):
        fervideo.read_foreign(write_text(tmp_path / "a.csv", *lines))


def test_adopted_tables_are_results(tmp_path: Path):
    paths = [
        write_text(tmp_path / "in" / f"{name}.csv", *lines) for name, lines in (("of", OPENFACE), ("im", IMOTIONS))
    ]
    written = foreign.adopt(paths, None, tmp_path / "results")
    assert [path.name for path in written] == ["of.timeline.csv", "im.timeline.csv"]
    table = fervideo.load_results(tmp_path / "results", face="longest", columns=["AU12_r", "p_happiness"])
    assert listed(table, "clip", "time_s", "AU12_r", "p_happiness")[-3:] == [
        ["of", 0.0, 2.5, None],
        ["of", 0.04, None, None],
        ["of", 0.08, 1.5, None],
    ]
    events = fervideo.load_results(tmp_path / "results", table="events")
    assert listed(events, "clip", "expression", "onset_s") == [["im", "happiness", 0.0], ["im", "anger", 0.0805]]
    cut = study.epochs(
        tmp_path / "results" / "of.timeline.csv",
        write_text(tmp_path / "e.csv", "onset_s", "0.04"),
        study.Epoching(columns=["AU12_r"], hz=25, window_s=(0, 0.08), baseline_s=None),
    )
    assert listed(cut.table, "t", "value") == [[0.0, None], [0.04, 1.5]]
    with pytest.raises(FervideoError, match=r"of.run.json is there already|of.timeline.csv is there already"):
        foreign.adopt(paths, None, tmp_path / "results")


def test_a_video_of_variable_rate_gives_its_times(tmp_path: Path):
    clips.write(tmp_path / "clip.mp4", 5, pts=(0, 3, 10, 13, 20), time_base=Fraction(1, 100))
    table = write_text(tmp_path / "clip.csv", *PYFEAT)
    (written,) = foreign.adopt([table], tmp_path, tmp_path / "results")
    assert fervideo.load_results(written)["time_s"].round(3).tolist() == [0.0, 0.1, 0.2]
    with pytest.raises(FervideoError, match="has no video named other; name videos like their tables"):
        foreign.adopt([write_text(tmp_path / "other.csv", *PYFEAT)], tmp_path, tmp_path / "results")
