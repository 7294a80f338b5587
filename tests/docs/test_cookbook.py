"""The cookbook: its commands and its Python run on a made study, and print the same as the page."""

import contextlib
import io
import re
import shlex
from pathlib import Path

import made_study
import pandas as pd
import pytest

from fervideo import cli, docs

#: A command or Python, and the output that follows it.
STEP = re.compile(r"```(bash|python)\n(.*?)```\n+```\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[str, str]]]:
    """Run the page once; return the folder, and for each step its output in the page and its output now."""
    root = tmp_path_factory.mktemp("study")
    made_study.write_study(root)
    found = []
    with contextlib.chdir(root):
        for kind, code, output in STEP.findall(docs.read("cookbook")):
            stream = io.StringIO()
            with contextlib.redirect_stdout(stream):
                if kind == "python":
                    exec(compile(code, "cookbook", "exec"), {})
                else:
                    assert cli.main(shlex.split(code)[1:]) == 0
            found.append((output, re.sub(r" +\n", "\n", stream.getvalue())))
    return root, found


def test_the_page_prints_the_same(printed: tuple[Path, list[tuple[str, str]]]):
    assert len(printed[1]) == 5
    for expected, output in printed[1]:
        assert output == expected


def test_the_python_is_short():
    (code,) = (code for kind, code, _ in STEP.findall(docs.read("cookbook")) if kind == "python")
    assert len(code.splitlines()) <= 15


def test_smiles_are_as_large_as_they_were_made(printed: tuple[Path, list[tuple[str, str]]]):
    """A second way: a smile of height h lasts 0.25 + 2 + 0.5 s at its height, so its area is 2.75 h."""
    trials = pd.read_csv(printed[0] / "epochs" / "trials.csv")
    by_condition = trials.groupby("condition")["area"].mean()
    # Strengths of people are drawn around 1; noise above the baseline adds a little to small areas.
    assert by_condition["funny"] == pytest.approx(2.75 * 0.12, rel=0.1)
    assert by_condition["sad"] == pytest.approx(2.75 * 0.03, rel=0.2)
    assert (trials["latency_s"] > 0.7).all()


def test_the_lag_of_the_talk_is_found(printed: tuple[Path, list[tuple[str, str]]]):
    windows = pd.read_csv(printed[0] / "synchrony" / "windows.csv")
    assert windows["lag_s"].median() == 0.6
    assert (windows["leader"] == "face right").mean() > 0.9


def test_the_mixed_model_of_the_page_is_that_of_the_trials(printed: tuple[Path, list[tuple[str, str]]]):
    """With as many trials in each cell, the estimate is the difference of means, and its error that of the rest."""
    trials = pd.read_csv(printed[0] / "epochs" / "trials.csv")
    effect = trials["area"] - trials.groupby("participant")["area"].transform("mean")
    rest = effect - effect.groupby(trials["condition"]).transform("mean")
    means = trials.groupby("condition")["area"].mean()
    error = ((rest**2).sum() / (72 - 12 - 1) * 2 / 36) ** 0.5
    assert (round(means["sad"] - means["funny"], 3), round(error, 3)) == (-0.234, 0.008)
    assert "a difference of -0.234 with a standard error of 0.008" in " ".join(docs.read("cookbook").split())
