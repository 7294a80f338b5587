"""Records for tests of logic: small, deterministic, with sensible defaults. No model, no video."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fervideo.columns import MEASURES
from fervideo.damage import describe
from fervideo.landmarks import N_LANDMARKS
from fervideo.records import (
    EXPRESSIONS,
    ClipFeatures,
    FaceObservations,
    Float32,
    Float64,
    TrackExpressions,
    VideoInfo,
)
from fervideo.settings import EventSettings, Settings
from fervideo.timeline import Timeline, build

#: Measures that are 0 in a face that is seen whole, does not move and looks into the camera.
_STILL = ("cut_off", "gaze_", "move_")
NEUTRAL, HAPPINESS, SURPRISE = (EXPRESSIONS.index(name) for name in ("neutral", "happiness", "surprise"))


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
        "pixel_aspect": 1.0,
        "start_s": 0.0,
        "media_start_s": 0.0,
        "holes": "",
        "ends_early": "",
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
    """Return one face in each of some frames.

    Args:
        frames: Rising; a frame that comes twice shows two faces.
        shown: Expression that the frame classifier gives probability 0.93.
        x_px: Left edge of its box, which is 50 wide, 60 high, and 1 pixel further right in each frame.
        landmarks: Whether to have landmarks, at random points in the box.
        d: Size of the embedding, random.
        seed: Seed of everything random.
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
        measures={
            name: np.full(m, 0 if name.startswith(_STILL) else index / 8, np.float32)
            for index, name in enumerate(MEASURES)
        },
    )


def make_features(
    n_frames: int = 10,
    tracks: Sequence[Iterable[int]] = (range(10),),
    time_s: Sequence[float] | None = None,
    fps: float = 25.0,
    step: int = 1,
    damaged: Iterable[int] = (),
    maybe: Sequence[int] | None = None,
    **changes: Any,
) -> ClipFeatures:
    """Return the features of a clip, of every frame by default.

    Args:
        n_frames: Frames of the clip.
        tracks: The frames in which each face is seen.
        time_s: Presentation times of the frames looked at; by default a constant rate of `fps`.
        fps: Frames per second.
        step: Frame 0 and every `step`-th after it are analysed.
        damaged: Frames that cannot be decoded.
        maybe: For each face the earlier one that it may be, -1 for none; by default none.
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
    sound = ~np.isin(frame, list(damaged))
    return ClipFeatures(
        info=info,
        frame=frame,
        time_s=times,
        sound=sound,
        observations=observations,
        track=track[order],
        maybe=np.full(len(tracks), -1, np.int64) if maybe is None else np.array(maybe, np.int64),
        damage=describe(times, sound, "packet 90 is broken"),
    )


def make_expressions(
    p: Float32 | Float64, frames: Iterable[int] | None = None, track: int = 0, clip_p: Float32 | None = None
) -> TrackExpressions:
    """Return a track with these probabilities.

    Args:
        p: float (n, C).
        frames: Its frames; by default the first n.
        track: Its number.
        clip_p: float32 (C,), those of the clip head; by default their mean.
    """
    return TrackExpressions(
        track=track,
        frame=np.array(list(range(len(p)) if frames is None else frames), np.int64),
        probabilities=p.astype(np.float32),
        clip_probabilities=p.mean(axis=0).astype(np.float32) if clip_p is None else clip_p,
    )


def make_track(
    frames: Iterable[int] = range(10), shown: str | Sequence[str] = "neutral", track: int = 0
) -> TrackExpressions:
    """Return a track with one expression, or one for each frame, at probability 0.93; the clip head gives the first."""
    frame = np.array(list(frames), np.int64)
    names = [shown] * len(frame) if isinstance(shown, str) else list(shown)
    return make_expressions(np.array([probabilities(name) for name in names]), frame, track, probabilities(names[0]))


def make_timeline(
    shown: Sequence[str | Sequence[str]] = ("neutral",),
    settings: Settings | None = None,
    provenance: Mapping[str, Any] | None = None,
    **clip: Any,
) -> Timeline:
    """Build the timeline of a clip.

    Args:
        shown: The expressions of each face, as in `make_track`, from its first frame to its last.
        settings: By default the code's.
        provenance: More keys of run.json.
        clip: Arguments of `make_features`; by default each face is in every frame. A face is bridged where its frames
            leave one out.
    """
    frames = [list(seen) for seen in clip.pop("tracks", [range(clip.get("n_frames", 10))] * len(shown))]
    features = make_features(tracks=frames, **clip)
    damaged = set(clip.get("damaged", ()))
    tracks = [
        make_track([frame for frame in range(seen[0], seen[-1] + 1) if frame not in damaged], names, i)
        for i, (seen, names) in enumerate(zip(frames, shown, strict=True))
    ]
    return build(features, tracks, settings or Settings(), provenance or {})


def of_happiness(values: Sequence[float]) -> Float64:
    """Return float64 (n, C): happiness as given, neutral the rest."""
    p = np.zeros((len(values), len(EXPRESSIONS)))
    p[:, HAPPINESS], p[:, NEUTRAL] = values, 1 - np.array(values)
    return p


def make_random_timeline(seed: int, n: int = 400, events: EventSettings | None = None) -> Timeline:
    """Build a clip with uneven frame times and two faces: one leaves and comes back, the other is bridged at times."""
    random = np.random.default_rng(seed)
    time_s = np.cumsum(random.uniform(0.01, 0.09, n)) - 0.05
    stays = [i for i in range(n) if i < 150 or i >= 230]
    seen = sorted(random.choice(np.arange(40, 200), 120, replace=False).tolist())
    features = make_features(n, (stays, seen), time_s, ends_early="cut off" if seed % 2 else "")
    tracks = []
    for number, frames in enumerate((stays, range(seen[0], seen[-1] + 1))):
        p = random.dirichlet(np.full(len(EXPRESSIONS), 0.15), len(frames)).astype(np.float32)
        tracks.append(make_expressions(p, frames, number))
    return build(features, tracks, Settings(events=events or EventSettings()), {})


def event_settings(min_duration_s: float = 0.0, enter: float = 0.5, hold: float = 0.35) -> Settings:
    return Settings(events=EventSettings(enter=enter, hold=hold, min_duration_s=min_duration_s))
