"""The table of layouts: recognised by itself, asked for by name, and found wanting."""

from __future__ import annotations

from pathlib import Path

import pytest
from training_builders import labels, table, tree

from fervideo.errors import DatasetError
from fervideo.training import datasets


@pytest.mark.parametrize("name", datasets.FORMATS)
def test_a_reader_that_finds_no_clip_names_the_folder(tmp_path: Path, name: str):
    with pytest.raises(DatasetError) as caught:
        datasets.read(tmp_path, name)
    message = f"{caught.value} {' '.join(caught.value.problems)}"
    assert str(tmp_path) in message


def test_an_unknown_layout_and_an_unknown_name(tmp_path: Path):
    with pytest.raises(DatasetError, match=r"in no layout that is known; `fervideo docs datasets`.*one of ravdess"):
        datasets.read(tmp_path)
    with pytest.raises(DatasetError, match=r"one of ravdess"):
        datasets.read(tmp_path, "ravdes")
    with pytest.raises(DatasetError, match="does not exist"):
        datasets.read(tmp_path / "none")


def test_two_layouts_that_fit_are_never_guessed_between(tmp_path: Path):
    tree(tmp_path, "happy/a.mp4", "sad/b.mp4")
    table(tmp_path / "list.csv", "path,label", "happy/a.mp4,bored")
    with pytest.raises(DatasetError, match=r"2 ways: manifest .* and folder .*--format manifest or --format folder"):
        datasets.read(tmp_path)
    assert labels(datasets.read(tmp_path, "manifest")) == {"happy/a": "bored"}
    # A manifest may have the columns of intervals.
    table(tmp_path / "one" / "list.csv", "path,clip,start_s,end_s,label", "a.mp4,a,0,1,sad")
    assert datasets.read(tmp_path / "one").format == "manifest"


@pytest.mark.parametrize("above", ["", "datasets/", "downloads/datasets/"])
@pytest.mark.parametrize("name", [None, "ravdess"])
def test_a_folder_above_the_dataset(tmp_path: Path, above: str, name: str | None):
    tree(tmp_path, f"{above}RAVDESS/Actor_01/02-01-06-01-02-01-12.mp4", "__MACOSX/._RAVDESS", "notes/todo.txt")
    assert labels(datasets.read(tmp_path, name)) == {"02-01-06-01-02-01-12": "fear"}


def test_a_folder_of_datasets_is_not_one_dataset(tmp_path: Path):
    tree(tmp_path, "acted/VideoFlash/1001_DFA_ANG_XX.flv", "mine/happy/a.mp4")
    with pytest.raises(DatasetError, match=r"holds 2 datasets: acted \(crema-d\), mine \(folder\); give the folder"):
        datasets.read(tmp_path)
