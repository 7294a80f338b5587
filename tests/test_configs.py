"""configs/*.toml: the defaults in full, and files that only differ from them."""

import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

from fervideo import settings

CONFIGS = settings.shipped()
DEFAULT = CONFIGS["default"]


def keys(tree: dict[str, dict[str, object]]) -> set[tuple[str, str]]:
    return {(section, key) for section, values in tree.items() for key in values}


def test_default_toml_holds_the_defaults_of_the_code():
    assert settings.load(DEFAULT).model_dump() == settings.Settings().model_dump()


def test_default_toml_holds_every_key():
    # TOML has no None: those keys stand there commented out, in their section.
    unset = {
        (section, key)
        for section, values in settings.Settings().model_dump().items()
        for key, value in values.items()
        if value is None
    }
    text = DEFAULT.read_text(encoding="utf-8")
    for _, key in unset:
        text = text.replace(f"\n# {key} = ", f"\n{key} = ")
    present = tomllib.loads(text)
    assert keys(present) == keys(settings.Settings().model_dump())
    assert unset.isdisjoint(keys(tomllib.loads(DEFAULT.read_text(encoding="utf-8"))))


@pytest.mark.parametrize(
    ("name", "chosen", "sections"),
    [("default", settings.Settings(), "video"), ("train", settings.TrainingSettings(), "train")],
)
def test_comments_are_those_of_the_code(name: str, chosen: settings.Settings, sections: str):
    """Only the first paragraph is written by hand; `settings.to_toml` writes the rest."""
    _, _, written = CONFIGS[name].read_text(encoding="utf-8").partition("\n\n")
    code = settings.to_toml(chosen, comments=True)
    start = code.index(f"[{sections}]")
    assert written == code[code.rindex("# ", 0, start) :], (
        f"the settings changed; replace all after the first paragraph of configs/{name}.toml by its sections of: "
        "python -m fervideo settings --toml"
    )


@pytest.mark.parametrize("path", CONFIGS.values(), ids=lambda path: path.stem)
def test_every_key_has_a_comment(path: Path):
    lines = path.read_text(encoding="utf-8").splitlines()
    bare = [line for before, line in pairwise(lines) if " = " in line and line[0] != "#" and not before.startswith("#")]
    assert bare == []


@pytest.mark.parametrize("name", ["fast", "accurate"])
def test_profiles_contain_only_differences(name: str):
    path = CONFIGS[name]
    changed = settings.load(path).model_dump()
    default = settings.Settings().model_dump()
    differs = {(section, key) for section, key in keys(default) if changed[section][key] != default[section][key]}
    assert keys(tomllib.loads(path.read_text(encoding="utf-8"))) == differs


def test_fast_samples_at_ten_frames_per_second():
    assert settings.load("fast").video.sample_fps == 10
