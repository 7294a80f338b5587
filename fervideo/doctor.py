"""Look over the installation: what is there, what is wrong with it, and how to mend it.

Every library is imported in a process of its own, so that one that crashes or hangs takes nothing with it.
"""

from __future__ import annotations

import ctypes
import os
import platform
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from fervideo import cache, checkpoint
from fervideo.errors import FervideoError, counted

#: Import name to distribution name of each library that the doctor looks at.
_LIBRARIES = {
    "torch": "torch",
    "mediapipe": "mediapipe",
    "cv2": "opencv-contrib-python",
    "decord": "decord",
    "av": "av",
    "numpy": "numpy",
    "pandas": "pandas",
}
#: Libraries that fervideo works without: decord has wheels for few platforms, and PyAV reads what it would.
_OPTIONAL = ("decord",)
_WEIGHTS = tuple(f"{name}.safetensors" for name in ("frame", "sequence", "transfer", "svm", "mlp", "smoother"))
#: Importing torch from a cold disk takes a while; nothing takes this long unless it hangs.
_PATIENCE_S = 120
#: Debian's package for each system library that opencv, mediapipe or torch load. Debian 13 and Ubuntu 24.04 renamed
#: libglib2.0-0 to libglib2.0-0t64, which provides the old name: apt installs it under either.
_DEBIAN = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libGLESv2.so.2": "libgles2",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libX11.so.6": "libx11-6",
    "libXext.so.6": "libxext6",
    "libSM.so.6": "libsm6",
    "libICE.so.6": "libice6",
    "libxcb.so.1": "libxcb1",
    "libz.so.1": "zlib1g",
    "libgomp.so.1": "libgomp1",
    "libstdc++.so.6": "libstdc++6",
}
#: What opencv and mediapipe need together; the loader names only the first that is missing.
_NEEDED = ("libGL.so.1", "libglib-2.0.so.0", "libgthread-2.0.so.0")
_TORCH_PROBE = """
import torch
gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else ""
print(f"cuda ({gpu})" if gpu else f"cpu ({torch.get_num_threads()} threads)")
"""


@dataclass(frozen=True)
class Finding:
    """Say one thing about the installation.

    Attributes:
        topic: What it is about.
        text: What was found.
        remedy: What to do about it; empty where nothing is wrong.
    """

    topic: str
    text: str
    remedy: str = ""

    def __str__(self) -> str:
        line = f"{self.topic:<12}{self.text}"
        return f"{line}\n{'':<12}-> {self.remedy}" if self.remedy else line


def report() -> tuple[list[Finding], bool]:
    """Look over the installation.

    Returns:
        What was found, in the order to print it, and whether fervideo can work with it.
    """
    with ThreadPoolExecutor(max_workers=2) as pool:
        # torch says more than that it loads.
        probes = dict(
            zip(
                _LIBRARIES,
                pool.map(_probe, [_TORCH_PROBE if name == "torch" else f"import {name}" for name in _LIBRARIES]),
                strict=True,
            )
        )
    libraries = [_library(name, error) for name, (_, error) in probes.items()]
    loads = {name for name, (_, error) in probes.items() if not error}
    findings = [
        Finding("fervideo", f"{_version('fervideo')} in {Path(__file__).parent}"),
        _python(),
        *libraries,
        Finding("device", probes["torch"][0] if "torch" in loads else "none: torch does not load"),
        _decoder(loads),
        *_weights(),
        _cache(),
    ]
    faults = [finding for finding in findings if finding.remedy and finding.topic not in _OPTIONAL]
    return findings, not faults


