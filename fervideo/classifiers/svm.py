"""A support vector machine (Cortes & Vapnik 1995) with a radial kernel over geometric features.

scikit-learn trains it; its parameters are kept as plain arrays, and evaluated from them with the same result. A
multinomial logistic regression of the margins, fitted on the validation split, turns them into calibrated logits.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from fervideo.checkpoint import Checkpoint
from fervideo.classifiers import shape
from fervideo.classifiers.features import FEATURES, measure
from fervideo.landmarks import SIXTY_EIGHT
from fervideo.records import EXPRESSIONS, Float32, Float64, FramePredictions, UInt8

#: Faces whose kernel values are held at once.
_BATCH = 256


class Svm:
    """The support vector machine as a frame classifier.

    Args:
        stored: A checkpoint of kind `svm`.

    Attributes:
        header: Header of the checkpoint.
        landmarks: Kind of the landmarks that it was made for, `mediapipe` or `dlib`.
        n_parameters: Numbers that were learned.

    Raises:
        WeightsError: It was made for other features or landmarks, or its arrays do not fit.
    """

    reads: Literal["landmarks"] = "landmarks"

    def __init__(self, stored: Checkpoint) -> None:
        stored.expect(features=FEATURES)
        self.header = stored.header
        self.landmarks = shape.check(stored)
        n, n_vectors = len(EXPRESSIONS), len(stored.tensors.get("vectors", ()))
        pairs = n * (n - 1) // 2
        each = {
            "feature_mean": (len(FEATURES),),
            "feature_scale": (len(FEATURES),),
            "vectors": (n_vectors, len(FEATURES)),
        }
        machine = {"weights": (n_vectors, pairs), "bias": (pairs,), "gamma": (1,)}
        stored.check_shapes({**each, **machine, "calibration": (pairs, n), "calibration_bias": (n,)})
        self.n_parameters = sum(array.size for array in stored.tensors.values())
        self._arrays = {name: array.astype(np.float64) for name, array in stored.tensors.items()}

    def predict(self, crops: UInt8, landmarks_px: Float32) -> FramePredictions:  # noqa: ARG002  (the protocol)
        """Classify faces, as `FrameClassifier.predict`; crops are not read."""
        arrays = self._arrays
        logits = np.tile(np.log(arrays["prior"]), (len(landmarks_px), 1))
        rows = np.flatnonzero(shape.known(landmarks_px))
        for part in np.array_split(rows, len(rows) // _BATCH + 1):
            features = describe(landmarks_px[part], arrays["mean_face"], self.landmarks)
            logits[part] = margins(arrays, features) @ arrays["calibration"] + arrays["calibration_bias"]
        return shape.without_embedding(logits.astype(np.float32))


def describe(landmarks_px: Float32, mean_face: Float64, landmarks: str) -> Float64:
    """Align landmarks and measure them: float32 (M, K, 2 or 3) without NaN to float64 (M, len(FEATURES))."""
    points = shape.take(landmarks_px, mean_face, landmarks)
    return measure(points[:, SIXTY_EIGHT] if landmarks == "mediapipe" else points)


def margins(arrays: dict[str, Float64], features: Float64) -> Float64:
    """Evaluate the machine from its arrays.

    Args:
        arrays: Arrays of the machine, as `to_arrays` returns them.
        features: float64 (M, F).

    Returns:
        float64 (M, margins): the decision function of scikit-learn's SVC with `decision_function_shape="ovo"`.
    """
    x = (features - arrays["feature_mean"]) / arrays["feature_scale"]
    vectors = arrays["vectors"]
    squared = (x**2).sum(1)[:, None] + (vectors**2).sum(1) - 2 * x @ vectors.T
    result: Float64 = np.exp(-arrays["gamma"] * np.maximum(squared, 0)) @ arrays["weights"] + arrays["bias"]
    return result


def to_arrays(scaler: Any, svc: Any) -> dict[str, Float64]:
    """Return the parameters of scikit-learn's StandardScaler and SVC (radial kernel, all of EXPRESSIONS) as arrays.

    Returns:
        float64 arrays: `feature_mean` and `feature_scale` (F,), `vectors` (V, F), `weights` (V, C * (C - 1) / 2), one
            column per
        pair of expressions, `bias` and `gamma`.
    """
    n = len(EXPRESSIONS)
    owner = np.repeat(np.arange(n), svc.n_support_)
    columns = []
    for first in range(n):
        for second in range(first + 1, n):
            # libsvm keeps, for each vector, its coefficient against every other class, its own left out.
            against = np.where(owner == first, svc.dual_coef_[second - 1], svc.dual_coef_[first])
            columns.append(np.where((owner == first) | (owner == second), against, 0.0))
    return {
        "feature_mean": scaler.mean_,
        "feature_scale": scaler.scale_,
        "vectors": svc.support_vectors_,
        "weights": np.stack(columns, 1),
        "bias": svc.intercept_,
        "gamma": np.array([svc._gamma]),
    }
