"""Sources of settings: which value wins, and the message about one that is not possible."""

from pathlib import Path

import pytest

import fervideo
from fervideo.errors import UsageError
from fervideo.settings import Settings, TrainingSettings, cache_digests, chosen, load, shipped


def test_later_sources_win(tmp_path: Path):
    config = tmp_path / "my.toml"
    config.write_text("[events]\nhold = 0.3\nenter = 0.6\n[video]\nsample_fps = 5")
    chosen = load(
        config, [("--set", "events.hold=0.25"), ("--faces 2", "faces.max_faces=2"), ("--set", "video.sample_fps=none")]
    )
    assert (chosen.events.hold, chosen.events.enter, chosen.faces.max_faces, chosen.video.sample_fps) == (
        0.25,
        0.6,
        2,
        None,
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("events.hld=0.3", "unknown setting events.hld; did you mean events.hold?"),
        ("evnts.hold=0.3", "unknown setting evnts; did you mean events?"),
        ("tracking.hold=0.3", "did you mean events.hold?"),
        ("faces.max_faces=0", "1 to 16"),
        ("faces.max_faces=many", "faces.max_faces = 'many'"),
        ("sequence.stay=1", "sequence.stay = 1.0: a probability from 0.5 to below 1"),
        ("sequence.stay=0.1", "sequence.stay = 0.1: a probability from 0.5 to below 1 is wanted, or 0"),
        ("sequence.stay=long", "sequence.stay = 'long' is not possible; it is: auto, 0, or 0.5 to below 1"),
        ("video.sample_fps=0", "above 0 to 1000"),
        ("run.device=tpu", "one of auto, cpu, cuda"),
        ("events.hold=0.9", "above events.enter"),
        ("sequence.overlap_s=45", "a third of"),
        ("train.epochs=3", "leave it out here: it is for `fervideo train`"),
        ("hold=0.3", "is not section.key=value"),
        ("events.hold", "is not section.key=value"),
    ],
)
def test_an_impossible_value_is_refused_with_its_source_and_a_remedy(change: str, message: str):
    with pytest.raises(UsageError) as raised:
        load(None, [(f"--set {change}", change)])
    assert message in str(raised.value)
    assert str(raised.value).startswith(f"--set {change}: ")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[events]\nhodl = 0.3", "did you mean events.hold?"),
        ("[events", "is not TOML"),
        ("events = 3", "events = 3"),
        ("\xff", "TOML"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, text: str, message: str):
    config = tmp_path / "my.toml"
    config.write_text(text, encoding="latin-1")
    with pytest.raises(UsageError, match=r"my\.toml") as raised:
        load(config)
    assert message in str(raised.value)


@pytest.mark.parametrize("name", ["nowhere.toml", "fats", "folder"])
def test_a_missing_file_is_named_beside_the_shipped_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match=rf"^{name}: cannot be read \(.*accurate, default, fast, train$"):
        load(name)


def test_a_shipped_file_is_taken_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert set(shipped()) == {"default", "fast", "accurate", "train"}
    monkeypatch.chdir(tmp_path)
    Path("fast").write_text("[events]\nhold = 0.3")
    assert load("fast") == load(shipped()["fast"]) != Settings()
    assert load("./fast").events.hold == 0.3
    assert load("train", kind=TrainingSettings) == TrainingSettings()


def test_values_that_fit_only_together_may_come_in_any_order(tmp_path: Path):
    for changes in (["events.enter=0.3", "events.hold=0.2"], ["sequence.window_s=9", "sequence.overlap_s=3"]):
        load(None, [("", change) for change in changes])
    config = tmp_path / "my.toml"
    config.write_text("[events]\nenter = 0.3")
    assert load(config, [("--set", "events.hold=0.2")]).events.enter == 0.3
    with pytest.raises(UsageError, match=r"^--set b: events\.hold = 0\.4 is above events\.enter = 0\.3"):
        load(None, [("--set a", "events.hold=0.4"), ("--set b", "events.enter=0.3"), ("--set c", "faces.max_faces=2")])
    with pytest.raises(UsageError, match=r"my\.toml: events\.hold"):
        load(config)


