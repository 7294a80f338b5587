"""The columns of every table, as data: name, unit, dtype, rounding, meaning and source.

Header order, dtypes, rounding, `fervideo describe` and the table in `docs/results.md` derive from here. Columns are only
ever added at the end of a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a table.

    Attributes:
        name: Its header, in snake_case; a unit of measurement ends it.
        unit: Unit or range of the values, for people; empty where there is none.
        dtype: `float`, `int` (never missing), `number` (an integer that may be missing) or `text`.
        decimals: Decimals that floats are rounded to; None where they are not.
        meaning: What the column contains, in one line.
        source: Paper or specification of its definition; empty where it is our own.
    """

    name: str
    unit: str = ""
    dtype: Literal["float", "int", "number", "text"] = "float"
    decimals: int | None = None
    meaning: str
    source: str = ""


def _angle(name: str, meaning: str) -> Column:
    return Column(name=name, unit="degrees", decimals=2, meaning=meaning, source="Kabsch 1976")


def _ratio(name: str, unit: str, meaning: str, source: str) -> Column:
    return Column(name=name, unit=unit, decimals=4, meaning=meaning, source=source)


_EYE = "eye aspect ratio of the person's {} eye: gap of the lids over width of the eye"
_EYES_APART = "distances of the outer eye corners"

#: Measures of a face from its landmarks, by name; `measures.FUNCTIONS` computes each.
MEASURES: dict[str, Column] = {
    column.name: column
    for column in (
        _angle("yaw_deg", "> 0: the face turns to the right of the picture"),
        _angle("pitch_deg", "> 0: the face looks up; 0 is the median of FER+'s faces"),
        _angle("roll_deg", "> 0: the head tilts clockwise in the picture"),
        _ratio("eye_open_left", "ratio", _EYE.format("left"), "Soukupová & Čech 2016"),
        _ratio("eye_open_right", "ratio", _EYE.format("right"), "Soukupová & Čech 2016"),
        _ratio("mouth_open", _EYES_APART, "gap of the inner lips", "FACS AU 25 to 27"),
        _ratio(
            "smile",
            _EYES_APART,
            "height of the lip corners over the middle of the inner lips",
            "FACS AU 12; < 0: AU 15",
        ),
        _ratio("brow_raise", _EYES_APART, "height of the brows over the line of the eye corners", "FACS AU 1, 2"),
        _ratio("brow_furrow", "ratio", "1 - gap of the inner brows / gap of the inner eye corners", "FACS AU 4"),
    )
}
