"""Timelines: what each face shows, frame by frame, event by event and clip by clip, as tables that round-trip through CSV.

Values are rounded when the tables are built, so that a saved timeline reads back equal; everything that follows from
other columns (expression, valence, events, summary) is computed from the rounded values, and so can be checked against
the files.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from fervideo import atomic
from fervideo.columns import MEASURES
from fervideo.errors import OutputError, UsageError, counted
from fervideo.records import (
    EXPRESSIONS,
    NEGATIVE,
    ClipFeatures,
    Float32,
    Float64,
    Int64,
    TrackExpressions,
    VideoInfo,
)
from fervideo.settings import EventSettings, Settings
from fervideo.timeline.events import TIME_DECIMALS, hysteresis, merge_short

P_COLUMNS, RAW_COLUMNS, TIME_COLUMNS = (
    tuple(f"{kind}_{name}" for name in EXPRESSIONS) for kind in ("p", "raw", "time")
)
BOX_COLUMNS = ("box_x_px", "box_y_px", "box_w_px", "box_h_px")

#: Columns of each table, for a model of EXPRESSIONS; see `columns` for others. Only ever added at the end.
FRAME_COLUMNS = (
    *("frame", "time_s", "face", "status", "expression", "confidence"),
    *(*P_COLUMNS, *RAW_COLUMNS, "valence", *BOX_COLUMNS, *MEASURES),
)
EVENT_COLUMNS = (
    "face",
    "expression",
    "onset_s",
    "apex_s",
    "offset_s",
    "duration_s",
    "mean_confidence",
    "peak_confidence",
)
SUMMARY_COLUMNS = (
    *("video", "face", "start_s", "end_s", "coverage", "expression", "confidence"),
    *(*P_COLUMNS, *TIME_COLUMNS, "events_per_min", "mean_valence"),
)

#: What a face's summary says in the place of an expression where the most probable one is not probable enough.
UNCERTAIN = "uncertain"
#: pandas' own dtype for text: `str` from version 3 on, `object` before; missing is NaN in both.
_TEXT = pd.Series([""]).dtype
_DTYPES: dict[str, Any] = dict.fromkeys((*FRAME_COLUMNS, *EVENT_COLUMNS, *SUMMARY_COLUMNS), "float64")
_DTYPES |= {"frame": "int64", "face": "Int64", "status": _TEXT, "expression": _TEXT, "video": _TEXT}
_SHARE_DECIMALS, _BOX_DECIMALS, _RATE_DECIMALS = 4, 2, 2
#: Weight of a frame that has the time of the next one, so that no mean is over nothing.
_MIN_WEIGHT_S = 1e-9
_SUFFIXES = {"timeline": ".timeline.csv", "events": ".events.csv", "summary": ".summary.csv", "run": ".run.json"}


@dataclass(frozen=True, eq=False, repr=False)
class Timeline:
    """Hold the expressions of all faces of a clip.

    Attributes:
        info: The video.
        labels: The expressions, in the order of every `p_`, `raw_` and `time_` column.
        frames: One row per face per frame, by frame then face; a frame without a face has one row with empty `face`.
            `status` is `ok` (seen), `gap` (lost for a short while and bridged: no `raw_`, box or geometry), `no_face`,
            or `damaged`: a last row after all decoded frames, where decoding broke off; its `time_s` is where they end.
        events: One row per event, by face then onset; half-open [onset_s, offset_s), `apex_s` at the highest
            probability.
        summary: One row per face; one without face and label where the clip shows none. `expression` is UNCERTAIN where
            the face as a whole shows none that is probable enough (`sequence.uncertain_below`).
        provenance: What was run, as in run.json: `status` (`complete` or `damaged`), `reason`, `video`, `labels`,
            `settings`, and whatever else the run tells.
    """

    info: VideoInfo
    labels: tuple[str, ...]
    frames: pd.DataFrame
    events: pd.DataFrame
    summary: pd.DataFrame
    provenance: dict[str, Any]

    @property
    def damage(self) -> str:
        """Why decoding stopped before the clip's end; empty where it did not."""
        return str(self.provenance["reason"])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Timeline):
            return NotImplemented
        same_tables = all(getattr(self, name).equals(getattr(other, name)) for name in ("frames", "events", "summary"))
        return same_tables and (self.info, self.labels, self.provenance) == (other.info, other.labels, other.provenance)

    def __repr__(self) -> str:
        counts = {"face": self.summary["face"].count(), "row": len(self.frames), "event": len(self.events)}
        return f"Timeline({self.info.path.name}: {', '.join(counted(n, noun) for noun, n in counts.items())})"

    def save(self, folder: Path | str, stem: str | None = None, overwrite: bool = False) -> dict[str, Path]:
        """Write the three tables and run.json, none of them ever half-written.

        Args:
            folder: Where to write; made if it is missing.
            stem: What the files are called before `.timeline.csv` and so on; by default the video's stem.
            overwrite: Whether to replace the files of another video, too.

        Returns:
            The paths of `timeline`, `events`, `summary` and `run`.

        Raises:
            OutputError: The folder or a file in it cannot be written, or there are files of another video.
        """
        from fervideo import outputs

        folder, stem = Path(folder), self.info.path.stem if stem is None else stem
        if not overwrite:
            outputs.check_free(folder, stem, self.info.path)
        paths = {name: folder / f"{stem}{suffix}" for name, suffix in _SUFFIXES.items()}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            atomic.remove_abandoned(folder)
            # A hidden folder on the same file system: whatever goes wrong, short of a kill, it is removed with all that
            # is in it.
            with tempfile.TemporaryDirectory(prefix=atomic.temporary_prefix(), dir=folder) as partial:
                parts = {name: Path(partial, name) for name in paths}
                for name, table in (("timeline", self.frames), ("events", self.events), ("summary", self.summary)):
                    table.to_csv(parts[name], index=False, lineterminator="\n", encoding="utf-8")
                # Bytes of a file name that are not UTF-8 go out as they came in.
                parts["run"].write_bytes(
                    json.dumps(self.provenance, indent=2, ensure_ascii=False).encode("utf-8", "surrogateescape")
                )
                for name, path in paths.items():
                    parts[name].replace(path)
        except OSError as error:
            raise OutputError(
                folder, f"cannot be written ({error.strerror or error})", "choose a folder that you may write to"
            ) from error
        return paths


