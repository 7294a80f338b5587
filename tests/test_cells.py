"""Cells of CSV: text that a spreadsheet would compute is guarded, and comes back to the letter."""

import csv
import io
from pathlib import Path

import pandas as pd
import pytest

from fervideo import cells
from fervideo.outputs import write_csv

FORMULAS = ["=SUM(A1)", "+1", "-1.mp4", "@a", "\t=1", "\n=1", "'=1", "''+1", "＝1"]


@pytest.mark.parametrize("text", [*FORMULAS, "", "a.mp4", "'", "'a'", "a=1", " =1"])
def test_text_comes_back_and_no_formula_goes_out(text: str):
    cell = cells.guarded(text)
    assert cells.unguarded(cell) == text
    assert cell == (f"'{text}" if text in FORMULAS else text)
    assert cells.unguarded(text) in (text, text[1:])


def test_a_name_is_one_cell_of_utf_8(tmp_path: Path):
    name = cells.name_of(Path("a\r\n\udcff,.mp4"))
    assert name == "a\ufffd\n\ufffd,.mp4"
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow([name, "x"])
    assert list(csv.reader(io.StringIO(line.getvalue(), newline=""))) == [[name, "x"]]


def test_every_table_is_guarded_and_keeps_numbers_and_gaps(tmp_path: Path):
    table = pd.DataFrame({"photo": ["=1", "a", None], "x": [-1.5, 2.0, None], "none": [None, None, None]})
    write_csv(table, tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text() == "photo,x,none\n'=1,-1.5,\na,2.0,\n,,\n"
