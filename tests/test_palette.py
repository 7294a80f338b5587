"""Colours of expressions."""

from fervideo import palette
from fervideo.records import EXPRESSIONS


def test_every_expression_has_a_colour_of_its_own():
    assert list(palette.colours(EXPRESSIONS)) == list(EXPRESSIONS)
    assert len(set(palette.COLOURS.values())) == len(EXPRESSIONS)


def test_labels_of_other_models_get_colours_that_are_free():
    given = palette.colours(["happiness", "bored", "keen"])
    assert given["happiness"] == palette.COLOURS["happiness"]
    assert len(set(given.values())) == 3


def test_many_labels_share_colours():
    assert len(palette.colours([f"label {number}" for number in range(20)])) == 20
