"""Tracks of faces through a clip: overlap and landmark shape, Hungarian assignment, a new start at a cut.

Shards are taken one at a time, and only the last detection of each live track is carried from one to the next. So
memory does not grow with the landmarks of a clip, and the border between two segments leaves no seam.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fervideo import boxes, damage
from fervideo.columns import MEASURES
from fervideo.records import (
    EXPRESSIONS,
    THUMBNAIL_SHAPE,
    Bool,
    FaceObservations,
    FeatureShard,
    Float32,
    Float64,
    Int64,
    UInt8,
)
from fervideo.settings import TrackingSettings

Complex128 = npt.NDArray[np.complex128]

#: Boxes of one frame that overlap by more than this (IoU) are one face reported twice.
_DUPLICATE_IOU = 0.6
#: Way that a face may go in a second, in face sizes; real faces were seen to go 1.4 at most.
_SPEED = 1.5
#: Longest time for which that way grows: after it, two positions are simply two positions.
_REACH_S = 1.0
#: Procrustes distance that counts as nothing alike. Medians: 0.05 for one person a second apart, 0.13 for two persons.
_OTHER_SHAPE = 0.25
#: Contrast below which a thumbnail is flat, in grey levels: a correlation would be that of noise.
_FLAT_GREY = 8.0


class Joined(NamedTuple):
    """The tracks of a clip, in the order in which ClipFeatures takes them after `info`.

    Attributes:
        frame: int64 (T,), every frame to analyse.
        time_s: float64 (T,), their presentation times.
        sound: bool (T,), False for frames that cannot be decoded.
        observations: Faces in tracks, M rows ordered by frame, then track; landmarks dropped.
        track: int64 (M,), 0-based; 0 is detected in most frames, then by first appearance.
        damage: Which frames cannot be decoded, and why; empty if all can.
    """

    frame: Int64
    time_s: Float64
    sound: Bool
    observations: FaceObservations
    track: Int64
    damage: str


def shot_cuts(thumbnail: UInt8, settings: TrackingSettings) -> Bool:
    """Find the frames that begin a new shot.

    The score of a frame is the geometric mean of two numbers between 0 and 1, so that both must speak for a cut.
    One is the distance of its pixels from the greys around them in the frame before, which a moving camera or person
    changes little. The other is one minus the correlation of both frames, which light and fades change little.

    Args:
        thumbnail: uint8 (T, *THUMBNAIL_SHAPE), grey, successive frames.
        settings: `shot_cut` is the score from which on a frame is a cut.

    Returns:
        bool (T,); the first is False, since the frame before it is unknown.
    """
    cut = np.zeros(len(thumbnail), np.bool_)
    if len(thumbnail) > 1:
        grey = thumbnail.astype(np.float64)
        cut[1:] = np.sqrt(_outside(grey) * _unlike(grey)) >= settings.shot_cut
    return cut


def _outside(grey: Float64) -> Float64:
    """Measure how far pixels leave the range of the 3 by 3 around them in the neighbouring frame; (T - 1,), 0 to 1."""
    low, high = _around(grey, np.minimum), _around(grey, np.maximum)
    forward = np.maximum(grey[1:] - high[:-1], low[:-1] - grey[1:])
    backward = np.maximum(grey[:-1] - high[1:], low[1:] - grey[:-1])
    distance: Float64 = (forward.clip(0) + backward.clip(0)).mean((1, 2)) / (2 * 255)
    return distance


def _around(grey: Float64, extreme: np.ufunc) -> Float64:
    """Return the least or greatest of the 3 by 3 pixels around each, as (T, rows, columns); the edge repeats."""
    rows, columns = grey.shape[1:]
    padded = np.pad(grey, ((0, 0), (1, 1), (1, 1)), mode="edge")
    over_rows = extreme.reduce([padded[:, i : i + rows] for i in range(3)])
    around: Float64 = extreme.reduce([over_rows[:, :, i : i + columns] for i in range(3)])
    return around


def _unlike(grey: Float64) -> Float64:
    """Return 1 - correlation of successive frames, (T - 1,), 0 to 1; two flat frames are alike."""
    centred = grey - grey.mean((1, 2), keepdims=True)
    variance = (centred**2).mean((1, 2)) + _FLAT_GREY**2
    covariance = (centred[1:] * centred[:-1]).mean((1, 2)) + _FLAT_GREY**2
    distance: Float64 = (1 - covariance / np.sqrt(variance[1:] * variance[:-1])).clip(0, 1)
    return distance


def join(shards: Iterable[FeatureShard], settings: TrackingSettings) -> Joined:
    """Join the faces of a clip into tracks.

    A face reported twice in one frame is kept once, and a track too short to be a face (`min_track_s`) is dropped.

    Args:
        shards: A clip's shards in order, with landmarks; each is dropped before the next is taken.
        settings: Limits within which faces are joined.

    Returns:
        All frames, and the faces in tracks.

    Raises:
        ValueError: A shard was read without its landmarks.
    """
    tracker = _Tracker(settings)
    frames, times, tracks = [np.empty(0, np.int64)], [np.empty(0, np.float64)], [np.empty(0, np.int64)]
    sounds, why = [np.empty(0, np.bool_)], ""
    faces: list[FaceObservations] = []
    for shard in shards:
        rows, track = tracker.follow(shard)
        frames.append(shard.frame)
        times.append(shard.time_s)
        sounds.append(shard.sound)
        tracks.append(track)
        if len(rows) or not faces:
            faces.append(shard.observations.without_landmarks().take(rows))
        why = why or shard.damage
    frame, time_s, sound = np.concatenate(frames), np.concatenate(times), np.concatenate(sounds)
    observations, track = _ranked(_concatenated(faces), np.concatenate(tracks), frame, time_s, sound, settings)
    text = damage.describe(time_s, sound, why)
    return Joined(frame=frame, time_s=time_s, sound=sound, observations=observations, track=track, damage=text)


class _Detections(NamedTuple):
    """Faces as they are compared, one row per face or any other shape of rows.

    Attributes:
        box_px: float64 (..., 4), x0, y0, x1, y1.
        shape: complex128 (..., K), landmarks as x + iy, centred, of norm 1.
        time_s: float64 (...,).
        analysed_index: int64 (...,), index of the face's frame among the sound frames of the clip: damage is no gap.
        shot: int64 (...,), number of cuts up to the frame.
    """

    box_px: Float64
    shape: Complex128
    time_s: Float64
    analysed_index: Int64
    shot: Int64

    def take(self, rows: Int64 | slice) -> _Detections:
        return _Detections._make(array[rows] for array in self)

    def followed_by(self, others: _Detections) -> _Detections:
        return _Detections._make(np.concatenate(pair) for pair in zip(self, others, strict=True))


class _Tracker:
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
        shot = self._shot + np.cumsum(shot_cuts(thumbnail, self._settings)[len(self._thumbnail) :])
        index = np.searchsorted(shard.frame[shard.sound], faces.frame)
        # A call may change the size of its pictures: boxes are compared in pixels of the clip's first.
        zoom = 1 if shard.zoom is None else shard.zoom[shard.sound][index, None]
        detections = _Detections(
            box_px=faces.box_px.astype(np.float64) / zoom,
            shape=_shapes(faces.landmarks_px),
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
        alive = self._may_follow(self._detections.take(lasts), now.take(slice(0, 1)))
        tracks = [track for track, still in zip(self._live, alive, strict=True) if still]
        cost = self._cost(self._detections.take(lasts[alive, None]), now.take(np.arange(len(rows))[None]))
        # A pair beyond the limit costs as much as leaving both alone, so it never pushes a better pair aside.
        pairs = _pairs(np.minimum(cost, self._settings.max_cost))
        given = {face: tracks[last] for last, face in pairs if cost[last, face] <= self._settings.max_cost}
        for face in range(len(rows)):
            if face not in given:
                given[face] = self._n_tracks
                self._n_tracks += 1
        self._live = {track: self._live[track] for track in tracks} | {
            given[face]: int(row) for face, row in enumerate(rows)
        }
        return [given[face] for face in range(len(rows))]

    def _may_follow(self, last: _Detections, now: _Detections) -> Bool:
        """Check which tracks are still alive: the same shot, and seen in the frame before or not too long ago.

        The frame before always counts, however far it is: frames may be sampled more than `max_gap_s` apart.
        """
        recent = now.time_s - last.time_s <= self._settings.max_gap_s + 1e-6
        alive: Bool = (now.shot == last.shot) & (recent | (now.analysed_index - last.analysed_index <= 1))
        return alive

    def _cost(self, last: _Detections, now: _Detections) -> Float64:
        """Compare detections as arrays broadcast: 0 same position and shape, 1 nothing alike, inf never one track."""
        way = (
            _SPEED
            * np.clip(now.time_s - last.time_s, 0, _REACH_S)
            * np.sqrt(np.sqrt(boxes.area(last.box_px) * boxes.area(now.box_px)))
        )
        apart = 1 - boxes.iou(_grown(last.box_px, way), _grown(now.box_px, way))
        # The Procrustes distance of plane shapes in closed form (Kendall 1984): shift, turn and size do not count.
        alike = np.abs((last.shape.conj() * now.shape).sum(-1))
        shape = np.sqrt((1 - alike**2).clip(0)) / _OTHER_SHAPE
        return np.where(self._may_follow(last, now), (apart + shape.clip(0, 1)) / 2, np.inf)


def _pairs(cost: Float64) -> list[tuple[int, int]]:
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


def _ranked(
    faces: FaceObservations, track: Int64, frame: Int64, time_s: Float64, sound: Bool, settings: TrackingSettings
) -> tuple[FaceObservations, Int64]:
    """Drop false alarms, number tracks by how often they are seen, and order rows by frame, then track."""
    shown_s, typical_s = _shown(time_s)
    # In a clip shorter than `min_track_s`, its whole length is enough.
    needed_s = min(settings.min_track_s, shown_s[sound].sum()) - typical_s / 2
    seen_s = np.bincount(track, shown_s[np.searchsorted(frame, faces.frame)])
    keep = seen_s[track] >= needed_s
    faces, track = faces.take(keep), track[keep]
    numbers, first, count = np.unique(track, return_index=True, return_counts=True)
    rank = np.empty(len(seen_s), np.int64)
    rank[numbers[np.lexsort((first, -count))]] = np.arange(len(numbers))
    order = np.lexsort((rank[track], faces.frame))
    return faces.take(order), rank[track][order]


def _shown(time_s: Float64) -> tuple[Float64, float]:
    """Return for how long each analysed frame stands until the next, (T,), and the median of that; in seconds."""
    step = np.diff(time_s)
    typical = float(np.median(step)) if len(step) else 0.0
    return np.append(step, typical)[: len(time_s)], typical


def _concatenated(faces: list[FaceObservations]) -> FaceObservations:
    """Join the faces of shards; a shard without any is left out, since the widths of its arrays mean nothing."""
    return FaceObservations.concatenate([part for part in faces if len(part)] or faces[:1] or [_nobody()])


def _nobody() -> FaceObservations:
    """Return no faces, for a clip without segments."""
    return FaceObservations(
        frame=np.empty(0, np.int64),
        box_px=np.empty((0, 4), np.float32),
        landmarks_px=np.empty((0, 0, 3), np.float32),
        embedding=np.empty((0, 0), np.float32),
        frame_logits=np.empty((0, len(EXPRESSIONS)), np.float32),
        measures=dict.fromkeys(MEASURES, np.empty(0, np.float32)),
    )
