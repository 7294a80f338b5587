"""Photographs: the expression of every face in them, as a table in the style of the timelines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from tqdm import tqdm

from fervideo import cells, classifiers, columns, observe, video
from fervideo.errors import VideoError
from fervideo.faces import enlarged
from fervideo.outputs import write_csv
from fervideo.pictures import Picture
from fervideo.records import EXPRESSIONS, FaceObservations, UInt8
from fervideo.settings import Settings, chosen
from fervideo.timeline.tables import box_values, make_table, rounded_shares

#: Faces that are looked for in a photograph, unless the settings say how many.
_MOST_FACES = 16


@dataclass(frozen=True, eq=False)
class PhotoFaces:
    """The faces of some photographs.

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
            OutputError: The file cannot be written.
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
            `faces`, `video.rotate`, `video.max_pixels` and `run.device` count.
        progress: Whether to show a progress bar on stderr, where that is a terminal.
        options: The command's options, such as `faces=2, classifier="svm"`.

    Raises:
        WeightsError: The classifier's weights are missing, broken, or those of another one.
        UsageError: A setting or an option is not possible, or `cuda` is asked for where there is none.
    """
    wanted = chosen(settings, options)
    classify = classifiers.loaded(classifiers.weights(wanted.classifier, wanted.run.device))
    files, problems = _files(map(Path, paths))
    most = _MOST_FACES if wanted.faces.max_faces == "auto" else wanted.faces.max_faces
    tables = [make_table(columns.photos(), {})]
    hidden = None if progress and len(files) > 1 else True
    with observe.opened(wanted.faces, most, find=enlarged.find_all) as observer:
        for path in tqdm(files, unit=" photos", disable=hidden, dynamic_ncols=True):
            try:
                image = _upright(video.read_image(path, wanted.video.max_pixels), wanted.video.rotate)
                found, cut = observer(Picture.of(image))
            except VideoError as error:
                problems.append(error)
            else:
                size = -(found.box_px[:, 2:] - found.box_px[:, :2]).prod(1)
                largest_first = np.argsort(size, kind="stable")
                found, cut = found.take(largest_first), cut[largest_first]
                predictions = classify.predict(cut, found.landmarks_px)
                size_px = np.tile(image.shape[1::-1], (len(found), 1))
                seen = observe.observations(found, predictions, size_px)
                tables.append(_faces_of(path, seen))
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


def _upright(image: UInt8, rotate: Literal["auto"] | int) -> UInt8:
    """Turn a photograph clockwise as the settings want it: by its own note of its rotation alone, or further."""
    return image if rotate == "auto" else np.ascontiguousarray(np.rot90(image, -rotate // 90))


def _faces_of(path: Path, seen: FaceObservations) -> pd.DataFrame:
    """Make the rows of one photograph's faces; without a face, one row in which all except the name is empty."""
    name = cells.name_of(path)
    if not len(seen):
        return make_table(columns.photos(), {"photo": [name]})
    logits = seen.frame_logits
    shares = rounded_shares(np.exp(logits - logits.max(1, keepdims=True)))
    values = {
        "photo": [name] * len(seen),
        "face": np.arange(len(seen)),
        "expression": np.array(EXPRESSIONS, object)[shares.argmax(1)],
        "confidence": shares.max(1),
        **dict(zip(columns.prefixed("p"), shares.T, strict=True)),
        **box_values(seen.box_px),
        **seen.measures,
    }
    return make_table(columns.photos(), values)
