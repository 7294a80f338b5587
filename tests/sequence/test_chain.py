"""The Markov chain: its posteriors are those of all paths, and it settles flicker without delaying an onset."""

import itertools

import numpy as np

from fervideo.sequence import chain


def test_settling_gives_the_posteriors_of_all_paths():
    p, stay, n = np.random.default_rng(0).dirichlet(np.ones(3), 4), 0.8, 3
    expected = np.zeros_like(p)
    for path in itertools.product(range(n), repeat=len(p)):
        chance = np.prod([p[step, at] for step, at in enumerate(path)])
        chance *= np.prod([stay if a == b else (1 - stay) / (n - 1) for a, b in itertools.pairwise(path)])
        for step, at in enumerate(path):
            expected[step, at] += chance
    expected /= expected.sum(1, keepdims=True)
    np.testing.assert_allclose(chain.posteriors(p, stay), expected, atol=1e-12)
    np.testing.assert_allclose(chain.settle(p, stay), 0.4 * expected + 0.6 * p, atol=1e-12)


def test_settling_drops_a_flicker_and_keeps_an_onset():
    shown = np.array([0] * 20 + [1] + [0] * 20 + [2] * 20)
    p = np.full((len(shown), 3), 0.2) + 0.4 * np.eye(3)[shown]
    settled = chain.settle(p, 0.95)
    assert settled.argmax(1).tolist() == [0] * 41 + [2] * 20
    assert chain.settle(p, 0.0) is p
    # Hours of certainty neither overflow nor vanish.
    sure = np.eye(3)[np.repeat([0, 1, 2], 50_000)]
    assert (chain.settle(sure, 0.95).argmax(1) == np.repeat([0, 1, 2], 50_000)).all()
