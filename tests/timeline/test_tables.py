"""Tables from columns: order, dtypes and rounding."""

from __future__ import annotations

import numpy as np
import pytest

from fervideo import columns
from fervideo.columns import Column
from fervideo.timeline.tables import box_values, make_table, rounded_shares


def test_values_are_rounded_and_cast_by_their_columns() -> None:
    values = {"face": [0], "expression": ["fear"], "onset_s": [0.12345678], "mean_confidence": [-0.00001]}
    table = make_table(columns.events(), values)
    assert table["onset_s"].tolist() == [0.123457]
    assert str(table["mean_confidence"][0]) == "0.0"
    assert table["apex_s"].isna().all()
    others = {"face", "expression", "kind", "second_expression", "uncertain"}
    assert {str(table[name].dtype) for name in table if name not in others} == {"float64"}
    assert str(table["face"].dtype) == "Int64"


def test_a_column_without_decimals_is_not_rounded() -> None:
    exact = Column(name="exact", meaning="a value as it is")
    assert make_table([exact], {"exact": [1 / 3]})["exact"].tolist() == [1 / 3]


def test_text_and_missing_numbers_have_the_dtypes_of_pandas() -> None:
    table = make_table(columns.photos(), {"photo": ["a", "b"], "face": [0, None]})
    assert table["photo"].tolist() == ["a", "b"]
    assert table["face"].isna().tolist() == [False, True]
    assert table["expression"].isna().all()
    assert table["expression"].dtype == table["photo"].dtype


def test_an_empty_table_has_all_columns() -> None:
    assert list(make_table(columns.summary(), {})) == columns.names(columns.summary())


@pytest.mark.parametrize("seed", range(4))
def test_rounded_shares_sum_to_one_and_move_by_less_than_a_unit(seed: int) -> None:
    shares = np.random.default_rng(seed).dirichlet(np.full(8, 0.3), 500)
    found = rounded_shares(shares * 7)
    assert np.abs(found.sum(axis=1) - 1).max() < 1e-12
    assert np.abs(found - shares).max() < 1e-4
    assert (found == found.round(4)).all()


def test_a_box_has_a_corner_and_a_size() -> None:
    box = box_values(np.array([[10, 20, 40, 60]], np.float32))
    assert {name: values.tolist() for name, values in box.items()} == {
        "box_x_px": [10.0],
        "box_y_px": [20.0],
        "box_w_px": [30.0],
        "box_h_px": [40.0],
    }
