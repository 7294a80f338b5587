"""The training loop on made-up courses: that it learns, masks, balances, resumes to the bit, and stops where it must."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from training_builders import LABELS, D, sample, state

from fervideo.errors import TrainingError
from fervideo.sequence import SequenceLSTM
from fervideo.settings import TrainingSettings, TrainSettings
from fervideo.training import evaluate, loop, metrics
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

    pieces = loop.pieces(train, settings), loop.pieces(validation, settings)
    return loop.Trainer(model, *pieces, score, settings, run, "these clips", tuned=False)


@pytest.fixture
def clips() -> tuple[list[Sample], list[Sample]]:
    """Sixty clips to learn from and thirty to choose by, of three labels and many lengths."""
    made = [sample(number, LABELS[number % 3], steps=20 + number % 17) for number in range(90)]
    return made[:60], made[60:]


SHORT = TrainSettings(epochs=6, batch=8, rate=0.01)


def test_it_learns_what_single_steps_do_not_tell(tmp_path: Path, clips: tuple[list[Sample], list[Sample]]):
    # How a made-up clip looks is all that tells its label.
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
    """On the CPU by hand, since nothing but CUDA turns it on: what can be seen of it without a GPU."""
    (tmp_path / "plain").mkdir()
    plain, mixed = trainer(tmp_path / "plain", *clips, SHORT), trainer(tmp_path, *clips, SHORT)
    assert not mixed.mixed
    mixed.mixed = True
    batch = loop.collate(mixed.train[:8])
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
    second.resume()
    assert len(second.history) == 2
    second.run(progress=False)
    assert second.history == whole.history
    for name, array in state(whole.model).items():
        np.testing.assert_array_equal(array, state(second.model)[name])


def test_only_the_same_run_is_resumed(tmp_path: Path, clips: tuple[list[Sample], list[Sample]]):
    trainer(tmp_path, *clips, TrainSettings(epochs=1)).run(progress=False)
    other = trainer(tmp_path, *clips, SHORT)
    other.identity = "other clips"
    with pytest.raises(TrainingError, match="other settings or clips"):
        other.resume()
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
    (labelled,), (whole,) = loop.pieces([known], settings), loop.pieces([unknown], settings)
    assert (labelled.clip_weight, whole.clip_weight) == (0, 1)
    assert (labelled.step_weight.sum(), whole.step_weight.sum()) == (30, 0)
    loss = loop.Loss.of([labelled, whole], settings, "cpu")
    rng = torch.Generator().manual_seed(1)
    steps, clip = torch.randn(2, 30, 3, generator=rng), torch.randn(2, 3, generator=rng)
    expected = torch.nn.functional.cross_entropy(
        steps[0], torch.from_numpy(known.step_label)
    ) + torch.nn.functional.cross_entropy(clip[1:], torch.tensor([1]))
    batch = loop.collate([labelled, whole])
    torch.testing.assert_close(loss(steps, clip, batch), expected)
    disturbed = steps.clone()
    disturbed[1] += 5 * torch.randn(30, 3, generator=rng)
    torch.testing.assert_close(loss(disturbed, clip, batch), expected)


def test_padding_weighs_nothing():
    settings = TrainSettings()
    both = loop.pieces([sample(1, steps=20), sample(2, steps=35)], settings)
    batch = loop.collate(both)
    assert batch.mask.sum(1).tolist() == [20, 35]
    assert batch.step_weight.sum(1).tolist() == pytest.approx([20 * 0.3, 35 * 0.3])
    torch.manual_seed(0)
    model = SequenceLSTM(D, hidden=8, labels=LABELS).eval()
    steps, clip = model(batch.course, batch.mask)
    alone, clip_alone = model(batch.course[:1, :20], batch.mask[:1, :20])
    torch.testing.assert_close(steps[:1, :20], alone)
    torch.testing.assert_close(clip[:1], clip_alone)


def test_looks_are_mixed_and_what_a_face_does_is_left():
    batch = loop.collate(loop.pieces([sample(number, steps=20 + number) for number in range(6)], TrainSettings()))
    batch.course[0, 5] = 0
    torch.manual_seed(0)
    mixed = loop.with_other_looks(batch, 0.3)
    found = batch.course[..., -1:] > 0
    shift = mixed.course - batch.course
    assert shift.abs().max() > 0.05
    torch.testing.assert_close(mixed.course[..., -1], batch.course[..., -1])
    assert not shift.masked_select(~found).any()
    looks = (batch.course * found).sum(1) / found.sum(1)
    for k in range(6):
        steps = shift[k][found[k, :, 0]]
        torch.testing.assert_close(steps, steps[:1].expand_as(steps), atol=1e-5, rtol=0)
        # Towards another clip's looks, by at most the share.
        ways = (looks - looks[k])[:, :-1]
        shares = [float(steps[0, :-1] @ way / way.square().sum().clamp(min=1e-9)) for way in ways]
        assert any(
            share <= 0.3001 and torch.allclose(steps[0, :-1], share * way, atol=1e-5)
            for share, way in zip(shares, ways, strict=True)
        )
    assert loop.with_other_looks(batch, 0) is batch


def test_rare_classes_count_as_much_as_frequent_ones():
    mass = np.array([90, 10, 0], np.float32)
    even = loop.class_weights(mass, 1.0).numpy()
    np.testing.assert_allclose(even * mass, [50, 50, 0], rtol=1e-5)
    np.testing.assert_allclose(loop.class_weights(mass, 0.0).numpy(), [1, 1, 0])


def test_batches_hold_everything_once_and_like_lengths():
    lengths = np.random.default_rng(0).integers(10, 300, 500).tolist()
    batches = loop.bucketed(lengths, 16, np.random.default_rng(1))
    assert sorted(np.concatenate(batches).tolist()) == list(range(500))
    padding = sum(max(lengths[k] for k in rows) * len(rows) for rows in batches) / sum(lengths)
    assert padding < 1.1


def test_long_clips_are_cut():
    cut = loop.pieces([sample(1, steps=250)], TrainSettings(max_s=5))
    assert [len(piece.course) for piece in cut] == [84, 83, 83]
