"""The doctor: it names each fault and its remedy, and survives both."""

import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from fervideo import cache, checkpoint, doctor
from fervideo.errors import OutputError

MISSING = "ImportError: {}: cannot open shared object file: No such file or directory"


@pytest.fixture
def healthy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Make every library load and fit, and write weights and an empty cache; return their folder."""
    import numpy as np

    monkeypatch.setattr(doctor, "_probe", lambda code: ("cpu (2 threads)" if "torch" in code else "", ""))
    monkeypatch.setattr(doctor.metadata, "requires", lambda name: ["numpy", "av; sys_platform == 'none'"])
    monkeypatch.setattr(checkpoint, "SHIPPED", tmp_path / "weights")
    for name in doctor._WEIGHTS:
        checkpoint.write(tmp_path / "weights" / name, {"kind": "test"}, {"weight": np.zeros(3, np.float32)})
    monkeypatch.setenv("FERVIDEO_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def debian(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Pretend to be on Debian; return the system libraries that it is to have."""
    present: set[str] = set()
    monkeypatch.setattr(doctor.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(doctor, "_loads", lambda soname: soname in present)
    return present


@pytest.fixture
def packages(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str], dict[str, str]], None]:
    """Return a function that replaces fervideo's requirements and the installed versions."""

    def pretend(requirements: list[str], versions: dict[str, str]) -> None:
        def version(name: str) -> str:
            if name not in versions:
                raise metadata.PackageNotFoundError(name)
            return versions[name]

        monkeypatch.setattr(doctor.metadata, "requires", lambda name: requirements)
        monkeypatch.setattr(doctor.metadata, "version", version)

    return pretend


def about(topic: str) -> list[doctor.Finding]:
    return [finding for finding in doctor.report()[0] if finding.topic == topic]


def test_a_sound_installation(healthy: Path):
    findings, works = doctor.report()
    assert works
    assert [finding for finding in findings if finding.remedy] == []
    assert {"fervideo", "python", "torch", "mediapipe", "opencv", "decord", "av", "numpy", "pandas"} <= {
        finding.topic for finding in findings
    }
    assert [finding.text for finding in about("device")] == ["cpu (2 threads)"]
    digest = checkpoint.digest(healthy / "weights" / "frame.safetensors")
    assert f"frame.safetensors sha256 {digest}" in [finding.text for finding in about("weights")]
    assert str(healthy / "cache") in about("cache")[0].text


def test_probing_the_real_libraries():
    # numpy stands for them all: the others take seconds.
    assert doctor._probe("import numpy") == ("", "")
    assert doctor._probe("import no_such_library") == ("", "ModuleNotFoundError: No module named 'no_such_library'")


def test_a_library_that_kills_its_process_is_only_a_finding():
    assert doctor._probe("import os; os.abort()") == ("", "crashes on import (exit status -6)")


def test_a_library_that_hangs_is_only_a_finding(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doctor, "_PATIENCE_S", 0.2)
    assert doctor._probe("import time; time.sleep(60)") == ("", "does not load within 0.2 s")


def test_missing_system_libraries_are_named_all_at_once(debian: set[str]):
    assert doctor.explain("cv2", MISSING.format("libGL.so.1")) == "sudo apt-get install libgl1 libglib2.0-0"
    debian.add("libGL.so.1")
    assert doctor.explain("mediapipe", MISSING.format("libgthread-2.0.so.0")) == "sudo apt-get install libglib2.0-0"
    debian.update(doctor._NEEDED)
    assert doctor.explain("mediapipe", MISSING.format("libEGL.so.1")) == "sudo apt-get install libegl1"


def test_an_unknown_system_library_is_searched_for(debian: set[str]):
    assert "apt-file search libodd-2.so.7" in doctor.explain("av", MISSING.format("libodd-2.so.7"))


def test_without_apt_the_library_is_still_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    assert doctor.explain("cv2", MISSING.format("libGL.so.1")) == "install the system package that contains libGL.so.1"


def test_versions_are_compared_with_requirements(packages: Callable[[list[str], dict[str, str]], None]):
    required = ["av>=17", "numpy<2,>=1.26", "loky>=3.4", "torch<2.14,>=2.6", "Odd_Name>=1", "strange>=1", "broken>=1"]
    required += ["decord==0.6.0; sys_platform == 'none'", "ray>=2.40; extra == 'ray'"]
    installed = {"av": "15.1.0", "numpy": "2.0.0rc1", "torch": "2.13.0+cpu", "Odd_Name": "2.0.dev3"}
    packages(required, {**installed, "strange": "no version", "broken": ""})
    found = {mismatch.name: (mismatch.installed, mismatch.remedy) for mismatch in doctor.mismatches(required)}
    assert found == {
        "av": ("15.1.0", "pip install 'av>=17'"),
        "numpy": ("2.0.0rc1", "pip install 'numpy<2,>=1.26'"),
        "loky": ("", "pip install 'loky>=3.4'"),
        "strange": ("no version", "pip install 'strange>=1'"),
        "broken": ("", "pip install 'broken>=1'"),
    }


