"""The training loop on made-up courses: that it learns, balances, resumes to the bit, and stops where it must."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from training_builders import LABELS, D, sample, state

from fervideo.errors import TrainingError
from fervideo.sequence.lstm import SequenceLSTM
from fervideo.settings import TrainingSettings, TrainSettings
from fervideo.training import evaluate, loop, metrics
from fervideo.training.batches import collate, pieces
from fervideo.training.features import Sample


def trainer(run: Path, train: list[Sample], validation: list[Sample], settings: TrainSettings) -> loop.Trainer:
    torch.manual_seed(0)
    model = SequenceLSTM(D, hidden=8, layers=1, labels=LABELS)
    whole = TrainingSettings(train=settings)

    def score(candidate: SequenceLSTM) -> tuple[float, float]:
        predictions = evaluate.predict(candidate, validation, whole)
        predicted = np.array([prediction.clip.argmax() for prediction in predictions if prediction is not None])
        counts = metrics.confusion(np.array([sample.label for sample in validation]), predicted, len(LABELS))
        return metrics.war(counts), metrics.uar(counts)

    parts = pieces(train, settings), pieces(validation, settings)
    return loop.Trainer(model, *parts, score, settings, run, "these clips", tuned=False)


@pytest.fixture
def clips() -> tuple[list[Sample], list[Sample]]:
    """Sixty clips to learn from and thirty to choose by, of three labels and many lengths."""
    made = [sample(number, LABELS[number % 3], steps=20 + number % 17) for number in range(90)]
    return made[:60], made[60:]


SHORT = TrainSettings(epochs=6, batch=8, rate=0.01)


def test_it_learns_labels_that_single_steps_hide(tmp_path: Path, clips: tuple[list[Sample], list[Sample]]):
    # A made-up clip's label shows in its look alone.
    learner = trainer(tmp_path, *clips, TrainSettings(epochs=15, batch=8, rate=0.01, mix_looks=0))
    history = learner.run(progress=False)
    assert max(epoch.uar for epoch in history) > 0.9
    assert history[-1].loss < history[0].loss / 2
    torch.testing.assert_close(learner.model.state_dict(), learner.best)


def test_the_epoch_of_the_least_validation_loss_is_kept(tmp_path: Path, clips: tuple[list[Sample], list[Sample]]):
    # So fast that the last epochs are not the best; twelve clips whose recalls are the same in many of them.
    learner = trainer(tmp_path, clips[0], clips[1][:12], TrainSettings(epochs=30, patience=5, batch=8, rate=0.05))
    history = learner.run(progress=False)
    losses = [epoch.validation_loss for epoch in history]
    assert len(losses) - 1 - losses.index(min(losses)) == 5
    again = trainer(tmp_path, clips[0], clips[1][:12], SHORT)
    again.model.load_state_dict(learner.model.state_dict())
    again.model.eval()
    assert again._validation_loss() == pytest.approx(min(losses), rel=1e-5)


def test_mixed_precision_learns_the_same(tmp_path: Path, clips: tuple[list[Sample], list[Sample]]):
    """On the CPU by hand, since only CUDA turns it on: the part that shows without a GPU."""
    (tmp_path / "plain").mkdir()
    plain, mixed = trainer(tmp_path / "plain", *clips, SHORT), trainer(tmp_path, *clips, SHORT)
    assert not mixed.mixed
    mixed.mixed = True
    batch = collate(mixed.train[:8])
    with torch.autocast("cpu", torch.bfloat16):
        assert mixed.model(batch.course, batch.mask)[0].dtype == torch.bfloat16
    losses = [[epoch.loss for epoch in learner.run(progress=False)] for learner in (plain, mixed)]
    assert losses[0] != losses[1]
    np.testing.assert_allclose(losses[0], losses[1], rtol=0.05)
    assert {tensor.dtype for tensor in mixed.model.state_dict().values()} == {torch.float32}


def test_a_broken_off_run_goes_on_to_the_same_end(tmp_path: Path, clips: tuple[list[Sample], list[Sample]]):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole = trainer(tmp_path / "a", *clips, SHORT)
    whole.run(progress=False)

    first = trainer(tmp_path / "b", *clips, SHORT)

    def stop_in_the_third_epoch() -> None:
        if len(first.history) >= 2:
            raise KeyboardInterrupt

    score = first.scorer
    first.scorer = lambda model: (stop_in_the_third_epoch(), score(model))[1]
    with pytest.raises(KeyboardInterrupt):
        first.run(progress=False)
    assert loop.Trainer.is_broken_off(tmp_path / "b")
    second = trainer(tmp_path / "b", *clips, SHORT)
    assert second.resume()
    assert len(second.history) == 2
    second.run(progress=False)
    assert second.history == whole.history
    for name, array in state(whole.model).items():
        np.testing.assert_array_equal(array, state(second.model)[name])


def test_only_the_same_run_is_resumed(tmp_path: Path, clips: tuple[list[Sample], list[Sample]]):
    trainer(tmp_path, *clips, TrainSettings(epochs=1)).run(progress=False)
    other = trainer(tmp_path, *clips, SHORT)
    other.identity = "other clips"
    assert not other.resume()
    assert other.history == []
    (tmp_path / "resume.safetensors").write_bytes(b"torn")
    with pytest.raises(TrainingError, match="cannot be resumed"):
        other.resume()


def test_a_loss_that_is_no_number_names_the_batch_and_keeps_the_last_epoch(
    tmp_path: Path, clips: tuple[list[Sample], list[Sample]]
):
    learner = trainer(tmp_path, *clips, TrainSettings(epochs=2, batch=8))
    learner.run(progress=False)
    kept = (tmp_path / "resume.safetensors").read_bytes()
    learner.settings = TrainSettings(epochs=3, batch=8)
    learner.train[11].course[3] = np.nan
    with pytest.raises(TrainingError, match=r"the loss is nan in epoch 3, in the batch of clip11;"):
        learner.run(progress=False)
    assert (tmp_path / "resume.safetensors").read_bytes() == kept


def test_unknown_labels_weigh_nothing():
    settings = TrainSettings(lent_weight=0, balance=0)
    known, unknown = sample(1, "anger", frames="neutral"), sample(2, "anger")
    (labelled,), (whole,) = pieces([known], settings), pieces([unknown], settings)
    assert (labelled.clip_weight, whole.clip_weight) == (0, 1)
    assert (labelled.step_weight.sum(), whole.step_weight.sum()) == (30, 0)
    loss = loop.Loss.of([labelled, whole], settings, "cpu")
    rng = torch.Generator().manual_seed(1)
    steps, clip = torch.randn(2, 30, 3, generator=rng), torch.randn(2, 3, generator=rng)
    expected = torch.nn.functional.cross_entropy(
        steps[0], torch.from_numpy(known.step_label)
    ) + torch.nn.functional.cross_entropy(clip[1:], torch.tensor([1]))
    batch = collate([labelled, whole])
    torch.testing.assert_close(loss(steps, clip, batch), expected)
    disturbed = steps.clone()
    disturbed[1] += 5 * torch.randn(30, 3, generator=rng)
    torch.testing.assert_close(loss(disturbed, clip, batch), expected)


def test_rare_classes_count_as_much_as_frequent_ones():
    mass = np.array([90, 10, 0], np.float32)
    even = loop.class_weights(mass, 1.0).numpy()
    np.testing.assert_allclose(even * mass, [50, 50, 0], rtol=1e-5)
    np.testing.assert_allclose(loop.class_weights(mass, 0.0).numpy(), [1, 1, 0])
