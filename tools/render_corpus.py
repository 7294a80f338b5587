"""Render labelled clips from FER+ stills: real faces, simulated motion, in the layouts of published datasets.

    python tools/render_corpus.py FERPLUS.npz LANDMARKS.npz OUT [--layout ravdess|dfew] [--clips 480] [--seed 1]

`tools/ferplus.py landmarks` wrote LANDMARKS.npz. Each clip shows a still's face for two seconds; in DFEW's layout it
begins and ends with a neutral face. The head drifts, the mouth talks, the eyes blink and the light changes, so that
single frames mislead. No still is used twice.

In RAVDESS's layout OUT/train and OUT/test are two datasets of different actors, from FER+'s training and test split. In
DFEW's layout fold 1 is tested on stills of the test split. The clips stand in for a corpus, since none may be shipped.
Scores on them show that training works; they show nothing about faces in the wild.
"""

from __future__ import annotations

import argparse
from fractions import Fraction
from multiprocessing import Pool
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import ferplus
import motion
import numpy as np

from fervideo.records import EXPRESSIONS

FPS = 25
FRAMES = 50
FACE_PX = 224
FRAME_PX = 320
#: Codes of RAVDESS. FER+ has no stills of its `calm`.
RAVDESS = {"neutral": 1, "happiness": 3, "sadness": 4, "anger": 5, "fear": 6, "disgust": 7, "surprise": 8}
#: Numbers of DFEW, from 1.
DFEW = ("happiness", "sadness", "neutral", "anger", "surprise", "disgust", "fear")
ACTORS = 24
FOLDS = 5
#: The least share of the crowd's votes for a still's label.
CLEAR = 0.6


class Clip(NamedTuple):
    """The sources and the path of a clip; `rest` is a neutral still's row, or -1."""

    path: Path
    still: int
    rest: int
    seed: int


def clear_stills(faces: ferplus.FerPlus, label: str, rng: np.random.Generator) -> np.ndarray:
    """Find the rows that clearly show a label and have landmarks; they are shuffled."""
    column = EXPRESSIONS.index(label)
    good = (faces.majority == column) & (faces.target[:, column] >= CLEAR) & np.isfinite(faces.landmarks_px[:, 0, 0])
    return rng.permutation(np.flatnonzero(good))


def enlarge(faces: ferplus.FerPlus, row: int) -> motion.Face:
    """Resize a still to the size at which it is moved."""
    scale = FACE_PX / ferplus.IMAGE_PX
    image = cv2.resize(faces.images[row], (FACE_PX, FACE_PX), interpolation=cv2.INTER_CUBIC)
    return image, (faces.landmarks_px[row] * scale).astype(np.float32)


def render(faces: ferplus.FerPlus, clip: Clip) -> np.ndarray:
    """Render a clip: uint8 (FRAMES, FRAME_PX, FRAME_PX), grey."""
    rng = np.random.default_rng(clip.seed)
    shown = enlarge(faces, clip.still)
    rest = enlarge(faces, clip.rest) if clip.rest >= 0 else None
    onset, offset = sorted(rng.uniform(0, 1, 2)) if rest is None else (rng.uniform(0.1, 0.35), rng.uniform(0.7, 0.95))
    pace, phase = rng.uniform(2, 6), rng.uniform(0, 6.28, 6)
    talks, sway = rng.random() < 0.5, rng.uniform(3, 14)
    frames = np.empty((FRAMES, FRAME_PX, FRAME_PX), np.uint8)
    backdrop = rng.uniform(40, 200)
    for number in range(FRAMES):
        second, share = number / FPS, number / FRAMES
        still = rest if rest is not None and not onset <= share < offset else shown
        moved = motion.turn(still, sway * np.sin(0.8 * second + phase[0]))
        gap = max(0.0, np.sin(2 * np.pi * pace * second / 2 + phase[1])) * 0.22 * talks
        if gap > 0.02:
            moved = motion.open_mouth(moved, gap, np.random.default_rng(clip.seed))
        if (second + phase[2]) % 3.1 < 0.16:
            moved = motion.close_eyes(moved, 0.9)
        angle, size = 4 * np.sin(0.7 * second + phase[3]), 1 + 0.05 * np.sin(0.5 * second + phase[4])
        turn = cv2.getRotationMatrix2D((FACE_PX / 2, FACE_PX / 2), angle, size)
        shift = (FRAME_PX - FACE_PX) / 2 + 8 * np.sin(np.array((0.6, 0.4)) * second + phase[4:6])
        turn = np.asarray(turn, np.float64) + np.column_stack([np.zeros((2, 2)), shift])
        picture = cv2.warpAffine(
            moved[0], turn, (FRAME_PX, FRAME_PX), borderMode=cv2.BORDER_CONSTANT, borderValue=[float(backdrop)]
        )
        light = 1 + 0.15 * np.sin(0.9 * second + phase[5])
        frames[number] = np.clip(picture * light + rng.normal(0, 4, picture.shape), 0, 255)
    return frames


