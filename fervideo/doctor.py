"""A check of the installation: its versions, its faults, and the commands that mend them.

Every library is imported in a process of its own: one that crashes or hangs takes nothing with it.
"""

from __future__ import annotations

import ctypes
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from fervideo import cache, checkpoint
from fervideo.errors import FervideoError, counted

#: Import name to distribution name of each library that is imported on trial.
_LIBRARIES = {
    "torch": "torch",
    "mediapipe": "mediapipe",
    "cv2": "opencv-contrib-python",
    "decord": "decord",
    "av": "av",
    "numpy": "numpy",
    "pandas": "pandas",
}
#: Libraries that fervideo works without: decord has wheels for few platforms, and PyAV reads the same videos.
_OPTIONAL = ("decord",)
_WEIGHTS = tuple(f"{name}.safetensors" for name in ("frame", "sequence", "transfer", "svm", "mlp", "smoother"))
#: An import that takes longer hangs. Importing torch from a cold disk takes a while.
_PATIENCE_S = 120
#: Debian's package for each system library that opencv, mediapipe or torch load. Debian 13 and Ubuntu 24.04 renamed
#: libglib2.0-0 to libglib2.0-0t64; apt installs it under either name.
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
#: System libraries that opencv and mediapipe need together; the loader names only the first that is missing.
_NEEDED = ("libGL.so.1", "libglib-2.0.so.0", "libgthread-2.0.so.0")
_TORCH_PROBE = """
import torch
gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else ""
print(f"cuda ({gpu})" if gpu else f"cpu ({torch.get_num_threads()} threads)")
"""


@dataclass(frozen=True)
class Finding:
    """One fact about the installation.

    Attributes:
        topic: A library, or a part such as `weights`.
        text: The fact.
        remedy: The command or step that mends it; empty if nothing is wrong.
    """

    topic: str
    text: str
    remedy: str = ""

    def __str__(self) -> str:
        line = f"{self.topic:<12}{self.text}"
        return f"{line}\n{'':<12}-> {self.remedy}" if self.remedy else line


@dataclass(frozen=True)
class Mismatch:
    """A requirement that the installation does not meet.

    Attributes:
        name: The distribution, normalised.
        required: The distribution with the versions that fit, `av>=17`.
        installed: The version that is installed; empty if there is none.
    """

    name: str
    required: str
    installed: str

    def __str__(self) -> str:
        return f"{self.installed or 'not installed'}, required is {self.required}"

    @property
    def remedy(self) -> str:
        return f"pip install '{self.required}'"


def report() -> tuple[list[Finding], bool]:
    """Check the installation.

    Returns:
        The findings, in the order to print them, and whether fervideo can work.
    """
    with ThreadPoolExecutor(max_workers=2) as pool:
        # torch also names its device.
        codes = [_TORCH_PROBE if name == "torch" else f"import {name}" for name in _LIBRARIES]
        probes = dict(zip(_LIBRARIES, pool.map(_probe, codes), strict=True))
    unmet, requirements = _requirements()
    libraries = [_library(name, error, unmet.pop(_LIBRARIES[name], None)) for name, (_, error) in probes.items()]
    loads = {name for name, (_, error) in probes.items() if not error}
    findings = [
        Finding("fervideo", f"{_version('fervideo')} in {Path(__file__).parent}"),
        _python(),
        *libraries,
        requirements,
        *(Finding("requires", f"{mismatch.name} {mismatch}", mismatch.remedy) for mismatch in unmet.values()),
        Finding("device", probes["torch"][0] if "torch" in loads else "none: torch does not load"),
        _decoder(loads),
        *_weights(),
        _cache(),
    ]
    faults = [finding for finding in findings if finding.remedy and finding.topic not in _OPTIONAL]
    return findings, not faults


def _probe(code: str) -> tuple[str, str]:
    """Run code in a process of its own; return its output and the error that ended it, empty if none did."""
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


def _installed(distribution: str) -> str:
    """Return the version of a distribution, empty if it is not installed."""
    try:
        # A broken installation can lack the version.
        return metadata.version(distribution) or ""
    except metadata.PackageNotFoundError:
        return ""


