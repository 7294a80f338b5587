"""Simulated sequences: expressions waver while they last, and votes lean to the majority."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest


def test_an_expression_wavers_and_neutral_does_not(tmp_path: Path, make_bank: Callable[[Path], None]):
    import simulate

    make_bank(tmp_path / "bank.npz")
    simulator = simulate.Simulator(simulate.Bank(**np.load(tmp_path / "bank.npz")))
    neutral, smile = 1, 4
    presence = np.repeat(np.eye(2), 100, axis=0)
    drawn = [
        simulator._wavering(np.array([neutral, smile]), presence, np.random.default_rng(seed)) for seed in range(40)
    ]
    for stills, seen in drawn:
        # The missing part of the smile is the same person's neutral face.
        assert stills.tolist() == [neutral, smile, neutral]
        np.testing.assert_allclose(seen.sum(1), 1)
        np.testing.assert_array_equal(seen[:100], presence[:100] @ np.eye(2, 3))
        assert 0.5 <= seen[100:, 1].min() <= seen[100:, 1].max() <= 1
    assert 10 < sum(np.ptp(seen[100:, 1]) > 0.05 for _, seen in drawn) < 30
    # If no neutral face is shown, one is taken.
    stills, seen = simulator._wavering(np.array([smile]), np.ones((50, 1)), np.random.default_rng(2))
    assert simulator.bank.label[stills[1]] == 0
    np.testing.assert_allclose(seen.sum(1), 1)


def test_certainty_moves_votes_towards_the_majority():
    from simulate import Bank

    bank = Bank(np.zeros((1, 1, 1)), np.array([[0.4, 0.6, 0, 0, 0, 0, 0, 0]]), np.array([1])).with_certainty(0.5)
    assert bank.target[0, :2] == pytest.approx([0.2, 0.8])
