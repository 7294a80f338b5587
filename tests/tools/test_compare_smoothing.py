"""The tool that compares the sequence model with cheap smoothing: its scores, worked by hand."""

import numpy as np
import pandas as pd
import pytest
from builders import make_timeline


def test_scores_of_a_course_worked_by_hand():
    from compare_smoothing import NO_FACE, Course, score

    truth, guess = np.array([0, 0, 0, 0, 1, 1, 1, 1, NO_FACE]), np.array([0, 0, 0, 0, 0, 1, 1, 1, NO_FACE])
    p = np.append(np.eye(NO_FACE)[guess[:-1]], np.full((1, NO_FACE), np.nan), axis=0)
    found = score([Course(truth, guess, p, np.arange(9) / 10, 30.0)])
    assert found["accuracy"] == pytest.approx(8 / 9)
    assert (found["edit"], found["f1_at_50"], found["changes_per_min"]) == (100, 100, 4)
    # Happiness begins 0.1 s late, no_face in time.
    assert found["onset_ms"] == pytest.approx(50)
    # One of the eight frames with a face is wrong, at full confidence.
    assert found["ece"] == pytest.approx(1 / 8)


def test_alternatives_are_right_and_a_missing_face_is_none():
    from compare_smoothing import BILSTM, LABELS, NO_FACE, SMOOTHERS, inside, shown_in

    shown = ["sadness"] * 10 + ["neutral"] * 10
    timeline = make_timeline([shown], n_frames=30, tracks=[range(20)])
    time_s, predictions = shown_in(
        {BILSTM: timeline}, np.full(8, 1 / 8), {smoother.name: smoother.amounts[0] for smoother in SMOOTHERS}
    )
    assert predictions[BILSTM][0].tolist() == [3] * 10 + [0] * 10 + [NO_FACE] * 10
    assert predictions["CNN + HMM"][0].tolist() == [0] * 20 + [NO_FACE] * 10
    rows = pd.DataFrame({"start_s": [0.2, 0.8], "end_s": [0.8, 1.2], "label": ["anger|sadness", "no_face"]})
    first, second = inside(rows, time_s, predictions[BILSTM])
    assert [LABELS[k] for k in first.truth] == ["sadness"] * 5 + ["anger"] * 10
    assert (second.truth == second.guess).all()


def test_clip_head_is_scored_with_and_without_abstaining():
    from compare_smoothing import clip_head

    eye = np.eye(8)
    # Neutral is shown longest, but less than twice as long as happiness; then a sure and an unsure prediction.
    whole = [(0.6 * eye[0] + 0.4 * eye[1], 0.9 * eye[1]), (eye[2], 0.8 * eye[2]), (eye[2], 0.4 * eye[3])]
    found = clip_head(whole)
    assert [round(value, 3) for value in found.values()] == [3, 0.667, 0.333, 0.667, 1.0]
