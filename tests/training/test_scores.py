"""Records of scores: their form in JSON, there and back, and their tables."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from fervideo.training import scores
from fervideo.training.scores import ClipScores, FrameScores, Headline, Report, SystemScores

COMMON = {
    "war_ci": (0.25, 0.75),
    "uar_ci": (0.25, None),
    "macro_f1_ci": (0.0, 1.0),
    "confusion": ((1, 0, 1), (0, 2, 0)),
}
#: The scores of frames are of a report without kappa, as earlier versions wrote it.
KAPPA = {"kappa": 0.6, "kappa_ci": (0.0, 1.0)}
CLIPS = ClipScores(
    war=0.75, uar=0.75, macro_f1=0.8333, **COMMON, **KAPPA, ece=0.1, nll=0.5, brier=0.25, changes_per_min=30.0
)
FRAMES = FrameScores(
    war=0.0,
    uar=None,
    macro_f1=0.5,
    **COMMON,
    edit=100.0,
    f1_at_10=100.0,
    f1_at_25=100.0,
    f1_at_50=50.0,
    onset_error_median_s=None,
    onset_error_p90_s=None,
    changes_per_min=6.0,
    true_changes_per_min=4.0,
)


@pytest.fixture
def report() -> Report:
    whole = SystemScores(clips=CLIPS, frames=FRAMES)
    bare = SystemScores(clips=ClipScores(war=0.75, uar=0.75, macro_f1=0.8333, **COMMON), frames=FRAMES)
    return Report(
        labels=("neutral", "bored"),
        n_clips=4,
        n_frames=40,
        coverage=0.75,
        groups=2,
        systems={"model": whole, "smoothed frames": bare},
    )


def test_json_lists_every_score_that_applies(report: Report):
    written = scores.to_json(report)
    assert list(written) == ["labels", "n_clips", "n_frames", "coverage", "groups", "systems", "items"]
    keys = ["war", "uar", "macro_f1", "war_ci", "uar_ci", "macro_f1_ci", "confusion"]
    calibration = ["ece", "nll", "brier", "changes_per_min"]
    assert list(written["systems"]["model"]["clips"]) == [*keys, "kappa", "kappa_ci", *calibration]
    assert list(written["systems"]["smoothed frames"]["clips"]) == keys, "its numbers are no probabilities"
    segments = ["edit", "f1_at_10", "f1_at_25", "f1_at_50", "onset_error_median_s", "onset_error_p90_s"]
    frames = written["systems"]["model"]["frames"]
    assert list(frames) == [*keys, *segments, "changes_per_min", "true_changes_per_min"]
    assert (frames["uar"], frames["uar_ci"], frames["onset_error_median_s"]) == (None, [0.25, None], None)
    assert "frames" not in scores.to_json(SystemScores(clips=CLIPS))


def test_a_report_is_read_back_as_it_was(report: Report):
    assert Report.from_json(json.loads(json.dumps(scores.to_json(report)))) == report
    only_clips = Report(
        labels=("a",), n_clips=1, n_frames=0, coverage=None, groups=1, systems={"model": SystemScores(clips=CLIPS)}
    )
    assert Report.from_json(json.loads(json.dumps(scores.to_json(only_clips)))) == only_clips


def test_scores_are_rounded_and_undefined_ones_are_none():
    assert scores.rounded(0.123456) == 0.1235
    assert scores.rounded(math.nan) is None
    assert scores.headline(np.array([[1, 0, 1], [0, 1, 0]])) == Headline(war=0.6667, uar=0.75, macro_f1=0.8333)
    assert scores.headline(np.zeros((2, 3), int)) == Headline(war=None, uar=None, macro_f1=None)


def test_the_tables_of_a_report(report: Report):
    enough = replace(report, n_clips=40, groups=10, items="intervals")
    assert (
        scores.describe(enough)
        == """\
40 intervals     war                   uar               macro_f1              kappa                 ece    changes/min
model            0.750 [0.250, 0.750]  0.750 [0.250, -]  0.833 [0.000, 1.000]  0.600 [0.000, 1.000]  0.100  30.000
smoothed frames  0.750 [0.250, 0.750]  0.750 [0.250, -]  0.833 [0.000, 1.000]  -                     -      -

model, intervals:
label    support  recall  precision  f1
neutral  2        0.500   1.000      0.667
bored    2        1.000   1.000      1.000

40 frames        war                   uar  macro_f1              kappa  edit     f1_at_50  changes/min
model            0.000 [0.250, 0.750]  -    0.500 [0.000, 1.000]  -      100.000  50.000    6.000
smoothed frames  0.000 [0.250, 0.750]  -    0.500 [0.000, 1.000]  -      100.000  50.000    6.000

model, frames:
label    support  recall  precision  f1
neutral  2        0.500   1.000      0.667
bored    2        1.000   1.000      1.000

no face found in 25.0% of the intervals; they count as errors"""
    )


def test_intervals_over_few_people_are_marked(report: Report):
    text = scores.describe(report)
    assert "0.750 [too few to tell]" in text
    assert "[0.250" not in text
    assert "2 people, 4 clips: too few to tell, an interval needs 10 people and 30 items" in text
    assert "too few" not in scores.describe(replace(report, n_clips=30, groups=10))
    assert "too few" in scores.describe(replace(report, n_clips=29, groups=10))
    assert "too few" in scores.describe(replace(report, n_clips=30, groups=9))


def test_a_test_of_one_label_is_no_success(report: Report):
    alone = replace(CLIPS, confusion=((4, 0, 0), (0, 0, 0)), war=1.0, uar=1.0)
    text = scores.describe(replace(report, n_frames=0, systems={"model": SystemScores(clips=alone)}))
    assert "only neutral is there to be scored, so these scores show nothing about the others" in text
    assert scores.describe(replace(report, n_clips=0, n_frames=0)).startswith("nothing was scored")
