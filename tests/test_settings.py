"""Settings: where values come from, and what is said of those that cannot be."""

from pathlib import Path

import pytest

from fervideo.errors import UsageError
from fervideo.settings import Settings, cache_digests, load


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
        ("sequence.stay=long", "sequence.stay = 'long': input should be 'auto'; it is: auto, 0, or 0.5 to below 1"),
        ("video.sample_fps=0", "greater than 0"),
        ("run.device=tpu", "'auto', 'cpu' or 'cuda'"),
        ("events.hold=0.9", "above events.enter"),
        ("sequence.overlap_s=45", "a third of"),
        ("hold=0.3", "is not section.key=value"),
        ("events.hold", "is not section.key=value"),
    ],
)
def test_what_cannot_be_is_refused_with_its_source_and_a_remedy(change: str, message: str):
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


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(UsageError, match=r"nowhere\.toml.*cannot be read"):
        load(tmp_path / "nowhere.toml")


def test_only_what_changes_features_changes_their_key():
    faces, _ = cache_digests(Settings())
    for change in ("events.hold=0.2", "sequence.smooth_s=1", "tracking.max_gap_s=2", "run.workers=3"):
        assert cache_digests(load(None, [("", change)]))[0] == faces, change
    for change in ("faces.max_faces=2", "video.sample_fps=5", "faces.min_detection_confidence=0.4"):
        assert cache_digests(load(None, [("", change)]))[0] != faces, change
