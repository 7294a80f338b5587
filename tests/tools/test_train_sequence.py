"""The recipe of the sequence model, from a bank of stills to a checkpoint that the comparison reads."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from fervideo import checkpoint
from fervideo.sequence.lstm import SequenceLSTM


def test_recipe_and_comparison_run(
    tmp_path: Path,
    make_bank: Callable[[Path], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    import compare_smoothing
    import train_sequence

    frame_cnn = checkpoint.SHIPPED / "frame.safetensors"
    for split in ("train", "validation"):
        make_bank(tmp_path / f"bank-{split}-{checkpoint.digest(frame_cnn)[:12]}.npz")
    monkeypatch.setattr(train_sequence, "BATCH", 2)
    monkeypatch.setattr(train_sequence, "TEST_SEQUENCES", 2)
    common = ["", "faces.npz", "landmarks.npz", str(frame_cnn)]
    monkeypatch.setattr(
        sys, "argv", [*common, str(tmp_path), "--steps", "2", "--smoothness", "0.15", "--certainty", "0.5"]
    )
    train_sequence.main()
    assert all(
        0.2 <= value <= 5
        for value in checkpoint.read(tmp_path / "sequence.safetensors").header["temperatures"].values()
    )
    # A checkpoint of another recipe is not gone on from unseen.
    monkeypatch.setattr(sys, "argv", [*sys.argv[:-1], "0.4"])
    with pytest.raises(SystemExit, match=r"sequence\.pt belongs to .*'certainty': 0\.5.*, this is .*'certainty': 0\.4"):
        train_sequence.main()
    trained, written = str(tmp_path / "sequence.safetensors"), tmp_path / "report.json"
    options = ["--unidirectional", trained, "--sequences", "3", "--json", str(written)]
    monkeypatch.setattr(sys, "argv", [*common, trained, str(tmp_path), *options])
    compare_smoothing.main()
    report = json.loads(written.read_text())
    assert list(report["simulated"])[-4:] == ["unidirectional LSTM", "BiLSTM", "BiLSTM, events", "truth"]
    assert report["simulated"]["truth"]["edit"] == 100
    assert report["simulated"]["frame CNN"]["accuracy"] > 0.8 > report["simulated"]["majority class"]["accuracy"]
    assert "| CNN + HMM |" in capsys.readouterr().out


def test_jumps_cost_and_steady_predictions_do_not():
    from train_sequence import LARGEST_JUMP, jumps

    log_p = torch.zeros(1, 3, 2)
    mask = torch.tensor([[True, True, False]])
    log_p[0, 2] = 100
    assert jumps(log_p, mask) == 0
    log_p[0, 1] = torch.tensor([2.0, 100.0])
    assert jumps(log_p, mask) == (4 + LARGEST_JUMP**2) / 2


def test_calibration_makes_a_head_as_sure_as_it_is_right(tmp_path: Path, make_bank: Callable[[Path], None]):
    import simulate
    import train_sequence

    make_bank(tmp_path / "bank.npz")
    bank = simulate.Bank(**np.load(tmp_path / "bank.npz"))
    drawn = train_sequence.Sequences(simulate.Simulator(bank), 3, 5)
    share = np.bincount(np.concatenate([drawn[k][2] for k in range(3)]), minlength=8).clip(1e-3)
    model = SequenceLSTM(embedding_dim=4, hidden=4, layers=1).eval()
    with torch.no_grad():
        # It predicts how often each label is, from any features, and is twice too sure of it.
        model.step_head.weight.zero_()
        model.step_head.bias.copy_(2 * torch.from_numpy(np.log(share / share.sum())))
    assert train_sequence.calibrate(model, bank, 3, 5)["steps"] == pytest.approx(2, abs=0.02)
    assert train_sequence.calibrate(model, bank, 3, 5)["steps"] == pytest.approx(1, abs=0.02)
