"""The cheap ways to smooth: flickers they drop, onsets they keep, and the amount that is chosen."""

import numpy as np
import pytest

from fervideo.records import MODEL_RATE_HZ, Float64

RATE_HZ = MODEL_RATE_HZ


def course(*labels: int, sure: float = 0.8) -> Float64:
    """Return probabilities (S, 3) in which the given labels lead."""
    p = np.full((len(labels), 3), (1 - sure) / 2)
    p[np.arange(len(labels)), labels] = sure
    return p


FLICKER = course(*[0] * 10, 1, *[0] * 10, *[2] * 20)


@pytest.mark.parametrize(("name", "amount"), [("box", 0.25), ("gaussian", 0.1), ("median", 0.15), ("viterbi", 0.99)])
def test_smoothers_drop_a_flicker_and_keep_the_onset(name: str, amount: float):
    import smoothing

    label, p = getattr(smoothing, name)(FLICKER, RATE_HZ, amount)
    assert label.tolist() == [0] * 21 + [2] * 20
    assert p.sum(1) == pytest.approx(1)


@pytest.mark.parametrize(("name", "nothing"), [("box", 0.05), ("gaussian", 1e-3), ("median", 0.05), ("viterbi", 1 / 3)])
def test_smoothing_by_nothing_changes_nothing(name: str, nothing: float):
    import smoothing

    label, p = getattr(smoothing, name)(FLICKER, RATE_HZ, nothing)
    assert (label == FLICKER.argmax(1)).all()
    assert p == pytest.approx(FLICKER, abs=1e-6)


def test_viterbi_weighs_evidence_against_the_cost_of_a_change():
    import smoothing

    # Two changes cost 2 log(99 × 2) = 10.6, and each step of the other label pays log(0.8 / 0.1) = 2.1.
    for length, shown in ((5, 0), (6, 1)):
        label, _ = smoothing.viterbi(course(*[0] * 10, *[1] * length, *[0] * 10), RATE_HZ, 0.99)
        assert label[10] == shown


def test_viterbi_counts_evidence_by_the_second():
    import smoothing

    slow = course(*[0] * 10, *[1] * 6, *[0] * 10)
    label, p = smoothing.viterbi(np.repeat(slow, 2, axis=0), 2 * RATE_HZ, 0.99)
    assert label.reshape(-1, 2).tolist() == [[shown] * 2 for shown in smoothing.viterbi(slow, RATE_HZ, 0.99)[0]]
    assert (p.argmax(1) == label).all()


def test_the_calmest_of_equals_is_chosen():
    from smoothing import calmest

    rng = np.random.default_rng(1)
    truth = [np.repeat(rng.permutation(8)[:4], rng.integers(5, 30, 4)) for _ in range(50)]

    def blurred(share: float) -> list[tuple[np.ndarray, np.ndarray]]:
        """Miss this share of the sequences; a fifth is missed anyway."""
        return [(one, one if k % 10 >= max(2, 10 * share) else np.zeros_like(one)) for k, one in enumerate(truth)]

    # Up to a fifth the amounts do not differ, and half is clearly worse.
    assert calmest((0.0, 0.1, 0.2, 0.5), blurred) == 0.2
    assert calmest((0.5,), blurred) == 0.5


def test_the_calmest_that_costs_little_is_chosen():
    from smoothing import calmest

    truth = np.repeat(np.arange(8), 20)

    def blurred(steps: float) -> list[tuple[np.ndarray, np.ndarray]]:
        """Show one segment of four sequences too early by so many steps."""
        early = truth.copy()
        early[80 - int(steps) : 80] = truth[80]
        return [(truth, early), *[(truth, truth)] * 3]

    # Each step is one in 640, a sixth of a point; half a segment is a segment missed besides.
    assert calmest((0, 2, 12), blurred) == 2
    assert calmest((0, 12), blurred) == 0