def _probe(code: str) -> tuple[str, str]:
    """Run code in a process of its own; return what it printed and the error that ended it, empty where none did."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_PATIENCE_S,
            text=True,
            errors="replace",
        )
    except subprocess.TimeoutExpired:
        return "", f"does not load within {_PATIENCE_S} s"
    except OSError as error:
        return "", str(error)
    if done.returncode == 0:
        return done.stdout.strip(), ""
    lines = done.stderr.strip().splitlines()
    # A process that a signal killed left no exception to show.
    return "", lines[-1] if lines and done.returncode > 0 else f"crashes on import (exit status {done.returncode})"


def _python() -> Finding:
    text = f"{platform.python_version()} on {platform.platform()}"
    fits = (3, 11) <= sys.version_info[:2] < (3, 13)
    return Finding("python", text, "" if fits else "use Python 3.11 or 3.12: mediapipe has no wheel for others")


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"


def _library(name: str, error: str) -> Finding:
    topic = "opencv" if name == "cv2" else name
    version = _version(_LIBRARIES[name])
    return Finding(topic, f"{version}: {error}", explain(name, error)) if error else Finding(topic, version)


def explain(name: str, error: str) -> str:
    """Say what mends a library that cannot be imported.

    Args:
        name: The library's import name.
        error: The last line of what Python said.
    """
    soname = re.search(r"([\w+-][\w.+-]*\.so(?:\.\d+)*): cannot open shared object file", error)
    if soname:
        return _bring(soname[1])
    if name in _OPTIONAL:
        return "PyAV reads videos in its place"
    return f"pip install --force-reinstall '{_requirement(_LIBRARIES[name])}'"


def _bring(soname: str) -> str:
    """Say how to install the system library that is missing, and those that would be missed next."""
    if not shutil.which("apt-get"):
        return f"install the system package that holds {soname}"
    if soname not in _DEBIAN:
        return f"sudo apt-get install apt-file && sudo apt-file update && apt-file search {soname}, and install the package it names"
    others = [needed for needed in _NEEDED if not _loads(needed)]
    packages = dict.fromkeys(_DEBIAN[missing] for missing in (soname, *others))
    return f"sudo apt-get install {' '.join(packages)}"


def _loads(soname: str) -> bool:
    try:
        ctypes.CDLL(soname)
    except OSError:
        return False
    return True


def _requirement(distribution: str) -> str:
    """Return a distribution as fervideo requires it, with its versions."""
    try:
        wanted = metadata.requires("fervideo") or []
    except metadata.PackageNotFoundError:
        return distribution
    names = (requirement.partition(";")[0].strip() for requirement in wanted)
    return next((name for name in names if re.match(rf"{re.escape(distribution)}\b(?!-)", name)), distribution)


def _decoder(loads: set[str]) -> Finding:
    if {"decord", "av"} <= loads:
        return Finding("decoder", "decord for clips that fit into memory decoded, PyAV for all else")
    if "av" in loads:
        return Finding("decoder", "PyAV")
    return Finding("decoder", "none for every video: PyAV does not load", "mend av, above")


def _weights() -> list[Finding]:
    found = sorted(path.name for path in checkpoint.SHIPPED.glob("*.safetensors"))
    findings = []
    for name in sorted({*_WEIGHTS, *found}):
        try:
            findings.append(Finding("weights", f"{name} sha256 {checkpoint.read(checkpoint.SHIPPED / name).digest}"))
        except FervideoError as error:
            findings.append(Finding("weights", f"{name}: {error.reason}", "reinstall fervideo"))
    return findings


def _cache() -> Finding:
    try:
        root = cache.root()
        n_bytes, clips = cache.size()
    except (FervideoError, OSError) as error:
        return Finding("cache", str(error), "set FERVIDEO_CACHE to a folder that can be written, or use --no-cache")
    # The folder is made by the first run: what counts until then is whether it can be.
    present = next((place for place in (root, *root.parents) if place.exists()), root)
    text = f"{root}: {counted(clips, 'clip')}, {n_bytes / 1e6:.1f} MB"
    if present.is_dir() and os.access(present, os.W_OK):
        return Finding("cache", text)
    return Finding(
        "cache", f"{text}, cannot be written", "set FERVIDEO_CACHE to a folder that can be written, or use --no-cache"
    )
