"""The tool that chooses the confidence of labels that are not marked uncertain."""

import pandas as pd
import pytest


def looks(*rows: tuple[str, float, bool]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["clip", "confidence", "right"])


def test_the_least_limit_that_is_good_enough_on_all_sets():
    import fit_certainty

    strict = looks(*[("a", 0.9, True)] * 9, ("a", 0.72, False), *[("a", 0.55, False)] * 8)
    easy = looks(*[("a", 0.8, True)] * 10)
    assert fit_certainty.share_and_accuracy(strict, 0.7) == pytest.approx((10 / 18, 0.9))
    assert (fit_certainty.least([easy]), fit_certainty.least([easy, strict])) == (0.5, pytest.approx(0.6))
    # All are too few right, and the only right one is too few: it lacks a sixth of the looks, the others more.
    assert fit_certainty.least([looks(("a", 0.9, True), *[("a", 0.6, False)] * 2)]) == pytest.approx(0.65)


def test_a_clip_does_not_choose_its_own_limit():
    import fit_certainty

    odd = [("odd", 0.62, False)] * 5 + [("odd", 0.9, True)] * 5
    plain = [("plain", 0.9, True)] * 40
    found = fit_certainty.left_out(looks(*odd, *plain), [])
    assert found.groupby("clip")["limit"].first().to_dict() == {"odd": 0.5, "plain": pytest.approx(0.65)}
