"""The cheap ways to smooth, the tool that compares them with the sequence model, and the one that disturbs crops."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from builders import make_timeline

from fervideo import checkpoint, sequence
from fervideo.records import CROP_PX, EXPRESSIONS, MODEL_RATE_HZ, Float64

TOOLS = Path(__file__).parents[1] / "tools"
RATE_HZ = MODEL_RATE_HZ


@pytest.fixture(autouse=True)
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the recipes be imported as they import one another."""
    monkeypatch.syspath_prepend(str(TOOLS))


def course(*labels: int, sure: float = 0.8) -> Float64:
    """Return probabilities (S, 3) of which the given labels lead."""
    p = np.full((len(labels), 3), (1 - sure) / 2)
    p[np.arange(len(labels)), labels] = sure
    return p


FLICKER = course(*[0] * 10, 1, *[0] * 10, *[2] * 20)


@pytest.mark.parametrize(("name", "amount"), [("box", 0.25), ("gaussian", 0.1), ("median", 0.15), ("viterbi", 0.99)])
def test_smoothers_drop_a_flicker_and_keep_the_onset(name: str, amount: float):
    import smoothing

    label, p = getattr(smoothing, name)(FLICKER, RATE_HZ, amount)
    assert label.tolist() == [0] * 21 + [2] * 20
    assert p.sum(1) == pytest.approx(1)


@pytest.mark.parametrize(("name", "nothing"), [("box", 0.05), ("gaussian", 1e-3), ("median", 0.05), ("viterbi", 1 / 3)])
def test_smoothing_by_nothing_changes_nothing(name: str, nothing: float):
    import smoothing

    label, p = getattr(smoothing, name)(FLICKER, RATE_HZ, nothing)
    assert (label == FLICKER.argmax(1)).all()
    assert p == pytest.approx(FLICKER, abs=1e-6)


def test_viterbi_weighs_evidence_against_the_cost_of_a_change():
    import smoothing

    # Two changes cost 2 log(99 × 2) = 10.6, and each step of the other label pays log(0.8 / 0.1) = 2.1.
    for length, shown in ((5, 0), (6, 1)):
        label, _ = smoothing.viterbi(course(*[0] * 10, *[1] * length, *[0] * 10), RATE_HZ, 0.99)
        assert label[10] == shown


def test_viterbi_counts_evidence_by_the_second():
    import smoothing

    slow = course(*[0] * 10, *[1] * 6, *[0] * 10)
    label, p = smoothing.viterbi(np.repeat(slow, 2, axis=0), 2 * RATE_HZ, 0.99)
    assert label.reshape(-1, 2).tolist() == [[shown] * 2 for shown in smoothing.viterbi(slow, RATE_HZ, 0.99)[0]]
    assert (p.argmax(1) == label).all()


def test_scores_of_a_course_worked_by_hand():
    from compare_smoothing import NO_FACE, Course, score

    truth, guess = np.array([0, 0, 0, 0, 1, 1, 1, 1, NO_FACE]), np.array([0, 0, 0, 0, 0, 1, 1, 1, NO_FACE])
    p = np.append(np.eye(NO_FACE)[guess[:-1]], np.full((1, NO_FACE), np.nan), axis=0)
    found = score([Course(truth, guess, p, np.arange(9) / 10, 30.0)])
    assert found["accuracy"] == pytest.approx(8 / 9)
    assert (found["edit"], found["f1_at_50"], found["changes_per_min"]) == (100, 100, 4)
    # Happiness begins 0.1 s late, no_face in time.
    assert found["onset_ms"] == pytest.approx(50)
    # Of the eight frames with a face one is wrong, at full confidence.
    assert found["ece"] == pytest.approx(1 / 8)


def test_alternatives_are_right_and_a_missing_face_is_none():
    from compare_smoothing import BILSTM, LABELS, NO_FACE, SMOOTHERS, inside, shown_in

    shown = ["sadness"] * 10 + ["neutral"] * 10
    timeline = make_timeline([shown], n_frames=30, tracks=[range(20)])
    time_s, answers = shown_in(
        {BILSTM: timeline}, np.full(8, 1 / 8), {smoother.name: smoother.amounts[0] for smoother in SMOOTHERS}
    )
    assert answers[BILSTM][0].tolist() == [3] * 10 + [0] * 10 + [NO_FACE] * 10
    assert answers["CNN + HMM"][0].tolist() == [0] * 20 + [NO_FACE] * 10
    rows = pd.DataFrame({"start_s": [0.2, 0.8], "end_s": [0.8, 1.2], "label": ["anger|sadness", "no_face"]})
    first, second = inside(rows, time_s, answers[BILSTM])
    assert [LABELS[k] for k in first.truth] == ["sadness"] * 5 + ["anger"] * 10
    assert (second.truth == second.guess).all()


