"""Checkpoints of sequence models: checked, loaded and written.

A checkpoint lists the measures that its model reads under `inputs`; older ones list them under `geometry`.
A measure that is added later does not matter to it. Reading a header needs no torch.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fervideo import checkpoint, columns
from fervideo.checkpoint import Checkpoint, CheckpointHeader
from fervideo.classifiers import CNN_WEIGHTS, FrameWeights
from fervideo.errors import WeightsError
from fervideo.records import ANY_FRAME_MODEL, MODEL_RATE_HZ
from fervideo.sequence import SequenceModel
from fervideo.sequence.person import PersonModel
from fervideo.settings import SequenceSettings

if TYPE_CHECKING:
    from fervideo.sequence.lstm import SequenceLSTM

#: The sequence model that reads the package's frame CNN, and the one that reads any other frame classifier.
SEQUENCE_WEIGHTS = checkpoint.SHIPPED / "sequence.safetensors"
SMOOTHER_WEIGHTS = checkpoint.SHIPPED / "smoother.safetensors"
_LSTM, _PERSON = "sequence_lstm", "sequence_person"


@dataclass(frozen=True, kw_only=True)
class Header:
    """The facts in a checkpoint that decide whether its model can be used here.

    Attributes:
        kind: Kind of model, a key of KINDS.
        digest: SHA-256 of the file's bytes, in hexadecimal.
        labels: The expressions that the model distinguishes, in the order of its probabilities.
        inputs: Names of the measures that it reads, in the order in which it reads them.
        frame_cnn: Digest of the frame classifier whose features it reads, or ANY_FRAME_MODEL.
    """

    kind: str
    digest: str
    labels: tuple[str, ...]
    inputs: tuple[str, ...]
    frame_cnn: str


@dataclass(frozen=True, kw_only=True)
class SequenceWeights:
    """Weights of a run's sequence model.

    Attributes:
        path: The checkpoint.
        digest: SHA-256 of the file, in hexadecimal.
        frame_cnn: Digest of the run's frame classifier.
        device: `auto`, `cpu` or `cuda`.
    """

    path: Path
    digest: str
    frame_cnn: str
    device: str = "auto"


def weights(chosen: SequenceSettings, frame: FrameWeights) -> SequenceWeights:
    """Find and check a sequence model's weights; needs no torch.

    Args:
        chosen: The model.
        frame: Weights of the frame classifier whose features it is to read, on the same device.

    Raises:
        WeightsError: They are missing or broken, or read features that are not there.
    """
    path = path_of(chosen) or (SEQUENCE_WEIGHTS if frame.path == CNN_WEIGHTS else SMOOTHER_WEIGHTS)
    header = _header(checkpoint.read_header(path), frame.digest)
    return SequenceWeights(path=path, digest=header.digest, frame_cnn=frame.digest, device=frame.device)


def path_of(chosen: SequenceSettings) -> Path | None:
    """Return the path of the model that the settings name; None for the package's.

    Raises:
        WeightsError: There is no such file or folder.
    """
    if chosen.model == "default":
        return None
    path = Path(chosen.model).expanduser()
    if not path.exists():
        reason = "no model found (looked for this file, and for model.safetensors in this folder)"
        raise WeightsError(path, reason, "give the folder that `fervideo train` wrote, or a .safetensors file")
    # The folder that `fervideo train` wrote stands for the model in it.
    return path / "model.safetensors" if path.is_dir() else path


def loaded(found: SequenceWeights) -> SequenceModel:
    """Return the sequence model of this process; it is loaded once for as long as its file stays the same.

    Raises:
        WeightsError: Its arrays do not fit its network.
        UsageError: `cuda` is asked for where there is none.
    """
    return _loaded(found, checkpoint.stamp(found.path))


@lru_cache(maxsize=1)
def _loaded(found: SequenceWeights, stamp: int) -> SequenceModel:  # noqa: ARG001  (part of the key)
    from fervideo.classifiers.nets import resolve_device

    return load_model(found.path, found.frame_cnn, resolve_device(found.device))


def read_header(path: Path, frame_cnn: str) -> Header:
    """Read and check the checkpoint of a sequence model, without torch.

    Args:
        path: The file.
        frame_cnn: Digest of the frame classifier whose features the model is to read.

    Raises:
        WeightsError: The file is missing or broken, or its model reads features that are not there.
    """
    return _header(checkpoint.read_header(path), frame_cnn)


def load_model(path: Path, frame_cnn: str, device: str = "cpu") -> SequenceModel:
    """Load a sequence model of any kind, ready for inference.

    Args:
        path: The checkpoint.
        frame_cnn: Digest of the frame classifier whose features the model is to read.
        device: Device on which it is to run, `cpu` or `cuda`.

    Raises:
        WeightsError: As `read_header`; or the file fits no network that this version can build.
    """
    stored = checkpoint.read(path)
    header = _header(stored, frame_cnn)
    return KINDS[header.kind](stored, header, device)


def load_lstm(path: Path, frame_cnn: str, device: str = "cpu") -> SequenceLSTM:
    """Load an LSTM as a network, to train it or to read its parameters. Args and Raises as in `load_model`."""
    stored = checkpoint.read(path)
    stored.expect(kind=_LSTM)
    return _lstm(stored, _header(stored, frame_cnn), device)


def save_lstm(model: SequenceLSTM, path: Path, header: dict[str, Any]) -> None:
    """Write an LSTM and its description.

    Args:
        model: The model.
        path: Path of the file.
        header: `frame_cnn`, the digest of the frame classifier whose features it reads, or ANY_FRAME_MODEL; and all
            else that describes it.

    Raises:
        OutputError: The file cannot be written.
    """
    facts: dict[str, Any] = {
        "kind": _LSTM,
        "config": model.config,
        "labels": model.labels,
        "inputs": model.inputs,
        "model_rate_hz": MODEL_RATE_HZ,
    }
    tensors = {name: tensor.detach().cpu().numpy() for name, tensor in model.state_dict().items()}
    checkpoint.write(path, {**facts, **header}, tensors)


def _lstm(stored: Checkpoint, header: Header, device: str) -> SequenceLSTM:
    import torch

    from fervideo.sequence.lstm import SequenceLSTM

    model = stored.build(SequenceLSTM, labels=header.labels, inputs=header.inputs)
    stored.check_shapes({name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}, whole=True)
    model.load_state_dict({name: torch.from_numpy(array) for name, array in stored.tensors.items()})
    return model.to(device).eval()


def _person(stored: Checkpoint, header: Header, device: str) -> PersonModel:  # noqa: ARG001  (it runs on the CPU)
    stored.check_shapes({"typical": (len(header.labels),)}, whole=True)
    return stored.build(PersonModel, typical=stored.tensors["typical"].astype(np.float64), labels=header.labels)


def save_person(model: PersonModel, path: Path, header: dict[str, Any]) -> None:
    """Write a model of a person's calm stretches, with `frame_cnn` and all else that describes it in `header`.

    Raises:
        OutputError: The file cannot be written.
    """
    facts: dict[str, Any] = {"kind": _PERSON, "config": model.config, "labels": model.labels, "inputs": model.inputs}
    checkpoint.write(path, {**facts, "model_rate_hz": MODEL_RATE_HZ, **header}, {"typical": model.typical})


#: Loader of each kind of sequence model, by the name that its checkpoints bear.
KINDS: dict[str, Callable[[Checkpoint, Header, str], SequenceModel]] = {_LSTM: _lstm, _PERSON: _person}


def _header(stored: CheckpointHeader, frame_cnn: str) -> Header:
    """Check a header. Raises WeightsError as `read_header` does."""
    if stored.header.get("kind") not in KINDS:
        stored.expect(kind=" or ".join(KINDS))
    stored.expect(model_rate_hz=MODEL_RATE_HZ)
    inputs = _names(stored, "inputs", "geometry")
    _check_measures(stored.path, inputs)
    if (made_for := stored.header.get("frame_cnn")) not in (ANY_FRAME_MODEL, frame_cnn):
        reason = f"made for frame_cnn = {made_for!r}, here it is {frame_cnn!r}"
        remedy = "train it again with `fervideo train`, or give its frame classifier with --classifier"
        raise WeightsError(stored.path, reason, remedy)
    labels, config = _names(stored, "labels"), stored.header.get("config")
    n_outputs = config.get("labels") if isinstance(config, dict) else None
    if n_outputs != len(labels):
        reason = f"has {n_outputs} outputs and names {len(labels)} labels"
        raise WeightsError(stored.path, reason, "give a checkpoint that fervideo wrote")
    return Header(
        kind=stored.header["kind"],
        digest=stored.digest,
        labels=labels,
        inputs=inputs,
        frame_cnn=stored.header["frame_cnn"],
    )


def _names(stored: CheckpointHeader, *keys: str) -> tuple[str, ...]:
    """Return the names that a header lists under the first of some keys that it has."""
    found = next((stored.header[key] for key in keys if key in stored.header), None)
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise WeightsError(stored.path, f"lists no {keys[0]}", "give a checkpoint that fervideo wrote")
    return tuple(found)


def _check_measures(path: Path, names: Sequence[str]) -> None:
    """Check that this version computes the measures that a model reads."""
    known = list(columns.MEASURES)
    unknown = [
        f"{name!r} (the nearest is {difflib.get_close_matches(name, known, 1, cutoff=0.0)[0]!r})"
        for name in names
        if name not in known
    ]
    if unknown:
        reason = f"reads measures that this version does not compute: {', '.join(unknown)}"
        raise WeightsError(path, reason, "use the version of fervideo that trained it, or train it again")
