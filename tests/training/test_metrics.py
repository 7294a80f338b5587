"""Metrics against cases worked by hand, and against scikit-learn where it has them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics as reference

from fervideo.training import metrics


def course(text: str) -> np.ndarray:
    """Read a course of labels: `aab-` is 0, 0, 1, -1."""
    return np.array([-1 if letter == "-" else ord(letter) - ord("a") for letter in text])


@pytest.fixture
def drawn() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.integers(4, size=200), rng.integers(4, size=200)


def test_recalls_and_f1_are_those_of_scikit_learn(drawn: tuple[np.ndarray, np.ndarray]):
    truth, guess = drawn
    counts = metrics.confusion(truth, guess, 5)
    assert metrics.war(counts) == pytest.approx(reference.accuracy_score(truth, guess))
    assert metrics.uar(counts) == pytest.approx(reference.balanced_accuracy_score(truth, guess))
    assert metrics.macro_f1(counts) == pytest.approx(reference.f1_score(truth, guess, average="macro"))
    np.testing.assert_allclose(metrics.f1_scores(counts)[:4], reference.f1_score(truth, guess, average=None))


def test_a_class_that_the_truth_lacks_counts_in_no_mean_but_as_an_error():
    # Truth a, a, b; one a taken for c.
    counts = metrics.confusion(course("aab"), course("acb"), 3)
    assert metrics.war(counts) == pytest.approx(2 / 3)
    assert metrics.uar(counts) == pytest.approx((0.5 + 1) / 2)
    assert metrics.macro_f1(counts) == pytest.approx((2 / 3 + 1) / 2)
    assert math.isnan(metrics.recalls(counts)[2])


def test_a_missing_prediction_is_an_error_and_a_missing_truth_is_left_out():
    counts = metrics.confusion(course("ab-b"), course("a-aa"), 2)
    assert counts.tolist() == [[1, 0, 0], [1, 0, 1]]
    assert metrics.war(counts) == pytest.approx(1 / 3)
    assert math.isnan(metrics.war(metrics.confusion(course("--"), course("ab"), 2)))


@pytest.mark.parametrize(
    ("truth", "guess", "score"),
    [
        ("aabbcc", "abbbbc", 100.0),
        # a b c against a b a c: one too many of four.
        ("aabbcc", "abbacc", 75.0),
        # a b against b a: two of two.
        ("aabb", "bbaa", 0.0),
        ("aabb", "aaaa", 50.0),
        ("", "", 100.0),
    ],
)
def test_edit_score(truth: str, guess: str, score: float):
    assert metrics.edit_score(course(truth), course(guess)) == pytest.approx(score)


def test_segments_are_matched_once_each():
    # The true b of 4 frames is covered by 2 (IoU .5) and by 1 (.25). The true a is covered by 4 of 4; 1 lies elsewhere.
    truth, guess = course("aaaabbbb"), course("aaaabbab")
    assert metrics.matches(truth, guess, 0.1) == (2, 2, 0)
    assert metrics.matches(truth, guess, 0.5) == (2, 2, 0)
    assert metrics.matches(truth, guess, 0.6) == (1, 3, 1)
    assert metrics.matches(truth, guess, 0.5, background=0) == (1, 1, 0)
    assert metrics.f1_at([(truth, guess)], 0.5) == pytest.approx(100 * 2 * 2 / (2 * 2 + 2))


def test_segment_f1_sums_over_clips_before_dividing():
    good, bad = (course("aabb"), course("aabb")), (course("ab"), course("ba"))
    assert metrics.f1_at([good, bad], 0.5) == pytest.approx(100 * 4 / (4 + 2 + 2))
    assert math.isnan(metrics.f1_at([], 0.5))
    assert metrics.f1_at([(course("aa"), course("--"))], 0.5) == 0.0


def test_onset_errors():
    time_s = np.arange(12) / 10
    truth, guess = course("aaabbbbbaacc"), course("aaaabbbbaaaa")
    # The b begins 0.1 s late, the second a on time; the first a has no onset, the c was not found.
    np.testing.assert_allclose(metrics.onset_errors_s(truth, guess, time_s), [0.1, 0.0], atol=1e-9)
    np.testing.assert_allclose(metrics.onset_errors_s(truth, guess, time_s, background=0), [0.1], atol=1e-9)


def test_changes_per_min():
    assert metrics.changes_per_min([(course("aabba"), 30.0), (course("bbb"), 30.0)]) == pytest.approx(2)
    assert math.isnan(metrics.changes_per_min([]))


def test_calibration_by_hand():
    truth = np.array([0, 0, 1])
    p = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]])
    # Bins of 1/15: 0.9 right, 0.6 wrong, 0.8 right, each alone in its own.
    assert metrics.ece(truth, p) == pytest.approx((0.1 + 0.6 + 0.2) / 3)
    assert metrics.nll(truth, p) == pytest.approx(-np.log([0.9, 0.4, 0.8]).mean())
    assert metrics.brier(truth, p) == pytest.approx((2 * 0.01 + 2 * 0.36 + 2 * 0.04) / 3)


def test_nll_is_that_of_scikit_learn():
    rng = np.random.default_rng(1)
    truth, p = rng.integers(3, size=50), rng.dirichlet(np.ones(3), 50)
    assert metrics.nll(truth, p) == pytest.approx(reference.log_loss(truth, p, labels=range(3)))


def test_well_calibrated_predictions_have_a_small_error():
    rng = np.random.default_rng(2)
    p = rng.dirichlet(np.ones(4), 20_000)
    truth = (rng.random((len(p), 1)) < p.cumsum(1)).argmax(1)
    assert metrics.ece(truth, p) < 0.015
    sharpened = p**3 / (p**3).sum(1, keepdims=True)
    assert metrics.ece(truth, sharpened) > 0.15


def test_intervals_resample_groups_not_clips():
    rng = np.random.default_rng(3)
    # Twenty subjects of ten clips; a subject's clips are all right or all wrong.
    right = np.repeat(rng.random(20) < 0.7, 10)
    counts = [metrics.confusion(np.array([0]), np.array([0 if good else 1]), 2) for good in right]
    by_subject = metrics.bootstrap(counts, [str(k // 10) for k in range(200)], {"war": metrics.war}, 500, 1)["war"]
    by_clip = metrics.bootstrap(counts, [str(k) for k in range(200)], {"war": metrics.war}, 500, 1)["war"]
    assert by_subject[0] < right.mean() < by_subject[1]
    assert by_subject[1] - by_subject[0] > 2 * (by_clip[1] - by_clip[0])
    assert metrics.bootstrap(counts, ["a"] * 200, {"war": metrics.war}, 100, 1)["war"] == pytest.approx(
        (right.mean(), right.mean())
    )


def test_kappa_counts_a_missing_prediction_as_a_disagreement():
    """By hand: 4 of 8 are equal; chance is 4/8 times 3/8 and 4/8 times 3/8."""
    counts = np.array([[2, 1, 1], [1, 2, 1]])
    assert metrics.kappa(counts) == pytest.approx((0.5 - 0.375) / (1 - 0.375))