def columns(table: tuple[str, ...], labels: Sequence[str]) -> tuple[str, ...]:
    """Return a table's columns for a model that tells `labels` apart: its p_ and time_ columns follow them; raw_ are the frame CNN's."""
    for kind in ("p", "time"):
        default = tuple(f"{kind}_{name}" for name in EXPRESSIONS)
        if default[0] in table:
            at = table.index(default[0])
            table = (*table[:at], *(f"{kind}_{label}" for label in labels), *table[at + len(default) :])
    return table


def read_timeline(path: Path | str) -> Timeline:
    """Read a saved timeline back, equal to what was saved.

    Args:
        path: Any one of its four files; the others stand beside it.

    Raises:
        UsageError: A file is missing, or is not what `Timeline.save` writes.
    """
    path = Path(path)
    suffix = next((suffix for suffix in _SUFFIXES.values() if path.name.endswith(suffix)), None)
    if suffix is None:
        raise UsageError(
            path, "is not named like a timeline", "give the .timeline.csv or .run.json that fervideo wrote"
        )
    paths = {name: path.with_name(path.name.removesuffix(suffix) + ending) for name, ending in _SUFFIXES.items()}
    try:
        provenance = json.loads(paths["run"].read_bytes().decode("utf-8", "surrogateescape"))
        info = VideoInfo(**{**provenance["video"], "path": Path(provenance["video"]["path"])})
        labels = tuple(provenance["labels"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            paths["run"], f"is not the record of a run ({error!r})", "the four files of a timeline belong together"
        ) from error
    frames = _read_table(paths["timeline"], columns(FRAME_COLUMNS, labels))
    events = _read_table(paths["events"], EVENT_COLUMNS)
    summary = _read_table(paths["summary"], columns(SUMMARY_COLUMNS, labels))
    return Timeline(info, labels, frames, events, summary, provenance)


def build(
    features: ClipFeatures,
    tracks: Sequence[TrackExpressions],
    settings: Settings,
    provenance: Mapping[str, Any],
    labels: Sequence[str] = EXPRESSIONS,
) -> Timeline:
    """Join a clip's faces and what the sequence model says of them.

    Args:
        features: The clip; its faces in tracks.
        tracks: One for each track of the clip.
        settings: What the run was set to; `events` and `sequence.uncertain_below` are used here.
        provenance: What else run.json is to tell, JSON-able; see `Timeline.provenance` for the keys that are taken.
        labels: What the model tells apart, in the order of its probabilities.

    Raises:
        ValueError: The tracks are not those of the clip, or the provenance is not JSON-able.
    """
    tracks = sorted(tracks, key=lambda track: track.track)
    bounds_s = _bounds_s(features)
    frames = _frame_table(features, tracks, bounds_s, labels)
    events = _event_table(features, frames, bounds_s, settings.events, labels)
    rows, n_events = frames.groupby("face"), events["face"].value_counts()
    faces = [
        _summary_row(features, track, rows.get_group(track.track), n_events[track.track], bounds_s, labels)
        for track in tracks
    ]
    for face in faces:
        if face["confidence"] < settings.sequence.uncertain_below:
            face["expression"] = UNCERTAIN
    # A file name may hold bytes that are not UTF-8.
    name = os.fsencode(features.info.path.name).decode("utf-8", "replace")
    summary = _table(columns(SUMMARY_COLUMNS, labels), **pd.DataFrame(faces or [{"coverage": 0.0}]), video=name)
    own = {
        "status": "damaged" if features.damage else "complete",
        "reason": features.damage,
        "video": {**asdict(features.info), "path": str(features.info.path)},
        "labels": list(labels),
        "settings": settings.model_dump(mode="json"),
    }
    # Once through JSON, so that what was saved compares equal: a tuple would come back as a list.
    record = json.loads(json.dumps({**own, **provenance, **own}, allow_nan=False))
    return Timeline(features.info, tuple(labels), frames, events, summary, record)


def describe(timeline: Timeline) -> str:
    """Write a short table for the terminal: per face its coverage, expressions and number of events."""
    lines = [("face", "coverage", "mostly", "share of time", "events")]
    for _, row in timeline.summary.dropna(subset=["face"]).iterrows():
        shares = sorted(((row[f"time_{name}"], name) for name in timeline.labels), key=lambda share: -share[0])
        shown = ", ".join(f"{name} {share:.0%}" for share, name in shares if share >= 0.01)
        n_events = int((timeline.events["face"] == row["face"]).sum())
        lines.append((str(row["face"]), f"{row['coverage']:.0%}", shares[0][1], shown, str(n_events)))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    texts = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    if len(lines) == 1:
        texts = ["no face found"]
    if timeline.damage:
        texts.append(f"damaged: the table ends at {timeline.frames['time_s'].iloc[-1]:.2f} s ({timeline.damage})")
    return "\n".join(texts)


def _bounds_s(features: ClipFeatures) -> Float64:
    """Return where each frame that was looked at begins and, at the end, where the last one ends: float64 (T + 1,), rounded."""
    start_s = np.round(features.time_s, TIME_DECIMALS)
    # A lone frame lasts as long as the file's frames do on average, which is the whole of a clip of one frame.
    last_s = (
        np.median(np.diff(start_s)) if len(start_s) > 1 else features.info.duration_s / max(features.info.n_frames, 1)
    )
    end_s = start_s[-1] + last_s if len(start_s) else 0.0
    return np.round(np.append(start_s, end_s), TIME_DECIMALS)


def _frame_table(
    features: ClipFeatures, tracks: Sequence[TrackExpressions], bounds_s: Float64, labels: Sequence[str]
) -> pd.DataFrame:
    seen_by, n, none = features.observations, len(features.frame), np.empty(0, np.int64)
    frame = np.concatenate([none, *(track.frame for track in tracks)])
    number = np.concatenate([none, *(np.full(len(track.frame), track.track) for track in tracks)])
    # Row of the clip's frames and of its observations; -1 where there is none.
    place = pd.Index(features.frame).get_indexer(frame)
    seen = pd.MultiIndex.from_arrays([features.track, seen_by.frame]).get_indexer(
        pd.MultiIndex.from_arrays([number, frame])
    )
    known = np.array_equal([track.track for track in tracks], np.unique(features.track))
    if not known or (place < 0).any() or (seen >= 0).sum() != len(seen_by):
        raise ValueError("tracks: they and their frames must be those of the clip")

    # Place n, after the last frame, is where a damaged clip breaks off.
    blank = np.setdiff1d(np.arange(n + bool(features.damage)), place)
    p = np.concatenate(
        [*(rounded_shares(track.probabilities) for track in tracks), np.full((len(blank), len(labels)), np.nan)]
    )
    nothing = np.full(len(blank), -1)
    number, place, seen = np.append(number, nothing), np.append(place, blank), np.append(seen, nothing)
    order = np.lexsort((number, place))
    number, place, seen, p = number[order], place[order], seen[order], p[order]
    is_face, chance = number >= 0, dict(zip(labels, p.T, strict=True))
    raw = np.exp(_picked(seen_by.frame_logits - seen_by.frame_logits.max(axis=1, keepdims=True), seen))
    # As FaceReader defines it: happiness minus the strongest negative expression; unknown to a model that lacks the one
    # or the others.
    negative = [chance[name] for name in NEGATIVE if name in chance] or [np.full(len(p), np.nan)]
    return _table(
        columns(FRAME_COLUMNS, labels),
        frame=np.append(features.frame, features.frame.max(initial=-1) + 1)[place],
        time_s=bounds_s[place],
        face=pd.Series(number, dtype="Int64").mask(~is_face),
        status=np.select([seen >= 0, is_face, place == n], ["ok", "gap", "damaged"], "no_face"),
        expression=np.where(is_face, np.array(labels, object)[p.argmax(axis=1)], np.nan),
        confidence=p.max(axis=1),
        valence=np.round(chance.get("happiness", np.nan) - np.max(negative, axis=0), _SHARE_DECIMALS),
        **{f"p_{name}": column for name, column in chance.items()},
        **dict(zip(RAW_COLUMNS, rounded_shares(raw).T, strict=True)),
        **face_columns(
            _picked(seen_by.box_px, seen),
            {name: _picked(values[:, None], seen)[:, 0] for name, values in seen_by.measures.items()},
        ),
    )


def _event_table(
    features: ClipFeatures, frames: pd.DataFrame, bounds_s: Float64, settings: EventSettings, labels: Sequence[str]
) -> pd.DataFrame:
    parts = []
    for number, rows in frames.groupby("face"):
        place, p = np.searchsorted(features.frame, rows["frame"]), rows[[f"p_{name}" for name in labels]].to_numpy()
        # A face that left and came back has events in each stay, none in between.
        for stay in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(place) > 1) + 1):
            stay_s = bounds_s[place[stay[0]] : place[stay[-1]] + 2]
            events = _events(p[stay], stay_s, settings)
            parts.append(
                pd.DataFrame({"face": number, **events, "expression": np.array(labels, object)[events["expression"]]})
            )
    return _table(EVENT_COLUMNS, **pd.concat(parts, ignore_index=True)) if parts else _table(EVENT_COLUMNS)