def write(faces: ferplus.FerPlus, clip: Clip) -> None:
    """Render a clip to a video file, or to a folder of images if its path has no suffix."""
    frames = render(faces, clip)
    if not clip.path.suffix:
        clip.path.mkdir(parents=True, exist_ok=True)
        for number, frame in enumerate(frames, 1):
            cv2.imwrite(str(clip.path / f"{number:05d}.jpg"), frame)
        return
    clip.path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(clip.path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(FPS), options={"crf": "20"})
        stream.width, stream.height, stream.pix_fmt = FRAME_PX, FRAME_PX, "yuv420p"
        for grey in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.repeat(grey[..., None], 3, 2), format="rgb24")))
        container.mux(stream.encode(None))


def ravdess(
    train: ferplus.FerPlus, test: ferplus.FerPlus, out: Path, n: int, rng: np.random.Generator
) -> list[tuple[int, Clip]]:
    """Plan clips as RAVDESS names them.

    `train` has actors 1 to 18 and the training stills, `test` the other actors and the test stills.
    """
    jobs = []
    per_label = n // (ACTORS * len(RAVDESS)) + 1
    for side, (faces, actors) in enumerate(((train, range(1, 19)), (test, range(19, ACTORS + 1)))):
        for label, code in RAVDESS.items():
            rows = clear_stills(faces, label, rng)
            takes = [(actor, take) for take in range(per_label) for actor in actors]
            for row, (actor, take) in zip(rows, takes, strict=False):
                name = f"02-01-{code:02d}-01-{take % 2 + 1:02d}-{take // 2 + 1:02d}-{actor:02d}.mp4"
                jobs.append(
                    (
                        side,
                        Clip(
                            out / ("train", "test")[side] / f"Actor_{actor:02d}" / name,
                            int(row),
                            -1,
                            int(rng.integers(2**31)),
                        ),
                    )
                )
    return jobs


def dfew(
    train: ferplus.FerPlus, test: ferplus.FerPlus, out: Path, n: int, rng: np.random.Generator
) -> list[tuple[int, Clip]]:
    """Plan clips as DFEW lays them out: fold 1 is tested on test stills, the other folds on training stills."""
    jobs: list[tuple[int, Clip]] = []
    labels: list[int] = []
    folds: list[int] = []
    rests = [clear_stills(faces, "neutral", rng).tolist() for faces in (train, test)]
    for side, faces in enumerate((train, test)):
        share = n // FOLDS if side else n - n // FOLDS
        for number, label in enumerate(DFEW, 1):
            rows = clear_stills(faces, label, rng) if label != "neutral" else rests[side]
            for index in range(share // len(DFEW) + 1):
                if index >= len(rows) or not rests[side]:
                    break
                still = rests[side].pop() if label == "neutral" else int(rows[index])
                rest = rests[side].pop() if rests[side] else -1
                path = out / "Clip" / "clip_224x224" / f"{len(jobs) + 1:05d}"
                jobs.append((side, Clip(path, still, rest, int(rng.integers(2**31)))))
                labels.append(number)
                folds.append(1 if side else 2 + len(jobs) % (FOLDS - 1))
    for fold in range(1, FOLDS + 1):
        for split in ("train", "test"):
            table = out / "EmoLabel_DataSplit" / f"{split}(single-labeled)" / f"set_{fold}.csv"
            table.parent.mkdir(parents=True, exist_ok=True)
            rows = [
                f"{k},{label}"
                for k, (label, own) in enumerate(zip(labels, folds, strict=True), 1)
                if (own == fold) == (split == "test")
            ]
            table.write_text("\n".join(["video_name,label", *rows]) + "\n")
    return jobs


_faces: tuple[ferplus.FerPlus, ...] = ()


def _start(faces: tuple[ferplus.FerPlus, ...]) -> None:
    global _faces
    _faces = faces


def _job(job: tuple[int, Clip]) -> None:
    write(_faces[job[0]], job[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("archive", "landmarks", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--layout", choices=("ravdess", "dfew"), default="ravdess")
    parser.add_argument("--clips", type=int, default=480, help="about how many")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    faces = tuple(ferplus.load(args.archive, args.landmarks, split) for split in ("train", "test"))
    plan = {"ravdess": ravdess, "dfew": dfew}[args.layout]
    jobs = plan(faces[0], faces[1], args.out, args.clips, np.random.default_rng(args.seed))
    with Pool(initializer=_start, initargs=(faces,)) as pool:
        for _ in pool.imap_unordered(_job, jobs, chunksize=4):
            pass
    print(f"{args.out}: {len(jobs)} clips")


if __name__ == "__main__":
    main()
