"""Reports in Debian's Chromium: what a reader does with the mouse, the keys and the files, without a network."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import pytest
from builders import make_timeline
from clips import open_video, write

import fervideo
from fervideo.report import making
from fervideo.report.making import Options

CHROMIUM = shutil.which("chromium")
if CHROMIUM is None:
    pytest.skip("Debian's chromium is not installed", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

#: A name that would be markup, a broken attribute, an end of the script and a formula.
NAME = "=<b>&\"'`.mp4"
N, FPS = 100, 25
#: One face: neutral, a second of surprise, neutral; another that is there in the first half.
SHOWN = [["neutral"] * 25 + ["surprise"] * 25 + ["neutral"] * 50, ["happiness"] * 50]


@dataclass
class Seen:
    """All that a page must not do: errors, and requests to other machines."""

    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write reports of a made clip, and of the same clip with its video gone."""
    folder = tmp_path_factory.mktemp("pages")
    clip = write(folder / NAME, N, rate=FPS)
    video = open_video(clip)
    facts = {each.name: getattr(video.info, each.name) for each in fields(video.info)}
    for stem, path in (("here", clip), ("gone", folder / "gone.mp4")):
        facts["path"] = path
        made = {"absolute_path": str(path)}
        make_timeline(SHOWN, None, made, tracks=[range(N), range(50)], time_s=video.time_s, **facts).save(folder, stem)
    (folder / "failures.csv").write_text("path,stage,error,remedy\nx,open,<i>bad</i>,none\n")
    assert len(list(making.report([folder], Options()))) == 3
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as started:
        # The tests' machine gives a browser no sandbox of its own.
        own = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield own
        own.close()


@pytest.fixture(scope="module")
def context(browser: Any) -> Iterator[Any]:
    own = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    own.set_default_timeout(20_000)
    yield own
    own.close()


def opened(context: Any, path: Path) -> tuple[Any, Seen]:
    """Open a page, and wait until it is ready."""
    page, seen = context.new_page(), Seen()
    page.on("console", lambda message: seen.errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    page.on("request", lambda request: seen.requests.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready=true]")
    return page, seen


def video_s(page: Any) -> float:
    """Return the video's own time, once it has moved there."""
    page.wait_for_function("() => { const v = document.querySelector('video'); return v.readyState > 1 && !v.seeking }")
    return float(page.evaluate("document.querySelector('video').currentTime"))


def ruler_says(page: Any, text: str) -> None:
    """Wait until the ruler has been drawn with a text."""
    page.wait_for_function("text => document.querySelector('#ruler').innerText.includes(text)", arg=text)


def click_at(page: Any, time_s: float) -> None:
    """Click the chart of the expressions at a time of the whole clip."""
    box = page.locator("[data-key=probabilities] .plot").bounding_box()
    left, width = page.evaluate("[...document.querySelectorAll('.tick')].map(e => parseFloat(e.style.left))"), 4.0
    # Ticks are at 0 s and 4 s, the ends of the clip.
    page.mouse.click(box["x"] + left[0] + (left[-1] - left[0]) * time_s / width, box["y"] + box["height"] / 2)


@pytest.fixture(scope="module")
def page(context: Any, pages: Path) -> Iterator[Any]:
    own, seen = opened(context, pages / "here.report.html")
    yield own
    own.close()
    assert seen.errors == []
    assert [url for url in seen.requests if not url.startswith(("file:", "data:", "blob:"))] == []


def test_mouse_and_keys_move_the_video(page: Any):
    assert page.inner_text("h1") == NAME
    assert page.locator("main b:has-text('&')").count() == 0
    click_at(page, 2.5)
    assert video_s(page) == pytest.approx(2.5, abs=1 / FPS)
    page.keyboard.press("ArrowRight")
    after = video_s(page)
    page.keyboard.press("ArrowLeft")
    assert after - video_s(page) == pytest.approx(1 / FPS, abs=1e-3)
    page.keyboard.press("p")
    assert video_s(page) == pytest.approx(2.0, abs=1 / FPS)
    page.keyboard.press("p")
    assert video_s(page) == pytest.approx(1.0, abs=1 / FPS)
    assert "surprise 93 %" in page.inner_text("#now")
    page.keyboard.press("Space")
    page.wait_for_function("() => document.querySelector('video').currentTime > 1.2")
    assert page.get_attribute(".play", "aria-label") == "Pause (space)"
    page.keyboard.press("Space")


def test_faces_charts_and_zoom(page: Any):
    page.click(".face:has-text('face 1')")
    page.click("text=Stacked")
    page.click("text=Raw")
    page.click(".chips >> text=Head")
    page.keyboard.press("End")
    assert page.inner_text("#now") == "the face is not there"
    assert page.locator("[data-key=pose] .scatterlayer .trace").count() == 3
    page.keyboard.press("Home")
    page.keyboard.press("+")
    ruler_says(page, "in view")
    page.keyboard.press("a")
    ruler_says(page, "whole clip")
    page.keyboard.press("f")
    assert page.get_attribute(".face:has-text('face 0')", "aria-pressed") == "true"


def test_labels_survive_and_are_read_by_training(page: Any, pages: Path):
    click_at(page, 1.5)
    page.keyboard.press("7")
    for time_s, key in ((2.5, "["), (3.0, "]")):
        click_at(page, time_s)
        page.keyboard.press(key)
    page.keyboard.press("4")
    page.keyboard.press("1")
    page.keyboard.press("u")
    sync_api.expect(page.locator(".mark")).to_have_count(2)
    page.reload()
    page.wait_for_selector("html[data-ready=true]")
    sync_api.expect(page.locator(".mark")).to_have_count(2)
    with page.expect_download() as download:
        page.keyboard.press("s")
    path = pages / "labels" / download.value.suggested_filename
    download.value.save_as(path)
    table = fervideo.read_labels(path)
    assert path.name.endswith(".labels.csv")
    assert set(table["clip"]) == {str(pages / NAME)}
    assert table["label"].tolist() == ["fear", "sadness"]
    assert table["start_s"].tolist() == pytest.approx([1.0, 2.5], abs=1 / FPS)
    assert table["end_s"].tolist() == pytest.approx([2.0, 3.0], abs=2 / FPS)


def test_a_page_without_its_video_has_its_charts(context: Any, pages: Path):
    page, seen = opened(context, pages / "gone.report.html")
    assert "gone.mp4 does not exist" in page.inner_text("#player-note")
    click_at(page, 1.5)
    assert "surprise" in page.inner_text("#now")
    page.close()
    assert seen.errors == []


def test_the_list_sorts_and_leads_to_pages(context: Any, pages: Path):
    page, seen = opened(context, pages / "index.html")
    page.click("th button:has-text('valence')")
    assert page.inner_text("#body tr:first-child td.number >> nth=2") == "0.92"
    assert page.inner_text("#failures").split("\t")[2] == "<i>bad</i>"
    page.fill("#search", "gone")
    assert page.locator("#body tr").count() == 2
    page.click("#body tr:first-child a")
    page.wait_for_selector("html[data-ready=true]")
    assert page.inner_text("h1") == "gone.mp4"
    page.close()
    assert seen.errors == []
    assert all(url.startswith(("file:", "data:", "blob:")) for url in seen.requests)
