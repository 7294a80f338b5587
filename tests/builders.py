"""Records for tests of logic: small, deterministic, with sensible defaults. No model, no video."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fervideo.columns import MEASURES
from fervideo.landmarks import N_LANDMARKS
from fervideo.records import EXPRESSIONS, ClipFeatures, FaceObservations, Float32, TrackExpressions, VideoInfo
from fervideo.settings import Settings
from fervideo.timeline import Timeline, build


def make_info(**changes: Any) -> VideoInfo:
    """Describe `clip.mp4`: ten frames of 640 by 480 at 25 fps; `changes` name fields of VideoInfo."""
    facts: dict[str, Any] = {
        "path": Path("clip.mp4"),
        "fingerprint": "0" * 64,
        "codec": "h264",
        "decoder": "decord",
        "width_px": 640,
        "height_px": 480,
        "n_frames": 10,
        "header_frames": 10,
        "duration_s": 0.4,
        "mean_fps": 25.0,
        "variable_rate": False,
        "rotation_deg": 0,
        "start_s": 0.0,
    }
    return VideoInfo(**{**facts, **changes})


def probabilities(shown: str, confidence: float = 0.93) -> Float32:
    """Return float32 (C,): `shown` has `confidence`, the others share the rest."""
    rest = (1 - confidence) / (len(EXPRESSIONS) - 1)
    return np.array([confidence if name == shown else rest for name in EXPRESSIONS], np.float32)


def make_observations(
    frames: Iterable[int] = range(10),
    shown: str = "neutral",
    x_px: float = 100.0,
    landmarks: bool = False,
    d: int = 4,
    seed: int = 0,
) -> FaceObservations:
    """See one face in each of some frames.

    Args:
        frames: Rising; a frame that comes twice holds two faces.
        shown: What the frame CNN says, with probability 0.93.
        x_px: Left edge of its box, which is 50 wide, 60 high, and 1 pixel further right in each frame.
        landmarks: Whether to have landmarks, at random places in the box.
        d: Size of the embedding, random.
        seed: Of everything random.
    """
    random = np.random.default_rng(seed)
    frame = np.array(list(frames), np.int64)
    m = len(frame)
    left = x_px + np.arange(m)
    box = np.column_stack([left, np.full(m, 80.0), left + 50, np.full(m, 140.0)]).reshape(m, 4).astype(np.float32)
    points = random.random((m, N_LANDMARKS if landmarks else 0, 3), np.float32) * np.array([50, 60, 20], np.float32)
    points[..., :2] += box[:, None, :2]
    return FaceObservations(
        frame=frame,
        box_px=box,
        landmarks_px=points,
        embedding=random.standard_normal((m, d), np.float32),
        frame_logits=np.tile(np.log(probabilities(shown)), (m, 1)),
        measures={name: np.full(m, place / 8, np.float32) for place, name in enumerate(MEASURES)},
    )


def make_features(
    n_frames: int = 10,
    tracks: Sequence[Iterable[int]] = (range(10),),
    time_s: Sequence[float] | None = None,
    fps: float = 25.0,
    step: int = 1,
    damage: str = "",
    **changes: Any,
) -> ClipFeatures:
    """Look at a clip, at every frame by default.

    Args:
        n_frames: Frames of the clip.
        tracks: The frames in which each face is seen.
        time_s: Presentation times of the frames looked at; by default a constant rate of `fps`.
        fps: Frames per second.
        step: Look at frame 0 and every `step`-th after it.
        damage: Why decoding stopped.
        changes: Fields of VideoInfo.
    """
    frame = np.arange(0, n_frames, step)
    times = frame / fps if time_s is None else np.array(time_s, np.float64)
    seen = [make_observations(frames, x_px=100.0 + 200 * track, seed=track) for track, frames in enumerate(tracks)]
    track = np.repeat(np.arange(len(seen)), [len(part) for part in seen])
    parts = [make_observations(()), *seen]
    order = np.argsort(np.concatenate([part.frame for part in parts]), kind="stable")
    arrays = {
        name: np.concatenate([getattr(part, name) for part in parts])[order]
        for name in ("frame", "box_px", "landmarks_px", "embedding", "frame_logits")
    }
    measures = {name: np.concatenate([part.measures[name] for part in parts])[order] for name in MEASURES}
    observations = FaceObservations(**arrays, measures=measures)
    facts = {"n_frames": n_frames, "header_frames": n_frames, "mean_fps": fps, "duration_s": n_frames / fps}
    info = make_info(**{**facts, **changes})
    return ClipFeatures(info, frame, times, observations, track[order], damage)


def make_track(
    frames: Iterable[int] = range(10), shown: str | Sequence[str] = "neutral", track: int = 0
) -> TrackExpressions:
    """Show one expression, or one for each frame, with probability 0.93; the first one in the clip as a whole."""
    frame = np.array(list(frames), np.int64)
    names = [shown] * len(frame) if isinstance(shown, str) else list(shown)
    return TrackExpressions(track, frame, np.array([probabilities(name) for name in names]), probabilities(names[0]))


def make_timeline(
    shown: Sequence[str | Sequence[str]] = ("neutral",),
    settings: Settings | None = None,
    provenance: Mapping[str, Any] | None = None,
    **clip: Any,
) -> Timeline:
    """Build the timeline of a clip.

    Args:
        shown: What each face shows, as in `make_track`, from its first frame to its last.
        settings: By default the code's.
        provenance: What run.json tells beside its own.
        clip: Arguments of `make_features`; by default each face is in every frame. A face is bridged where its frames
            leave one out.
    """
    frames = [list(seen) for seen in clip.pop("tracks", [range(clip.get("n_frames", 10))] * len(shown))]
    features = make_features(tracks=frames, **clip)
    tracks = [
        make_track(range(seen[0], seen[-1] + 1), names, i)
        for i, (seen, names) in enumerate(zip(frames, shown, strict=True))
    ]
    return build(features, tracks, settings or Settings(), provenance or {})