def _version(distribution: str) -> str:
    return _installed(distribution) or "not installed"


def mismatches(requirements: Iterable[str]) -> list[Mismatch]:
    """Compare the installed versions with requirements.

    Args:
        requirements: As packages list them, `numpy<2,>=1.26` or `decord==0.6.0; sys_platform == 'linux'`. Those of an
            extra or of another platform are skipped.

    Raises:
        ImportError: The package `packaging` is not installed.
        packaging.requirements.InvalidRequirement: A requirement cannot be read.
    """
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name
    from packaging.version import InvalidVersion

    found = []
    for requirement in map(Requirement, requirements):
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        installed = _installed(requirement.name)
        try:
            fits = bool(installed) and requirement.specifier.contains(installed, prereleases=True)
        except InvalidVersion:
            fits = False
        if not fits:
            required = f"{requirement.name}{requirement.specifier}"
            found.append(Mismatch(canonicalize_name(requirement.name), required=required, installed=installed))
    return found


def _requirements() -> tuple[dict[str, Mismatch], Finding]:
    """Compare the installed versions with fervideo's requirements; return mismatches by distribution, and a summary."""
    try:
        found = mismatches(metadata.requires("fervideo") or [])
    except metadata.PackageNotFoundError:
        return {}, Finding("requires", "not compared: fervideo runs from a folder and is not installed")
    except ImportError as error:
        return {}, Finding("requires", f"not compared: {error}", "pip install packaging")
    unmet = {mismatch.name: mismatch for mismatch in found}
    return unmet, Finding("requires", f"not met: {', '.join(unmet)}" if unmet else "all requirements are met")


def _library(name: str, error: str, mismatch: Mismatch | None) -> Finding:
    topic, version = "opencv" if name == "cv2" else name, str(mismatch or _version(_LIBRARIES[name]))
    if error:
        return Finding(topic, f"{version}: {error}", explain(name, error))
    return Finding(topic, version, mismatch.remedy if mismatch else "")


def explain(name: str, error: str) -> str:
    """Return the command or step that mends a library that cannot be imported.

    Args:
        name: The library's import name.
        error: The last line of Python's error.
    """
    soname = re.search(r"([\w+-][\w.+-]*\.so(?:\.\d+)*): cannot open shared object file", error)
    if soname:
        return _install(soname[1])
    if name in _OPTIONAL:
        return "PyAV reads videos instead"
    return f"pip install --force-reinstall '{_requirement(_LIBRARIES[name])}'"


def _install(soname: str) -> str:
    """Return the command that installs a missing system library, and those that would be missing next."""
    if not shutil.which("apt-get"):
        return f"install the system package that contains {soname}"
    if soname not in _DEBIAN:
        search = f"sudo apt-get install apt-file && sudo apt-file update && apt-file search {soname}"
        return f"{search}, and install the package that it names"
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
    """Return a distribution with the versions that fervideo requires."""
    try:
        wanted = metadata.requires("fervideo") or []
    except metadata.PackageNotFoundError:
        return distribution
    names = (requirement.partition(";")[0].strip() for requirement in wanted)
    return next((name for name in names if re.match(rf"{re.escape(distribution)}\b(?!-)", name)), distribution)


def _decoder(loads: set[str]) -> Finding:
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
    remedy = "set FERVIDEO_CACHE to a folder that can be written, or use --no-cache"
    try:
        root = cache.root()
        n_bytes, clips = cache.size()
    except (FervideoError, OSError) as error:
        return Finding("cache", str(error), remedy)
    # The first run makes the folder; until then its nearest parent must be writable.
    present = next((folder for folder in (root, *root.parents) if folder.exists()), root)
    text = f"{root}: {counted(clips, 'clip')}, {n_bytes / 1e6:.1f} MB"
    if present.is_dir() and os.access(present, os.W_OK):
        return Finding("cache", text)
    return Finding("cache", f"{text}, cannot be written", remedy)