def test_clip_head_is_scored_with_and_without_abstaining():
    from compare_smoothing import clip_head

    eye = np.eye(8)
    # Neutral is shown longest, but less than twice as long as happiness; then a sure and an unsure answer.
    whole = [(0.6 * eye[0] + 0.4 * eye[1], 0.9 * eye[1]), (eye[2], 0.8 * eye[2]), (eye[2], 0.4 * eye[3])]
    found = clip_head(whole)
    assert [round(value, 3) for value in found.values()] == [3, 0.667, 0.333, 0.667, 1.0]


def make_bank(path: Path, rng: np.random.Generator) -> None:
    """Store rendered stills of eight clearly different expressions."""
    import simulate

    label = np.repeat(np.arange(8), 3)
    features = rng.normal(0, 0.1, (len(label), len(simulate.VARIANTS), 8 + len(sequence.INPUTS) + 4))
    features[..., :8] += 4 * np.eye(8)[label][:, None]
    features[..., :8] -= np.logaddexp.reduce(features[..., :8], axis=-1, keepdims=True)
    np.savez(path, features=features.astype(np.float32), target=np.eye(8, dtype=np.float32)[label], label=label)


def test_an_expression_wavers_and_neutral_does_not(tmp_path: Path):
    import simulate

    make_bank(tmp_path / "bank.npz", np.random.default_rng(1))
    simulator = simulate.Simulator(simulate.Bank(**np.load(tmp_path / "bank.npz")))
    neutral, smile = 1, 4
    presence = np.repeat(np.eye(2), 100, axis=0)
    drawn = [
        simulator._wavering(np.array([neutral, smile]), presence, np.random.default_rng(seed)) for seed in range(40)
    ]
    for stills, seen in drawn:
        # What is missing of the smile is the same person's neutral face.
        assert stills.tolist() == [neutral, smile, neutral]
        np.testing.assert_allclose(seen.sum(1), 1)
        np.testing.assert_array_equal(seen[:100], presence[:100] @ np.eye(2, 3))
        assert 0.5 <= seen[100:, 1].min() <= seen[100:, 1].max() <= 1
    assert 10 < sum(np.ptp(seen[100:, 1]) > 0.05 for _, seen in drawn) < 30
    # Where no neutral face is shown, one is taken.
    stills, seen = simulator._wavering(np.array([smile]), np.ones((50, 1)), np.random.default_rng(2))
    assert simulator.bank.label[stills[1]] == 0
    np.testing.assert_allclose(seen.sum(1), 1)


def test_recipe_and_comparison_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    import compare_smoothing
    import train_sequence

    frame_cnn = checkpoint.SHIPPED / "frame.safetensors"
    for split in ("train", "validation"):
        make_bank(tmp_path / f"bank-{split}-{checkpoint.digest(frame_cnn)[:12]}.npz", np.random.default_rng(1))
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
    trained, told = str(tmp_path / "sequence.safetensors"), tmp_path / "told.json"
    options = ["--unidirectional", trained, "--sequences", "3", "--json", str(told)]
    monkeypatch.setattr(sys, "argv", [*common, trained, str(tmp_path), *options])
    compare_smoothing.main()
    report = json.loads(told.read_text())
    assert list(report["simulated"])[-4:] == ["unidirectional LSTM", "BiLSTM", "BiLSTM, events", "truth"]
    assert report["simulated"]["truth"]["edit"] == 100
    assert report["simulated"]["frame CNN"]["accuracy"] > 0.8 > report["simulated"]["majority class"]["accuracy"]
    assert "| CNN + HMM |" in capsys.readouterr().out


def test_jumps_cost_and_steady_answers_do_not():
    from train_sequence import LARGEST_JUMP, jumps

    log_p = torch.zeros(1, 3, 2)
    mask = torch.tensor([[True, True, False]])
    log_p[0, 2] = 100
    assert jumps(log_p, mask) == 0
    log_p[0, 1] = torch.tensor([2.0, 100.0])
    assert jumps(log_p, mask) == (4 + LARGEST_JUMP**2) / 2


def test_certainty_moves_votes_towards_the_majority():
    from simulate import Bank

    bank = Bank(np.zeros((1, 1, 1)), np.array([[0.4, 0.6, 0, 0, 0, 0, 0, 0]]), np.array([1])).with_certainty(0.5)
    assert bank.target[0, :2] == pytest.approx([0.2, 0.8])


