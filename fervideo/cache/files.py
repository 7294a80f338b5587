"""The files of the cache, as bytes: a segment's features, and what a sequence model says of a clip. Both are safetensors.

Landmarks are most of a segment's bytes, so they are stored as 16-bit steps from the middle of the box. A step is
1/32767 of the landmark farthest from there, which for a face of 500 pixels is off by 0.01 pixels at most.
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

from fervideo import measures
from fervideo.landmarks import N_LANDMARKS
from fervideo.records import ClipExpressions, FaceObservations, FeatureShard, Float32, TrackExpressions

#: Version of what a shard holds and means; raise it whenever the same video and settings would give other features.
FEATURE_VERSION = 3
#: The same of what a sequence model says: raise it whenever the same features, weights and settings would give other
#: probabilities.
EXPRESSION_VERSION = 2

#: What reading a file that is damaged may raise.
DAMAGE = (SafetensorError, OSError, ValueError, KeyError, TypeError)
_FACE_ARRAYS = ("frame", "box_px", "embedding", "frame_logits")


def packed_segment(shard: FeatureShard) -> bytes:
    """Turn a segment into the bytes of a file; the same segment always gives the same bytes."""
    faces = shard.observations
    steps, unit_px = _quantised(faces)
    arrays = {
        "looked_at": shard.frame,
        "time_s": shard.time_s,
        "thumbnail": shard.thumbnail,
        **{name: getattr(faces, name) for name in _FACE_ARRAYS},
        "landmark_steps": steps,
        "landmark_unit_px": unit_px,
    }
    return _sealed(arrays, version=FEATURE_VERSION, segment=shard.segment, damage=shard.damage)


def packed_expressions(expressions: ClipExpressions) -> bytes:
    """Turn what a sequence model says into the bytes of a file."""
    tracks, n, none = expressions.tracks, len(expressions.labels), np.empty(0, np.int64)
    arrays = {
        "track": np.array([track.track for track in tracks], np.int64),
        "length": np.array([len(track.frame) for track in tracks], np.int64),
        "frame": np.concatenate([none, *(track.frame for track in tracks)]),
        "probabilities": np.concatenate([np.empty((0, n), np.float32), *(track.probabilities for track in tracks)]),
        "clip_probabilities": np.array([track.clip_probabilities for track in tracks], np.float32).reshape(-1, n),
    }
    return _sealed(arrays, version=EXPRESSION_VERSION, labels=expressions.labels, device=expressions.device)


def _sealed(arrays: dict[str, Any], **header: object) -> bytes:
    """Turn arrays into the bytes of a file; `_unsealed` reads it."""
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    # safetensors would not notice a block that a power cut left full of zeros.
    checks = {name: zlib.crc32(array) for name, array in arrays.items()}
    return save(arrays, {"fervideo": json.dumps({**header, "crc32": checks})})


@contextmanager
def _unsealed(path: Path) -> Iterator[tuple[dict[str, Any], Callable[[str], Any]]]:
    """Open a file for its header and for a function that reads an array by its name.

    Raises:
        SafetensorError, OSError, ValueError, KeyError, TypeError: The file is missing or damaged.
    """
    with safe_open(path, framework="numpy") as file:
        header = json.loads((file.metadata() or {})["fervideo"])

        def stored(name: str) -> Any:
            array = file.get_tensor(name)
            if zlib.crc32(array) != header["crc32"][name]:
                raise ValueError(f"checksum of {name} differs")
            return array

        yield header, stored


def read_segment(path: Path, segment: int) -> FeatureShard:
    """Read a segment from a file; raises as `_unsealed` does."""
    with _unsealed(path) as (header, stored):
        if (header["version"], header["segment"]) != (FEATURE_VERSION, segment):
            raise ValueError(f"holds segment {header['segment']} of version {header['version']}")
        arrays = {name: stored(name) for name in _FACE_ARRAYS}
        landmarks_px = _origin(arrays["box_px"]) + stored("landmark_steps") * stored("landmark_unit_px")
        if landmarks_px.shape[1] != N_LANDMARKS:
            raise ValueError(f"holds {landmarks_px.shape[1]} landmarks a face, must be {N_LANDMARKS}")
        faces = FaceObservations(**arrays, landmarks_px=landmarks_px, measures=measures.measure(landmarks_px))
        return FeatureShard(
            segment, stored("looked_at"), stored("time_s"), stored("thumbnail"), faces, header["damage"]
        )


def read_expressions(path: Path) -> ClipExpressions:
    """Read what a sequence model said; raises as `_unsealed` does."""
    with _unsealed(path) as (header, stored):
        length = stored("length")
        # No tracks would split into one part.
        split = (np.split(stored(name), np.cumsum(length))[: len(length)] for name in ("frame", "probabilities"))
        rows = zip(stored("track").tolist(), *split, stored("clip_probabilities"), strict=True)
        return ClipExpressions(tuple(TrackExpressions(*row) for row in rows), tuple(header["labels"]), header["device"])


def _quantised(faces: FaceObservations) -> tuple[np.ndarray[Any, np.dtype[np.int16]], Float32]:
    """Express landmarks in 16-bit steps from the middle of the box.

    Returns:
        Steps int16 (M, K, 3), and the length of a step float32 (M, 1, 1), in pixels.
    """
    offset = faces.landmarks_px - _origin(faces.box_px)
    unit_px = np.maximum(np.abs(offset).max((1, 2), keepdims=True, initial=0) / np.float32(32767), np.float32(1e-6))
    return np.rint(offset / unit_px).astype(np.int16), unit_px


def _origin(box_px: Float32) -> Float32:
    """Return the middle of each box, float32 (M, 1, 3), at depth 0."""
    middle = (box_px[:, :2] + box_px[:, 2:]) / 2
    origin: Float32 = np.concatenate([middle, np.zeros_like(middle[:, :1])], 1)[:, None]
    return origin
