"""The tool that corrects the last layer of the classic frame classifiers."""

from pathlib import Path

import numpy as np
import pytest

from fervideo import checkpoint, classifiers
from fervideo.landmarks import N_LANDMARKS
from fervideo.records import CROP_PX, EXPRESSIONS

PRIOR = np.log([0.4, 0.2, 0.1, 0.1, 0.08, 0.05, 0.04, 0.03])


def test_strength_and_temperature_are_chosen_on_all_sets():
    import recalibrate_classifiers

    # Half of the rare class is taken for the common one, by a little less than 0.3 of the prior.
    truth = np.repeat([0, 7], [400, 40])
    logits = 6 * np.eye(8)[truth]
    logits[400:420] = 6 * np.eye(8)[0] + 5.4 * np.eye(8)[7]
    strength, temperature = recalibrate_classifiers.choose([logits, logits], [truth, truth], PRIOR)
    assert strength == pytest.approx(0.3)
    assert temperature < 1
    assert recalibrate_classifiers.choose([logits, logits * 8], [truth, truth], PRIOR)[1] > temperature


def test_rare_classes_do_not_count_and_accuracy_has_its_price():
    import recalibrate_classifiers

    truth, guess = np.repeat([0, 1], [60, 5]), np.zeros(65, np.int64)
    assert recalibrate_classifiers.accuracy_and_uar(truth, guess) == (60 / 65, 1.0)
    # The correction that finds the rare class gives away a quarter of the common one.
    truth = np.repeat([0, 7], [400, 40])
    logits = np.zeros((440, 8))
    logits[:, 0], logits[300:, 0] = 5, 0.1
    assert recalibrate_classifiers.choose([logits], [truth], PRIOR)[0] == 0


@pytest.mark.parametrize("name", ["svm", "mlp", "transfer"])
def test_the_corrected_file_predicts_corrected_logits(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import recalibrate_classifiers

    rng = np.random.default_rng(1)
    points = rng.normal(0, 1, (6, N_LANDMARKS, 3)).astype(np.float32)
    points[0] = np.nan
    crops = rng.integers(0, 255, (6, CROP_PX, CROP_PX), np.uint8)
    sets = {"ferplus": recalibrate_classifiers.Seen(crops, points, np.arange(6))}
    monkeypatch.setattr(recalibrate_classifiers, "choose", lambda *_: (0.5, 2.0))
    shipped, out = checkpoint.SHIPPED / f"{name}.safetensors", tmp_path / "out.safetensors"
    report = recalibrate_classifiers.recalibrate(shipped, out, sets, PRIOR)
    before, after = (classifiers.load(path).predict(crops, points).logits for path in (shipped, out))
    moved = slice(0 if name == "transfer" else 1, None)
    np.testing.assert_allclose(after[moved], (before[moved] - 0.5 * PRIOR) / 2, atol=1e-4)
    np.testing.assert_array_equal(after[: moved.start], before[: moved.start])
    header = checkpoint.read(out).header
    assert (header["of"], header["prior_correction"], header["labels"]) == (
        checkpoint.digest(shipped),
        0.5,
        list(EXPRESSIONS),
    )
    assert header["scores"]["ferplus, after"]["ece"] == report["ferplus, after"]["ece"]
