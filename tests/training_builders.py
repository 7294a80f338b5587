"""Made-up datasets and samples for the tests of training."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fervideo.records import EXPRESSIONS
from fervideo.sequence import INPUTS
from fervideo.sequence.lstm import SequenceLSTM
from fervideo.training import datasets
from fervideo.training.features import Sample
from fervideo.training.manifest import Clip, Manifest, label_of, target

D = 4


LABELS = ("neutral", "anger", "calm")


def tree(root: Path, *files: str) -> Path:
    """Make files with nothing much in them."""
    for name in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"not read here")
    return root


def table(path: Path, *lines: str, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


def read(root: Path, name: str, *, recognised: bool = True) -> Manifest:
    """Read a tree by its format's name, and see that it is recognised as that."""
    found = datasets.read(root, name)
    if recognised:
        assert datasets.read(root).format == name
    return found


def labels(found: Manifest) -> dict[str, str]:
    return {clip.clip: clip.label for clip in found.clips}


def sample(number: int, label: str = "anger", steps: int = 30, frames: str = "", clue: float = 1.0) -> Sample:
    """Make a clip whose embedding contains its label, faintly at each step; `frames` is the label of its first half."""
    rng = np.random.default_rng(number)
    course = rng.normal(0, 1, (steps, len(EXPRESSIONS) + len(INPUTS) + D + 1)).astype(np.float32)
    course[:, :8] -= np.logaddexp.reduce(course[:, :8], axis=1, keepdims=True)
    step_label = np.full(steps, -1)
    if frames:
        step_label[: steps // 2], step_label[steps // 2 :] = LABELS.index(frames), LABELS.index(label)
    per_step = np.where(step_label >= 0, step_label, LABELS.index(label))
    course[np.arange(steps), len(EXPRESSIONS) + len(INPUTS) + per_step] += clue
    course[:, -1] = 1
    clip = Clip(
        f"clip{number}",
        Path(f"{number}.mp4"),
        f"s{number}",
        "" if frames else label,
        frame_labels="f.csv" if frames else "",
    )
    return Sample(
        clip=clip,
        start_s=0.0,
        course=course,
        target=target(clip, LABELS),
        label=label_of(clip, LABELS),
        step_label=step_label,
        time_s=np.arange(steps) / 20,
        frame_label=step_label,
        seen=1.0,
    )


def state(model: SequenceLSTM) -> dict[str, np.ndarray]:
    return {name: tensor.numpy().copy() for name, tensor in model.state_dict().items()}
