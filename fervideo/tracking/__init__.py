"""Tracks of the faces of a clip, one for each person as far as that is plain.

cuts.py     shot cuts, and whether a face is still the same after a moment
links.py    faces of successive frames, linked
people.py   tracks that show one person, joined; faces that a second detector does not confirm, dropped
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from fervideo import damage
from fervideo.columns import MEASURES
from fervideo.records import EXPRESSIONS, Bool, FaceObservations, FeatureShard, Float32, Float64, Int64
from fervideo.settings import TrackingSettings
from fervideo.tracking import people
from fervideo.tracking.links import Linker

__all__ = ["Joined", "join"]


class Joined(NamedTuple):
    """The tracks of a clip, in the order in which ClipFeatures takes them after `info`.

    Attributes:
        frame: int64 (T,), every frame to analyse.
        time_s: float64 (T,), their presentation times.
        sound: bool (T,), False for frames that cannot be decoded.
        observations: Faces in tracks, M rows ordered by frame, then track; landmarks dropped.
        track: int64 (M,), 0-based; 0 is detected in most frames, then by first appearance.
        maybe: int64 (tracks,), the earlier track whose person each may show; -1 where there is none.
        damage: Which frames cannot be decoded, and why; empty if all can.
    """

    frame: Int64
    time_s: Float64
    sound: Bool
    observations: FaceObservations
    track: Int64
    maybe: Int64
    damage: str


def join(
    shards: Iterable[FeatureShard], settings: TrackingSettings, stretch_s: tuple[float, float] = (0.0, math.inf)
) -> Joined:
    """Join the faces of a clip into tracks.

    A face reported twice in one frame is kept once. A face that no second detector confirms is dropped, and so is a
    track too short to be a face (`min_track_s`).

    Args:
        shards: A clip's shards in order, with landmarks; each is dropped before the next is taken.
        settings: Limits within which faces are joined.
        stretch_s: Times from and before which frames are kept; the shards may contain more, which help to join faces.

    Returns:
        All frames of the stretch, and the faces in tracks.

    Raises:
        ValueError: A shard was read without its landmarks.
    """
    linker, gallery = Linker(settings), people.Gallery()
    frames, times, tracks = [np.empty(0, np.int64)], [np.empty(0, np.float64)], [np.empty(0, np.int64)]
    faces: list[FaceObservations] = []
    scores = [np.empty(0, np.float32)]
    sounds, why = [np.empty(0, np.bool_)], ""
    for shard in shards:
        rows, track = linker.follow(shard)
        frames.append(shard.frame)
        times.append(shard.time_s)
        sounds.append(shard.sound)
        tracks.append(track)
        scores.append(shard.confirmation[rows])
        if len(rows) or not faces:
            faces.append(shard.observations.without_landmarks().take(rows))
        seen_s = shard.time_s[np.searchsorted(shard.frame, shard.observations.frame[rows])]
        gallery.add(track, seen_s, shard.look[rows])
        why = why or shard.damage
    frame, time_s, sound = np.concatenate(frames), np.concatenate(times), np.concatenate(sounds)
    observations, track, maybe = _people(
        _concatenated(faces), np.concatenate(tracks), np.concatenate(scores), frame, time_s, gallery
    )
    inside = (stretch_s[0] <= time_s) & (time_s < stretch_s[1])
    if not inside.all():
        kept_rows = inside[np.searchsorted(frame, observations.frame)]
        observations, track = observations.take(kept_rows), track[kept_rows]
        frame, time_s, sound = frame[inside], time_s[inside], sound[inside]
    observations, track, kept = _ranked(observations, track, frame, time_s, sound, settings)
    return Joined(
        frame=frame,
        time_s=time_s,
        sound=sound,
        observations=observations,
        track=track,
        maybe=_hints(maybe, kept),
        damage=damage.describe(time_s, sound, why),
    )


def _people(
    faces: FaceObservations, track: Int64, score: Float32, frame: Int64, time_s: Float64, gallery: people.Gallery
) -> tuple[FaceObservations, Int64, dict[int, int]]:
    """Drop faces that are not confirmed, and join the tracks of one person; rows stay in the order of time."""
    sure = people.confirmed(track, score)
    faces, track = faces.take(sure), track[sure]
    index, box_px = np.searchsorted(frame, faces.frame), faces.box_px.astype(np.float64)
    track = people.without_flashes(track, index, time_s, box_px)
    person, maybe = people.joined_people(track, index, time_s, box_px, gallery)
    return faces, person, maybe


def _ranked(
    faces: FaceObservations, track: Int64, frame: Int64, time_s: Float64, sound: Bool, settings: TrackingSettings
) -> tuple[FaceObservations, Int64, list[int]]:
    """Drop false alarms, number tracks by how often they are seen, and order rows by frame, then track.

    Returns:
        The faces, their tracks int64 (M,), and for each of these its number before.
    """
    shown_s, typical_s = _shown(time_s)
    # In a clip shorter than `min_track_s`, its whole length is enough.
    needed_s = min(settings.min_track_s, shown_s[sound].sum()) - typical_s / 2
    seen_s = np.bincount(track, shown_s[np.searchsorted(frame, faces.frame)])
    keep = seen_s[track] >= needed_s
    faces, track = faces.take(keep), track[keep]
    numbers, first, count = np.unique(track, return_index=True, return_counts=True)
    ranked = numbers[np.lexsort((first, -count))]
    rank = np.empty(len(seen_s), np.int64)
    rank[ranked] = np.arange(len(numbers))
    order = np.lexsort((rank[track], faces.frame))
    return faces.take(order), rank[track][order], ranked.tolist()


def _hints(maybe: dict[int, int], kept: list[int]) -> Int64:
    """Return for each track that is kept which one it may continue: int64 (tracks,), -1 where there is none."""
    rank = {number: row for row, number in enumerate(kept)}
    return np.array([rank.get(maybe.get(number, -1), -1) for number in kept], np.int64)


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
