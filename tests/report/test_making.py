"""Reports of results on disk: the files, the links between them, and what is missing."""

import base64
import json
import re
import shutil
from dataclasses import fields
from pathlib import Path

import av
import pytest
from builders import make_timeline
from clips import MS, open_video, write

from fervideo.errors import FervideoError, UsageError
from fervideo.report import making, page
from fervideo.report.making import Options, Written
from fervideo.timeline import Timeline


def timeline_of(path: Path, shown: str = "happiness") -> Timeline:
    """Make the timeline of a real video, without an analysis of it."""
    video = open_video(path)
    facts = {field.name: getattr(video.info, field.name) for field in fields(video.info)}
    return make_timeline([shown], None, {"absolute_path": str(path.absolute())}, time_s=video.time_s, **facts)


def content_of(path: Path) -> dict:
    """Read the content of a page."""
    return json.loads(re.search(r'id="content">(.*?)</script>', path.read_text("utf-8"))[1])


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("videos") / "a b#?.mp4", 12)


def test_a_page_links_to_its_video(clip: Path, tmp_path: Path):
    shutil.copy(clip, tmp_path / clip.name)
    files = timeline_of(tmp_path / clip.name).save(tmp_path / "results")
    assert list(making.report([files["timeline"]], Options())) == [
        Written(path=tmp_path / "results" / "a b#?.report.html")
    ]
    found = content_of(tmp_path / "results" / "a b#?.report.html")
    assert found["video"]["address"] == "../a%20b%23%3F.mp4"
    assert found["sprite"]["times"][0] == 0
    assert found["faces"][0]["picture"].startswith("data:image/jpeg;base64,/9j/")
    assert [path.name for path in (tmp_path / "results").iterdir() if path.suffix == ".js"] == []


def test_a_folder_gets_a_list_and_one_plotly(clip: Path, tmp_path: Path):
    for stem, shown in (("one", "happiness"), ("sub/two", "sadness")):
        timeline_of(clip, shown).save(tmp_path / "results", stem)
    failures = 'path,stage,error,remedy\nbad.mp4,open,"is <empty>",give a video\n'
    (tmp_path / "results" / "failures.csv").write_text(failures)
    found = list(making.report([tmp_path / "results"], Options(output=tmp_path / "pages")))
    names = ["one.report.html", "sub/two.report.html", "index.html"]
    assert [each.path.relative_to(tmp_path / "pages").as_posix() for each in found] == names
    assert (tmp_path / "pages" / "plotly.min.js").read_bytes() == page.plotly_code()
    assert '<script src="../plotly.min.js" ' in (tmp_path / "pages" / names[1]).read_text("utf-8")
    assert content_of(tmp_path / "pages" / names[1])["home"] == "../index.html"
    listed = content_of(tmp_path / "pages" / "index.html")
    assert [clip["address"] for clip in listed["clips"]] == ["./one.report.html", "./sub/two.report.html"]
    assert listed["clips"][0]["faces"][0]["facts"]["time_happiness"] == 1
    assert listed["failures"][0]["error"] == "is <empty>"


def test_pages_of_several_folders_do_not_replace_one_another(clip: Path, tmp_path: Path):
    for folder in ("a", "b"):
        timeline_of(clip, "fear").save(tmp_path / folder, "one")
    with pytest.raises(UsageError, match="is one folder for pages of the same name; make one report after the other"):
        list(making.report([tmp_path / "a", tmp_path / "b"], Options(output=tmp_path / "pages")))
    assert not (tmp_path / "pages").exists()
    assert len(list(making.report([tmp_path / "a", tmp_path / "b"], Options()))) == 2


def test_a_missing_or_changed_video_is_named(clip: Path, tmp_path: Path):
    copy = tmp_path / "copy.mp4"
    shutil.copy(clip, copy)
    path = timeline_of(copy).save(tmp_path / "results")["timeline"]
    write(copy, 5)
    changed = next(making.report([path], Options()))
    copy.unlink()
    missing = next(making.report([path], Options()))
    assert (changed.no_video, missing.no_video) == (
        "copy.mp4 has changed since it was analysed",
        "copy.mp4 does not exist",
    )
    assert content_of(missing.path)["video"]["missing"] == "copy.mp4 does not exist."


def test_a_broken_timeline_does_not_stop_the_others(clip: Path, tmp_path: Path):
    for stem in ("a", "b"):
        timeline_of(clip).save(tmp_path, stem)
    (tmp_path / "a.timeline.csv").write_text("nothing\n")
    broken, good, listed = making.report([tmp_path], Options())
    assert isinstance(broken, FervideoError)
    assert (good.path.name, listed.path.name) == ("b.report.html", "index.html")


def test_an_embedded_copy_keeps_every_frame_at_its_time(tmp_path: Path):
    clip = write(tmp_path / "late.mp4", 6, pts=[500, 540, 580, 700, 740, 780], time_base=MS)
    making.clip_page(timeline_of(clip), tmp_path / "page.html", embed=True)
    address = content_of(tmp_path / "page.html")["video"]["proxy"]
    (tmp_path / "proxy.mp4").write_bytes(base64.b64decode(address.partition(",")[2]))
    with av.open(str(tmp_path / "proxy.mp4")) as container:
        times_s = [frame.time for frame in container.decode(video=0)]
    assert times_s == pytest.approx([0, 0.04, 0.08, 0.2, 0.24, 0.28], abs=1e-4)


def test_without_plotly_one_line_has_the_remedy(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(FervideoError, match="needs plotly, which is not installed; pip install plotly"):
        page.plotly_code()
