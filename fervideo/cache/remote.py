"""Whole files behind a URL, so that machines without a common disk share segments.

A URL begins with `s3://`, `gs://`, `file://` or `memory://`, as `s3://bucket/folder` does. The library fsspec reaches
them; s3 and gs need its drivers s3fs and gcsfs. A file is there in full or not at all. On a disk, fsspec's transactions
write a file aside and move it. An object store shows an object once it is complete.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fervideo.errors import OutputError


def exists(url: str) -> bool:
    """Check whether there is a file.

    Raises:
        OutputError: The store cannot be reached.
    """
    with _reached(url) as (store, path):
        return bool(store.exists(path))


def get(url: str) -> bytes | None:
    """Read a file; None where there is none.

    Raises:
        OutputError: The store cannot be reached.
    """
    with _reached(url) as (store, path):
        try:
            return bytes(store.cat_file(path))
        except FileNotFoundError:
            return None


def put(url: str, content: bytes) -> None:
    """Write a file, in place of one that is there.

    Raises:
        OutputError: The store cannot be reached or written.
    """
    with _reached(url) as (store, path):
        store.makedirs(path.rpartition("/")[0], exist_ok=True)
        with store.transaction, store.open(path, "wb") as file:
            file.write(content)


def names(url: str) -> list[str]:
    """Return the names in a folder; none if it is not there.

    Raises:
        OutputError: The store cannot be reached.
    """
    with _reached(url) as (store, path):
        return [str(found).rpartition("/")[2] for found in store.ls(path, detail=False)] if store.exists(path) else []


def remove(url: str) -> None:
    """Remove a folder with all that is in it, if it is there.

    Raises:
        OutputError: The store cannot be reached or written.
    """
    with _reached(url) as (store, path):
        if store.exists(path):
            store.rm(path, recursive=True)


@contextmanager
def _reached(url: str) -> Iterator[tuple[Any, str]]:
    """Provide the store behind a URL, and the path in it."""
    try:
        from fsspec.core import url_to_fs

        yield url_to_fs(url)
    except Exception as error:  # every driver has errors of its own
        remedy = "check FERVIDEO_CACHE and your rights there; s3:// needs `pip install s3fs`, gs:// gcsfs"
        raise OutputError(url, f"cannot be reached ({type(error).__name__}: {error})", remedy) from error
