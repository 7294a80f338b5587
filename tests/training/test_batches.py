"""Batches of made-up courses: pieces, padding, looks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from training_builders import LABELS, D, sample

from fervideo.sequence.lstm import SequenceLSTM
from fervideo.settings import TrainSettings
from fervideo.training import batches


def test_padding_weighs_nothing():
    settings = TrainSettings()
    both = batches.pieces([sample(1, steps=20), sample(2, steps=35)], settings)
    batch = batches.collate(both)
    assert batch.mask.sum(1).tolist() == [20, 35]
    assert batch.step_weight.sum(1).tolist() == pytest.approx([20 * 0.3, 35 * 0.3])
    torch.manual_seed(0)
    model = SequenceLSTM(D, hidden=8, labels=LABELS).eval()
    steps, clip = model(batch.course, batch.mask)
    alone, clip_alone = model(batch.course[:1, :20], batch.mask[:1, :20])
    torch.testing.assert_close(steps[:1, :20], alone)
    torch.testing.assert_close(clip[:1], clip_alone)


def test_looks_are_mixed_and_movements_are_left():
    batch = batches.collate(batches.pieces([sample(number, steps=20 + number) for number in range(6)], TrainSettings()))
    batch.course[0, 5] = 0
    torch.manual_seed(0)
    mixed = batches.with_other_looks(batch, 0.3)
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
    assert batches.with_other_looks(batch, 0) is batch


def test_batches_hold_everything_once_and_like_lengths():
    lengths = np.random.default_rng(0).integers(10, 300, 500).tolist()
    dealt = batches.bucketed(lengths, 16, np.random.default_rng(1))
    assert sorted(np.concatenate(dealt).tolist()) == list(range(500))
    padding = sum(max(lengths[k] for k in rows) * len(rows) for rows in dealt) / sum(lengths)
    assert padding < 1.1


def test_long_clips_are_cut():
    cut = batches.pieces([sample(1, steps=250)], TrainSettings(max_s=5))
    assert [len(piece.course) for piece in cut] == [84, 83, 83]
