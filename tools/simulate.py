"""Expression sequences simulated from FER+ stills, in the features that the pipeline extracts.

Each still is rendered in VARIANTS: small shifts and light, a talking mouth, a blink, a turn, something before the face.
Every variant goes through the real crop, frame CNN and geometry. A sequence then walks between the variants of its
stills as faces do. Expressions rise, stay, waver and fall; mouths open at the pace of syllables without changing the
label.
"""

from __future__ import annotations

from dataclasses import dataclass
from multiprocessing import Pool
from pathlib import Path

import ferplus
import motion
import numpy as np
from augment import degrade, relight

from fervideo import boxes, classifiers, measures
from fervideo.crops import alignment, crop
from fervideo.records import CROP_PX, EXPRESSIONS, LOOK_SHAPE, MODEL_RATE_HZ, DetectedFaces, FaceObservations
from fervideo.sequence.course import INPUTS, n_features, raw_features

N_PLAIN = 4
#: The most stills of one expression.
MOST_STILLS = 2500
#: Share of sequences in which expressions last for seconds, as most do in front of a camera; in the others they chase
#: one another.
CALM = 0.8
#: The largest share of an expression that fades while it lasts, and about how long it takes to fade or come back.
MOST_FADED, FADING_S = 0.5, (0.3, 1.5)
TALK_GAPS = (0.08, 0.18, 0.3)
#: Variants of one still, in the bank's order.
VARIANTS = (*(["plain"] * N_PLAIN), "talk", "talk", "talk", "round", "wide", "blink", "turn", "turn", "cover", "cover")
PLAIN, TALK, ROUND, WIDE = slice(0, 4), slice(4, 7), 7, 8
BLINK, TURNS, COVERS = 9, (10, 11), (12, 13)


@dataclass(frozen=True)
class Bank:
    """The features of rendered stills.

    Attributes:
        features: float32 (N, len(VARIANTS), C + G + D), as `sequence.course.raw_features` gives them.
        target: float32 (N, C), the crowd's distribution.
        label: int64 (N,), the majority's expression.
    """

    features: np.ndarray
    target: np.ndarray
    label: np.ndarray

    def without_embedding(self) -> Bank:
        """Return the features that every frame classifier has."""
        return Bank(self.features[:, :, : n_features(INPUTS, 0)], self.target, self.label)

    def with_certainty(self, share: float) -> Bank:
        """Return the bank with votes moved to the majority: 0 moves none, 1 all."""
        majority = np.eye(len(EXPRESSIONS), dtype=np.float32)[self.label]
        return Bank(self.features, (1 - share) * self.target + share * majority, self.label)


def render(image: np.ndarray, landmarks: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Render a still's variants: crops uint8 (V, CROP_PX, CROP_PX) and landmarks float32 (V, N_LANDMARKS, 3)."""
    still = (image, landmarks)
    yaw = rng.uniform(6, 18)
    faces = [still] * N_PLAIN
    faces += [motion.open_mouth(still, gap * rng.uniform(0.8, 1.2), rng) for gap in TALK_GAPS]
    faces += [
        motion.shape_lips(motion.open_mouth(still, rng.uniform(0, 0.12), rng), stretch) for stretch in (-0.3, 0.25)
    ]
    faces += [motion.close_eyes(still, rng.uniform(0.7, 1.0)), motion.turn(still, yaw), motion.turn(still, -yaw)]
    faces += [motion.cover(still, rng) for _ in COVERS]
    crops = [
        relight(crop(degrade(moved, rng), _shake(rng) @ _square(alignment(points))), rng) for moved, points in faces
    ]
    points = np.stack([points for _, points in faces])
    size = np.linalg.norm(landmarks[33, :2] - landmarks[263, :2])
    return np.stack(crops), (points + rng.normal(0, 0.008 * size, points.shape)).astype(np.float32)


def _square(transform: np.ndarray) -> np.ndarray:
    return np.vstack([transform, (0, 0, 1)])


def _shake(rng: np.random.Generator) -> np.ndarray:
    """Draw the jitter of one face's landmarks between frames, as 2×3 matrix in crop pixels."""
    angle, scale = np.radians(rng.normal(0, 2)), np.exp(rng.normal(0, 0.025))
    linear = scale * np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))])
    centre = np.full(2, CROP_PX / 2)
    return np.column_stack([linear, centre - linear @ centre + rng.normal(0, 0.8, 2)])


