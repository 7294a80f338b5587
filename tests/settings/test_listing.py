"""Lists of settings: records, ranges in words, text, TOML, and the page of the docs."""

from pathlib import Path

from fervideo import settings
from fervideo.settings import Settings, TrainingSettings, describe

PAGE = Path(settings.__file__).parents[1] / "docs" / "settings.md"


def test_every_key_is_described():
    found = describe()
    tree = TrainingSettings().model_dump()
    assert [(each.section, each.key) for each in found] == [(name, key) for name in tree for key in tree[name]]
    for each in found:
        assert each.range, each.key
        assert each.description.endswith("."), each.key
        assert each.description[0].isupper() or each.description.startswith(("1:", "bfloat16")), each.key
        assert each.value == each.default == tree[each.section][each.key]


def test_values_and_defaults_are_apart():
    found = {each.key: each for each in describe(settings.load("fast"))}
    assert (found["sample_fps"].value, found["sample_fps"].default) == (10, None)
    assert "epochs" not in found


def test_ranges_are_words_with_units():
    found = {each.key: each.range for each in describe()}
    assert found["sample_fps"] == "above 0 to 1000 frames per second, or unset"
    assert found["decoder"] == "one of auto, decord, pyav"
    assert found["max_faces"] == "auto, or 1 to 16"
    assert found["max_gap_s"] == "0 to 10 seconds"
    assert found["stay"] == "auto, 0, or 0.5 to below 1"
    assert found["hold"] == "above 0 to below 1"
    assert found["cache"] == "true or false"
    assert found["rate"] == "above 0 to 1"
    assert found["model"] == "a path, or default"


def test_text_marks_values_that_differ_from_the_defaults():
    text = settings.to_text(settings.load("fast"))
    assert "[events] Events, found in the course of the probabilities." in text
    assert "  min_duration_s = 0.3 (default: 0.2)     0 to 10 seconds\n      Shorter events are merged" in text
    assert "  sample_fps = 10.0 (default: unset)" in text
    assert text.count("(default: ") == 2
    assert max(map(len, text.splitlines())) <= 120


def test_toml_reads_back(tmp_path: Path):
    changed = settings.load("accurate", [("", "video.sample_fps=5"), ("", "train.epochs=3")], TrainingSettings)
    for comments in (False, True):
        for chosen in (TrainingSettings(), changed):
            path = tmp_path / "written.toml"
            path.write_text(settings.to_toml(chosen, comments=comments), encoding="utf-8")
            assert settings.load(path, kind=TrainingSettings) == chosen


def test_the_page_of_the_docs_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == settings.to_markdown(), (
        "the settings changed; run: python tools/generated_docs.py"
    )


def test_every_run_setting_is_on_the_page():
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"| `{key}` |" in text for section in Settings().model_dump().values() for key in section)
