"""Tables from columns: their order, dtypes and rounding, and the values that timelines and photographs share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from fervideo.columns import SHARE_DECIMALS, Column, names
from fervideo.records import Float32, Float64

#: pandas' own dtype for text: `str` from version 3 on, `object` before; missing is NaN in both.
_TEXT = pd.Series([""]).dtype
_DTYPES = {"float": "float64", "int": "int64", "number": "Int64", "text": _TEXT}


def dtypes(columns: Iterable[Column]) -> dict[str, Any]:
    """Return the pandas dtype of each column by its name."""
    return {column.name: _DTYPES[column.dtype] for column in columns}


def make_table(columns: Sequence[Column], values: Mapping[str, Any]) -> pd.DataFrame:
    """Make a table with its columns in order, in their dtypes and rounded.

    Args:
        columns: All columns of the table.
        values: The values of each, by name; a column that is not given is empty.
    """
    table = pd.DataFrame(values, columns=names(columns)).astype(dtypes(columns))
    for column in columns:
        if column.dtype == "float":
            # A negative zero would be written as one.
            table[column.name] = rounded(table[column.name].to_numpy(), column.decimals) + 0.0
    return table


def rounded(values: Float32 | Float64, decimals: int | None) -> Float64:
    """Return values as float64, rounded where decimals are given."""
    exact = np.asarray(values, np.float64)
    return exact if decimals is None else np.round(exact, decimals)


def rounded_shares(values: Float32 | Float64) -> Float64:
    """Round shares so that each row still sums to 1: units that rounding down leaves go to the largest remainders.

    Args:
        values: float (n, C), shares; they need not sum to 1 yet.

    Returns:
        float64 (n, C), of SHARE_DECIMALS.
    """
    units = 10**SHARE_DECIMALS
    exact = values * (units / values.sum(axis=1, keepdims=True, dtype=np.float64))
    whole = np.floor(exact)
    missing = units - whole.sum(axis=1, keepdims=True)
    rank = np.argsort(np.argsort(whole - exact, axis=1, kind="stable"), axis=1)
    return np.asarray((whole + (rank < missing)) / units)


def box_values(box_px: Float32 | Float64) -> dict[str, Float64]:
    """Return the values of the columns of boxes: float64 (n,) each.

    Args:
        box_px: (n, 4), x0, y0, x1, y1.
    """
    x0, y0, x1, y1 = box_px.astype(np.float64).T
    return {"box_x_px": x0, "box_y_px": y0, "box_w_px": x1 - x0, "box_h_px": y1 - y0}


def name_of(facts: Mapping[Any, Any] | pd.Series[Any]) -> str | None:
    """Return the name of a face in a row of one of its tables; None where `--names` gave it none."""
    name = facts.get("name")
    return name if isinstance(name, str) and name else None
