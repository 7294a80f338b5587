"""Timelines as figures: the rows, the marks of gaps, and files that stay the same."""

import re
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from builders import event_settings, make_timeline

from fervideo.errors import UsageError
from fervideo.report import canvas, courses, figures
from fervideo.timeline import Timeline

#: Quality below that of a face that is seen well.
POOR = 0.1


def made(**clip: object) -> Timeline:
    """Two faces: one happy from frame 50 on and away from 20 to 29, the other sad in the first half."""
    shown = [["neutral"] * 50 + ["happiness"] * 50, "sadness"]
    tracks = [[*range(20), *range(30, 100)], range(50)]
    return make_timeline(shown, event_settings(), n_frames=100, tracks=tracks, path=Path("a$b$.mp4"), **clip)


def drawn(timeline: Timeline, **how: str) -> str:
    """Return the texts of the figure as SVG, a line each."""
    figure = figures.timelines(figures.rows([timeline], ["a$b$"]), **how)
    return "\n".join(text.get_text() for text in figure.findobj(matplotlib.text.Text) if text.get_text())


def test_each_face_has_a_row_with_its_events():
    texts = drawn(made()).splitlines()
    assert "a$b$, face 0" in texts
    assert "a$b$, face 1" in texts
    assert {"neutral", "happiness", "sadness", "time (s)", "probability"} <= set(texts)
    assert "anger" not in texts


def test_a_face_is_chosen_by_a_rule():
    (row,) = figures.rows([made()], ["x"], "longest")
    assert (row.title, row.face) == ("x, face 0", 0)


def test_gaps_and_poor_stretches_are_marked():
    timeline = made()
    timeline.frames.loc[(timeline.frames["face"] == 1) & (timeline.frames["frame"] < 10), "quality"] = POOR
    first, second = (courses.course(timeline, face) for face in (0, 1))
    # Frames 20 to 29 are bridged, so they have probabilities.
    assert courses.spans(first.is_poor, first.bounds_s) == [(0.8, 1.2)]
    assert not first.is_empty.any()
    assert courses.spans(second.is_poor, second.bounds_s) == [(0.0, 0.4)]
    assert courses.spans(second.is_empty, second.bounds_s) == [(2.0, 4.0)]
    texts = drawn(timeline).splitlines()
    assert {"face not seen well", "no face"} <= set(texts)
    assert "damaged" not in texts


def test_damaged_frames_keep_their_time():
    timeline = make_timeline(n_frames=20, damaged=range(5, 10), tracks=[[*range(5), *range(10, 20)]])
    course = courses.course(timeline, 0)
    assert courses.spans(course.is_damaged, course.bounds_s) == [(0.2, 0.4)]
    assert not course.is_empty.any()
    assert "damaged" in drawn(timeline).splitlines()


def test_a_long_course_is_thinned_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(courses, "_MOST_STEPS", 25)
    course = courses.course(made(), 1)
    assert course.p.shape[0] == 25
    assert np.isnan(course.p[13:]).all()
    assert course.bounds_s[[0, -1]].tolist() == [0.0, 4.0]


def test_moments_are_apexes_of_their_slots():
    timeline = made()
    moments = courses.moments(timeline, 0, 0.0, 4.0, 4)
    assert [(each.slot, each.expression) for each in moments] == [
        (0, "neutral"),
        (1, "neutral"),
        (2, "happiness"),
        (3, "happiness"),
    ]
    happy = timeline.events[timeline.events["expression"] == "happiness"].iloc[0]
    assert moments[2].time_s == happy["apex_s"]
    assert [each.slot for each in courses.moments(timeline, 1, 0.0, 4.0, 4)] == [0, 1]


@pytest.mark.parametrize("kind", canvas.FORMATS)
def test_the_same_figure_gives_the_same_bytes(tmp_path: Path, kind: str):
    timeline, picture = made(), np.full((8, 8, 3), 90, np.uint8)
    rows = figures.rows([timeline], ["a"], "longest")
    contents = []
    for name in ("first", "second"):
        shown = [(moments, {each.slot: picture for each in moments}) for moments in figures.moments(rows, 4)]
        path = canvas.save(figures.timelines(rows, "one", 4, shown), tmp_path / f"{name}.{kind}")
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]
    if kind == "svg":
        assert re.findall(rb"<text[^>]*>(probability)", contents[0])
        assert contents[0].count(b"<image") == 4
    if kind == "pdf":
        assert b"CreationDate" not in contents[0]
        assert b"CIDFontType2" in contents[0]


def test_a_figure_leaves_matplotlib_as_it_was():
    with matplotlib.rc_context({"axes.grid": True, "font.size": 30.0}):
        figure = figures.timelines(figures.rows([made()], ["a"]))
        assert (matplotlib.rcParams["axes.grid"], matplotlib.rcParams["font.size"]) == (True, 30.0)
    assert figure.axes[0].yaxis.get_ticklabels()[0].get_fontsize() == canvas.points_of("two")[1]


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (61, "1:01"), (3599.6, "1:00:00"), (3725, "1:02:05")])
def test_times_are_written_as_on_a_clock(seconds: float, text: str):
    assert figures._clock(seconds) == text


def test_mistakes_are_named():
    with pytest.raises(UsageError, match=r"face 7: is in none of these timelines"):
        figures.rows([made()], ["a"], "7")
    with pytest.raises(UsageError, match=r"14 faces: are too many for one figure; give fewer clips"):
        figures.rows([made()] * 7, ["a"] * 7)
    with pytest.raises(UsageError, match=r"x.gif: has a name of no kind of figure; end it in one of .png, .svg, .pdf"):
        canvas.check_path(Path("x.gif"))
    with pytest.raises(UsageError, match=r"width three: is no width of a figure; choose from one, two"):
        figures.timelines([], "three")
