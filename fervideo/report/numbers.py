"""The numbers of a page in one block of text: columns as small integers, compressed, in base64."""

from __future__ import annotations

import base64
import gzip
from typing import Any

import numpy as np
import numpy.typing as npt

#: Stands for a missing value among integers.
_MISSING = -32768


class Numbers:
    """Arrays of a page, one behind the other, each at a multiple of 8 bytes.

    Integers are written as differences from the value before, which compress better than the values.
    """

    def __init__(self) -> None:
        self._content = bytearray()

    def column(self, values: npt.NDArray[Any], decimals: int | None) -> dict[str, Any]:
        """Add a column of a table, exact to its decimals.

        Args:
            values: float64 (n,); NaN is missing.
            decimals: Decimals of the column; None where it is not rounded.

        Returns:
            Its entry for the page: `at` (first byte), `n`, `type`, and `scale` of integers.
        """
        units = np.round(np.asarray(values, np.float64) * 10 ** (decimals or 0))
        if decimals is None or np.nanmax(np.abs(units), initial=0) >= -_MISSING:
            return self._added(np.asarray(values, np.float32), "float32")
        whole = np.where(np.isnan(units), _MISSING, units).astype(np.int16)
        return {**self._added(_differences(whole), "int16"), "scale": 10**decimals}

    def whole(self, values: npt.NDArray[Any]) -> dict[str, Any]:
        """Add whole numbers from 0 to 4,294,967,295; return their entry."""
        return self._added(_differences(np.asarray(values, np.uint32)), "uint32")

    def text(self) -> str:
        """Return all arrays as base64 of gzip; equal numbers give equal text."""
        return packed(bytes(self._content))

    def _added(self, values: npt.NDArray[Any], kind: str) -> dict[str, Any]:
        at = len(self._content)
        self._content += values.astype(values.dtype.newbyteorder("<")).tobytes()
        self._content += bytes(-len(self._content) % 8)
        return {"at": at, "n": len(values), "type": kind}


def packed(content: bytes) -> str:
    """Return bytes as base64 of gzip."""
    return base64.b64encode(gzip.compress(content, 9, mtime=0)).decode("ascii")


def _differences(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return each value minus the one before, modulo the range of the type."""
    return np.diff(values, prepend=values.dtype.type(0))