def test_calibration_makes_a_head_as_sure_as_it_is_right(tmp_path: Path):
    import simulate
    import train_sequence

    make_bank(tmp_path / "bank.npz", np.random.default_rng(1))
    bank = simulate.Bank(**np.load(tmp_path / "bank.npz"))
    drawn = train_sequence.Sequences(simulate.Simulator(bank), 3, 5)
    share = np.bincount(np.concatenate([drawn[k][2] for k in range(3)]), minlength=8).clip(1e-3)
    model = sequence.SequenceLSTM(embedding_dim=4, hidden=4, layers=1).eval()
    with torch.no_grad():
        # It says how often each label is, whatever it sees, and is twice too sure of it.
        model.step_head.weight.zero_()
        model.step_head.bias.copy_(2 * torch.from_numpy(np.log(share / share.sum())))
    assert train_sequence.calibrate(model, bank, 3, 5)["steps"] == pytest.approx(2, abs=0.02)
    assert train_sequence.calibrate(model, bank, 3, 5)["steps"] == pytest.approx(1, abs=0.02)


def test_a_disturbed_crop_shows_what_was_asked_for():
    import robustness

    transform = np.array([(0.5, 0.1, 3.0), (-0.1, 0.5, 20.0)])
    middle = np.linalg.solve(transform[:, :2], (CROP_PX - 1) / 2 - transform[:, 2])
    for zoom, x_px, y_px in robustness.MOVES.values():
        moved = robustness.moved(transform, zoom, x_px, y_px)
        assert moved[:, :2] @ middle + moved[:, 2] == pytest.approx(
            [(CROP_PX - 1) / 2 + x_px, (CROP_PX - 1) / 2 + y_px]
        )
        assert np.linalg.det(moved[:, :2]) == pytest.approx(zoom**2 * np.linalg.det(transform[:, :2]))


def test_changed_answers_are_counted_by_disturbance():
    import robustness

    n = len(robustness.DISTURBANCES)
    same, other = np.zeros((3, 1 + n), np.int64), np.zeros((1, 1 + n), np.int64)
    other[0, 1] = EXPRESSIONS.index("fear")
    table = robustness.changed({"a.mp4": same, "b.mp4": other, "none.mp4": same[:0]})
    assert table.loc["all", ["faces", "left", "right"]].tolist() == [4, 0.25, 0]
    assert table.loc["none.mp4"].isna().sum() == n


def test_robustness_runs_on_a_real_face(
    tmp_path: Path, face_clip: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
):
    import robustness

    told = tmp_path / "told.json"
    monkeypatch.setattr(
        sys, "argv", ["", str(checkpoint.SHIPPED / "frame.safetensors"), str(face_clip), "--json", str(told)]
    )
    robustness.main()
    (clip, row), (name, total) = json.loads(told.read_text())["clips"].items()
    assert (clip, name) == ("astronaut.mp4", "all")
    assert row == total
    assert total["faces"] > 200
    # What the shipped network is held to on any clip.
    assert all(0 <= total[disturbance] < 0.03 for disturbance in robustness.DISTURBANCES)


def test_the_calmest_of_equals_is_chosen():
    from smoothing import calmest

    rng = np.random.default_rng(1)
    truth = [np.repeat(rng.permutation(8)[:4], rng.integers(5, 30, 4)) for _ in range(50)]

    def blurred(share: float) -> list[tuple[np.ndarray, np.ndarray]]:
        """Miss this share of the sequences; a fifth is missed anyway."""
        return [(one, one if k % 10 >= max(2, 10 * share) else np.zeros_like(one)) for k, one in enumerate(truth)]

    # Up to a fifth nothing tells the amounts apart, and half is clearly worse.
    assert calmest((0.0, 0.1, 0.2, 0.5), blurred) == 0.2
    assert calmest((0.5,), blurred) == 0.5


def test_the_calmest_that_costs_little_is_chosen():
    from smoothing import calmest

    truth = np.repeat(np.arange(8), 20)

    def blurred(steps: float) -> list[tuple[np.ndarray, np.ndarray]]:
        """Show one segment of four sequences too early by so many steps."""
        early = truth.copy()
        early[80 - int(steps) : 80] = truth[80]
        return [(truth, early), *[(truth, truth)] * 3]

    # Each step is one in 640, a sixth of a point; half a segment is a segment missed besides.
    assert calmest((0, 2, 12), blurred) == 2
    assert calmest((0, 12), blurred) == 0
