"""Frame classifiers side by side: the scores, the table and the JSON."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fervideo import classifiers, cli, settings
from fervideo.errors import DatasetError, UsageError
from fervideo.training import compare

KEYS = [
    *("classifier", "n", "accuracy", "macro_f1", "uar", "ece", "ms_per_face", "parameters", "bytes"),
    *("recall", "confusion", "left_out"),
]


def test_weights_of_a_classifier_that_is_not_compared_are_refused(faces: Path):
    own = settings.Settings.model_validate({"classifier": {"weights": "mine.safetensors"}})
    with pytest.raises(
        UsageError, match="is given for cnn, which is not among svm, mlp; give its path in --classifiers"
    ):
        compare.compare(faces, ["svm", "mlp"], own)


def test_weights_that_are_not_part_of_the_package_are_named(faces: Path):
    from fervideo.errors import WeightsError

    own = settings.Settings.model_validate({"classifier": {"name": "svm", "landmarks": "dlib"}})
    with pytest.raises(WeightsError, match=r"is not part of fervideo.*train it \(tools/train_classifiers\.py svm"):
        compare.compare(faces, ["svm"], own)


@pytest.mark.parametrize("name", ["cnn", "transfer", "svm", "mlp"])
def test_every_classifier_is_scored(faces: Path, name: str, capsys: pytest.CaptureFixture[str]):
    assert cli.main(["compare", str(faces), "--classifiers", name, "--json", "--only-present", "--workers", "1"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert list(row) == KEYS
    assert (row["classifier"], row["n"], row["recall"]["happiness"], row["recall"]["fear"]) == (name, 3, 1.0, None)
    confusion = np.array(row["confusion"])
    assert confusion.shape == (8, 8)
    assert confusion.sum(1).tolist() == [1, 2, 0, 0, 0, 0, 0, 0]
    assert confusion[:, 2:].sum() == 0, "only present expressions are predicted"
    assert 0 < row["ms_per_face"] < 1000
    assert row["parameters"] > 100
    assert row["bytes"] > 1000


def test_the_table_contains_scores_recalls_and_the_share_without_landmarks(
    faces: Path, capsys: pytest.CaptureFixture[str]
):
    assert cli.main(["compare", str(faces), "--classifiers", "cnn", "--workers", "1"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0].split() == [
        "3",
        "faces",
        "accuracy",
        "macro_f1",
        "uar",
        "ece",
        "ms_per_face",
        "parameters",
        "MB",
    ]
    assert "no landmarks in 33.3% of the pictures" in out


def test_images_of_the_training_are_left_out_of_the_scores(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    images = np.full((3, 8, 8), 90, np.uint8)
    images[2] += 1
    labels = {"label": np.array([0, 0, 1]), "label_names": ["fear", "disgust"], "split": np.array([0, 1, 1])}
    np.savez(tmp_path / "a.npz", images=images, **labels)
    assert cli.main(["compare", str(tmp_path / "a.npz"), "--classifiers", "mlp", "--workers", "1"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("1 face ")
    assert "\n\nleft out 1 image equal to a training image\n" in out
    assert out.splitlines()[3].split() == ["recall", "disgust"]


def test_unreadable_images_are_all_listed(tmp_path: Path):
    (tmp_path / "fear").mkdir()
    for name in ("a.png", "b.jpg"):
        (tmp_path / "fear" / name).write_text("a shopping list")
    with pytest.raises(DatasetError, match="2 photographs cannot be read") as raised:
        compare.compare(tmp_path, ["cnn"])
    assert [Path(problem.partition(": ")[0]).name for problem in raised.value.problems] == ["a.png", "b.jpg"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--classifiers", "cnn,rnn"], "--classifiers rnn: classifier.name = 'rnn'"),
        (["--classifiers", "none.safetensors"], "none.safetensors: no such file"),
        (["--map", "happy"], "--map happy: is not LABEL=EXPRESSION"),
        (["--split", "test"], "--split test: a folder of images has no splits"),
    ],
)
def test_bad_usage_is_one_line(faces: Path, options: list[str], message: str, capsys: pytest.CaptureFixture[str]):
    classifiers = [] if "--classifiers" in options else ["--classifiers", "cnn"]
    assert cli.main(["compare", str(faces), *options, *classifiers]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert message in err


def test_weights_may_be_given_by_their_path(faces: Path):
    shipped = classifiers.CNN_WEIGHTS
    compared = compare.compare(faces, [str(shipped), "cnn"], settings.Settings())
    own, ours = (replace(scores, classifier="", ms_per_face=0.0) for scores in compared.classifiers)
    assert own == ours
    assert compared.found == pytest.approx(2 / 3)


def test_the_validation_split_of_ferplus(shared: Path, tmp_path: Path):
    """The first hundred: as good as in the model card, by a wide margin for so few."""
    data = np.load(shared / "ferplus.npz")
    rows = np.flatnonzero(data["split"] == 1)[:100]
    np.savez(
        tmp_path / "few.npz",
        **{name: data[name][rows] for name in ("images", "votes", "split")},
        vote_names=data["vote_names"],
    )
    compared = compare.compare(tmp_path / "few.npz", ["cnn"], split="validation")
    assert compared.classifiers[0].accuracy > 0.75
    assert compared.found > 0.9
