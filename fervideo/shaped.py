"""Records of arrays that check their shapes, and print shapes instead of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

import numpy as np


def check_array(owner: object, name: str, dtype: type[np.generic], shape: tuple[int | None, ...]) -> None:
    """Check one array of a record.

    Args:
        owner: The record.
        name: The attribute to check.
        dtype: The dtype that it must have.
        shape: The size of each axis; None where any size will do.

    Raises:
        ValueError: The dtype or the shape differs.
    """
    array = getattr(owner, name)
    fits = array.ndim == len(shape) and all(
        want in (None, size) for want, size in zip(shape, array.shape, strict=False)
    )
    if array.dtype != dtype or not fits:
        wanted = f"{np.dtype(dtype).name} {shape}"
        raise ValueError(f"{type(owner).__name__}.{name}: is {array.dtype} {array.shape}, must be {wanted}")


class Shaped:
    """Base of records that print arrays as dtype and shape, not as numbers."""

    def __repr__(self) -> str:
        names = [field.name for field in fields(self)]  # type: ignore[arg-type]  # every subclass is a dataclass
        parts = ", ".join(f"{name}={_shape_of(getattr(self, name))}" for name in names)
        return f"{type(self).__name__}({parts})"


def _shape_of(value: object) -> str:
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_shape_of(item)}' for key, item in value.items())}}}"
    return f"{value.dtype}{list(value.shape)}" if isinstance(value, np.ndarray) else repr(value)
