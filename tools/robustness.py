"""Measure how often a small disturbance of the crop changes the frame CNN's prediction on faces of video.

    python tools/robustness.py FRAME.safetensors CLIP... [--json FILE]

The crop of every face is shifted by 2 of its 56 pixels, scaled by 5 %, or compressed by JPEG at quality 50. The whole
frame is compressed, too. A change is another most probable expression. Landmarks come from the pipeline and its cache,
and are those of the undisturbed video.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from fervideo import classifiers, models, pipeline, video
from fervideo.classifiers import FrameClassifier
from fervideo.crops import alignment, crop
from fervideo.records import CROP_PX, Float64, Int64, UInt8
from fervideo.settings import Settings

SHIFT_PX, SCALE, JPEG_QUALITY = 2.0, 0.05, 50
NO_LANDMARKS = np.empty((0, 0, 3), np.float32)
#: Moves of the crop, in crop pixels: zoom about the middle, shift in x and y.
MOVES = {
    "left": (1.0, -SHIFT_PX, 0.0),
    "right": (1.0, SHIFT_PX, 0.0),
    "up": (1.0, 0.0, -SHIFT_PX),
    "down": (1.0, 0.0, SHIFT_PX),
    "smaller": (1 - SCALE, 0.0, 0.0),
    "larger": (1 + SCALE, 0.0, 0.0),
}
DISTURBANCES = (*MOVES, "jpeg_crop", "jpeg_frame")


def moved(transform: Float64, zoom: float, x_px: float, y_px: float) -> Float64:
    """Return the transform (2, 3) of a crop that is zoomed and shifted."""
    middle = (CROP_PX - 1) / 2
    shift = np.array([x_px, y_px]) + middle * (1 - zoom)
    return np.column_stack([zoom * transform[:, :2], zoom * transform[:, 2] + shift])


def jpeg(image: UInt8) -> UInt8:
    """Compress an image and open it again."""
    encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED), np.uint8)


def disturbed(image: UInt8, landmarks_px: np.ndarray) -> Iterator[UInt8]:
    """Yield the plain crop of a face, then one for each of DISTURBANCES."""
    transform = alignment(landmarks_px)
    plain = crop(image, transform)
    yield plain
    yield from (crop(image, moved(transform, *move)) for move in MOVES.values())
    yield jpeg(plain)
    yield crop(jpeg(image), transform)


def predictions(path: Path, embedder: FrameClassifier) -> Int64:
    """Predict the expression of each face of a clip, plain and disturbed: int64 (M, 1 + len(DISTURBANCES))."""
    extraction = pipeline.open_clip(path, Settings(), models.resolve(Settings()))
    extraction.run(progress=False)
    tops = [np.empty((0, 1 + len(DISTURBANCES)), np.int64)]
    for shard in extraction.shards():
        seen = shard.observations
        for window in video.windows(extraction.source, np.unique(seen.frame)):
            for image, index in zip(window.frames, window.frame, strict=True):
                faces = [np.stack(list(disturbed(image, points))) for points in seen.landmarks_px[seen.frame == index]]
                tops += [embedder.predict(crops, NO_LANDMARKS).logits.argmax(1)[None] for crops in faces]
    return np.concatenate(tops)


def changed(tops: dict[str, Int64]) -> pd.DataFrame:
    """Count changed predictions.

    Args:
        tops: For each clip its `predictions`.

    Returns:
        One row per clip and one of all faces; columns `faces` and, by disturbance, the share that changed.
    """
    tops = {**tops, "all": np.concatenate(list(tops.values()))}
    rows = {name: [len(top), *(top[:, 1:] != top[:, :1]).mean(0)] if len(top) else [0] for name, top in tops.items()}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["faces", *DISTURBANCES])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("frame_cnn", type=Path)
    parser.add_argument("clips", type=Path, nargs="+", metavar="CLIP")
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()
    embedder = classifiers.load(args.frame_cnn)
    table = changed({clip.name: predictions(clip, embedder) for clip in args.clips})
    print(table.to_string(float_format=lambda share: f"{share:.1%}"))
    if args.json:
        args.json.write_text(json.dumps({"target": 0.03, "clips": table.round(4).to_dict("index")}, indent=1))


if __name__ == "__main__":
    main()
