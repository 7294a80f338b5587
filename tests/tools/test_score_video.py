"""The tool that scores timelines against codings by eye."""

import numpy as np
import pandas as pd
import pytest

from fervideo.columns import prefixed
from fervideo.records import EXPRESSIONS


def frames(*rows: tuple[float, float, str, float, str]) -> pd.DataFrame:
    """Make a table of frames from time, face, expression, confidence and the frame CNN's label ("" for none)."""
    table = pd.DataFrame(rows, columns=["time_s", "face", "expression", "confidence", "raw"])
    for name, column in zip(EXPRESSIONS, prefixed("raw"), strict=True):
        table[column] = np.where(table["raw"] == "", np.nan, np.where(table["raw"] == name, 0.65, 0.05))
    table["uncertain"] = pd.Series(table["confidence"] < 0.9, dtype="Int64").mask(table["face"].isna())
    return table.replace({"expression": {"": None}}).drop(columns="raw")


def looks(*rows: tuple[float, str, str, str, str]) -> pd.DataFrame:
    """Make codings of one clip from time, both labels, a second choice and the flags of pass 2."""
    table = pd.DataFrame(rows, columns=["time_s", "label_1", "label_2", "second_1", "flags_2"])
    return table.assign(clip="a.mp4", second_2="", flags_1="")


def test_looks_are_scored_by_the_nearest_frame_of_face_0():
    import score_video

    clip = score_video.shown(
        frames(
            (0.0, 0, "anger", 0.95, "anger"),
            (0.0, 1, "fear", 0.99, "fear"),
            (0.1, 0, "anger", 0.55, "neutral"),
            (0.2, 0, "sadness", 0.55, ""),
            (0.3, np.nan, "", np.nan, ""),
        )
    )
    dense = looks(
        (0.02, "anger", "anger", "", ""),
        (0.11, "neutral", "neutral", "anger", ""),
        (0.29, "sadness", "sadness", "", ""),
        (0.19, "fear", "anger", "", ""),
        (0.0, "fear", "fear", "", "u"),
    )
    scores = score_video.dense_scores(score_video.at_looks(dense, {"a.mp4": clip}))
    sequence, frame = scores["sequence"], scores["frame"]
    assert (sequence["looks"], sequence["accuracy"], frame["accuracy"]) == (
        3,
        pytest.approx(2 / 3),
        pytest.approx(2 / 3),
    )
    assert (sequence["recall_anger"], sequence["recall_neutral"], frame["recall_sadness"]) == (1, 0, 0)
    assert sequence["uar"] == pytest.approx(2 / 3)
    assert sequence["accepted"] == 3 / 5
    # One of one is right at 0.95, and one of two at 0.55.
    assert sequence["ece"] == pytest.approx((0.05 + 2 * 0.05) / 3)
    assert (sequence["sure"], sequence["accuracy_sure"]) == (pytest.approx(1 / 3), 1)
    assert np.isnan(frame["accuracy_sure"])
    assert (sequence["certain"], sequence["accuracy_certain"], sequence["accepted_certain"]) == (
        pytest.approx(1 / 3),
        *(1, 1),
    )


def test_clear_stretches_and_mirrored_labels():
    import score_video

    clip = score_video.shown(frames(*((k / 10, 0, ("anger", "fear", "anger")[k // 2], 0.5, "fear") for k in range(6))))
    stretches = pd.DataFrame({"clip": ["a.mp4"], "start_s": [0.0], "end_s": [0.6], "label": ["anger|sadness"]})
    scores = score_video.stretch_scores(stretches, {"a.mp4": clip})
    assert scores["sequence"] == pytest.approx({"frames": 6, "accuracy": 4 / 6, "false_changes_per_min": 200})
    assert scores["frame"]["false_changes_per_min"] == 0
    other = clip.assign(expression=["anger"] * 5 + ["no_face"])
    assert score_video.kept(clip, other) == {"sequence": pytest.approx(3 / 6), "frame": 1}