def face_columns(box_px: Float32 | Float64, measures: Mapping[str, Float32 | Float64]) -> dict[str, Float64]:
    """Return the columns of boxes (n, 4) and measures (n,), rounded: float64 (n,) each."""
    x0, y0, x1, y1 = box_px.astype(np.float64).T
    box = zip(BOX_COLUMNS, np.round([x0, y0, x1 - x0, y1 - y0], _BOX_DECIMALS), strict=True)
    rounded = {
        name: np.round(measures[name].astype(np.float64), column.decimals or 0) for name, column in MEASURES.items()
    }
    return dict(box) | rounded


def _events(p: Float64, bounds_s: Float64, settings: EventSettings) -> dict[str, npt.NDArray[Any]]:
    """Cut one stay of one face into events that tile it: the columns of EVENT_COLUMNS but `face`, expressions by number.

    Args:
        p: float64 (n, C), probabilities; n is at least 1.
        bounds_s: float64 (n + 1,), where each row begins and the last one ends.
        settings: When an expression begins, how long it is held, how short an event may be.
    """
    weight = np.maximum(np.diff(bounds_s), _MIN_WEIGHT_S)
    first, label = merge_short(*hysteresis(p, settings), p * weight[:, None], bounds_s, settings.min_duration_s)
    bounds = np.append(first, len(p))
    own_p = p[np.arange(len(p)), np.repeat(label, np.diff(bounds))]
    peak = np.maximum.reduceat(own_p, first)
    at_peak = np.flatnonzero(own_p == np.repeat(peak, np.diff(bounds)))
    return {
        "expression": label,
        "onset_s": bounds_s[first],
        "apex_s": bounds_s[at_peak[np.searchsorted(at_peak, first)]],
        "offset_s": bounds_s[bounds[1:]],
        "duration_s": np.round(np.diff(bounds_s[bounds]), TIME_DECIMALS),
        "mean_confidence": np.round(
            np.add.reduceat(own_p * weight, first) / np.add.reduceat(weight, first), _SHARE_DECIMALS
        ),
        "peak_confidence": peak,
    }


