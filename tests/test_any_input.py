"""Readers of files that people write, given anything: they read it or refuse it with an error of ours.

Few examples, always the same ones. `FERVIDEO_EXAMPLES=5000` draws more, and others each time.
"""

from __future__ import annotations

import csv
import io
import math
import os
import tempfile
from contextlib import suppress
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from fervideo.errors import DatasetError, UsageError
from fervideo.outputs import read_timeline
from fervideo.settings import Settings, load, shipped, to_toml
from fervideo.training import datasets, frame_labels, manifest

N_EXAMPLES = os.environ.get("FERVIDEO_EXAMPLES")
few = hypothesis.settings(max_examples=int(N_EXAMPLES or 40), derandomize=not N_EXAMPLES, database=None, deadline=None)
NAMES = [f"{section}.{key}" for section, values in Settings().model_dump().items() for key in values]
#: Pieces of mistakes.
ODD = ["", "nan", "-1", "1e999", "9" * 5000, "²", "=1", '"', "\0", "\r", "[" * 3000, "a:b:c", "\ufeff"]
words = st.one_of(st.text(max_size=12), st.sampled_from(ODD))
values = st.one_of(words, st.floats().map(str), st.integers().map(str), st.sampled_from(["true", "auto", "none"]))
BORIS = ["Behavior", "Behavior type", "Status", "Time", "Start (s)", "Stop (s)", "Subject", "Media file name"]
ELAN = ["Tier", "Participant", "Begin Time - msec", "Begin Time - ss.msec", "End Time - msec", "Value"]
columns = st.sampled_from([*manifest.COLUMNS, "time_s", "frame", "neutral", *BORIS, *ELAN])
cells = st.one_of(
    values,
    st.sampled_from(["a.mp4", "happiness", "anger:3|neutral:7", "train", "interval", "START", "STOP", "STATE", "0:01"]),
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any")


def in_folder(root: Path, name: str, content: bytes) -> Path:
    """Write a file beside a clip, into a new folder."""
    folder = Path(tempfile.mkdtemp(dir=root))
    (folder / "a.mp4").write_bytes(b"x")
    (folder / name).write_bytes(content)
    return folder


def sound(found: manifest.Manifest, *, skip: bool) -> manifest.Manifest:
    return found.sound([*manifest.check(found), *frame_labels.check(found)], skip=skip)


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    """Draw a table with a header that readers know, cells of any kind, and perhaps a few bytes that are wrong."""
    text, delimiter = io.StringIO(), draw(st.sampled_from([",", "\t", ";"]))
    writer = csv.writer(text, delimiter=delimiter)
    names = draw(st.lists(columns, min_size=1, max_size=8, unique=True))
    writer.writerow(names)
    writer.writerows(draw(st.lists(st.lists(cells, max_size=len(names) + 1), max_size=6)))
    content = text.getvalue().encode("utf-8", "surrogatepass")
    at = draw(st.integers(0, len(content)))
    return content[:at] + draw(st.binary(max_size=2)) + content[at:]


@few
@hypothesis.given(st.sampled_from(NAMES), values)
def test_an_assignment_is_a_setting_or_refused(name: str, value: str):
    with suppress(UsageError):
        settings = load(None, [("--set", f"{name}={value}")])
        assert load(None, [("--set", f"{name}={value}")]) == settings


@few
@hypothesis.given(
    noise=st.one_of(st.binary(max_size=40), st.lists(values).map("\n".join).map(os.fsencode)), position=st.floats(0, 1)
)
def test_a_file_of_settings_is_read_or_refused(root: Path, noise: bytes, position: float):
    content = shipped()["fast"].read_bytes()
    at = int(position * len(content))
    path = in_folder(root, "a.toml", content[:at] + noise + content[at:]) / "a.toml"
    with suppress(UsageError):
        settings = load(path)
        path.write_text(to_toml(settings), encoding="utf-8")
        assert load(path) == settings, "it comes back as it was written"


@few
@hypothesis.given(content=tables(), name=st.sampled_from(["a.csv", "a.tsv", "a.txt"]))
def test_a_dataset_is_read_or_refused(root: Path, content: bytes, name: str):
    folder = in_folder(root, name, content)
    with suppress(DatasetError):
        clips = sound(datasets.read(folder), skip=True).clips
        labels = manifest.ordered(clip.label for clip in clips)
        for clip in clips:
            assert 0 <= manifest.target(clip, labels).sum() <= 1 + 1e-6
            assert not math.isinf(clip.start_s)


@few
@pytest.mark.parametrize("layout", ["manifest", "intervals", "boris", "elan", "frames"])
@hypothesis.given(content=tables())
def test_a_table_of_labels_is_read_or_refused(root: Path, layout: str, content: bytes):
    folder = in_folder(root, "a.txt" if layout == "elan" else "a.csv", content)
    with suppress(DatasetError):
        datasets.read(folder, layout)


@pytest.mark.parametrize("header", [b"path,label", b"frame,label", b"clip,start_s,end_s,label", b"neutral,anger"])
def test_a_cell_without_an_end_is_a_problem(root: Path, header: bytes):
    folder = in_folder(root, "a.csv", header + b"\n1," + b"x" * 200_000)
    with pytest.raises(DatasetError) as caught:
        sound(datasets.read(folder), skip=False)
    assert len(str(caught.value)) < 2000


@few
@hypothesis.given(content=tables())
def test_labels_of_frames_rise_in_time(root: Path, content: bytes):
    stored = frame_labels.read(in_folder(root, "a.csv", content) / "a.csv")
    assert len(stored.at) == len(stored.names)
    assert (np.diff(stored.at) > 0).all()
    assert (stored.weights() >= 0).all()


@few
@hypothesis.given(content=st.one_of(st.binary(max_size=50), st.sampled_from([b"[" * 100_000, b'{"a":' * 100_000])))
def test_the_record_of_a_run_is_read_or_refused(root: Path, content: bytes):
    with pytest.raises(UsageError):
        read_timeline(in_folder(root, "a.run.json", content) / "a.run.json")
