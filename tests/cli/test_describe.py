"""`fervideo describe`: the tables it prints, and one that does not exist."""

import json

import pytest

from fervideo.docs import tables


@pytest.mark.parametrize("names", [[], ["frames"], ["photos"]])
def test_columns_are_printed(run, names: list[str]):
    assert run("describe", *names) == (0, f"{tables.describe(*names)}\n", "")
    code, out, _ = run("describe", *names, "--json")
    assert (code, json.loads(out)) == (0, json.loads(tables.to_json(*names)))


def test_a_misspelt_table_is_one_line(refused):
    assert refused("describe", "sumary") == "describe sumary: is not a table; did you mean summary?"
