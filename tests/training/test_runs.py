"""Training, evaluation and cross-validation from video files, as a user has them, and the problems that stop them."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch

import fervideo
from fervideo import checkpoint, cli, settings, video
from fervideo.classifiers import CNN_WEIGHTS
from fervideo.sequence.load import load_model, save_lstm
from fervideo.sequence.lstm import SequenceLSTM
from fervideo.training import run_files, runs, scores
from fervideo.training.loop import Trainer

#: A subject shows each label in one of these stretches.
STRETCHES = {"happiness": (0.0, 2.0), "bored": (2.5, 4.5)}


QUICK = (
    "--set",
    "train.epochs=2",
    "--set",
    "train.bootstrap=100",
    "--set",
    "train.hidden=8",
    "--set",
    "train.folds=3",
    "--workers",
    "1",
)


@pytest.fixture(scope="module")
def dataset(face_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Label two stretches of six copies of a clip: one file's bytes are extracted once."""
    folder = tmp_path_factory.mktemp("dataset")
    lines = ["clip,start_s,end_s,label"]
    for number in range(6):
        shutil.copy(face_clip, folder / f"subject {number}.mp4")
        lines += [f"subject {number}.mp4,{start},{end},{label}" for label, (start, end) in STRETCHES.items()]
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Share one cache among these tests."""
    before = os.environ.get("FERVIDEO_CACHE")
    os.environ["FERVIDEO_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    if before is None:
        del os.environ["FERVIDEO_CACHE"]
    else:
        os.environ["FERVIDEO_CACHE"] = before


@pytest.fixture(scope="module")
def trained(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "run"
    assert cli.main(["train", str(dataset), "-o", str(run), *QUICK]) == 0
    return run


def run_command(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = cli.main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_run_writes_the_files_of_the_readme(trained: Path, dataset: Path):
    expected = {
        "model.safetensors",
        "metrics.json",
        "history.csv",
        "confusion.png",
        "curves.png",
        "reliability.png",
        "config.toml",
    }
    assert {path.name for path in trained.iterdir()} == expected | {"splits.csv", "predictions.csv"}
    report = json.loads((trained / "metrics.json").read_text())
    # The package's model knows one of the two labels, and is no rival.
    assert set(report["test"]["systems"]) == {"model", "majority", "mean of frames", "smoothed frames"}
    assert {"war", "uar", "macro_f1", "ece", "nll", "brier", "uar_ci"} <= set(
        report["test"]["systems"]["model"]["clips"]
    )
    assert {"edit", "f1_at_50", "changes_per_min", "macro_f1"} <= set(report["test"]["systems"]["model"]["frames"])
    assert report["seed"] == 1
    assert scores.to_json(run_files.finished(trained)) == report, "it is read back as it was"
    splits = pd.read_csv(trained / "splits.csv")
    assert len(splits) == 12
    assert (splits.groupby("path")["split"].nunique() == 1).all()
    assert set(splits["split"]) == {"train", "validation", "test"}
    again = settings.load(trained / "config.toml", kind=settings.TrainingSettings)
    assert again.train.epochs == 2
    assert pd.read_csv(trained / "history.csv")["epoch"].tolist() == [1, 2]
    assert cv2.imread(str(trained / "confusion.png")) is not None
    assert load_model(trained / "model.safetensors", report["weights"]["frame"]).labels == ("happiness", "bored")


def test_the_timeline_follows_the_models_labels(
    trained: Path, face_clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    code, _, err = run_command(capsys, "timeline", face_clip, "--model", trained, "-o", tmp_path)
    assert (code, err) == (0, "")
    timeline = fervideo.read_timeline(tmp_path / "astronaut.timeline.csv")
    assert timeline.labels == ("happiness", "bored")
    assert [name for name in timeline.frames if name.startswith("p_")] == ["p_happiness", "p_bored"]
    assert "raw_neutral" in timeline.frames
    assert [name for name in timeline.summary if name.startswith("time_")] == ["time_happiness", "time_bored"]
    assert timeline.frames["valence"].isna().all(), "it knows no negative expression"
    assert set(timeline.events["expression"].dropna()) <= {"happiness", "bored"}


def test_a_finished_run_is_neither_overwritten_nor_done_again(
    trained: Path, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    before = {path: path.read_bytes() for path in trained.iterdir()}
    code, _, err = run_command(capsys, "train", dataset, "-o", trained, *QUICK)
    assert (code, err.count("\n")) == (2, 1)
    assert "holds a run already; go on with --resume" in err
    code, out, _ = run_command(capsys, "train", dataset, "-o", trained, *QUICK, "--resume")
    assert code == 0
    assert "model" in out
    (folder := tmp_path / "torn").mkdir()
    for text in ("[]", '{"identity": "1"}'):
        (folder / "metrics.json").write_text(text)
        code, _, err = run_command(capsys, "train", dataset, "-o", folder, *QUICK, "--resume")
        assert code == 2
        assert "cannot be read" in err
    given = ("--resume", "--set", "train.seed=9", "--init", "default", "--workers", "2")
    code, _, err = run_command(capsys, "train", dataset, "-o", trained, *given)
    assert code == 2
    differing = "was begun with other options: --init default (there none), --set train.seed=9 (there 1); leave these"
    assert differing in err
    assert {path: path.read_bytes() for path in trained.iterdir()} == before


def test_the_same_run_gives_the_same_model(trained: Path, dataset: Path, tmp_path: Path):
    assert cli.main(["train", str(dataset), "-o", str(tmp_path / "b"), *QUICK]) == 0
    assert (tmp_path / "b" / "model.safetensors").read_bytes() == (trained / "model.safetensors").read_bytes()


def test_evaluation_leaves_out_clips_that_were_trained_on(
    trained: Path, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    code, out, err = run_command(capsys, "evaluate", dataset, "--model", trained, "-o", tmp_path / "out", *QUICK)
    assert (code, err) == (0, "")
    report = json.loads((tmp_path / "out" / "metrics.json").read_text())
    splits = pd.read_csv(trained / "splits.csv")
    assert report["n_clips"] == (splits["split"] == "test").sum()
    assert report["left_out"] == 12 - report["n_clips"]
    assert f"left out {report['left_out']} rows of other splits, or that the model learnt from" in out
    assert report["systems"]["model"] == json.loads((trained / "metrics.json").read_text())["test"]["systems"]["model"]
    assert "mean of frames" in out
    assert len(pd.read_csv(tmp_path / "out" / "predictions.csv")) == report["n_clips"]
    code, _, _ = run_command(
        capsys, "evaluate", dataset, "--model", trained, "-o", tmp_path / "all", "--split", "all", *QUICK
    )
    assert json.loads((tmp_path / "all" / "metrics.json").read_text())["n_clips"] == 12
    # The dataset has no splits of its own: the run's are meant.
    code, _, _ = run_command(
        capsys, "evaluate", dataset, "--model", trained, "-o", tmp_path / "v", "--split", "validation", *QUICK
    )
    assert (
        json.loads((tmp_path / "v" / "metrics.json").read_text())["n_clips"] == (splits["split"] == "validation").sum()
    )


def test_clips_that_were_trained_on_are_known_from_any_folder(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """By another path, from another folder, and as another format."""
    monkeypatch.chdir(dataset.parent)
    assert cli.main(["train", dataset.name, "-o", str(tmp_path / "run"), *QUICK]) == 0
    splits = pd.read_csv(tmp_path / "run" / "splits.csv")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.csv").write_text(
        "\n".join(["path,label", *(f"{path},bored" for path in splits["path"].unique())]) + "\n"
    )
    chosen = settings.TrainingSettings.model_validate(
        {"sequence": {"model": str(tmp_path / "run")}, "train": {"bootstrap": 100}}
    )
    n_tested = (splits["split"] == "test").sum()
    assert runs.evaluate_run(dataset, chosen, progress=False).n_clips == n_tested
    assert runs.evaluate_run(tmp_path / "list.csv", chosen, progress=False).n_clips == n_tested / 2


def test_no_clip_tests_a_model_that_learnt_from_it_before(
    trained: Path, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    code, _, err = run_command(
        capsys, "train", dataset, "-o", tmp_path / "run", "--init", trained, *QUICK, "--set", "train.seed=5"
    )
    assert code == 2
    assert "is in test, and the model to begin with had it in train" in err
    assert cli.main(["train", str(dataset), "-o", str(tmp_path / "same"), "--init", str(trained), *QUICK]) == 0


def test_a_video_that_breaks_off_while_it_is_decoded_is_a_problem(
    face_clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    source = video.probe(face_clip, settings.VideoSettings())
    (window,) = video.windows(source, np.arange(8))
    lines = ["path,label,subject"]
    for number in range(12):
        folder = tmp_path / "data" / f"take {number}"
        folder.mkdir(parents=True)
        for index, frame in enumerate(window.frames):
            cv2.imwrite(str(folder / f"{index:03d}.png"), frame[..., ::-1])
        lines.append(f"take {number},{('happiness', 'bored')[number % 2]},{number // 2}")
    (tmp_path / "data" / "list.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "data" / "take 3" / "004.png").write_bytes(b"no image")
    command = ("train", tmp_path / "data", "-o", tmp_path / "run", *QUICK, "--set", "video.image_fps=10")
    code, _, err = run_command(capsys, *command)
    assert code == 2
    assert "list.csv:5: " in err
    assert "is damaged" in err
    code, _, _ = run_command(capsys, *command, "--on-error", "skip")
    assert code == 1
    assert len(pd.read_csv(tmp_path / "run" / "skipped.csv")) == 1


def test_labels_that_the_model_lacks_name_both_sides(
    trained: Path, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    folder = shutil.copytree(dataset, tmp_path / "data")
    text = (folder / "labels.csv").read_text()
    (folder / "labels.csv").write_text(text.replace("bored", "tired", 1))
    code, _, err = run_command(capsys, "evaluate", folder, "--model", trained, *QUICK)
    assert code == 2
    assert f"{folder / 'labels.csv'}:3: label 'tired' is unknown to the model, which knows happiness, bored" in err
    voted = "path,label,label_votes\nsubject 0.mp4,bored,bored:3|tired:2\nsubject 1.mp4,bored,bored:x\n"
    (folder / "labels.csv").write_text(voted)
    code, _, err = run_command(capsys, "evaluate", folder, "--model", trained, *QUICK)
    assert code == 2
    assert "labels.csv:2: label 'tired' is unknown to the model" in err
    assert "labels.csv:3: label_votes 'bored:x' are not votes" in err


def test_fine_tuning_keeps_the_labels_of_the_model(dataset: Path, tmp_path: Path):
    assert cli.main(["train", str(dataset), "-o", str(tmp_path / "tuned"), "--init", "default", *QUICK]) == 0
    report = json.loads((tmp_path / "tuned" / "metrics.json").read_text())
    assert report["test"]["labels"] == [*fervideo.EXPRESSIONS, "bored"]
    assert {"starting model", "default model"} <= set(report["test"]["systems"]), "on the same test items"
    assert [gain["over"] for gain in report["gains"]] == ["starting model", "default model"]
    # The shipped model's chance to stay was fitted to its own predictions alone.
    assert checkpoint.read(tmp_path / "tuned" / "model.safetensors").header["config"]["stay"] == 0


def test_fine_tuning_and_evaluation_use_the_starting_models_inputs(dataset: Path, tmp_path: Path):
    torch.manual_seed(0)
    start = SequenceLSTM(embedding_dim=0, hidden=8, labels=("happiness", "bored"), inputs=("smile", "yaw_deg"))
    save_lstm(start, tmp_path / "start.safetensors", {"frame_cnn": checkpoint.digest(CNN_WEIGHTS)})
    init = ("--init", str(tmp_path / "start.safetensors"))
    assert cli.main(["train", str(dataset), "-o", str(tmp_path / "tuned"), *init, *QUICK]) == 0
    header = checkpoint.read(tmp_path / "tuned" / "model.safetensors").header
    assert (header["inputs"], header["config"]["embedding_dim"]) == (["smile", "yaw_deg"], 0)
    assert cli.main(["evaluate", str(dataset), "--model", str(tmp_path / "tuned"), *QUICK]) == 0


@pytest.mark.parametrize("epochs_before", [0, 1])
def test_a_run_goes_on_with_its_own_options(
    trained: Path, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, epochs_before: int
):
    """As the docs have it: `fervideo train mine.csv -o tuned --resume`, without its other options."""
    options = ("--init", str(trained), *QUICK)
    if not (whole := trained.parent / "tuned").exists():
        assert cli.main(["train", str(dataset), "-o", str(whole), *options]) == 0
    epoch = Trainer._epoch

    def interrupted(trainer: Trainer, number: int, progress: bool) -> None:
        if number >= epochs_before:
            raise KeyboardInterrupt
        epoch(trainer, number, progress)

    tuned = tmp_path / "tuned"
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_epoch", interrupted)
        assert cli.main(["train", str(dataset), "-o", str(tuned), *options]) == 130
    assert cli.main(["train", str(dataset), "-o", str(tuned), "--resume"]) == 0
    assert (tuned / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


def test_one_label_is_nothing_to_learn(dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = shutil.copytree(dataset, tmp_path / "data")
    (folder / "labels.csv").write_text((folder / "labels.csv").read_text().replace("bored", "happiness"))
    for command in ("train", "cross-validate"):
        code, _, err = run_command(capsys, command, folder, "-o", tmp_path / "run", *QUICK)
        assert (code, err.count("\n")) == (2, 1)
        assert "nothing to learn: all clips to train on" in err
    assert not (tmp_path / "run").exists()


def test_cross_validation(dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    code, out, _ = run_command(capsys, "cross-validate", dataset, "-o", tmp_path / "cv", *QUICK)
    report = json.loads((tmp_path / "cv" / "metrics.json").read_text())
    assert (code, set(report["folds"])) == (0, {"1", "2", "3"})
    assert np.sum(report["pooled"]["clips"]["confusion"]) == 12, "every clip is tested once"
    assert "12 intervals, 3 folds" in out
    assert "model, mean of folds" in out
    code, _, err = run_command(
        capsys, "cross-validate", dataset, "-o", tmp_path / "cv", *QUICK, "--set", "train.seed=9"
    )
    assert code == 2
    assert "fold_1: is a run of other options: --set train.seed=9 (there 1); choose another folder" in err


def test_cross_validation_keeps_subjects_on_one_side(dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = shutil.copytree(dataset, tmp_path / "data")
    lines = [f"subject {k}.mp4,happiness,{k // 2},{k % 3}" for k in range(6)]
    (folder / "labels.csv").write_text("\n".join(["path,label,subject,fold", *lines]) + "\n")
    code, _, err = run_command(capsys, "cross-validate", folder, "-o", tmp_path / "cv", *QUICK)
    assert code == 2
    assert "labels.csv:2: subject 0 is in test and " in err


def test_all_problems_are_listed_before_the_work(dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = shutil.copytree(dataset, tmp_path / "data")
    (folder / "torn.mp4").write_bytes((folder / "subject 0.mp4").read_bytes()[:3000])
    rows = (
        "missing.mp4,0,1,happiness",
        "torn.mp4,0,1,bored",
        "subject 1.mp4,x,1,bored",
        "subject 1.mp4,5,5.5,hapiness",
        "subject 1.mp4,5.5,6,rare",
        "subject 1.mp4,50,51,bored",
    )
    with (folder / "labels.csv").open("a") as file:
        file.write("\n".join(rows) + "\n")
    code, out, err = run_command(capsys, "train", folder, "-o", tmp_path / "run", *QUICK)
    lines = err.splitlines()
    assert (code, [line.split()[0] for line in out.splitlines()][::5]) == (2, ["format", "problems"])
    for row, reason in (
        (14, "missing.mp4 does not exist"),
        (15, "torn.mp4"),
        (16, "'x' is no time"),
        (17, "did you mean happiness?"),
        (19, "begins at 50 s, and"),
    ):
        assert any(f"labels.csv:{row}: " in line and reason in line for line in lines), (row, lines)
    assert "5 problems" in lines[-1]
    assert not (tmp_path / "run").exists()
    code, out, err = run_command(capsys, "train", folder, "-o", tmp_path / "run", "--on-error", "skip", *QUICK)
    assert code == 1
    rare = "label 'rare' (1 clip of 1 subject): trained on, not scored: no clip of it is in test"
    assert rare in out
    assert err.endswith(f"fervideo: left out 5 rows with problems, see {tmp_path / 'run' / 'skipped.csv'}\n")
    skipped = pd.read_csv(tmp_path / "run" / "skipped.csv")
    assert sorted(int(origin.rpartition(":")[2]) for origin in skipped["origin"]) == [14, 15, 16, 17, 19]
    assert len(pd.read_csv(tmp_path / "run" / "splits.csv")) == 13


def test_a_folder_of_images_is_a_video(trained: Path, face_clip: Path, tmp_path: Path):
    source = video.probe(face_clip, settings.VideoSettings())
    (window,) = video.windows(source, np.arange(5, 25))
    folder = tmp_path / "images"
    folder.mkdir()
    for number, frame in enumerate(window.frames):
        # Two images are missing, and their time stays empty.
        if number not in (7, 8):
            cv2.imwrite(str(folder / f"S001_{number + 11:08d}.png"), frame[..., ::-1])
    chosen = settings.Settings.model_validate(
        {"video": {"image_fps": 10}, "run": {"workers": 1}, "sequence": {"model": str(trained)}}
    )
    timeline = fervideo.analyze(folder, chosen)
    assert timeline.info.decoder == "images"
    frames = timeline.frames
    assert frames["frame"].tolist() == list(range(18))
    np.testing.assert_allclose(frames["time_s"], [k / 10 for k in range(20) if k not in (7, 8)])
    assert (frames["status"] == "ok").all()
    images = video.probe(folder, chosen.video)
    again = next(video.windows(images, np.array([3])))
    np.testing.assert_array_equal(again.frames[0], window.frames[3])
    other = video.probe(folder, settings.VideoSettings(image_fps=30))
    assert other.info.fingerprint != images.info.fingerprint, "another rate is another video"


def test_config_train_toml_holds_the_defaults_of_the_code():
    path = Path(__file__).parents[2] / "configs" / "train.toml"
    chosen = settings.load(path, kind=settings.TrainingSettings)
    assert chosen == settings.TrainingSettings()
    assert chosen.model_fields_set == {"train"}
    assert chosen.train.model_fields_set == set(settings.TrainSettings.model_fields)


def test_the_api_returns_the_report(trained: Path, dataset: Path):
    chosen = settings.TrainingSettings.model_validate(
        {"sequence": {"model": str(trained)}, "train": {"bootstrap": 100}}
    )
    report = runs.evaluate_run(dataset, chosen, progress=False)
    assert report.labels == ("happiness", "bored")


def test_evaluation_smooths_as_the_timeline_does(trained: Path, dataset: Path):
    def changes(**sequence_settings: object) -> float:
        values = {"sequence": {"model": str(trained), **sequence_settings}, "train": {"bootstrap": 100}}
        report = runs.evaluate_run(
            dataset, settings.TrainingSettings.model_validate(values), split="all", progress=False
        )
        return report.systems["model"].frames.changes_per_min

    assert changes() > changes(smooth_s=5.0) == 0


def test_a_fold_may_be_given_as_a_number():
    chosen = settings.load(None, [("--set train.fold=2", "train.fold=2")], settings.TrainingSettings)
    assert chosen.train.fold == "2"
