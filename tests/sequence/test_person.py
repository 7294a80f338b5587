"""The model of a person's calm stretches: the looks that it takes away and leaves, and how it settles."""

from pathlib import Path

import numpy as np
import pytest

from fervideo import checkpoint
from fervideo.classifiers import CNN_WEIGHTS
from fervideo.records import EXPRESSIONS
from fervideo.sequence.load import SEQUENCE_WEIGHTS, load_model, save_person
from fervideo.sequence.person import PersonModel
from fervideo.settings import SequenceSettings

NEUTRAL, HAPPINESS, SADNESS = (EXPRESSIONS.index(name) for name in ("neutral", "happiness", "sadness"))
#: Mean of calm faces: neutral leads by 3.
TYPICAL = 3.0 * (np.arange(8) == NEUTRAL) - 3 / 8


def made(**changes: float) -> PersonModel:
    return PersonModel(TYPICAL, **{"share": 1.0, "calm": 0.3, "stay": 0.5, "evidence": 1.0} | changes)


def course(*logits: dict[int, float], repeat: int = 20) -> np.ndarray:
    """Make a course that shows each face, given as logits by expression, for some steps; None is no face."""
    rows = np.array([[one.get(label, 0.0) for label in range(8)] for one in logits], np.float32)
    log_p = rows - np.log(np.exp(rows).sum(1, keepdims=True))
    return np.repeat(np.column_stack([log_p, np.ones(len(rows), np.float32)]), repeat, axis=0)


def labels(model: PersonModel, features: np.ndarray, **settings: float) -> list[int]:
    return model.predict(features, SequenceSettings(**settings))[0].argmax(1)[10::20].tolist()


def test_a_face_that_looks_sad_at_rest_is_neutral_then_and_a_weak_smile_shows():
    # At rest the classifier half believes in sadness; when this face smiles, it is undecided.
    features = course({NEUTRAL: 2.6, SADNESS: 2.2}, {NEUTRAL: 1.0, SADNESS: 1.9, HAPPINESS: 1.8})
    assert labels(made(share=0.0), features) == [NEUTRAL, SADNESS]
    assert labels(made(), features) == [NEUTRAL, HAPPINESS]


def test_a_face_that_smiles_throughout_goes_on_smiling():
    assert labels(made(), course({HAPPINESS: 4.0}, {HAPPINESS: 3.0})) == [HAPPINESS, HAPPINESS]


def test_a_flicker_is_settled_and_a_gap_is_bridged():
    features = course({NEUTRAL: 3.0})
    features[8, :8], features[15] = course({HAPPINESS: 3.2}, repeat=1)[0, :8], 0
    model = made(share=0.0)
    for stay, shown in ((0.9, NEUTRAL), (0.0, HAPPINESS)):
        assert model.predict(features, SequenceSettings(stay=stay))[0][8].argmax() == shown
    steps, clip = model.predict(features, SequenceSettings(stay=0.9))
    assert steps[15].argmax() == NEUTRAL
    np.testing.assert_allclose(steps.sum(1), 1, atol=1e-6)
    assert clip.sum() == pytest.approx(1)


def test_in_a_course_as_a_whole_neutral_counts_half():
    _, clip = made(share=0.0).predict(course({NEUTRAL: 9.0}, {NEUTRAL: 9.0}, {SADNESS: 9.0}), SequenceSettings())
    assert clip[NEUTRAL] == pytest.approx(clip[SADNESS], abs=0.05)


def test_it_is_stored_and_read_back(tmp_path: Path):
    save_person(made(share=0.75), tmp_path / "a.safetensors", {"frame_cnn": "any"})
    back = load_model(tmp_path / "a.safetensors", "whichever")
    features = course({NEUTRAL: 2.2, SADNESS: 2.0}, {HAPPINESS: 1.4})
    for one, two in zip(
        back.predict(features, SequenceSettings()), made(share=0.75).predict(features, SequenceSettings()), strict=True
    ):
        np.testing.assert_array_equal(one, two)


def test_the_shipped_model_is_one():
    assert isinstance(load_model(SEQUENCE_WEIGHTS, checkpoint.digest(CNN_WEIGHTS)), PersonModel)
