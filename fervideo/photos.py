"""Photographs: what every face in them expresses, as a table in the style of the timelines."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from fervideo import boxes, crops, faces, measures, models, video
from fervideo.classifiers.cnn import resolve_device
from fervideo.columns import MEASURES
from fervideo.errors import VideoError
from fervideo.faces import enlarged
from fervideo.records import EXPRESSIONS, Float32, UInt8
from fervideo.settings import Settings, chosen
from fervideo.timeline import BOX_COLUMNS, P_COLUMNS, face_columns, rounded_shares, write_csv

#: Only ever added at the end.
COLUMNS = ("photo", "face", "expression", "confidence", *P_COLUMNS, *BOX_COLUMNS, *MEASURES)
#: Faces that are looked for in a photograph, unless the settings say how many.
_MOST_FACES = 16


@dataclass(frozen=True, eq=False)
class PhotoFaces:
    """Hold the faces of some photographs.

    Attributes:
        faces: One row per face, in the order of the photographs; `face` counts from the largest, 0. A photograph
            without a face has one row in which all but `photo` is empty.
        problems: Why photographs could not be read; they have no row.
    """

    faces: pd.DataFrame
    problems: tuple[VideoError, ...]

    def save(self, path: Path | str) -> None:
        """Write the table as CSV, all of it or nothing.

        Raises:
            OutputError: The place cannot be written.
        """
        write_csv(self.faces, Path(path))


def classify_photos(
    paths: Iterable[Path | str],
    settings: Settings | Mapping[str, Any] | None = None,
    *,
    progress: bool = False,
    **options: Any,
) -> PhotoFaces:
    """Classify every face of photographs, each by itself.

    Args:
        paths: Photographs, or folders with photographs directly in them.
        settings: Settings, or the values that differ from the defaults: {"section.key": value} or nested. `classifier`,
            `faces` and `run.device` count.
        progress: Whether to show a progress bar on stderr, where that is a terminal.
        options: The command's options, such as `faces=2, classifier="svm"`.

    Raises:
        WeightsError: The classifier's weights are missing, broken, or those of another one.
        UsageError: A setting or an option is not possible, or `cuda` is asked for where there is none.
    """
    wanted = chosen(settings, options)
    classify = models.of(wanted.classifier, resolve_device(wanted.run.device))
    files, problems = _files(map(Path, paths))
    most, tables = _MOST_FACES if wanted.faces.max_faces == "auto" else wanted.faces.max_faces, [_table([], {})]
    hidden = None if progress and len(files) > 1 else True
    with faces.Landmarker(wanted.faces, most, still=True) as landmarker, crops.one_thread():
        for path in tqdm(files, unit=" photos", disable=hidden, dynamic_ncols=True):
            try:
                image = video.read_image(path)
            except VideoError as error:
                problems.append(error)
            else:
                tables.append(_faces_of(path, image, _find(landmarker, image), classify))
    return PhotoFaces(
        pd.concat([table for table in tables if len(table)] or tables, ignore_index=True), tuple(problems)
    )


def describe(faces: pd.DataFrame) -> str:
    """Write a short table for the terminal: each face with its expression and how sure that is."""
    lines = [("photo", "face", "expression", "confidence")]
    for photo, face, expression, confidence in faces[list(lines[0])].itertuples(index=False):
        lines.append(
            (photo, "", "no face found", "") if pd.isna(face) else (photo, str(face), expression, f"{confidence:.2f}")
        )
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _files(paths: Iterable[Path]) -> tuple[list[Path], list[VideoError]]:
    """Look into folders; a folder without photographs is a problem."""
    files, problems = [], []
    for path in paths:
        found = video.image_files(path) if path.is_dir() else [path]
        files += found
        if not found:
            problems.append(
                VideoError(
                    path, "is a folder without photographs", "give photographs, or a folder with some directly in it"
                )
            )
    return files, problems


def _find(landmarker: faces.Landmarker, image: UInt8) -> Float32:
    """Find the faces of a photograph: landmarks float32 (M, N_LANDMARKS, 3); of a small one that seems empty, the face that fills it."""
    found = landmarker.find(image)
    if len(found) or min(image.shape[:2]) >= enlarged.ENLARGED_PX:
        return found
    landmarks = enlarged.find(landmarker, image)
    return landmarks[None] if np.isfinite(landmarks[0, 0]) else found


def _faces_of(path: Path, image: UInt8, found: Float32, classify: models.FrameModel) -> pd.DataFrame:
    """Classify the faces of one photograph, the largest first."""
    # A file name may hold bytes that are not UTF-8.
    name = os.fsencode(path).decode("utf-8", "replace")
    if not len(found):
        return _table([name], {})
    box_px = boxes.around(found)
    found = found[np.argsort(-(box_px[:, 2:] - box_px[:, :2]).prod(1), kind="stable")]
    _, logits = classify(np.stack([crops.face_crop(image, face) for face in found]), found)
    shares = rounded_shares(np.exp(logits - logits.max(1, keepdims=True)))
    columns = {
        "face": np.arange(len(found)),
        "expression": np.array(EXPRESSIONS, object)[shares.argmax(1)],
        "confidence": shares.max(1),
        **dict(zip(P_COLUMNS, shares.T, strict=True)),
        **face_columns(boxes.around(found), measures.measure(found)),
    }
    return _table([name] * len(found), columns)


def _table(photos: Sequence[str], columns: dict[str, object]) -> pd.DataFrame:
    """Make a table of all columns; those that are not given are empty."""
    text = pd.Series([""]).dtype
    dtypes = dict.fromkeys(COLUMNS, "float64") | {"photo": text, "face": "Int64", "expression": text}
    return pd.DataFrame({"photo": list(photos), **columns}, columns=list(COLUMNS)).astype(dtypes)
