"""Weights on disk: safetensors with a JSON header that describes them. Nothing is ever unpickled.

The header names the kind of model and how to build it (`config`). It describes input and output (`labels`, `crop_px`,
...), and the model's origin (`recipe`, `data`, `seed`, `date`, `scores`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from fervideo import atomic, bounded
from fervideo.errors import WeightsError, counted

Model = TypeVar("Model")

#: Weights that come with the package.
SHIPPED = Path(__file__).parent / "weights"


@dataclass(frozen=True)
class CheckpointHeader:
    """A model's description of itself.

    Attributes:
        path: The file.
        header: The JSON header.
        digest: SHA-256 of the file's bytes, in hexadecimal.
    """

    path: Path
    header: dict[str, Any]
    digest: str

    def expect(self, **wanted: object) -> None:
        """Check the header against the values that the caller works with.

        Raises:
            WeightsError: A value differs; the message names both.
        """
        for name, value in wanted.items():
            # JSON knows no tuples.
            if self.header.get(name) != json.loads(json.dumps(value)):
                reason = f"made for {name} = {self.header.get(name)!r}, here it is {value!r}"
                raise WeightsError(
                    self.path, reason, "use weights that were trained for this version and these settings"
                )


@dataclass(frozen=True)
class Checkpoint(CheckpointHeader):
    """A model's weights and its description of itself.

    Attributes:
        tensors: Parameter name to array.
    """

    tensors: dict[str, npt.NDArray[Any]]

    def build(self, maker: Callable[..., Model], **known: object) -> Model:
        """Build the model that the header's `config` describes; `known` arguments override those of the config.

        Raises:
            WeightsError: There is no such config, or it is not one of this version.
        """
        try:
            return maker(**{**self.header["config"], **known})
        except (KeyError, TypeError, ValueError) as error:
            reason = f"its header describes no network that this version can build ({error})"
            raise WeightsError(self.path, reason, "give a checkpoint that this version of fervideo wrote") from error

    def check_shapes(self, wanted: Mapping[str, tuple[int, ...]], *, whole: bool = False) -> None:
        """Compare the arrays with those that are wanted, by name and shape.

        Args:
            wanted: Shapes by name.
            whole: Whether these are all that the file may hold.

        Raises:
            WeightsError: As `check_shapes`; or there are others, which the network would do without.
        """
        check_shapes(self.path, wanted, {name: array.shape for name, array in self.tensors.items()})
        if whole and (others := [name for name in self.tensors if name not in wanted]):
            reason = f"contains {counted(len(others), 'parameter')} that its network lacks ({_some(others)})"
            raise WeightsError(self.path, reason, "give weights of this network")


def read(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        WeightsError: The file is missing, is not safetensors, or has no header of ours.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            header = bounded.from_json((file.metadata() or {}).get("fervideo", "null"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a dict)
    except FileNotFoundError:
        raise WeightsError(
            path, "no such file", "give the path of a .safetensors checkpoint, or reinstall fervideo"
        ) from None
    except (SafetensorError, OSError, ValueError, TypeError, AttributeError) as error:
        # The last two: numbers of a kind that numpy lacks.
        raise WeightsError(
            path, f"not a safetensors file ({error})", "give a checkpoint that fervideo wrote"
        ) from error
    if not isinstance(header, dict):
        raise WeightsError(path, "has no fervideo header", "give a checkpoint that fervideo wrote")
    if wild := [name for name, tensor in tensors.items() if tensor.dtype.kind == "f" and not np.isfinite(tensor).all()]:
        raise WeightsError(
            path, f"holds numbers that are not finite in {_some(wild)}", "train it again, at a lower rate perhaps"
        )
    return Checkpoint(path=path, header=header, digest=digest(path), tensors=tensors)


def check_shapes(path: Path, wanted: Mapping[str, tuple[int, ...]], given: Mapping[str, tuple[int, ...]]) -> None:
    """Compare the shapes of a file's arrays with those that are wanted; further arrays do not matter.

    Raises:
        WeightsError: Some are missing, or have another shape; the message names them, and the shapes of both sides.
    """
    missing = [name for name in wanted if name not in given]
    if missing:
        there = ", ".join(list(given)[:3]) or "none"
        reason = f"lacks {len(missing)} of {len(wanted)} parameters ({_some(missing)}); it has {there} ..."
        raise WeightsError(path, reason, "give weights of this network")
    # A number is written as an array of one.
    unlike = [name for name, shape in wanted.items() if (given[name] or (1,)) != (shape or (1,))]
    odd = [f"{name} is {list(given[name])}, here it is {list(wanted[name])}" for name in unlike]
    if odd:
        raise WeightsError(
            path, f"has {counted(len(odd), 'parameter')} of another shape: {_some(odd)}", "give weights of this network"
        )


def _some(names: Sequence[str], most: int = 3) -> str:
    """Name a few of many."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def write(path: Path, header: dict[str, Any], tensors: dict[str, npt.NDArray[Any]]) -> None:
    """Write a checkpoint.

    Raises:
        OutputError: The file cannot be written.
    """
    with atomic.written(path) as temporary:
        # Written here, since safetensors makes files that their owner alone may read.
        temporary.write_bytes(
            save(
                {name: np.ascontiguousarray(array) for name, array in tensors.items()}, {"fervideo": json.dumps(header)}
            )
        )


def digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def stamp(path: Path) -> int:
    """Return a number that changes with a file's content, as part of a key for values read from it."""
    return path.stat().st_mtime_ns if path.exists() else 0


def read_header(path: Path) -> CheckpointHeader:
    """Read and check a file, and return its header; once for as long as the file stays the same.

    Raises:
        WeightsError: As `read`.
    """
    return _read_header(path, stamp(path))


@lru_cache
def _read_header(path: Path, stamp: int) -> CheckpointHeader:  # noqa: ARG001  (part of the key)
    stored = read(path)
    return CheckpointHeader(path=path, header=stored.header, digest=stored.digest)
