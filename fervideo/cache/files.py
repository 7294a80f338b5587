"""The files of the cache, as bytes: a segment's faces, predictions for them, and expressions of a clip.

All are safetensors with a checksum for each array and for the header. Landmarks are most of the bytes, so they are
stored as 16-bit steps from the middle of the box. A step is 1/32767 of the landmark farthest from there. The error is
at most 0.01 pixels for a face of 500 pixels.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from fervideo import bounded
from fervideo.records import (
    ClipExpressions,
    DetectedFaces,
    Float32,
    FramePredictions,
    SegmentFaces,
    TrackExpressions,
)

#: Version of a segment's faces; raise it whenever the same video and settings would give other faces.
FACES_VERSION = 6
#: Version of predictions; raise it whenever the same faces and weights would give other predictions.
PREDICTIONS_VERSION = 1
#: Version of a clip's expressions; raise it whenever the same features, weights and settings would give others.
EXPRESSIONS_VERSION = 4

#: Errors that reading a damaged file may raise.
DAMAGE = (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError)
_FACE_ARRAYS = ("frame", "box_px", "alignment", "blur", "brightness", "look", "confirmation")


def pack_faces(shard: SegmentFaces) -> bytes:
    """Return a segment's faces as the bytes of a file; the same segment always gives the same bytes."""
    steps, unit_px = _quantised(shard.faces)
    arrays = {
        "analysed": shard.frame,
        "time_s": shard.time_s,
        "sound": shard.sound,
        "thumbnail": shard.thumbnail,
        **{name: getattr(shard.faces, name) for name in _FACE_ARRAYS},
        "landmark_steps": steps,
        "landmark_unit_px": unit_px,
        "size_px": shard.size_px,
    }
    return _sealed(
        arrays,
        version=FACES_VERSION,
        segment=shard.segment,
        damage=shard.damage,
        rotate_deg=shard.rotate_deg,
        corner_px=shard.corner_px,
    )


def read_faces(path: Path, segment: int) -> SegmentFaces:
    """Read a segment's faces from a file; raises as `_unsealed` does."""
    with _unsealed(path) as (header, stored):
        _check(header, version=FACES_VERSION, segment=segment)
        arrays = {name: stored(name) for name in _FACE_ARRAYS}
        landmarks_px = stored("landmark_steps") * stored("landmark_unit_px")
        # Column by column, which takes a tenth of the time of adding rows of three.
        for axis, middle in enumerate(_middle(arrays["box_px"]).T):
            landmarks_px[:, :, axis] += middle[:, None]
        return SegmentFaces(
            segment=segment,
            frame=stored("analysed"),
            time_s=stored("time_s"),
            sound=stored("sound"),
            thumbnail=stored("thumbnail"),
            faces=DetectedFaces(**arrays, landmarks_px=landmarks_px),
            damage=header["damage"],
            rotate_deg=header["rotate_deg"],
            # Files of earlier versions are of whole pictures.
            corner_px=tuple(header.get("corner_px", (0, 0))),
            size_px=stored("size_px"),
        )


def pack_predictions(segment: int, predictions: FramePredictions) -> bytes:
    """Return predictions for a segment's faces as the bytes of a file."""
    arrays = {"embedding": predictions.embedding, "logits": predictions.logits}
    return _sealed(arrays, version=PREDICTIONS_VERSION, segment=segment)


def read_predictions(path: Path, segment: int) -> FramePredictions:
    """Read predictions for a segment's faces from a file; raises as `_unsealed` does."""
    with _unsealed(path) as (header, stored):
        _check(header, version=PREDICTIONS_VERSION, segment=segment)
        return FramePredictions(embedding=stored("embedding"), logits=stored("logits"))


def pack_expressions(expressions: ClipExpressions) -> bytes:
    """Return a clip's expressions as the bytes of a file."""
    tracks, n, none = expressions.tracks, len(expressions.labels), np.empty(0, np.int64)
    arrays = {
        "track": np.array([track.track for track in tracks], np.int64),
        "length": np.array([len(track.frame) for track in tracks], np.int64),
        "frame": np.concatenate([none, *(track.frame for track in tracks)]),
        "probabilities": np.concatenate([np.empty((0, n), np.float32), *(track.probabilities for track in tracks)]),
        "clip_probabilities": np.array([track.clip_probabilities for track in tracks], np.float32).reshape(-1, n),
    }
    return _sealed(arrays, version=EXPRESSIONS_VERSION, labels=expressions.labels, device=expressions.device)


