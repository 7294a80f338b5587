"""The documentation: topics, links, examples that run, and a README that stays short."""

import doctest
import re
import shlex
import shutil
from pathlib import Path

import pytest

from fervideo import docs
from fervideo.cli import table
from fervideo.errors import UsageError

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "fervideo" / "docs"
PAGES = [*sorted(FOLDER.glob("*.md")), ROOT / "README.md", ROOT / "CHANGELOG.md"]
#: Topics that the README promises.
WRITTEN = {"photos", "batch", "cluster", "training", "python", "accuracy", "speed", "robustness"}
WRITTEN |= {
    "architecture",
    "contributing",
    "results",
    "columns",
    "settings",
    "exports",
    "figures",
    "report",
    "studies",
    "cookbook",
}


def headings(text: str) -> list[str]:
    """Return the headings of a page, its code left out."""
    return re.findall(r"(?m)^#+ (.+)$", re.sub(r"(?ms)^```.*?^```", "", text))


def test_topics_are_named_by_their_first_headings():
    assert docs.topics()["batch"] == "Folders of videos"
    assert all(docs.topics().values())


def test_every_topic_is_there():
    assert set(docs.topics()) >= WRITTEN


@pytest.mark.parametrize("topic", ["batch", "Batch", "batch.md"])
def test_a_topic_is_read(topic: str):
    assert docs.read(topic) == (FOLDER / "batch.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("topic", "remedy"), [("trainig", "did you mean training?"), ("xyz", "known topics: accuracy, architecture, ba")]
)
def test_an_unknown_topic_names_the_nearest(topic: str, remedy: str):
    with pytest.raises(UsageError) as error:
        docs.read(topic)
    assert error.value.remedy.startswith(remedy)


def test_a_path_is_no_topic():
    with pytest.raises(UsageError):
        docs.read("../docs/batch")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path):
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (page.parent / link).is_file()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_are_possible(page: Path):
    fences = re.findall(r"(?ms)^```bash\n(.*?)^```", page.read_text(encoding="utf-8"))
    lines = [line.removeprefix("srun ") for fence in fences for line in fence.splitlines()]
    commands = [shlex.split(line, comments=True) for line in lines if line.startswith("fervideo ")]
    assert all(table.parse(words[1:]).run for words in commands)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_heading_comes_twice(page: Path):
    found = headings(page.read_text(encoding="utf-8"))
    assert len(found) == len(set(found)) or page.name == "CHANGELOG.md"


def test_the_readme_stays_short():
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 120
    assert max(map(len, lines)) <= 120


def test_the_readme_names_no_registry():
    text = (ROOT / "README.md").read_text(encoding="utf-8").lower()
    assert "index-url" not in text
    assert set(re.findall(r"https?://([^/\s)]+)", text)) <= {"doi.org", "eur-lex.europa.eu"}


def test_the_picture_is_small():
    assert (FOLDER / "report.png").stat().st_size < 150_000


def test_every_room_is_in_the_architecture():
    text = docs.read("architecture")
    rooms = {path.stem for path in (ROOT / "fervideo").glob("*.py") if not path.stem.startswith("_")}
    rooms |= {f"{path.parent.name}/" for path in (ROOT / "fervideo").glob("*/__init__.py")}
    assert {room for room in rooms if text.count(f"`{room}`") < 2} == set()


@pytest.fixture
def examples(face_clip: Path, own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder that contains the files of the examples."""
    from PIL import Image
    from skimage.data import astronaut

    shutil.copy(face_clip, tmp_path / "clip.mp4")
    Image.fromarray(astronaut()).save(tmp_path / "portrait.jpg")
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("examples")
def test_the_examples_in_python_run():
    # A fence right after an example would count as its output.
    text = re.sub(r"(?m)^```.*$", "", docs.read("python"))
    example = doctest.DocTestParser().get_doctest(text, {}, "python", str(FOLDER / "python.md"), 0)
    assert len(example.examples) > 10
    report: list[str] = []
    failed, _ = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example, out=report.append)
    assert not failed, "".join(report)