def _summary_row(
    features: ClipFeatures,
    track: TrackExpressions,
    rows: pd.DataFrame,
    n_events: int,
    bounds_s: Float64,
    labels: Sequence[str],
) -> dict[str, Any]:
    """Sum up one face from its rows; means and shares are weighted by the frames' durations."""
    place = np.searchsorted(features.frame, rows["frame"])
    length_s = np.diff(bounds_s)[place]
    weight = np.maximum(length_s, _MIN_WEIGHT_S)
    time = np.array([[weight[rows["expression"] == name].sum() for name in labels]])
    clip_p = rounded_shares(track.clip_probabilities[None])[0]
    return {
        "face": track.track,
        "start_s": bounds_s[place[0]],
        "end_s": bounds_s[place[-1] + 1],
        "coverage": np.round((rows["status"] == "ok").sum() / len(features.frame), _SHARE_DECIMALS),
        "expression": labels[clip_p.argmax()],
        "confidence": clip_p.max(),
        **{f"p_{name}": share for name, share in zip(labels, clip_p, strict=True)},
        **{f"time_{name}": share for name, share in zip(labels, rounded_shares(time)[0], strict=True)},
        "events_per_min": np.round(60 * n_events / length_s.sum(), _RATE_DECIMALS) if length_s.any() else np.nan,
        "mean_valence": np.round(np.average(rows["valence"], weights=weight), _SHARE_DECIMALS),
    }