def test_each_mismatch_is_a_fault_with_its_remedy(healthy: Path, packages: Callable[[list[str], dict[str, str]], None]):
    packages(["av>=17", "loky>=3.4", "numpy<2,>=1.26"], {"av": "14.0.1", "loky": "3.0.0", "numpy": "1.26.4"})
    assert not doctor.report()[1]
    assert [(finding.text, finding.remedy) for finding in about("av")] == [
        ("14.0.1, required is av>=17", "pip install 'av>=17'")
    ]
    assert [(finding.text, finding.remedy) for finding in about("requires")] == [
        ("not met: av, loky", ""),
        ("loky 3.0.0, required is loky>=3.4", "pip install 'loky>=3.4'"),
    ]
    assert [finding.remedy for finding in about("numpy")] == [""]


def test_an_uninstalled_checkout_is_no_fault(healthy: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(name: str) -> list[str]:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(doctor.metadata, "requires", fail)
    assert doctor.report()[1]
    assert "is not installed" in about("requires")[0].text


def test_the_versions_installed_here_are_read():
    assert [mismatch.name for mismatch in doctor.mismatches(["pytest>=1", "no-such.package"])] == ["no-such-package"]
    # The tests could not run if they did not fit.
    assert doctor._requirements()[1].text == "all requirements are met"


def test_without_packaging_nothing_is_compared_and_the_rest_is_reported(healthy: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "packaging.requirements", None)
    findings, works = doctor.report()
    assert not works
    assert [finding.remedy for finding in findings if finding.topic == "requires"] == ["pip install packaging"]
    assert about("numpy")[0].text == metadata.version("numpy")


def test_a_library_that_is_not_there_is_installed_as_required(monkeypatch: pytest.MonkeyPatch):
    wanted = ["torch-geometric", "torch<2.14,>=2.6", "decord==0.6.0; sys_platform == 'linux'"]
    monkeypatch.setattr(doctor.metadata, "requires", lambda name: wanted)
    remedy = doctor.explain("torch", "ModuleNotFoundError: No module named 'torch'")
    assert remedy == "pip install --force-reinstall 'torch<2.14,>=2.6'"


def break_library(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(doctor, "_probe", lambda code: ("", "ImportError: broken" if f"import {name}" in code else ""))


@pytest.mark.parametrize("name", ["torch", "mediapipe", "cv2", "av", "numpy", "pandas"])
def test_no_library_is_spared(healthy: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    break_library(monkeypatch, name)
    findings, works = doctor.report()
    assert not works
    assert any("ImportError: broken" in str(finding) and finding.remedy for finding in findings)


def test_pyav_stands_in_for_decord(healthy: Path, monkeypatch: pytest.MonkeyPatch):
    break_library(monkeypatch, "decord")
    assert doctor.report()[1]
    assert [finding.text for finding in about("decoder")] == ["PyAV"]


def test_missing_and_broken_weights(healthy: Path):
    (healthy / "weights" / "frame.safetensors").unlink()
    (healthy / "weights" / "sequence.safetensors").write_bytes(b"no weights")
    assert not doctor.report()[1]
    assert [finding.text.partition(":")[0] for finding in about("weights") if finding.remedy] == [
        "frame.safetensors",
        "sequence.safetensors",
    ]


def test_a_cache_that_cannot_be_used(healthy: Path, monkeypatch: pytest.MonkeyPatch):
    (healthy / "file").touch()
    monkeypatch.setenv("FERVIDEO_CACHE", str(healthy / "file" / "cache"))
    assert "FERVIDEO_CACHE" in about("cache")[0].remedy

    def fail() -> None:
        raise OutputError("cache", "cannot be read", "mend it")

    monkeypatch.setattr(cache, "size", fail)
    assert not doctor.report()[1]


def test_the_doctor_itself_loads_nothing_heavy():
    heavy = ("torch", "mediapipe", "cv2", "pandas")
    code = f"import sys, fervideo.doctor; print([name for name in {heavy} if name in sys.modules])"
    assert doctor._probe(code) == ("[]", "")
