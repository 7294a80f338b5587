"""Content of a page: numbers that unpack to those of the tables, and text that stays text."""

import base64
import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from builders import make_timeline

from fervideo.report import content, page
from fervideo.report.content import NO_PICTURES
from fervideo.report.numbers import Numbers

NAME = "a \"<b>'<!--<script>&.mp4"


def unpacked(numbers: Numbers, entry: dict) -> np.ndarray:
    """Read an array as the page's code does."""
    content = gzip.decompress(base64.b64decode(numbers.text()))
    found = np.frombuffer(content, entry["type"], entry["n"], entry["at"])
    if entry["type"] == "float32":
        return found
    whole = np.cumsum(found, dtype=found.dtype)
    return whole if "scale" not in entry else np.where(whole == -32768, np.nan, whole / entry["scale"])


@pytest.mark.parametrize(
    ("values", "decimals", "kind"),
    [
        ([0.1234, np.nan, 1.0, 0.0], 4, "int16"),
        ([-90.25, 12.5, 180.0], 2, "int16"),
        ([40000.0, 1.5], 1, "float32"),
        ([0.5, 3.25], None, "float32"),
        ([], 4, "int16"),
        ([np.nan, np.nan], 4, "int16"),
    ],
)
def test_a_column_keeps_its_values(values: list[float], decimals: int | None, kind: str):
    numbers = Numbers()
    numbers.whole(np.array([7, 7, 9]))
    entry = numbers.column(np.array(values, np.float64), decimals)
    assert entry["type"] == kind
    np.testing.assert_allclose(unpacked(numbers, entry), values, rtol=0, atol=1e-7)


def test_whole_numbers_are_kept():
    numbers = Numbers()
    entry = numbers.whole(np.array([0, 40, 4_000_000_000]))
    assert unpacked(numbers, entry).tolist() == [0, 40, 4_000_000_000]


def test_the_content_is_that_of_the_tables():
    timeline = make_timeline(["happiness", "sadness"], n_frames=6, tracks=[range(6), [1, 2, 4]], media_start_s=0.5)
    facts, numbers = content.of_clip(timeline, NO_PICTURES, "", "clip.mp4 does not exist.")
    second = facts["faces"][1]
    assert (facts["start"], facts["end"]) == (0.5, pytest.approx(0.74))
    assert unpacked(numbers, facts["times"]).tolist() == [500_000, 540_000, 580_000, 620_000, 660_000, 700_000]
    assert unpacked(numbers, second["frames"]).tolist() == [1, 2, 3, 4]
    assert unpacked(numbers, second["status"]).tolist() == [0, 0, 1, 0]
    table = timeline.frames.query("face == 1")
    for name in ("p_sadness", "raw_neutral", "quality", "yaw_deg", "box_x_px"):
        np.testing.assert_allclose(unpacked(numbers, second["values"][name]), table[name], atol=1e-7)
    assert [event["start"] for event in facts["events"] if event["face"] == 0] == [0.5]


def test_names_stay_text():
    html = page.of_clip(make_timeline(path=Path(NAME)), shared='"><i>')
    inside = html.partition('id="content">')[2].partition("</script>")[0]
    assert json.loads(inside)["name"] == NAME
    assert "<b>" not in html
    assert "<i>" not in html.partition("<style>")[0] + html.partition("</style>")[2].partition("<script>\n")[0]


def test_equal_results_give_equal_pages():
    assert page.of_clip(make_timeline(), shared="x") == page.of_clip(make_timeline(), shared="x")


def test_a_page_of_one_clip_contains_plotly():
    html = page.of_clip(make_timeline())
    text = html.partition('id="plotly">')[2].partition("</script>")[0]
    assert gzip.decompress(base64.b64decode(text)) == page.plotly_code()
    assert len(html) < 2.5e6


def test_no_face_is_a_page_all_the_same():
    facts, _ = content.of_clip(make_timeline([], tracks=[]), NO_PICTURES, "", "")
    assert (facts["faces"], facts["events"]) == ([], [])
