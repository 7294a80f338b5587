"""Prepare FER+ for the training recipes: landmarks and distributions of labels.

    python tools/ferplus.py landmarks FERPLUS.npz OUT.npz     FaceMesh over all images (about a minute on two cores)
    python tools/ferplus.py anchors OUT.npz                   the table in fervideo/crops.py
    python tools/ferplus.py template OUT.npz                  the table in fervideo/measures/facing.py

FERPLUS.npz contains `images` uint8 (N, 48, 48), `votes` uint8 (N, 10), `vote_names`, and `split` (0 train, 1
validation, 2 test).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from multiprocessing import Pool
from pathlib import Path

import numpy as np

from fervideo.crops import alignment, whole_image
from fervideo.faces import Landmarker, enlarged, open_landmarker
from fervideo.landmarks import MIRRORED_RIGID, N_LANDMARKS, RIGID
from fervideo.records import EXPRESSIONS
from fervideo.settings import FaceSettings
from fervideo.training import stills
from fervideo.training.stills import majority_rule

IMAGE_PX = 48
SPLITS = {"train": 0, "validation": 1, "test": 2}


@dataclass(frozen=True)
class FerPlus:
    """One split of FER+, rows in the original order.

    Attributes:
        images: uint8 (N, 48, 48).
        landmarks_px: float32 (N, N_LANDMARKS, 3), in image pixels; NaN where FaceMesh found no face.
        target: float32 (N, 8), the crowd's distribution over EXPRESSIONS; sums to 1.
        majority: int64 (N,), the majority's expression, or -1 if Microsoft's rule drops the image.
    """

    images: np.ndarray
    landmarks_px: np.ndarray
    target: np.ndarray
    majority: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    def take(self, rows: np.ndarray) -> FerPlus:
        return FerPlus(self.images[rows], self.landmarks_px[rows], self.target[rows], self.majority[rows])

    def transform(self, row: int) -> np.ndarray:
        """Return the crop's transform: by landmarks, or the whole image if there are none."""
        landmarks = self.landmarks_px[row]
        return alignment(landmarks) if np.isfinite(landmarks[0, 0]) else whole_image(IMAGE_PX, IMAGE_PX)


def load(archive: Path, landmarks: Path, split: str) -> FerPlus:
    """Read a split without images whose majority is `unknown` or `NF`, or that have no vote for an expression."""
    data = np.load(archive)
    names = tuple(str(name) for name in data["vote_names"])
    if names != stills.VOTES:
        raise SystemExit(f"{archive}: votes are in the order {names}")
    majority, target = majority_rule(data["votes"])
    votes = np.where(data["votes"] > 1, data["votes"], 0)
    person = votes.argmax(1) < len(EXPRESSIONS)
    rows = np.flatnonzero((data["split"] == SPLITS[split]) & person & (target.sum(1) > 0))
    return FerPlus(data["images"][rows], np.load(landmarks)["landmarks_px"][rows], target[rows], majority[rows])


def find_landmarks(images: np.ndarray) -> np.ndarray:
    """Find landmarks in small grey images: float32 (N, N_LANDMARKS, 3) in image pixels, NaN without a face."""
    with open_landmarker(FaceSettings(), 1, still=True) as landmarker:
        return np.stack([_face_in(landmarker, image) for image in images])


def _face_in(landmarker: Landmarker, image: np.ndarray) -> np.ndarray:
    found = enlarged.find(landmarker, image)
    return found[0] if len(found) else np.full((N_LANDMARKS, 3), np.nan, np.float32)


def template(landmarks: np.ndarray) -> np.ndarray:
    """Compute the mean face's anchors: float64 (len(RIGID), 3), outer eye corners 1 apart, looking into the camera.

    It is the symmetrical mean of all faces over rotations, sizes and positions (generalised Procrustes analysis, Gower
    1975). Its pitch is the median of the faces'.
    """
    faces = landmarks[np.isfinite(landmarks[:, 0, 0])][:, list(RIGID)].astype(np.float64)
    faces -= faces.mean(1, keepdims=True)
    faces /= np.sqrt((faces**2).sum((1, 2), keepdims=True))
    mean = np.median(faces, 0)
    for _ in range(10):
        mean = np.einsum("mki,mij->mkj", faces, rotations(faces, mean)).mean(0)
        mean = (mean + mean[list(MIRRORED_RIGID)] * (-1, 1, 1)) / 2
        mean /= np.sqrt((mean**2).sum())
    forward = -rotations(faces, mean)[:, :, 2]
    pitch = np.median(np.arctan2(-forward[:, 1], np.hypot(forward[:, 0], forward[:, 2])))
    cos, sin = np.cos(pitch), np.sin(pitch)
    level = mean @ np.array([(1, 0, 0), (0, cos, -sin), (0, sin, cos)])
    return level / np.linalg.norm(level[RIGID.index(33)] - level[RIGID.index(263)])


def rotations(faces: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Compute the rotations from a mean face to each face (Kabsch 1976): float64 (N, 3, 3)."""
    u, _, vt = np.linalg.svd(np.einsum("mki,kj->mij", faces, mean))
    u[:, :, 2] *= np.sign(np.linalg.det(u @ vt))[:, None]
    return u @ vt


def main() -> int:
    if sys.argv[1:2] == ["landmarks"] and len(sys.argv) == 4:
        images = np.load(sys.argv[2])["images"]
        with Pool() as pool:
            parts = pool.map(find_landmarks, np.array_split(images, max(len(images) // 1000, 1)), chunksize=1)
        landmarks = np.concatenate(parts)
        np.savez(sys.argv[3], landmarks_px=landmarks)
        print(f"{sys.argv[3]}: landmarks in {np.isfinite(landmarks[:, 0, 0]).mean():.1%} of {len(landmarks)} images")
        return 0
    if sys.argv[1:2] == ["anchors"] and len(sys.argv) == 3:
        landmarks = np.load(sys.argv[2])["landmarks_px"]
        median = np.nanmedian(landmarks, 0)
        for index in RIGID:
            print(index, *median[index].round(2))
        return 0
    if sys.argv[1:2] == ["template"] and len(sys.argv) == 3:
        for index, point in zip(RIGID, template(np.load(sys.argv[2])["landmarks_px"]), strict=True):
            print(index, *point.round(3))
        return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    raise SystemExit(main())