def read_expressions(path: Path) -> ClipExpressions:
    """Read a clip's expressions from a file; raises as `_unsealed` does."""
    with _unsealed(path) as (header, stored):
        _check(header, version=EXPRESSIONS_VERSION)
        length = stored("length")
        # No tracks would split into one part.
        split = (np.split(stored(name), np.cumsum(length))[: len(length)] for name in ("frame", "probabilities"))
        rows = zip(stored("track").tolist(), *split, stored("clip_probabilities"), strict=True)
        names = ("track", "frame", "probabilities", "clip_probabilities")
        tracks = tuple(TrackExpressions(**dict(zip(names, row, strict=True))) for row in rows)
        return ClipExpressions(tracks=tracks, labels=tuple(header["labels"]), device=header["device"])


def pack_number(number: int) -> bytes:
    """Return a number as the bytes of a file."""
    return _sealed({"number": np.array([number], np.int64)})


def read_number(path: Path) -> int:
    """Read a number from a file; raises as `_unsealed` does."""
    with _unsealed(path) as (_, stored):
        return int(stored("number")[0])


def _sealed(arrays: dict[str, Any], **header: object) -> bytes:
    """Return arrays and a header as the bytes of a file; `_unsealed` reads it."""
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    # safetensors itself does not notice a block that a power cut left full of zeros.
    sealed = {**header, "crc32": {name: _checksum(array) for name, array in arrays.items()}}
    return save(arrays, {"fervideo": json.dumps({**sealed, "seal": _seal(sealed)})})


def _checksum(array: Any) -> int:
    """Return a checksum of an array's numbers, and of their kind and arrangement."""
    return zlib.crc32(array, zlib.crc32(f"{array.dtype}{array.shape}".encode()))


def _seal(header: dict[str, Any]) -> int:
    """Return a checksum of all of a header except the seal."""
    return zlib.crc32(json.dumps({name: header[name] for name in sorted(header) if name != "seal"}).encode())


def _check(header: dict[str, Any], **wanted: int) -> None:
    """Compare a file's header with the file that was looked for.

    Raises:
        ValueError: It is another one.
    """
    if other := {name: header[name] for name, value in wanted.items() if header[name] != value}:
        raise ValueError(f"has {other}, must have {wanted}")


@contextmanager
def _unsealed(path: Path) -> Iterator[tuple[dict[str, Any], Callable[[str], Any]]]:
    """Open a file for its header and for a function that reads an array by its name.

    Raises:
        DAMAGE: The file is missing or damaged.
    """
    with safe_open(path, framework="numpy") as file:
        header = bounded.from_json((file.metadata() or {})["fervideo"])
        if header["seal"] != _seal(header):
            raise ValueError("checksum of the header differs")

        def stored(name: str) -> Any:
            array = file.get_tensor(name)
            if _checksum(array) != header["crc32"][name]:
                raise ValueError(f"checksum of {name} differs")
            return array

        yield header, stored


def _quantised(faces: DetectedFaces) -> tuple[np.ndarray[Any, np.dtype[np.int16]], Float32]:
    """Return landmarks in 16-bit steps from the middle of the box.

    Returns:
        Steps int16 (M, K, 3), and the length of a step float32 (M, 1, 1), in pixels.
    """
    offset = faces.landmarks_px - np.pad(_middle(faces.box_px), ((0, 0), (0, 1)))[:, None]
    unit_px = np.maximum(np.abs(offset).max((1, 2), keepdims=True, initial=0) / np.float32(32767), np.float32(1e-6))
    return np.rint(offset / unit_px).astype(np.int16), unit_px


def _middle(box_px: Float32) -> Float32:
    """Return the middle of each box, float32 (M, 2)."""
    middle: Float32 = (box_px[:, :2] + box_px[:, 2:]) / 2
    return middle
