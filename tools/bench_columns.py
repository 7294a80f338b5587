"""Measure the cost of the columns beside expressions: movements, gaze, blinks, talking, quality.

    python tools/bench_columns.py CLIP [--repeats 5] [--minutes 10]

The clip is analysed with one worker, once, into a cache of its own. Then the cached segments are read and turned into
tables again. This is done by turns with all columns, and with the nine measures that the first sequence models read.
CPU seconds are counted, since other work on a machine changes them little. The stretch of `--minutes` repeats the
clip's segments.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from unittest.mock import patch

import numpy as np

from fervideo import measures, models, pipeline, segments, settings, timeline, tracking
from fervideo.records import SEGMENT_FRAMES, ClipFeatures, FeatureShard, Float64, SegmentFaces
from fervideo.sequence import INPUTS, load, predict_clip
from fervideo.timeline import courses

#: Measures without which nothing works: those that sequence models read, and the one that marks frames as gaps.
FEW = {name: function for name, function in measures.FUNCTIONS.items() if name in (*INPUTS, "cut_off")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path, metavar="CLIP")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=10.0)
    args = parser.parse_args()
    chosen = settings.load(None, [("", "run.workers=1"), ("", "run.device=cpu")])
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        os.environ["FERVIDEO_CACHE"] = folder
        began = time.process_time()
        extraction = pipeline.open_clip(args.clip, chosen, models.resolve(chosen))
        extraction.run(progress=False)
        pipeline.finish(extraction, 0).save(Path(folder, "results"))
        cold_s, n_frames = time.process_time() - began, sum(map(len, extraction.segments.values()))
        spent: dict[bool, list[float]] = {True: [], False: []}
        for _ in range(args.repeats):
            for every, seconds in spent.items():
                began = time.process_time()
                n_long = _again(extraction, args.minutes, Path(folder, "again"), every=every)
                seconds.append(time.process_time() - began)
    with_s, without_s = (median(spent[every]) for every in (True, False))
    ms, extra_ms = 1e3 * cold_s / n_frames, 1e3 * (with_s - without_s) / n_long
    speed, ratio = f"{1 - extra_ms / ms:.3f} of the frames/s", f"{with_s / without_s:.2f} of the time"
    print("| CPU | all columns | without | all columns take |\n|---|---|---|---|")
    print(f"| ms a frame, cold | {ms:.2f} | {ms - extra_ms:.2f} | {speed} |")
    print(f"| s, {args.minutes:g} minutes from the cache | {with_s:.1f} | {without_s:.1f} | {ratio} |")


def _again(extraction: segments.Extraction, minutes: float, folder: Path, *, every: bool) -> int:
    """Make the tables of a long clip from cached segments, and write them; return the number of its frames."""
    info, chosen = extraction.source.info, extraction.settings
    with _columns(every=every):
        shards = list(_repeated(extraction, round(minutes * 60 * info.mean_fps)))
        features = ClipFeatures(info, *tracking.join(shards, chosen.tracking))
        model = load.loaded(extraction.models.sequence)
        found = predict_clip(model, features, chosen.sequence, chosen.tracking.max_gap_s)
        timeline.build(features, found.tracks, chosen, {}, found.labels).save(folder, overwrite=True)
    return len(features.frame)


@contextmanager
def _columns(*, every: bool) -> Iterator[None]:
    if every:
        yield
        return
    with patch.object(measures, "FUNCTIONS", FEW), patch.object(courses, "values", _few):
        yield


def _few(features: ClipFeatures, _: settings.Settings) -> dict[str, Float64]:
    measured = {name: values.astype(np.float64) for name, values in features.observations.measures.items()}
    return {**measured, "eyes_closed": np.full(len(features.observations), np.nan)}


def _repeated(extraction: segments.Extraction, n_frames: int) -> Iterator[FeatureShard]:
    """Read the first segment again and again, later each time."""
    store, fps = extraction.store, extraction.source.info.mean_fps
    first: SegmentFaces | None = store.faces(0)
    if first is None:
        raise SystemExit("bench: the first segment is not in the cache")
    for number in range(-(-n_frames // SEGMENT_FRAMES)):
        shard = segments.read_segment(store, 0)
        if shard is not None:
            later, n = number * len(first.frame), len(first.frame)
            yield replace(
                shard,
                segment=number,
                frame=shard.frame + later,
                time_s=(np.arange(n) + later) / fps,
                observations=replace(shard.observations, frame=shard.observations.frame + later),
            )


if __name__ == "__main__":
    main()