def rounded_shares(values: Float32 | Float64) -> Float64:
    """Round rows of shares (n, C) so that each still sums to 1: what rounding down leaves goes to the largest remainders."""
    units = 10**_SHARE_DECIMALS
    exact = values * (units / values.sum(axis=1, keepdims=True, dtype=np.float64))
    whole = np.floor(exact)
    missing = units - whole.sum(axis=1, keepdims=True)
    rank = np.argsort(np.argsort(whole - exact, axis=1, kind="stable"), axis=1)
    return np.asarray((whole + (rank < missing)) / units)


def _picked(values: Float32, rows: Int64) -> Float64:
    """Return the rows (n,) of values (m, columns) as float64 (n, columns); row -1 is NaN."""
    return np.append(values, np.full((1, values.shape[1]), np.nan), axis=0)[rows]


def _table(names: Sequence[str], **columns: Any) -> pd.DataFrame:
    """Make a table of rounded values, its columns in order and with their dtypes; a column that is not given is empty."""
    table = pd.DataFrame(columns, columns=list(names)).astype({name: _DTYPES.get(name, "float64") for name in names})
    # A negative zero would be written as one.
    table[table.select_dtypes("float64").columns] += 0.0
    return table


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV, all of it or nothing.

    Raises:
        OutputError: The place cannot be written.
    """
    with atomic.written(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n", encoding="utf-8")


def _read_table(path: Path, names: tuple[str, ...]) -> pd.DataFrame:
    try:
        dtypes = {name: _DTYPES.get(name, "float64") for name in names}
        # A video may well be called "NA": nothing but an empty field is missing.
        table = pd.read_csv(
            path, usecols=names, dtype=dtypes, keep_default_na=False, na_values=[""], float_precision="round_trip"
        )
        return table[list(names)]
    except (OSError, ValueError) as error:
        raise UsageError(
            path,
            f"cannot be read as a timeline ({str(error).strip()})",
            "the four files that fervideo wrote belong together",
        ) from error
