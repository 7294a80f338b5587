"""Options that are settings, and output folders."""

from pathlib import Path

import pytest

import fervideo


def test_options_are_settings(run, face_clip: Path, tmp_path: Path):
    config = tmp_path / "my.toml"
    config.write_text("[video]\nsample_fps = 2\n[events]\nhold = 0.3\n")
    options = ["--config", config, "--set", "events.hold=0.2", "--sample-fps", 1, "--faces", 1, "--smooth", 0.4]
    code, _, _ = run("timeline", face_clip, "-o", tmp_path, *options, "--device", "cpu", "--no-cache")
    used = fervideo.read_timeline(tmp_path / "astronaut.run.json").provenance["settings"]
    assert code == 0
    assert (used["video"]["sample_fps"], used["events"]["hold"], used["faces"]["max_faces"]) == (1, 0.2, 1)
    assert (used["sequence"]["smooth_s"], used["run"]["cache"], used["run"]["device"]) == (0.4, False, "cpu")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--faces", "0"], "--faces 0: faces.max_faces = 0"),
        (["--set", "events.hodl=1"], "did you mean events.hold?"),
        (["--sample-fps", "fast"], "--sample-fps fast: "),
        (["--smooth", "-1"], "--smooth -1: "),
        (["--device", "gpu"], "--device gpu: "),
        (["--workers", "-2"], "--workers -2: "),
        (["--config", "nowhere.toml"], "nowhere.toml: cannot be read"),
        (["--config", "fst"], "or a shipped one by its name: accurate, default, fast, train"),
        (["--config", "train"], "train: unknown setting train; leave it out here: it is for `fervideo train`"),
        (["--model", "nope"], "nope: no model found (looked for this file, and for model.safetensors in this folder)"),
        (["-o", __file__], f"{__file__}: cannot be written"),
        (["-o", f"{__file__}/sub"], f"{__file__}/sub: cannot be written"),
    ],
)
def test_a_bad_value_is_one_line(refused, face_clip: Path, tmp_path: Path, monkeypatch, options, message: str):
    monkeypatch.chdir(tmp_path)
    assert message in refused("timeline", face_clip, *options)