def _render_rows(job: tuple[ferplus.FerPlus, int]) -> tuple[np.ndarray, np.ndarray]:
    faces, seed = job
    rng = np.random.default_rng(seed)
    rendered = [
        render(image, landmarks, rng) for image, landmarks in zip(faces.images, faces.landmarks_px, strict=True)
    ]
    return np.stack([crops for crops, _ in rendered]), np.concatenate([points for _, points in rendered])


def _measured(points: np.ndarray) -> dict[str, np.ndarray]:
    """Measure faces (M, N_LANDMARKS, 3) of pictures without a size, of whose crops nothing is known."""
    n = len(points)
    found = DetectedFaces(
        frame=np.zeros(n, np.int64),
        box_px=boxes.around(points),
        landmarks_px=points,
        alignment=np.array([alignment(face) for face in points]).reshape(n, 2, 3),
        blur=np.full(n, np.nan, np.float32),
        brightness=np.full(n, np.nan, np.float32),
        look=np.zeros((n, *LOOK_SHAPE), np.uint8),
        confirmation=np.full(n, np.nan, np.float32),
    )
    return measures.measure(found, np.full((n, 2), CROP_PX))


def build_bank(faces: ferplus.FerPlus, frame_cnn: Path, seed: int) -> Bank:
    """Render stills and extract the features of all their variants.

    The stills have landmarks and a majority, and are at most MOST_STILLS per expression.
    """
    known = np.flatnonzero(np.isfinite(faces.landmarks_px[:, 0, 0]))
    faces = faces.take(
        np.sort(np.concatenate([known[faces.majority[known] == c][:MOST_STILLS] for c in range(len(EXPRESSIONS))]))
    )
    embedder = classifiers.load(frame_cnn)
    parts = np.array_split(np.arange(len(faces)), max(len(faces) // 500, 1))
    features = []
    with Pool() as pool:
        for crops, points in pool.imap(
            _render_rows, [(faces.take(rows), seed * 10_000 + k) for k, rows in enumerate(parts)]
        ):
            predicted = embedder.predict(crops.reshape(-1, CROP_PX, CROP_PX), points)
            embedding, logits = predicted.embedding, predicted.logits
            n = len(embedding)
            empty = np.zeros((n, 4), np.float32), np.zeros((n, 0, 3), np.float32)
            seen = FaceObservations(np.zeros(n, np.int64), *empty, embedding, logits, _measured(points))
            features.append(raw_features(seen, INPUTS).reshape(len(crops), len(VARIANTS), -1))
    return Bank(np.concatenate(features).astype(np.float32), faces.target, faces.majority)


class Simulator:
    """A source of sequences, drawn from a bank.

    Args:
        bank: Rendered stills.
        balance: 0 draws expressions as often as FER+ shows them, 1 all alike.
    """

    def __init__(self, bank: Bank, balance: float = 0.6) -> None:
        self.bank = bank
        self.rows = [np.flatnonzero(bank.label == label) for label in range(len(EXPRESSIONS))]
        weight = np.array([len(rows) for rows in self.rows]) ** (1 - balance)
        weight[0] = 0
        self.weight = weight / weight.sum()
        #: The mean still. The distance of others from it is the scale of a face's own looks.
        self.centre = bank.features[:, 0].mean(0)

    def draw(self, rng: np.random.Generator, seconds: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draw one sequence of the given length.

        Returns:
            Features float32 (S, C + G + D + 1) as the model reads them, target float32 (S, C), and the label of the
            expression shown, int64 (S,).
        """
        steps = int(seconds * MODEL_RATE_HZ)
        stills, presence = self._plot(steps, rng)
        path = _walk(steps, rng)
        target, label = presence @ self.bank.target[stills], self.bank.label[stills[presence.argmax(1)]]
        stills, seen = self._wavering(stills, presence, rng)
        features = np.zeros((steps, self.bank.features.shape[2]))
        for still in np.unique(stills):
            share = seen[:, stills == still].sum(1)
            where = share > 0
            features[where] += share[where, None] * (path[where] @ self.bank.features[still])
        features += self._looks(rng) + self._noise(steps, rng)
        n = len(EXPRESSIONS)
        features[:, :n] -= np.logaddexp.reduce(features[:, :n], axis=1, keepdims=True)
        features[:, n : n + 3] += _drift(steps, 2.0, 6.0, rng)[:, :3]
        found = ~_bursts(steps, rng.choice([0, 0.1, 0.3]), (0.05, 1.0), rng)
        found[0] = found[-1] = True
        features[~found] = 0
        return np.column_stack([features, found]).astype(np.float32), target.astype(np.float32), label

    def _plot(self, steps: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw the order of stills: int64 (E,), and their presence float64 (S, E), which sums to 1 per step."""
        cast = {0: int(rng.choice(self.rows[0]))}
        stills, edges, ramps = [], [0.0], []
        at, rest = 0.0, rng.random() < 0.6
        calm = rng.random() < CALM
        while at < steps:
            label = 0 if rest else int(rng.choice(len(EXPRESSIONS), p=self.weight))
            if label not in cast or rng.random() < 0.3:
                cast[label] = int(rng.choice(self.rows[label]))
            stills.append(cast[label])
            seconds = (
                np.exp(rng.uniform(np.log(3), np.log(20))) if calm else np.exp(rng.uniform(np.log(0.35), np.log(6)))
            )
            at += seconds * MODEL_RATE_HZ
            edges.append(at)
            ramps.append(rng.uniform(0.1, 0.7) * MODEL_RATE_HZ)
            rest = not rest if rng.random() < 0.8 else rest
        time = np.arange(steps)[:, None]
        middle, width = np.array(edges[1:-1]), np.array(ramps[:-1])
        risen = np.clip((time - middle) / width + 0.5, 0, 1) if len(middle) else np.empty((steps, 0))
        risen = np.minimum.accumulate(np.column_stack([np.ones(steps), risen]), axis=1)
        presence = risen - np.column_stack([risen[:, 1:], np.zeros(steps)])
        return np.array(stills), presence

    def _wavering(
        self, stills: np.ndarray, presence: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Fade expressions towards a neutral face and back while they are shown.

        Returns:
            Stills and presence as `_plot` returns them, with that face.
        """
        steps, neutral = len(presence), self.bank.label[stills] == 0
        depth = rng.choice([0, rng.uniform(0.1, MOST_FADED)])
        knots = np.arange(0, steps + 2 * MODEL_RATE_HZ, rng.uniform(*FADING_S) * MODEL_RATE_HZ)
        faded = presence * (depth * np.interp(np.arange(steps), knots, rng.random(len(knots))))[:, None] * ~neutral
        rest = stills[neutral][0] if neutral.any() else rng.choice(self.rows[0])
        return np.append(stills, rest), np.column_stack([presence - faded, faded.sum(1)])

    def _looks(self, rng: np.random.Generator) -> np.ndarray:
        """Draw a constant offset, float64 (F,): the frame CNN leans one way on a face that it has not seen."""
        other = self.bank.features[rng.integers(len(self.bank.features)), rng.integers(N_PLAIN)]
        return rng.uniform(0, 0.3) * (other - self.centre)

    def _noise(self, steps: int, rng: np.random.Generator) -> np.ndarray:
        """Draw the frame CNN's own noise at each step, float64 (S, F): differences between two variants of a still."""
        still = rng.integers(len(self.bank.features), size=steps)
        a, b = rng.integers(N_PLAIN, size=(2, steps))
        return rng.uniform(0, 0.3) * (self.bank.features[still, a] - self.bank.features[still, b])


def _walk(steps: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the mix of variants at each step: float64 (S, V), rows sum to 1."""
    mix = np.zeros((steps, len(VARIANTS)))
    mix[:, PLAIN] = _wander(steps, N_PLAIN, rng.uniform(0.1, 0.6), rng)
    talking = _bursts(steps, rng.choice([0, 0.3, 0.9], p=[0.3, 0.4, 0.3]), (0.6, 6.0), rng)
    _blend(mix, _mouth(steps, rng), _soft(talking, 2))
    for turn, amount in zip(
        TURNS, np.clip(_drift(steps, 1.5, rng.choice([0.0, 0.5]), rng)[:, :1] * (1, -1), 0, 1).T, strict=True
    ):
        _blend(mix, turn, amount)
    _blend(mix, BLINK, _soft(_bursts(steps, 0.06, (0.1, 0.3), rng), 1))
    for cover in COVERS:
        _blend(mix, cover, _soft(_bursts(steps, rng.choice([0, 0.1], p=[0.7, 0.3]), (0.2, 2.0), rng), 2))
    return mix


def _mouth(steps: int, rng: np.random.Generator) -> np.ndarray:
    """Draw a talking mouth: openings at the pace of syllables, 2 to 7 a second (Chandrasekaran et al. 2009)."""
    mix = np.zeros((steps, len(VARIANTS)))
    knots = np.arange(0, steps + MODEL_RATE_HZ, MODEL_RATE_HZ / rng.uniform(2, 7) / 2)
    opening = np.interp(np.arange(steps), knots, rng.uniform(0, 3, len(knots)) * (np.arange(len(knots)) % 2))
    levels = np.clip(1 - np.abs(opening[:, None] - np.arange(4)), 0, 1)
    mix[:, PLAIN] = levels[:, :1] / N_PLAIN
    mix[:, TALK] = levels[:, 1:]
    shape = _wander(steps, 3, 0.3, rng)
    mix *= shape[:, :1]
    mix[:, ROUND], mix[:, WIDE] = shape[:, 1], shape[:, 2]
    return mix


def _blend(mix: np.ndarray, other: np.ndarray | int, share: np.ndarray) -> None:
    """Fade from `mix` to another mix, or to one variant, in place."""
    target = np.eye(len(VARIANTS))[other] if isinstance(other, int) else other
    mix *= 1 - share[:, None]
    mix += share[:, None] * target


def _wander(steps: int, n: int, pause_s: float, rng: np.random.Generator) -> np.ndarray:
    """Draw a path between n corners that reaches a new one about every `pause_s`: float64 (S, n), rows sum to 1."""
    knots = np.arange(0, steps + 2 * pause_s * MODEL_RATE_HZ, pause_s * MODEL_RATE_HZ)
    corners = np.eye(n)[rng.integers(n, size=len(knots))]
    return np.stack([np.interp(np.arange(steps), knots, column) for column in corners.T], 1)


def _drift(steps: int, pause_s: float, size: float, rng: np.random.Generator) -> np.ndarray:
    """Draw slow smooth changes of the given size: float64 (S, 3)."""
    knots = np.arange(0, steps + 2 * pause_s * MODEL_RATE_HZ, pause_s * MODEL_RATE_HZ)
    return np.stack([np.interp(np.arange(steps), knots, rng.normal(0, size, len(knots))) for _ in range(3)], 1)


def _bursts(steps: int, share: float, seconds: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """Draw spells of the given lengths that cover about a share of the time: bool (S,)."""
    on = np.zeros(steps, bool)
    mean = sum(seconds) / 2 * MODEL_RATE_HZ
    for _ in range(rng.poisson(share * steps / mean)):
        start = rng.integers(steps)
        on[start : start + max(int(rng.uniform(*seconds) * MODEL_RATE_HZ), 1)] = True
    return on


def _soft(on: np.ndarray, steps: int) -> np.ndarray:
    """Fade a spell in and out over some steps."""
    kernel = np.ones(2 * steps + 1) / (2 * steps + 1)
    return np.convolve(np.pad(on.astype(float), steps, mode="edge"), kernel, "valid")
