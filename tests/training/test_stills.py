"""Readers of labelled photographs, and landmarks in tiny ones."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fervideo.errors import UsageError
from fervideo.records import EXPRESSIONS
from fervideo.training import stills


def archive(path: Path, **changes: object) -> Path:
    """Write three images of the train split and two of the test split, one of them with a majority."""
    votes = np.zeros((5, 10), np.uint8)
    votes[:, 1] = (9, 9, 9, 9, 5)
    votes[4, 0] = 5
    images = np.arange(5, dtype=np.uint8)[:, None, None] + np.full((5, 48, 48), 90, np.uint8)
    arrays = {"images": images, "votes": votes, "split": np.array([0, 0, 0, 2, 2])}
    np.savez(path, **{name: array for name, array in (arrays | changes).items() if array is not None})
    return path


def test_an_archive_gives_the_images_that_have_a_majority(tmp_path: Path):
    path = archive(tmp_path / "a.npz")
    assert stills.read(path).label.tolist() == [1]
    assert stills.read(path, "train").label.tolist() == [1, 1, 1]
    assert stills.read(path, "train").images[0].shape == (48, 48)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"votes": None, "split": None}, "lacks split, votes"),
        ({"votes": None, "label": np.ones(5, int)}, "lacks label_names"),
        ({"votes": None, "label": np.ones(5, int), "label_names": ["fear"]}, r"label int64 \(5,\), label_names"),
        ({"votes": np.zeros((5, 8))}, r"votes float64 \(5, 8\)"),
        ({"images": np.zeros((5, 48, 48))}, "images float64"),
        ({"vote_names": np.array([*EXPRESSIONS[::-1], "unknown", "NF"])}, "its votes are for contempt, fear"),
        ({"votes": np.zeros((5, 10))}, "no image with a clear label in its test split"),
        ({"split": np.array(["test"] * 5)}, "split <U4"),
        ({"images": np.zeros((5, 48, 48, 4), np.uint8)}, r"images uint8 \(5, 48, 48, 4\)"),
        ({"images": np.zeros((5, 0, 48), np.uint8)}, r"images uint8 \(5, 0, 48\)"),
        ({"votes": np.full((5, 10), "1")}, "votes <U1"),
    ],
)
def test_another_archive_is_refused(tmp_path: Path, changes: dict[str, object], reason: str):
    with pytest.raises(UsageError, match=reason):
        stills.read(archive(tmp_path / "a.npz", **changes))


def test_an_archive_of_labels_gives_its_last_split(tmp_path: Path):
    labels = {"votes": None, "label": np.array([0, 1, 2, 0, 1]), "label_names": ["sadness", "Happy", "fear"]}
    path = archive(tmp_path / "a.npz", **labels, split=np.array([1, 1, 0, 0, 1]))
    renamed = {"happy": "happiness"}
    assert stills.read(path, renamed=renamed).label.tolist() == [3, 1, 1]
    assert stills.read(path, "train", renamed).label.tolist() == [6, 3]
    assert stills.read(path, renamed={"happy": "none"}).label.tolist() == [3]
    with pytest.raises(UsageError, match=r"has unknown labels: Happy; .* such as --map 'Happy=happiness'"):
        stills.read(path)
    with pytest.raises(UsageError, match="has no image left in its validation split"):
        stills.read(path, renamed={"happy": "none", "sadness": "none"})


def test_images_that_equal_a_training_image_are_left_out_and_counted(tmp_path: Path):
    images = np.zeros((5, 8, 8), np.uint8)
    images[[0, 3], 1, 1] = 7
    images[4, 2, 2] = 7
    votes = np.zeros((5, 10), np.uint8)
    votes[:, 1] = 9
    path = archive(tmp_path / "a.npz", images=images, votes=votes)
    found = stills.read(path)
    assert (found.known, len(found.images)) == (1, 1)
    np.testing.assert_array_equal(found.images[0], images[4])
    assert (stills.read(path, "train").known, len(stills.read(path, "train").images)) == (0, 3)


def test_other_files_and_folders_are_refused(tmp_path: Path):
    (tmp_path / "text.npz").write_text("a shopping list")
    (tmp_path / "empty.npz").touch()
    np.save(tmp_path / "array.npy", np.zeros(3))
    bad = ("text.npz", "empty.npz", "array.npy")
    for name, reason in (
        ("none.npz", "does not exist"),
        (".", "holds no folders with images"),
        *((name, "cannot be read") for name in bad),
    ):
        with pytest.raises(UsageError, match=reason):
            stills.read(tmp_path / name)


def test_the_majority_rule_is_microsofts():
    votes = np.zeros((5, 10), np.uint8)
    votes[0, [0, 1]] = (6, 4)
    votes[1, [0, 1]] = (5, 5)  # no more than half
    votes[2, [0, 2]] = (2, 1)  # a single vote does not count
    votes[3, [0, 8]] = (4, 6)  # unknown
    votes[4, [0, 1, 2]] = (1, 1, 1)
    majority, shares = stills.majority_rule(votes)
    assert majority.tolist() == [0, -1, 0, -1, -1]
    np.testing.assert_allclose(shares[:3, 0], [0.6, 0.5, 1.0])
    assert shares[4].sum() == 0


def test_unknown_labels_are_all_named_with_a_mapping_to_paste(tmp_path: Path):
    for label in ("Happy", "calm", "fear", "sad"):
        (tmp_path / label).mkdir()
        Image.new("L", (8, 8)).save(tmp_path / label / "x.png")
    with pytest.raises(UsageError) as raised:
        stills.read(tmp_path)
    assert "unknown labels: Happy, calm, sad;" in str(raised.value)
    options = str(raised.value).partition("--map ")[2]
    assert options == "'Happy=happiness' 'calm=none' 'sad=sadness'"
    renamed = dict(option.strip("'").split("=") for option in options.split())
    assert sorted(stills.read(tmp_path, renamed=renamed).label) == sorted(
        map(EXPRESSIONS.index, ("happiness", "fear", "sadness"))
    )
    for name, meaning, reason in (("happy", "joyful", "is no expression"), ("hapy", "happiness", "has no label hapy")):
        with pytest.raises(UsageError, match=reason):
            stills.read(tmp_path, renamed=renamed | {name: meaning})


def test_a_folder_without_images_is_named(faces: Path, tmp_path: Path):
    (tmp_path / "anger" / "deeper").mkdir(parents=True)
    (tmp_path / "fear").mkdir()
    Image.new("L", (48, 48)).save(tmp_path / "anger" / "deeper" / "a.png")
    with pytest.raises(UsageError, match=r"anger: holds no images; put images \(\.jpg"):
        stills.read(tmp_path)


def test_a_mapping_ignores_case_and_names_missing_labels(tmp_path: Path):
    (tmp_path / "Happy").mkdir()
    Image.new("L", (48, 48)).save(tmp_path / "Happy" / "a.png")
    assert stills.read(tmp_path, renamed={"HAPPY": "Happiness"}).label.tolist() == [1]
    with pytest.raises(UsageError, match=r"--map foo=anger: .* has no label foo"):
        stills.read(tmp_path, renamed={"happy": "happiness", "Foo": "anger"})


def test_tiny_faces_get_landmarks_and_a_wall_none(faces: Path):
    paths = [faces / "happiness" / "large.png", faces / "happiness" / "tiny.jpg", faces / "neutral" / "wall.png"]
    crops, landmarks, problems = stills.look(paths)
    assert problems == []
    assert np.isfinite(landmarks).all((1, 2)).tolist() == [True, True, False]
    np.testing.assert_allclose(landmarks[1] * 200 / 48, landmarks[0], atol=12)
    assert np.abs(crops[0].astype(int) - crops[1]).mean() < 25
    assert np.ptp(crops[2]) == 0
