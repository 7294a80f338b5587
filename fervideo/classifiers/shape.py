"""Shape of a face: landmarks without position, size and turn of the head."""

from __future__ import annotations

import numpy as np

from fervideo import landmarks as topology
from fervideo.checkpoint import Checkpoint
from fervideo.errors import WeightsError
from fervideo.records import EXPRESSIONS, Float32, Float64, FramePredictions

#: Landmarks that move with the skull.
RIGID = {"mediapipe": topology.RIGID, "dlib": topology.RIGID_68}
#: How many landmarks there are.
COUNT = {"mediapipe": topology.N_LANDMARKS, "dlib": topology.N_LANDMARKS_68}
#: Right and left outer eye corner: 1 apart in an aligned face.
OUTER_EYES = {"mediapipe": topology.OUTER_EYE_CORNERS, "dlib": topology.OUTER_EYE_CORNERS_68}


def align(points: Float64, mean: Float64, rigid: tuple[int, ...]) -> Float64:
    """Move, turn and scale faces so that their rigid landmarks fit the mean face's best (Umeyama 1991).

    Args:
        points: float64 (M, K, d), d = 2 or 3.
        mean: float64 (K, d), the mean face.
        rigid: Which landmarks to lay on one another.

    Returns:
        float64 (M, K, d), in the mean face's units.
    """
    target = mean[list(rigid)]
    middle = target.mean(0)
    source = points[:, rigid]
    centre = source.mean(1, keepdims=True)
    spread = np.maximum(((source - centre) ** 2).sum((1, 2)), 1e-12)
    u, size, vt = np.linalg.svd(np.einsum("mki,kj->mij", source - centre, target - middle))
    sign = np.sign(np.linalg.det(u @ vt))
    u[:, :, -1] *= sign[:, None]
    size[:, -1] *= sign
    scale = size.sum(1) / spread
    aligned: Float64 = scale[:, None, None] * ((points - centre) @ (u @ vt)) + middle
    return aligned


def mean_face(faces: Float64, rigid: tuple[int, ...], outer_eyes: tuple[int, int]) -> Float64:
    """Find the mean of faces over places, sizes and poses (generalised Procrustes analysis, Gower 1975).

    Args:
        faces: float64 (M, K, d).
        rigid: Which landmarks to lay on one another.
        outer_eyes: The two landmarks that are 1 apart in the mean face.

    Returns:
        float64 (K, d), its middle in the origin.
    """
    mean: Float64 = np.median(faces, 0)
    for _ in range(5):
        mean = mean - mean[list(rigid)].mean(0)
        mean = mean / np.linalg.norm(mean[outer_eyes[0]] - mean[outer_eyes[1]])
        mean = align(faces, mean, rigid).mean(0)
    return mean


def known(landmarks_px: Float32) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Find the faces that have landmarks: float32 (M, K, d) to bool (M,)."""
    return np.asarray(np.isfinite(landmarks_px).all((1, 2)))


def check(stored: Checkpoint) -> str:
    """Return which landmarks a checkpoint was made for.

    Raises:
        WeightsError: It names none of RIGID, or its mean face or prior has another shape.
    """
    landmarks = stored.header.get("landmarks")
    if landmarks not in RIGID:
        raise WeightsError(
            stored.path,
            f"made for landmarks = {landmarks!r}, here it is one of {', '.join(RIGID)}",
            "give the checkpoint of a classifier",
        )
    # Some classifiers leave the depth out.
    dimensions = 2 if "mean_face" in stored.tensors and stored.tensors["mean_face"].shape[1:] == (2,) else 3
    stored.check_shapes({"mean_face": (COUNT[landmarks], dimensions), "prior": (len(EXPRESSIONS),)})
    return str(landmarks)


def take(landmarks_px: Float32, mean: Float64, landmarks: str) -> Float64:
    """Align the landmarks that a classifier gets.

    Args:
        landmarks_px: float32 (M, K, 2 or 3), without NaN.
        mean: float64 (K, d), the mean face of the classifier's training.
        landmarks: `mediapipe` or `dlib`.

    Returns:
        float64 (M, K, d).

    Raises:
        ValueError: There are not as many landmarks as the classifier was made for.
    """
    k, d = mean.shape
    if landmarks_px.shape[1] != k or landmarks_px.shape[2] < d:
        raise ValueError(
            f"landmarks of shape {landmarks_px.shape}, the classifier was made for {landmarks}'s (M, {k}, {d})"
        )
    return align(landmarks_px[:, :, :d].astype(np.float64), mean, RIGID[landmarks])


def without_embedding(logits: Float32) -> FramePredictions:
    """Return logits (M, C) as predictions of a classifier that has no embedding."""
    return FramePredictions(embedding=np.empty((len(logits), 0), np.float32), logits=logits)
