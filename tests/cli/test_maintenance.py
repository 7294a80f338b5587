"""Commands that look after an installation."""

import json
from pathlib import Path

import pytest

from fervideo import settings


def test_doctor_finds_the_parts_of_the_package(run):
    code, out, _ = run("doctor")
    assert code == 0
    for part in ("mediapipe", "torch", "frame.safetensors", "sequence.safetensors", "cache"):
        assert part in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("prune --max-size much", "--max-size much: is no size"),
        (f"prune --max-size {'9' * 400}TB", "is no size"),
        ("prune", "--max-size goes with prune, and prune with it; write `fervideo cache prune --max-size 50GB`"),
        ("clear --max-size 5GB", "cache clear: --max-size goes with prune"),
        ("prun", "invalid choice: 'prun' (choose from 'info', 'prune', 'clear'); usage: fervideo cache info|prune"),
    ],
)
def test_bad_usage_of_the_cache_is_one_line(refused, words: str, message: str):
    assert message in refused("cache", *words.split())


def test_a_cleared_cache_contains_nothing_of_ours(run, own_cache: Path):
    clip, demo = own_cache / "0123456789abcdef-0123456789abcdef", own_cache / "demo"
    for path in (clip / "00000.faces.safetensors", clip / ".fervideo-1@here-x", demo / "astronaut.mp4"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    (own_cache / "mine.mp4").write_bytes(b"x")
    code, out, err = run("cache", "clear")
    assert (code, err) == (0, "")
    assert out == f"{own_cache}: 0 clips, 0.0 MB\n"
    assert [path.name for path in own_cache.iterdir()] == ["mine.mp4"]


def test_settings_in_force_are_printed(run):
    code, out, err = run("settings", "--config", "fast", "--faces", 2, "--set", "train.epochs=3")
    assert (code, err) == (0, "")
    for line in ("sample_fps = 10.0 (default: unset)", "max_faces = 2 (default: auto)", "epochs = 3 (default: 40)"):
        assert f"  {line}" in out
    assert out.count("(default: ") == 4
    assert run("settings", "events", "--config", "fast")[1].startswith("[events] ")


def test_settings_are_printed_for_programs(run, tmp_path):
    _, out, _ = run("settings", "events", "faces", "--json", "--faces", 2)
    found = {each["key"]: each for each in json.loads(out)}
    assert {each["section"] for each in found.values()} == {"faces", "events"}
    assert found["max_faces"] == {
        "section": "faces",
        "key": "max_faces",
        "value": 2,
        "default": "auto",
        "range": "auto, or 1 to 16",
        "description": found["max_faces"]["description"],
    }
    _, out, _ = run("settings", "events", "faces", "--toml", "--faces", 2)
    (tmp_path / "my.toml").write_text(out)
    assert settings.load(tmp_path / "my.toml") == settings.load(None, [("", "faces.max_faces=2")])


def test_an_unknown_section_is_one_line(refused):
    assert refused("settings", "event") == "event: is no section of the settings; did you mean events?"
