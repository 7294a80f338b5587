"""Faces of successive frames linked: position, landmark shape and looks, Hungarian assignment.

Shards are taken one at a time, and only the last detection of each live track is carried from one to the next. So
memory does not grow with the landmarks of a clip, and the border between two segments leaves no seam.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fervideo import boxes
from fervideo.records import LOOK_SHAPE, THUMBNAIL_SHAPE, Bool, FeatureShard, Float32, Float64, Int64, UInt8
from fervideo.settings import TrackingSettings
from fervideo.tracking import cuts

Complex128 = npt.NDArray[np.complex128]

#: Boxes of one frame that overlap by more than this (IoU) are one face reported twice.
_DUPLICATE_IOU = 0.6
#: Way that a face may go in a second, in face sizes; real faces were seen to go 1.4 at most.
_SPEED = 1.5
#: Longest time for which that way grows: after it, two positions are simply two positions.
_REACH_S = 1.0
#: Procrustes distance that counts as nothing alike. Medians: 0.05 for one person a second apart, 0.13 for two persons.
_OTHER_SHAPE = 0.25


class _Detections(NamedTuple):
    """Faces as they are compared, one row per face or any other shape of rows.

    Attributes:
        box_px: float64 (..., 4), x0, y0, x1, y1.
        shape: complex128 (..., K), landmarks as x + iy, centred, of norm 1.
        look: uint8 (..., pictures, pixels).
        time_s: float64 (...,).
        analysed_index: int64 (...,), index of the face's frame among the sound frames of the clip: damage is no gap.
        shot: int64 (...,), number of cuts up to the frame.
    """

    box_px: Float64
    shape: Complex128
    look: UInt8
    time_s: Float64
    analysed_index: Int64
    shot: Int64

    def take(self, rows: Int64 | slice) -> _Detections:
        return _Detections._make(array[rows] for array in self)

    def followed_by(self, others: _Detections) -> _Detections:
        return _Detections._make(np.concatenate([a, b]) for a, b in zip(self, others, strict=True))


class Linker:
    """Tracks that are followed from frame to frame, shard by shard.

    `_detections` are the last ones of the live tracks before the current shard, then the faces of the shard. `_live`
    maps each live track to its row there.
    """

    def __init__(self, settings: TrackingSettings) -> None:
        self._settings = settings
        self._detections: _Detections | None = None
        self._live: dict[int, int] = {}
        self._n_tracks = 0
        self._n_analysed = 0
        self._shot = 0
        self._thumbnail = np.empty((0, *THUMBNAIL_SHAPE), np.uint8)

    def follow(self, shard: FeatureShard) -> tuple[Int64, Int64]:
        """Assign every face of the next shard to a track.

        Returns:
            The rows that are kept, int64 (m,), rising, and their tracks, int64 (m,), numbered as they appear.

        Raises:
            ValueError: The shard was read without its landmarks.
        """
        seen = self._seen(shard)
        if not len(seen.analysed_index):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        carried = np.array(list(self._live.values()), np.int64)
        if self._detections is not None:
            seen = self._detections.take(carried).followed_by(seen)
        self._live = {track: row for row, track in enumerate(self._live)}
        self._detections = seen
        n = len(self._live)
        # Most frames need the cost of one face after one face: it is computed for the whole shard at once.
        link = self._cost(seen.take(slice(None, -1)), seen.take(slice(1, None))).tolist()
        index = seen.analysed_index
        track = np.full(len(index), -1, np.int64)
        starts = [*(np.flatnonzero(np.diff(index[n:], prepend=-1)) + n).tolist(), len(index)]
        for start, stop in pairwise(starts):
            lone = next(iter(self._live.items())) if len(self._live) == 1 and stop - start == 1 else None
            if lone and lone[1] == start - 1 and link[start - 1] <= self._settings.max_cost:
                track[start] = lone[0]
                self._live[lone[0]] = start
            else:
                rows = start + _distinct(seen.box_px[start:stop])
                track[rows] = self._assign(rows)
        kept = np.flatnonzero(track[n:] >= 0)
        return kept, track[n:][kept]

    def _seen(self, shard: FeatureShard) -> _Detections:
        """Describe the faces of a shard, and count its frames and cuts."""
        faces = shard.observations
        if len(faces) and not faces.landmarks_px.shape[1]:
            raise ValueError(f"segment {shard.segment}: tracking needs landmarks, they were left out")
        thumbnail = np.concatenate([self._thumbnail, shard.thumbnail[shard.sound]])
        cut = cuts.shot_cuts(thumbnail, self._settings.shot_cut)
        shot = self._shot + np.cumsum(cut[len(self._thumbnail) :])
        index = np.searchsorted(shard.frame[shard.sound], faces.frame)
        # A call may change the size of its pictures: boxes are compared as parts of them.
        side = np.sqrt(shard.size_px[shard.sound][index].prod(1, keepdims=True))
        detections = _Detections(
            box_px=faces.box_px.astype(np.float64) / side,
            shape=_shapes(faces.landmarks_px),
            look=shard.look.reshape(len(shard.look), LOOK_SHAPE[0], LOOK_SHAPE[1] * LOOK_SHAPE[2]),
            time_s=shard.time_s[shard.sound][index],
            analysed_index=self._n_analysed + index,
            shot=shot[index],
        )
        self._n_analysed += int(shard.sound.sum())
        self._thumbnail = thumbnail[-1:]
        self._shot = int(shot[-1]) if len(shot) else self._shot
        return detections

    def _assign(self, rows: Int64) -> list[int]:
        """Assign the faces of one frame to live tracks, or start new ones; forget tracks lost for too long."""
        assert self._detections is not None
        now = self._detections.take(rows)
        lasts = np.array(list(self._live.values()), np.int64)
        alive = self._is_recent(self._detections.take(lasts), now.take(slice(0, 1)))
        tracks = [track for track, still in zip(self._live, alive, strict=True) if still]
        cost = self._cost(self._detections.take(lasts[alive, None]), now.take(np.arange(len(rows))[None]))
        # A pair beyond the limit costs as much as leaving both alone, so it never pushes a better pair aside.
        matched = pairs(np.minimum(cost, self._settings.max_cost))
        given = {face: tracks[last] for last, face in matched if cost[last, face] <= self._settings.max_cost}
        for face in range(len(rows)):
            if face not in given:
                given[face] = self._n_tracks
                self._n_tracks += 1
        self._live = {track: self._live[track] for track in tracks} | {
            given[face]: int(row) for face, row in enumerate(rows)
        }
        return [given[face] for face in range(len(rows))]

    def _is_recent(self, last: _Detections, now: _Detections) -> Bool:
        """Check which tracks are still alive: seen in the frame before or not too long ago.

        The frame before always counts, however far it is: frames may be sampled more than `max_gap_s` apart.
        """
        recent = now.time_s - last.time_s <= self._settings.max_gap_s + 1e-6
        alive: Bool = recent | (now.analysed_index - last.analysed_index <= 1)
        return alive

    def _cost(self, last: _Detections, now: _Detections) -> Float64:
        """Compare detections as arrays broadcast: 0 same position and shape, 1 nothing alike, inf never one track."""
        seconds = now.time_s - last.time_s
        way = (
            _SPEED * np.clip(seconds, 0, _REACH_S) * np.sqrt(np.sqrt(boxes.area(last.box_px) * boxes.area(now.box_px)))
        )
        apart = 1 - boxes.iou(_grown(last.box_px, way), _grown(now.box_px, way))
        # The Procrustes distance of plane shapes in closed form (Kendall 1984): shift, turn and size do not count.
        alike = np.abs((last.shape.conj() * now.shape).sum(-1))
        shape = np.sqrt((1 - alike**2).clip(0)) / _OTHER_SHAPE
        possible = self._is_recent(last, now) & cuts.is_same_face(last.look, now.look, seconds, last.shot != now.shot)
        return np.where(possible, (apart + shape.clip(0, 1)) / 2, np.inf)


def pairs(cost: Float64) -> list[tuple[int, int]]:
    """Pair rows with columns, as many as there are of the fewer, at the least cost in all (Kuhn 1955)."""
    if not cost.size:
        return []
    if min(cost.shape) == 1:
        row, column = divmod(int(cost.argmin()), cost.shape[1])
        return [(row, column)]
    # Loaded here, since that takes as long as 50 frames and a clip of one face never comes here.
    from scipy.optimize import linear_sum_assignment

    return list(zip(*linear_sum_assignment(cost), strict=True))


def _shapes(landmarks_px: Float32) -> Complex128:
    """Remove position and size from landmarks (M, K, 3); complex128 (M, K)."""
    points = landmarks_px[..., 0] + 1j * landmarks_px[..., 1].astype(np.float64)
    points -= points.mean(-1, keepdims=True) if points.shape[-1] else 0
    shape: Complex128 = points / np.maximum(np.linalg.norm(points, axis=-1, keepdims=True), 1e-9)
    return shape


def _grown(box: Float64, way: Float64) -> Float64:
    """Push every side of boxes (..., 4) outwards."""
    grown: Float64 = box + way[..., None] * np.array([-1.0, -1.0, 1.0, 1.0])
    return grown


def _distinct(box: Float64) -> Int64:
    """Find the boxes (m, 4) that no larger or, at one size, earlier box repeats; their rows, rising."""
    kept: list[int] = []
    for row in np.argsort(-boxes.area(box), kind="stable").tolist():
        if not kept or (boxes.iou(box[kept], box[row]) <= _DUPLICATE_IOU).all():
            kept.append(row)
    return np.array(sorted(kept), np.int64)
