"""The weights of a run: which frame classifier goes with which sequence model."""

from pathlib import Path

import pytest

from fervideo import checkpoint, models
from fervideo.classifiers import CNN_WEIGHTS
from fervideo.errors import WeightsError
from fervideo.sequence.load import save_lstm
from fervideo.sequence.lstm import SequenceLSTM
from fervideo.settings import Settings


def settings(model: Path | str) -> Settings:
    return Settings.model_validate({"sequence": {"model": str(model)}})


def trained_on(digest: str, path: Path) -> Path:
    save_lstm(SequenceLSTM(hidden=4, layers=1), path, {"frame_cnn": digest})
    return path


def test_a_model_trained_on_an_earlier_frame_cnn_goes_on_reading_it(tmp_path: Path):
    (earlier,) = checkpoint.SHIPPED.glob("frame-*.safetensors")
    digest = checkpoint.digest(earlier)
    assert earlier.stem == f"frame-{digest[:12]}"
    found = models.resolve(settings(trained_on(digest, tmp_path / "old.safetensors")))
    assert (found.frame.path, found.digests["frame"]) == (earlier, digest)
    new = trained_on(checkpoint.digest(CNN_WEIGHTS), tmp_path / "new.safetensors")
    assert [models.resolve(settings(model)).frame.path for model in ("default", new)] == [CNN_WEIGHTS] * 2


def test_a_model_of_a_frame_cnn_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(WeightsError, match=r"other\.safetensors: made for frame_cnn = 'other'"):
        models.resolve(settings(trained_on("other", tmp_path / "other.safetensors")))
