"""Measures of agreement against published examples, scikit-learn, and by hand."""

import math

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from fervideo.study import agreement
from fervideo.study.agreement import Events


def test_kappa_of_a_published_table():
    """Cohen's example as in Fleiss, Levin and Paik: 0.70 and 0.41 would be by chance."""
    assert agreement.kappa(np.array([[20, 5], [10, 15]])) == pytest.approx(0.4)


def test_kappa_equals_that_of_scikit_learn():
    random = np.random.default_rng(0)
    one, other = random.integers(0, 4, 300), random.integers(0, 4, 300)
    other[:150] = one[:150]
    table = agreement.counts(one, other, 4)
    assert agreement.kappa(table) == pytest.approx(cohen_kappa_score(one, other), abs=1e-12)
    assert round(agreement.kappa(table), 6) == 0.48371


def test_kappa_without_items_or_variety_is_unknown():
    assert math.isnan(agreement.kappa(np.zeros((2, 2))))
    assert math.isnan(agreement.kappa(np.array([[9, 0], [0, 0]])))


def test_alpha_of_a_published_table():
    """Krippendorff 2011, 'Computing Krippendorff's Alpha-Reliability', example C: four observers, nominal, 0.743."""
    rows = ("123321412000", "123322412503", "033323422510", "123324412510")
    ratings = np.array([list(map(int, row)) for row in rows]) - 1
    assert agreement.alpha(ratings) == pytest.approx(0.743, abs=5e-4)


def test_alpha_without_pairs_or_variety_is_unknown():
    assert math.isnan(agreement.alpha(np.array([[0, -1], [-1, 1]])))
    assert math.isnan(agreement.alpha(np.array([[1, 1], [1, 1]])))
    assert math.isnan(agreement.alpha(np.full((2, 3), -1)))


def test_an_interval_over_people_is_that_of_drawn_people():
    """Two people, one of full and one of no agreement beyond chance: every draw is one of three tables."""
    per_person = np.array([[[5, 0], [0, 5]], [[5, 5], [5, 5]]])
    assert agreement.bootstrap(per_person, 2000, 0) == (0.0, 1.0)
    assert agreement.bootstrap(per_person, 2000, 0) == agreement.bootstrap(per_person, 2000, 0)
    assert all(map(math.isnan, agreement.bootstrap(per_person[:1], 2000, 0)))


def test_an_interval_covers_the_true_value_as_often_as_it_should():
    """About 95 of 100 intervals contain kappa, each over 30 people of a population in which it is 0.5."""
    random = np.random.default_rng(1)
    covered = 0
    for seed in range(100):
        truth = random.integers(0, 2, (30, 40))
        rate = random.uniform(0.5, 1.0, (30, 1))
        found = np.where(random.random((30, 40)) < rate, truth, 1 - truth)
        low, high = agreement.bootstrap(
            np.stack([agreement.counts(a, b, 2) for a, b in zip(truth, found, strict=True)]), 300, seed
        )
        covered += low <= 0.5 <= high
    assert 88 <= covered <= 99


def events(*rows: tuple[int, float, float]) -> Events:
    label, onset, offset = zip(*rows, strict=True) if rows else ((), (), ())
    return Events(np.array(label, np.int64), np.array(onset, float), np.array(offset, float))


def test_events_match_by_label_and_overlap():
    truth = events((0, 0.0, 2.0), (0, 3.0, 4.0), (1, 5.0, 6.0))
    # The first overlaps by 1 of 3 s, the second by 0.5 of 1.5 s, the third has another label.
    found = events((0, 1.0, 3.0), (0, 3.5, 4.5), (0, 5.0, 6.0))
    assert agreement.match(truth, found, 0.3) == [(0, 0), (1, 1)]
    assert agreement.match(truth, found, 0.34) == []
    assert agreement.match(truth, events(), 0.3) == []


def test_an_event_matches_once_and_the_best_pair_first():
    truth = events((0, 0.0, 10.0))
    assert agreement.match(truth, events((0, 0.0, 3.0), (0, 3.0, 10.0)), 0.25) == [(0, 1)]