def test_settings_come_from_a_mapping_or_from_keywords():
    wanted = load(None, [("", "events.hold=0.3"), ("", "faces.max_faces=2"), ("", "sequence.model='my/run'")])
    assert chosen({"events.hold": 0.3, "faces.max_faces": 2, "sequence.model": Path("my/run")}, {}) == wanted
    assert chosen({"events": {"hold": 0.3}, "sequence": {"model": "my/run"}}, {"faces": 2}) == wanted
    assert chosen(wanted, {}) is wanted
    assert chosen(load(None, [("", "events.hold=0.3")]), {"faces": 2, "model": Path("my/run")}) == wanted
    assert chosen(None, {}) == Settings()
    # A text is a text, even if it looks like something else.
    assert chosen(None, {"model": "1.5"}).sequence.model == "1.5"


def test_later_sources_win_in_python_as_they_do_in_the_command():
    found = chosen({"video.sample_fps": 5, "faces.max_faces": 3}, {"config": "fast", "faces": 2, "cache": False})
    assert (found.video.sample_fps, found.events.min_duration_s) == (5, 0.3)
    assert (found.faces.max_faces, found.run.cache) == (2, False)


def test_changes_keep_the_kind_of_settings():
    assert isinstance(chosen(TrainingSettings(), {"faces": 2}), TrainingSettings)


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        (None, {"face": 2}, "face=2: is not an option; did you mean faces?"),
        (None, {"smoothing": 0.2}, "smoothing=0.2: is not an option; did you mean smooth?"),
        (None, {"samplefps": 10}, "did you mean sample_fps?"),
        (None, {"progres": True}, "did you mean progress?"),
        (None, {"hold": 0.2}, 'hold=0.2: is not an option; write settings={"events.hold": value}'),
        (None, {"xyz": 0.2}, "options: baseline, cache, classifier, config, device, faces, from_, model, names"),
        (None, {"faces": 0}, "faces=0: faces.max_faces = 0 is not possible; it is: auto,"),
        (None, {"config": "fst"}, "fst: cannot be read"),
        ({"events.hodl": 0.2}, {}, "settings['events.hodl']: unknown setting events.hodl; did you mean events.hold?"),
        ({"evnts": {"hold": 0.2}}, {}, "settings['evnts']['hold']: unknown setting evnts; did you mean events?"),
        ({"faces": 2}, {}, "settings['faces']: is neither section.key nor a section with a mapping; did you mean"),
        ({"event": 2}, {}, "did you mean events?"),
        ({"events": {"hold": "much"}}, {}, "settings['events']['hold']: events.hold = 'much'"),
        ("fast", {}, "settings: 'fast' is neither Settings nor a mapping"),
        (Settings(), {"config": "fast"}, "config='fast': goes with a mapping"),
    ],
)
def test_a_mistake_in_python_is_one_line(given: object, options: dict[str, object], message: str):
    with pytest.raises(UsageError) as raised:
        chosen(given, options)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_functions_take_settings_in_every_form(tmp_path: Path):
    clip = tmp_path / "none.mp4"
    for function in (
        fervideo.analyze,
        lambda path, *given, **options: fervideo.classify_photos([path], *given, **options),
    ):
        with pytest.raises(UsageError, match="did you mean faces"):
            function(clip, face=2)
        with pytest.raises(UsageError, match="did you mean events"):
            function(clip, {"evnts.hold": 0.2})


def test_only_settings_that_change_features_change_their_key():
    faces, _ = cache_digests(Settings())
    for change in ("events.hold=0.2", "sequence.smooth_s=1", "tracking.max_gap_s=2", "run.workers=3"):
        assert cache_digests(load(None, [("", change)]))[0] == faces, change
    for change in ("faces.max_faces=2", "video.sample_fps=5", "faces.min_detection_confidence=0.4"):
        assert cache_digests(load(None, [("", change)]))[0] != faces, change
