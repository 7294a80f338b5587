"""The wheel: the files that `pip install` brings."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from fervideo import checkpoint

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel and unpack it."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("fervideo-*-py3-none-any.whl")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


def test_the_wheel_contains_the_weights_and_says_that_it_is_typed(wheel: Path):
    assert (wheel / "fervideo" / "py.typed").exists()
    assert {"frame.safetensors", "sequence.safetensors"} <= {path.name for path in checkpoint.SHIPPED.iterdir()}
    for path in checkpoint.SHIPPED.iterdir():
        assert (wheel / "fervideo" / "weights" / path.name).read_bytes() == path.read_bytes()
    assert not any(wheel.rglob("__pycache__"))


def test_the_wheel_contains_configs_and_docs(wheel: Path):
    for folder, target in (("configs", "fervideo/configs"), ("fervideo/docs", "fervideo/docs")):
        paths = [path for path in (ROOT / folder).iterdir() if path.is_file()]
        assert paths
        for path in paths:
            assert (wheel / target / path.name).read_bytes() == path.read_bytes()


def test_an_installed_package_finds_its_configs(wheel: Path, tmp_path: Path):
    code = (
        "import fervideo; from fervideo import settings; print(fervideo.__file__); print(*settings.shipped().values())"
    )
    code += "; print(settings.load('fast').video.sample_fps)"
    environment = {**os.environ, "PYTHONPATH": str(wheel)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
    )
    module, paths, rate = done.stdout.splitlines()
    assert Path(module).is_relative_to(wheel)
    assert {Path(path).relative_to(wheel / "fervideo").as_posix() for path in paths.split()} == {
        f"configs/{name}.toml" for name in ("accurate", "default", "fast", "train")
    }
    assert float(rate) == 10
