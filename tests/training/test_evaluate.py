"""Scores of a model and its baselines on made-up samples."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from builders import make_features
from training_builders import LABELS, D, sample

from fervideo.records import EXPRESSIONS
from fervideo.sequence.lstm import SequenceLSTM
from fervideo.settings import SequenceSettings, TrainingSettings, TrainSettings
from fervideo.training import evaluate, features, gain
from fervideo.training.evaluate import Prediction
from fervideo.training.manifest import Clip
from fervideo.training.scores import DEFAULT, MODEL, START


def test_baselines_know_only_the_features():
    clip = sample(1, "anger")
    clip.course[:, :8] = np.log(1e-4)
    clip.course[:, EXPRESSIONS.index("anger")] = np.log(0.9)
    clip.course[:9, EXPRESSIONS.index("neutral")] = np.log(0.95)
    majority, mean, smoothed = evaluate.baselines([clip], LABELS, [5, 1, 1])
    systems = (majority, mean, smoothed)
    assert [system.predictions[0].clip.argmax() for system in systems if system.predictions[0]] == [0, 1, 1]
    assert mean.predictions[0] is not None
    assert mean.predictions[0].clip[2] < 1e-6, "the frame CNN knows no calm"
    np.testing.assert_allclose(mean.predictions[0].steps.sum(1), 1, rtol=1e-5)


def test_a_clip_without_a_face_is_an_error_of_every_system():
    seen, unseen = sample(1, "anger"), sample(2, "anger", steps=0)
    settings = TrainingSettings(train=TrainSettings(bootstrap=100))
    anger = np.eye(3, dtype=np.float32)[1]
    system = evaluate.System("right", [Prediction(steps=np.tile(anger, (30, 1)), clip=anger), None])
    report = evaluate.evaluate([system], [seen, unseen], LABELS, settings)
    assert report.coverage == 0.5
    assert report.systems["right"].clips.war == 0.5
    assert report.systems["right"].clips.confusion[1] == (0, 1, 0, 1)


def test_short_clips_are_settled_as_long_ones_are():
    torch.manual_seed(0)
    model = SequenceLSTM(D, hidden=8, layers=1, labels=LABELS, stay=0.9).eval()
    clips = [sample(number, LABELS[number], steps=60 + number) for number in range(3)]
    for wanted in ("auto", 0.0, 0.99):
        settings = TrainingSettings(sequence=SequenceSettings(stay=wanted))
        predictions = evaluate.predict(model, clips, settings)
        for clip, prediction in zip(clips, predictions, strict=True):
            assert prediction is not None
            expected = model.predict(clip.course, settings.sequence)
            np.testing.assert_allclose(prediction.steps, expected[0], atol=1e-4)
            np.testing.assert_allclose(prediction.clip, expected[1], atol=1e-5)


def test_frames_are_scored_where_they_are_labelled():
    clip = sample(1, "anger", frames="neutral")
    clip.frame_label[20:] = -1
    steps = np.zeros((30, 3), np.float32)
    steps[:10, 0], steps[10:, 1] = 1, 1
    system = evaluate.System("late", [Prediction(steps=steps, clip=steps.mean(0))])
    settings = TrainingSettings(train=TrainSettings(bootstrap=100))
    frames = evaluate.evaluate([system], [clip], LABELS, settings).systems["late"].frames
    assert frames.war == 0.75, "of 20 labelled frames the change comes 5 too early"
    assert frames.edit == 100
    assert frames.onset_error_median_s == 0.25
    assert evaluate.evaluate([system], [sample(2, "anger")], LABELS, settings).systems["late"].frames is None


def test_a_clip_without_a_face_is_an_error_of_every_baseline():
    labels = ("neutral", "anger")
    clips = [Clip(name, Path(name), label="neutral", frame_labels="interval") for name in ("a", "b")]
    samples = [
        features.sample(clip, make_features(40, [faces] if faces else [], fps=20), labels)
        for clip, faces in zip(clips, (range(40), range(0)), strict=True)
    ]
    systems = evaluate.baselines(samples, labels, [3, 1])
    assert [[prediction is None for prediction in system.predictions] for system in systems] == [[False, True]] * 3
    report = evaluate.evaluate(systems, samples, labels, TrainingSettings.model_validate({"train": {"bootstrap": 100}}))
    assert report.systems["majority"].clips.war == report.systems["majority"].frames.war == 0.5


def test_unlabelled_frames_part_two_courses():
    labels = ("neutral", "anger")
    cut = features.sample(
        Clip("a", Path("a"), label="anger", frame_labels="interval"), make_features(60, [range(60)], fps=20), labels
    )
    truth = np.repeat([0, -1, 1, -1, 1], [20, 10, 10, 10, 10])
    cut.frame_label[:] = truth
    steps = np.eye(2, dtype=np.float32)[np.maximum(truth, 0)]
    system = evaluate.System("right", [Prediction(steps=steps, clip=steps.mean(0))])
    frames = evaluate.evaluate([system], [cut], labels, TrainingSettings()).systems["right"].frames
    # Three stretches of one label each: no onset was seen, and nothing changed.
    assert (frames.edit, frames.f1_at_50, frames.true_changes_per_min) == (100, 100, 0)
    assert frames.onset_error_median_s is None


def test_a_gain_is_measured_on_the_same_items():
    """Twelve people show two clips each; the older model takes one clip of half of them for neutral."""
    samples, new, old = [], [], []
    for number in range(36):
        made = sample(number, LABELS[1 + number % 2])
        samples.append(made)
        right = np.eye(3, dtype=np.float32)[made.label]
        wrong = np.eye(3, dtype=np.float32)[0] if number % 3 == 0 else right
        new.append(Prediction(steps=np.tile(right, (30, 1)), clip=right))
        old.append(Prediction(steps=np.tile(wrong, (30, 1)), clip=wrong))
    systems = [evaluate.System(MODEL, new), evaluate.System("majority", old), evaluate.System(DEFAULT, old)]
    settings = TrainingSettings(train=TrainSettings(bootstrap=100))
    (found,) = evaluate.gains(systems, samples, LABELS, settings)
    assert (found.over, found.kind, found.uar, round(found.before, 2)) == (DEFAULT, "clips", 1.0, 0.67)
    assert found.ci is not None
    assert 0 < found.ci[0] < 1 / 3 < found.ci[1]
    assert gain.describe([found], None).startswith("gained +0.333 [0.")
    (few,) = evaluate.gains(
        [replace(one, predictions=one.predictions[:9]) for one in systems], samples[:9], LABELS, settings
    )
    assert few.ci is None
    assert "on too few to tell" in gain.describe([few], None)
    same = replace(few, uar=few.before)
    assert "nothing was gained: use the package's model, fervideo timeline VIDEO" in gain.describe([same], None)
    started = replace(same, over=START, before=0.9)
    assert gain.describe([same, started], "run").endswith("use the starting model, fervideo timeline VIDEO --model run")


def test_predictions_of_other_labels_are_brought_to_these():
    torch.manual_seed(0)
    model = SequenceLSTM(D, hidden=8, layers=1, labels=("anger", "bored", "neutral")).eval()
    clip = sample(1, "anger")
    (own,), settings = evaluate.predict(model, [clip], TrainingSettings()), TrainingSettings()
    (found,) = evaluate.predict_as(model, [clip], settings, LABELS)
    assert own is not None
    assert found is not None
    np.testing.assert_allclose(found.clip[0] / found.clip[1], own.clip[2] / own.clip[0], rtol=1e-4)
    assert found.clip[2] < 1e-6
    assert evaluate.predict_as(model, [sample(2, steps=0)], settings, LABELS) == [None]
