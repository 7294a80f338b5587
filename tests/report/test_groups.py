"""Tables of studies as figures."""

from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from studies import frames_of, write_text

from fervideo.errors import UsageError
from fervideo.report import groups
from fervideo.report.canvas import Figure


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(matplotlib.text.Text) if text.get_text()]


def test_curves_have_a_line_and_a_band_per_group(tmp_path: Path):
    rows = ["condition,measure,t,people,mean,low,high"]
    rows += [f"{name},smile,{t},12,{t / 10},{t / 10 - 0.1},{t / 10 + 0.1}" for name in ("a$", "b$") for t in (-1, 0, 1)]
    figure = groups.of_file(write_text(tmp_path / "curves.csv", *rows))
    (axes,) = figure.axes
    assert len(axes.collections) == 2
    assert axes.lines[0].get_ydata().tolist() == [-0.1, 0.0, 0.1]
    assert {"a$ (n = 12)", "b$ (n = 12)", "smile (eye distances)", "time from the event (s)"} <= set(texts(figure))
    assert round(figure.get_figwidth() * 25.4) == 85


def test_trials_are_averaged_within_people(tmp_path: Path):
    rows = ["participant,group,trial,t,measure,value,good", "1,x,1,0,p_anger,0,1", "1,x,2,0,p_anger,1,1"]
    path = write_text(tmp_path / "epochs.csv", *rows, "2,x,1,0,p_anger,0.1,1", "3,y,1,0,p_anger,9,1")
    figure = groups.of_file(path, by="group")
    assert [line.get_ydata().tolist() for line in figure.axes[0].lines[:2]] == [[0.3], [9.0]]
    assert {"x (n = 2)", "y (n = 1)", "p(anger)", "time (s)"} <= set(texts(figure))


def test_a_gathered_table_is_put_into_bins(tmp_path: Path):
    frames = frames_of([0.0, 0.25, 0.5, 0.75], ({"smile": [0.0, 1.0, 3.0, 3.0]},))
    parts = [frames.assign(clip=name, participant=name, smile=frames["smile"] + at) for at, name in enumerate("abc")]
    pd.concat(parts).to_csv(tmp_path / "study.csv", index=False)
    figure = groups.of_file(tmp_path / "study.csv", wanted=("smile",))
    assert figure.axes[0].lines[0].get_xdata().tolist() == [0.0, 0.5]
    assert figure.axes[0].lines[0].get_ydata().tolist() == [1.5, 4.0]
    assert "n = 3" in texts(figure)


def test_a_gathered_table_without_good_frames_is_one_line(tmp_path: Path):
    frames = frames_of([0.0, 0.25], ({"smile": [0.0, 1.0], "status": ["cut_off", "cut_off"]},))
    frames.assign(clip="a").to_csv(tmp_path / "study.csv", index=False)
    with pytest.raises(UsageError, match="has no bin with enough good frames; choose wider bins"):
        groups.of_file(tmp_path / "study.csv", wanted=("smile",))


def test_a_confusion_has_shares_and_counts():
    table = pd.DataFrame([[3, 1], [0, 2]], pd.Index(["calm", "joy"], name="coder 1"), ["calm", "joy"])
    figure = groups.confusion(table, title="kappa 0.67")
    found = texts(figure)
    assert {"0.75\n3", "0.25\n1", "1.00\n2", "coder 1", "fervideo", "kappa 0.67"} <= set(found)
    assert not any(text.endswith("\n0") for text in found)


def test_measures_without_change_are_straight_lines():
    table = pd.DataFrame({"measure": "smile", "t": [0, 1], "people": 2, "mean": 0.0, "low": np.nan, "high": 1e-17})
    assert np.ptp(groups.over_people(table).axes[0].get_ylim()) > 0.01


@pytest.mark.parametrize(
    ("lines", "how", "message"),
    [
        (["a,b", "1,2"], {}, "is neither a timeline nor a table of epochs, agree or gather; give .timeline.csv, cur"),
        (["a,b"], {}, "has no row; run the command that wrote it again"),
        (["t,measure,value,clip", "0,smile,1,a"], {"by": "sex"}, "by sex: is no column of "),
        (["t,measure,people,mean,low,high", "0,smile,2,1,0,2"], {"by": "sex"}, "draw epochs.csv, or run `fervideo ep"),
        (["t,measure,people,mean,low,high", "0,smile,2,1,0,2"], {"wanted": ("x",)}, "has none of these measures; it h"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, lines: list[str], how: dict[str, str], message: str):
    with pytest.raises(UsageError) as error:
        groups.of_file(write_text(tmp_path / "table.csv", *lines), **how)
    assert message in str(error.value)


def test_a_table_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(UsageError, match=r"no.csv: cannot be read as a table \(No such file or directory\)"):
        groups.of_file(tmp_path / "no.csv")
