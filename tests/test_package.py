"""The wheel: what `pip install` brings."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from fervideo import checkpoint

ROOT = Path(__file__).parents[1]


def test_the_wheel_holds_the_weights_and_says_that_it_is_typed(tmp_path: Path):
    pytest.importorskip("hatchling")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("fervideo-*-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = {name: archive.read(name) for name in archive.namelist() if name.startswith("fervideo/")}
    assert {"fervideo/py.typed", "fervideo/weights/frame.safetensors", "fervideo/weights/sequence.safetensors"} <= set(
        held
    )
    for path in checkpoint.SHIPPED.iterdir():
        assert held[f"fervideo/weights/{path.name}"] == path.read_bytes()
    assert not any("__pycache__" in name for name in held)
