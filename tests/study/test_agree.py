"""Results beside coders, by hand: bins, events, labels of every form, people."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from studies import frames_of, write_result, write_text

import fervideo
from fervideo import study
from fervideo.errors import FervideoError
from fervideo.study import agree_files

#: Four frames a second for eight seconds: neutral, then happiness from 2 to 6 s.
TIMES = np.arange(32) / 4
SHOWN = ["happiness" if 2 <= t < 6 else "neutral" for t in TIMES]
EVENTS = [(0, "neutral", 0.0, 2.0), (0, "happiness", 2.0, 6.0), (0, "neutral", 6.0, 8.0)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_result(tmp_path / "results", "a", frames_of(TIMES, ({"expression": SHOWN},)), EVENTS)
    return tmp_path / "results"


def compared(folder: Path, *coders: pd.DataFrame, **how: object) -> study.Agreement:
    return study.agree(folder, coders, study.Comparison(**{"bin_s": 1.0, **how}))


def hand(*rows: str) -> pd.DataFrame:
    """Return labels; each row is `clip start end label [subject]`."""
    cells = [row.split() for row in rows]
    table = pd.DataFrame([[*row[:4], *(row[4:] or [""])] for row in cells])
    table.columns = ["clip", "start_s", "end_s", "label", "subject"]
    return table.astype({"start_s": float, "end_s": float}).assign(start_frame=np.nan, end_frame=np.nan)


def test_bins_and_events_by_hand(folder: Path):
    found = compared(folder, hand("a.mp4 0 1 neutral", "a.mp4 1 5 happiness", "a.mp4 5 8 neutral"))
    # Bins 1 (coder happiness, own neutral) and 5 (the other way round) differ: 6 of 8 are equal.
    pair = found.pairs.iloc[0]
    assert (pair["one"], pair["other"], pair["people"], pair["bins"]) == ("fervideo", "coder 1", 1, 8)
    # Each has 4 of 8 bins with happiness: chance agreement is a half.
    assert (pair["agreement"], pair["kappa"]) == (0.75, 0.5)
    assert found.confusion.to_numpy().tolist() == [[3, 1], [1, 3]]
    # Happiness overlaps by 3 of 5 s, and begins a second late.
    row = found.events.set_index("label").loc["happiness"]
    assert row[["coder_events", "own_events", "matched", "f1", "onset_s"]].tolist() == [1, 1, 1, 1.0, 1.0]
    assert found.disagreements.drop(columns="confidence").to_numpy().tolist() == [
        ["a", 1.0, 2.0, "happiness", "neutral", "a", 0],
        ["a", 5.0, 6.0, "neutral", "happiness", "a", 0],
    ]


def test_labels_are_on_a_players_clock(folder: Path):
    """A video whose pictures begin 0.5 s after its sound: a player shows the first frame at 0.5 s."""
    frames = frames_of(TIMES, ({"expression": SHOWN, "media_time_s": TIMES + 0.5},))
    write_result(folder, "a", frames, EVENTS)
    found = compared(folder, hand("a.mp4 0.5 1.5 neutral", "a.mp4 1.5 6.5 happiness", "a.mp4 6.5 8.5 neutral"))
    assert found.pairs[["bins", "agreement"]].to_numpy().tolist() == [[8, 0.875]]
    assert found.disagreements[["start_s", "end_s"]].to_numpy().tolist() == [[1.5, 2.5]]


def test_two_raters_have_the_alpha_of_krippendorff(folder: Path):
    """For two coders without gaps alpha is 1 - (n - 1) Do / De: of 16 labels 8 each, and 4 of 16 pairs differ."""
    found = compared(folder, hand("a.mp4 0 1 neutral", "a.mp4 1 5 happiness", "a.mp4 5 8 neutral"))
    assert found.alpha == pytest.approx(1 - 15 * 4 / (2 * 8 * 8))


def test_a_second_coder(folder: Path):
    one = hand("a.mp4 0 1 neutral", "a.mp4 1 5 happiness", "a.mp4 5 8 neutral")
    two = hand("a.mp4 0 2 neutral", "a.mp4 2 6 happiness")
    found = compared(folder, one, two)
    assert found.pairs[["one", "other", "bins", "agreement"]].to_numpy().tolist() == [
        ["fervideo", "coder 1", 8, 0.75],
        ["fervideo", "coder 2", 6, 1.0],
        ["coder 1", "coder 2", 6, pytest.approx(2 / 3)],
    ]
    assert np.isfinite(found.alpha_coders)


def test_a_coder_who_did_not_see_a_clip_has_no_label_there(folder: Path):
    write_result(folder, "b", frames_of(TIMES, ({"expression": SHOWN},)), EVENTS)
    one = hand("a.mp4 2 6 happiness", "b.mp4 2 6 happiness")
    found = compared(folder, one, hand("a.mp4 2 6 happiness"), rest="neutral")
    assert found.pairs["bins"].tolist() == [16, 8, 8]


def test_time_without_a_label_is_left_out_or_has_the_rest(folder: Path):
    only = hand("a.mp4 2 6 Happiness", "a.mp4 7.2 7.4 x")
    labels = only.assign(label=["happiness", "x"])[:1]
    assert compared(folder, labels).pairs["bins"].tolist() == [4]
    filled = compared(folder, labels, rest="neutral").pairs.iloc[0]
    assert (filled["bins"], filled["kappa"]) == (8, 1.0)


def test_labels_are_renamed_on_both_sides(folder: Path):
    found = compared(folder, hand("a.mp4 0 2 calm", "a.mp4 2 6 joy"), renamed={"calm": "neutral", "joy": "happiness"})
    assert found.pairs["agreement"].tolist() == [1.0]
    found = compared(folder, hand("a.mp4 0 2 other", "a.mp4 2 6 pos"), renamed={"neutral": "other", "happiness": "pos"})
    assert found.pairs["kappa"].tolist() == [1.0]


def test_bins_without_a_good_view_are_counted(folder: Path):
    frames = frames_of(TIMES, ({"expression": SHOWN, "seen": TIMES < 6, "quality": np.where(TIMES < 1, 0.1, 0.9)},))
    write_result(folder, "a", frames, EVENTS)
    labels = hand("a.mp4 0 2 neutral", "a.mp4 2 8 happiness")
    assert (compared(folder, labels).no_face, compared(folder, labels).pairs["bins"].item()) == (2, 6)
    assert compared(folder, labels, min_quality=0.5).no_face == 3


def test_people_are_participants_of_the_design_or_subjects(folder: Path, tmp_path: Path):
    write_result(folder, "b", frames_of(TIMES, ({"expression": SHOWN},)), EVENTS)
    labels = hand("a.mp4 0 2 neutral P1", "a.mp4 2 8 happiness P1", "b.mp4 0 2 neutral P2", "b.mp4 2 8 happiness P2")
    assert compared(folder, labels).pairs["people"].tolist() == [2]
    design = write_text(tmp_path / "design.csv", "clip,participant", "a,7", "b,7")
    found = compared(folder, labels, design=design)
    assert found.pairs["people"].tolist() == [1]
    assert set(found.disagreements["subject"]) == {"7"}


def test_two_people_of_one_clip_have_their_faces_by_the_design(folder: Path, tmp_path: Path):
    two = frames_of(TIMES, ({"expression": SHOWN}, {"expression": "anger"}))
    write_result(folder, "a", two, [*EVENTS, (1, "anger", 0.0, 8.0)])
    labels = hand("a.mp4 0 2 neutral P1", "a.mp4 2 6 happiness P1", "a.mp4 0 8 anger P2")
    with pytest.raises(FervideoError, match=r"a: has labels of 2 people \(P1, P2\); give --design with the columns"):
        compared(folder, labels)
    design = write_text(tmp_path / "design.csv", "clip,face,participant", "a,right,P1", "a,left,P2")
    found = compared(folder, labels, design=design)
    assert found.pairs[["people", "bins", "agreement"]].to_numpy().tolist() == [[2, 14, 1.0]]


def test_an_event_kind_other_than_expression_is_no_event(folder: Path):
    path = folder / "a.events.csv"
    events = pd.read_csv(path).assign(kind=["expression", "blink", "expression"])
    events.to_csv(path, index=False)
    found = compared(folder, hand("a.mp4 0 2 neutral", "a.mp4 2 8 happiness"))
    assert found.events.set_index("label").loc["happiness", "own_events"] == 0


FORMS = {
    "intervals": {"hand.csv": ["clip,start_s,end_s,label", "a,0,2,neutral", "a,2,6,Happy"]},
    "by time": {"a.csv": ["time_s,label", "0,neutral", "2,happiness", "6,"], "a.mp4": []},
    "by frame": {"a.csv": ["frame,label", *(f"{i},{'neutral' if i < 8 else 'joy'}" for i in range(24))], "a.mp4": []},
    "elan": {
        "a.txt": ["Tier\tBegin Time - ss.msec\tEnd Time - ss.msec\tface", "x\t0.0\t2.0\tneutral", "x\t2.0\t6.0\tjoy"]
    },
    "boris": {
        "b.csv": [
            "Subject,Behavior,Behavior type,Time,Media file name",
            *("P1,neutral,START,0,a.mp4", "P1,neutral,STOP,2,a.mp4", "P1,happy,START,2,a.mp4", "P1,happy,STOP,6,a.mp4"),
        ]
    },
}


@pytest.mark.parametrize("form", list(FORMS))
def test_labels_in_every_layout_of_a_training(folder: Path, tmp_path: Path, form: str):
    for name, lines in FORMS[form].items():
        write_text(tmp_path / "hand" / name, *lines)
    found = compared(folder, fervideo.read_labels(tmp_path / "hand"))
    assert found.pairs[["bins", "agreement"]].to_numpy().tolist() == [[6, 1.0]]


def test_mistakes_name_their_remedy(folder: Path, tmp_path: Path):
    with pytest.raises(FervideoError, match="labels: name none of the 1 clip with results, such as a; check the names"):
        compared(folder, hand("z.mp4 0 2 neutral"))
    with pytest.raises(FervideoError, match="has no bin with a label; check the times of the labels"):
        compared(folder, hand("a.mp4 90 92 neutral"))
    with pytest.raises(FervideoError, match="face all: is more than one face"):
        compared(folder, hand("a.mp4 0 2 neutral"), face="all")


def test_the_tables_are_written_and_disagreements_are_labels_again(folder: Path, tmp_path: Path):
    found = compared(folder, hand("a.mp4 0 1 neutral", "a.mp4 1 5 happiness", "a.mp4 5 8 neutral"))
    paths = agree_files.save(found, tmp_path / "out")
    assert [path.name for path in paths] == [
        "agreement.csv",
        "confusion.csv",
        "event_agreement.csv",
        "disagreements.csv",
    ]
    assert paths[3].read_text() == (
        "clip,start_s,end_s,label,fervideo,subject,face,confidence\n"
        "a,1.0,2.0,happiness,neutral,a,0,0.9\n"
        "a,5.0,6.0,neutral,happiness,a,0,0.9\n"
    )
    again = fervideo.read_labels(paths[3])
    assert again[["start_s", "end_s", "label"]].to_numpy().tolist() == [[1, 2, "happiness"], [5, 6, "neutral"]]
    assert agree_files.describe(found).splitlines()[:2] == [
        "fervideo, coder 1: kappa 0.500, 75.0% equal (8 bins of 1 person)",
        "Krippendorff's alpha of all: 0.531",
    ]
