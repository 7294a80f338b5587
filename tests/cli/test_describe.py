"""`fervideo describe`: the tables it prints, and one that does not exist."""

import json

import pytest

from fervideo import columns


@pytest.mark.parametrize("names", [[], ["frames"], ["photos"]])
def test_columns_are_printed(run, names: list[str]):
    assert run("describe", *names) == (0, f"{columns.describe(*names)}\n", "")
    code, out, _ = run("describe", *names, "--json")
    assert (code, json.loads(out)) == (0, json.loads(columns.to_json(*names)))


def test_a_misspelt_table_is_one_line(refused):
    assert refused("describe", "sumary") == "describe sumary: is not a table; did you mean summary?"
