"""Checkpoints: a file describes itself, and a file of another kind is refused with its reason."""

import functools
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from fervideo import checkpoint
from fervideo.classifiers import cnn
from fervideo.errors import WeightsError


def test_round_trip(tmp_path: Path):
    path = tmp_path / "runs" / "a.safetensors"
    checkpoint.write(
        path, {"kind": "toy", "labels": ("a", "b"), "seed": 3}, {"w": np.arange(6, dtype=np.float32).reshape(2, 3).T}
    )
    stored = checkpoint.read(path)
    stored.expect(kind="toy", labels=("a", "b"))
    np.testing.assert_array_equal(stored.tensors["w"], np.arange(6).reshape(2, 3).T)
    assert stored.digest == checkpoint.digest(path)


def test_a_mismatch_names_both_sides(tmp_path: Path):
    path = tmp_path / "a.safetensors"
    checkpoint.write(path, {"kind": "toy", "crop_px": 48}, {"w": np.zeros(1, np.float32)})
    with pytest.raises(WeightsError, match=r"a\.safetensors: made for crop_px = 48, here it is 56; use weights"):
        checkpoint.read(path).expect(crop_px=56)


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path):
    foreign = tmp_path / "foreign.safetensors"
    save_file({"w": np.zeros(2, np.float32)}, foreign)
    text = tmp_path / "text.safetensors"
    text.write_text("not weights")
    for path, reason in (
        (foreign, "no fervideo header"),
        (text, "not a safetensors file"),
        (tmp_path / "none", "no such file"),
        (tmp_path, "not a safe"),
    ):
        with pytest.raises(WeightsError, match=reason):
            checkpoint.read(path)


@pytest.mark.parametrize(
    ("changes", "arrays", "reason"),
    [
        ({"config": {"size": 3, "odd": 1}}, {}, "no network that this version can build"),
        ({"config": None}, {}, "no network that this version can build"),
        ({}, {"w": np.zeros((2, 2), np.float32)}, r"has 1 parameter of another shape: w is \[2, 2\], here it is \[3\]"),
        ({}, {"w": None}, r"lacks 1 of 1 parameters \(w\); it has none"),
        ({}, {"v": np.zeros(1, np.float32)}, r"contains 1 parameter that its network lacks \(v\)"),
        ({}, {"w": np.array([0, np.nan, 0], np.float32)}, "numbers that are not finite in w"),
    ],
)
def test_weights_of_another_network_are_refused(
    tmp_path: Path, changes: dict[str, object], arrays: dict[str, object], reason: str
):
    def wanted(size: int) -> dict[str, tuple[int, ...]]:
        return {"w": (size,)}

    tensors = {name: array for name, array in ({"w": np.zeros(3, np.float32)} | arrays).items() if array is not None}
    checkpoint.write(tmp_path / "a.safetensors", {"config": {"size": 3}} | changes, tensors)

    def read_and_fit() -> None:
        stored = checkpoint.read(tmp_path / "a.safetensors")
        stored.check_shapes(stored.build(wanted), whole=True)

    with pytest.raises(WeightsError, match=rf"a\.safetensors: .*{reason}"):
        read_and_fit()


@pytest.mark.parametrize("spoilt", ["shape", "lacking", "more", "config"])
@pytest.mark.parametrize("name", ["frame", "sequence"])
def test_the_networks_of_the_pipeline_refuse_other_weights(tmp_path: Path, name: str, spoilt: str):
    """Here they are opened as the commands open them."""
    from fervideo import classifiers
    from fervideo.sequence.load import load_model

    stored = checkpoint.read(checkpoint.SHIPPED / f"{name}.safetensors")
    header, tensors = dict(stored.header), dict(stored.tensors)
    first = next(iter(tensors))
    if spoilt == "shape":
        tensors[first] = np.zeros((2, 3), np.float32)
    elif spoilt == "lacking":
        del tensors[first]
    elif spoilt == "more":
        tensors["unheard_of"] = np.zeros(1, np.float32)
    else:
        header["config"] = {**header["config"], "labels" if name == "frame" else "unheard_of": 8}
    checkpoint.write(tmp_path / "other.safetensors", header, tensors)
    frame_cnn = checkpoint.digest(classifiers.CNN_WEIGHTS)
    load = cnn.load if name == "frame" else functools.partial(load_model, frame_cnn=frame_cnn)
    with pytest.raises(WeightsError, match=r"other\.safetensors"):
        load(tmp_path / "other.safetensors")


def test_the_shipped_weights_name_their_origin():
    for name in ("frame", "sequence"):
        header = checkpoint.read(checkpoint.SHIPPED / f"{name}.safetensors").header
        assert (checkpoint.SHIPPED / f"{name}.md").exists()
        for key in ("labels", "recipe", "data", "seed", "date", "scores"):
            assert header[key], key
        assert (Path(__file__).parents[1] / header["recipe"]).exists()
