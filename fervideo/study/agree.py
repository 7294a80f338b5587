"""Results beside the labels of human coders: agreement in bins of time, and of events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from fervideo.errors import UsageError
from fervideo.outputs.found import Found, find
from fervideo.records import EXPRESSIONS, Float64, Int64
from fervideo.study import agreement, bins, coded, faces, results
from fervideo.study import design as designs
from fervideo.study.agreement import Events
from fervideo.study.clock import CLOCK, Clocks
from fervideo.study.coded import Coded, CodedClip
from fervideo.study.plan import seen_in

#: Name of the package among the coders.
OWN = "fervideo"
#: Label that is the ground of all events, and no event.
_GROUND = "neutral"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How to compare results with coders.

    Attributes:
        bin_s: Width of the bins in seconds.
        renamed: New names of labels, of coders and of results alike.
        rest: Label of the time that a coder leaves without one; empty to leave that time out.
        face: Rule that chooses the face, as in `plan.Selection`.
        design: Table with a row per clip; None without.
        min_coverage: As in `plan.Selection`.
        min_quality: Least `quality` of a frame that counts.
        min_good: Least share of good frames in a bin that counts.
        overlap: Least intersection over union of two events that match.
        clock: Table with anchors of another clock, for the table of disagreements; None without.
        draws: Draws of the bootstrap.
        seed: Its seed.
    """

    bin_s: float = 0.5
    renamed: Mapping[str, str] = field(default_factory=dict)
    rest: str = ""
    face: str = "longest"
    design: Path | None = None
    min_coverage: float = faces.MIN_COVERAGE
    min_quality: float = 0.0
    min_good: float = 0.5
    overlap: float = 0.25
    clock: Path | None = None
    draws: int = 2000
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Agreement of results and coders.

    Attributes:
        pairs: A row per pair of coders: `one`, `other`, `people`, `bins`, `agreement` (share of equal bins), `kappa`,
            and the ends of its 95 % interval over people, `kappa_low` and `kappa_high`.
        alpha: Krippendorff's alpha of all coders and the results.
        alpha_coders: That of the coders alone; NaN for one coder.
        confusion: Bins by label: a row per label of the first coder, a column per label of the results.
        events: A row per label, and one for all: numbers of events, matches, precision, recall and F1. `onset_s` is the
            median of the onsets in the results minus those of the first coder, in seconds, with its quartiles.
        disagreements: Stretches in which the results differ from the first coder, with the label of each, on the clock
            of labels: a player's.
        no_face: Bins with a label of the first coder in which no face is seen well.
    """

    pairs: pd.DataFrame
    alpha: float
    alpha_coders: float
    confusion: pd.DataFrame
    events: pd.DataFrame
    disagreements: pd.DataFrame
    no_face: int


class _Compared(NamedTuple):
    """One clip, coder by coder.

    Attributes:
        clip: Name of its results.
        person: The person in it.
        face: Number of the face.
        time_s: float64 (n + 1,), edges of the bins.
        confidence: float64 (n,), mean confidence of the results.
        labels: A list of n labels for the results, then for each coder; empty where there is none.
        events: Label, onset and offset of events for the results, then for the first coder.
        media_start_s: Time of the first frame on a player's clock, which labels have.
    """

    clip: str
    person: str
    face: int
    time_s: Float64
    confidence: Float64
    labels: list[list[str]]
    events: tuple[pd.DataFrame, pd.DataFrame]
    media_start_s: float


def agree(folder: Path, coders: Sequence[pd.DataFrame], how: Comparison) -> Agreement:
    """Compare results with the labels of human coders.

    Args:
        folder: Folder of results, or the `.timeline.csv` of one clip.
        coders: The labels of each coder, as `fervideo.read_labels` returns them.
        how: How to compare.

    Raises:
        UsageError: Results are missing, or no clip has labels; a clip has labels of several people, and no design
            has their faces.
        DatasetError: The design fits the results in more than one way.
    """
    study = designs.join(find([folder]), how.design)
    read = Coded.of(coders, study.clips, how.renamed)
    clips = [_compared(clip, how) for clip in read.clips]
    names = sorted({name for clip in clips for own in clip.labels for name in own} - {""}, key=_order)
    if not any(_codes([clip], 1, names).max(initial=-1) >= 0 for clip in clips):
        raise UsageError(folder, "has no bin with a label", "check the times of the labels, or give --rest neutral")
    codes = np.stack([_codes(clips, coder, names) for coder in range(len(coders) + 1)])
    people, person = np.unique([clip.person for clip in clips for _ in clip.labels[0]], return_inverse=True)
    titles = [OWN, *(f"coder {number}" for number in range(1, len(coders) + 1))]
    pairs = [
        _pair(codes[a], codes[b], titles[a], titles[b], person, len(people), len(names), how)
        for a in range(len(titles))
        for b in range(a + 1, len(titles))
    ]
    disagreements = pd.concat([_disagreements(clip) for clip in clips], ignore_index=True)
    if how.clock is not None:
        clocks = Clocks.read(how.clock, [clip.matched.result for clip in read.clips])
        starts = zip(disagreements["clip"], disagreements["start_s"].to_list(), strict=True)
        disagreements[CLOCK] = [clocks.of(clip).of(np.array([start_s]))[0] for clip, start_s in starts]
    # Back to the clock of labels, so that they can be corrected in a player and trained on.
    late_s = disagreements["clip"].map({clip.clip: clip.media_start_s for clip in clips}).astype(float)
    for name in ("start_s", "end_s"):
        disagreements[name] = (disagreements[name] + late_s).round(6)
    table = agreement.counts(codes[1], codes[0], len(names))
    confusion = pd.DataFrame(table, pd.Index(names, name="coder 1"), names)
    return Agreement(
        pairs=pd.DataFrame(pairs),
        alpha=agreement.alpha(codes),
        alpha_coders=agreement.alpha(codes[1:]) if len(coders) > 1 else float("nan"),
        confusion=confusion,
        events=_events(clips, names, how),
        disagreements=disagreements,
        no_face=int(((codes[1] >= 0) & (codes[0] < 0)).sum()),
    )


def _order(label: str) -> tuple[int, str]:
    """Return a key that sorts labels: EXPRESSIONS in their own order, then others by name."""
    return (EXPRESSIONS.index(label) if label in EXPRESSIONS else len(EXPRESSIONS)), label


def _codes(clips: Sequence[_Compared], coder: int, names: Sequence[str]) -> Int64:
    """Return the labels of a coder in all bins as numbers, -1 for none."""
    number = {name: at for at, name in enumerate(names)}
    return np.array([number.get(name, -1) for clip in clips for name in clip.labels[coder]], np.int64)


def _pair(
    one: Int64, other: Int64, title: str, other_title: str, person: Int64, people: int, n_labels: int, how: Comparison
) -> dict[str, object]:
    """Compare two coders."""
    per_person = np.stack(
        [agreement.counts(one[person == each], other[person == each], n_labels) for each in range(people)]
    )
    per_person = per_person[per_person.sum(axis=(1, 2)) > 0]
    table = per_person.sum(axis=0)
    low, high = agreement.bootstrap(per_person, how.draws, how.seed)
    return {
        "one": title,
        "other": other_title,
        "people": len(per_person),
        "bins": int(table.sum()),
        "agreement": float(np.trace(table) / table.sum()) if table.sum() else float("nan"),
        "kappa": agreement.kappa(table),
        "kappa_low": low,
        "kappa_high": high,
    }


def _compared(clip: CodedClip, how: Comparison) -> _Compared:
    """Put results and labels of one clip into the same bins."""
    result = clip.matched.result
    rule = clip.matched.face or how.face
    if rule == "all":
        raise UsageError("face all", "is more than one face", "choose longest, largest, left, right, or a number")
    names = [*results.KEYS, "media_time_s", "expression", "confidence", *(["quality"] if how.min_quality > 0 else [])]
    frames = results.read(result.table("frames"), "frames", names)
    if "expression" not in frames:
        raise UsageError(result.table("frames"), "has no column expression", "only expressions can be compared")
    chosen = faces.choose(seen_in(result, rule), rule, how.min_coverage).faces
    face = chosen[0] if chosen else -1
    binned = bins.resample(faces.take(frames, chosen), how.bin_s, "mean", how.min_quality, ["expression", "confidence"])
    binned = binned[binned["face"] == face] if chosen else _empty_bins(frames, how.bin_s)
    is_good = binned[bins.GOOD].to_numpy(float) >= how.min_good
    shown = binned["expression"].to_numpy(object)
    own = [how.renamed.get(name, name) if ok else "" for name, ok in zip(shown, is_good, strict=True)]
    edges_s = np.append(binned["time_s"].to_numpy(float), binned["time_s"].iloc[-1] + how.bin_s)
    end_s = bins.end_s(frames)
    time_of = frames.drop_duplicates("frame").set_index("frame")["time_s"]
    media_start_s = _media_start_s(frames)
    spans = [coded.spans(labels, time_of, end_s, how.rest, media_start_s) for labels in clip.labels]
    return _Compared(
        clip=result.stem,
        person=clip.person,
        face=face,
        time_s=edges_s,
        confidence=binned["confidence"].to_numpy(float),
        labels=[own, *(coded.in_bins(table, edges_s, end_s) for table in spans)],
        events=(_own_events(result, face, how, spans[0]), coded.merged(spans[0])),
        media_start_s=media_start_s,
    )


def _media_start_s(frames: pd.DataFrame) -> float:
    """Return the time of the first frame on a player's clock; 0 for results of other programs, which lack it."""
    late_s = (frames["media_time_s"] - frames["time_s"] if "media_time_s" in frames else frames["time_s"][:0]).dropna()
    return float(late_s.iloc[0]) if len(late_s) else 0.0


def _empty_bins(frames: pd.DataFrame, bin_s: float) -> pd.DataFrame:
    """Return the bins of a clip without a face."""
    n = max(int(np.ceil(frames["time_s"].max() / bin_s)), 1)
    empty = {bins.GOOD: 0.0, "expression": np.nan, "confidence": np.nan}
    return pd.DataFrame({"face": -1, "time_s": np.round(np.arange(n) * bin_s, 6), **empty})


def _own_events(result: Found, face: int, how: Comparison, spans: pd.DataFrame) -> pd.DataFrame:
    """Return the events of the results that lie in labelled time for at least half of their duration."""
    events = results.read(result.table("events"), "events")
    if "kind" in events:
        events = events[events["kind"] == "expression"]
    events = events[events["face"] == face]
    own = pd.DataFrame(
        {
            "label": [how.renamed.get(name, name) for name in events["expression"]],
            "start_s": events["onset_s"].to_numpy(float),
            "end_s": events["offset_s"].to_numpy(float),
        }
    )
    start_s, end_s = spans["start_s"].to_numpy(float), spans["end_s"].to_numpy(float)
    inside_s = [
        np.maximum(np.minimum(offset_s, end_s) - np.maximum(onset_s, start_s), 0).sum()
        for _, onset_s, offset_s in coded.stretches(own)
    ]
    half_s = (own["end_s"] - own["start_s"]).to_numpy(float) / 2
    return coded.merged(own[np.array(inside_s) >= half_s]) if len(own) else own


def _events(clips: Sequence[_Compared], names: Sequence[str], how: Comparison) -> pd.DataFrame:
    """Match the events of all clips: a row per label, and one for all."""
    ground = {_GROUND, how.rest}
    shown = [name for name in names if name not in ground]
    tally = {name: [0, 0, 0] for name in shown}
    onsets_s: dict[str, list[float]] = {name: [] for name in shown}
    for clip in clips:
        own, hand = (_as_events(table[~table["label"].isin(ground)], names) for table in clip.events)
        for name in shown:
            tally[name][0] += int((hand.label == names.index(name)).sum())
            tally[name][1] += int((own.label == names.index(name)).sum())
        for row, column in agreement.match(hand, own, how.overlap):
            name = names[hand.label[row]]
            tally[name][2] += 1
            # The start of the clip is no onset.
            if min(hand.onset_s[row], own.onset_s[column]) > clip.time_s[0]:
                onsets_s[name].append(float(own.onset_s[column] - hand.onset_s[row]))
    tally["all"] = [sum(column) for column in zip(*tally.values(), strict=True)] if tally else [0, 0, 0]
    onsets_s["all"] = [each for values in onsets_s.values() for each in values]
    return pd.DataFrame([_event_row(name, tally[name], onsets_s[name]) for name in (*shown, "all")])


def _as_events(table: pd.DataFrame, names: Sequence[str]) -> Events:
    label = np.array([names.index(name) if name in names else -1 for name in table["label"]], np.int64)
    return Events(label, table["start_s"].to_numpy(float), table["end_s"].to_numpy(float))


def _event_row(name: str, tally: Sequence[int], onsets_s: Sequence[float]) -> dict[str, object]:
    hand, own, hits = tally
    low, middle, high = np.percentile(onsets_s, [25, 50, 75]) if onsets_s else (np.nan, np.nan, np.nan)
    return {
        "label": name,
        "coder_events": hand,
        "own_events": own,
        "matched": hits,
        "precision": hits / own if own else np.nan,
        "recall": hits / hand if hand else np.nan,
        "f1": 2 * hits / (hand + own) if hand + own else np.nan,
        "onsets": len(onsets_s),
        "onset_s": middle,
        "onset_q1_s": low,
        "onset_q3_s": high,
    }


def _disagreements(clip: _Compared) -> pd.DataFrame:
    """Join bins in which the results differ from the first coder to stretches."""
    own, hand = np.array(clip.labels[0], object), np.array(clip.labels[1], object)
    differ = (own != hand) & (own != "") & (hand != "")
    key = np.where(differ, own + ">" + hand, "")
    first = np.flatnonzero(np.append(True, key[1:] != key[:-1]))
    last = np.append(first[1:], len(key))
    rows = [
        {
            "clip": clip.clip,
            "start_s": clip.time_s[begin],
            "end_s": clip.time_s[end],
            "label": hand[begin],
            OWN: own[begin],
            "subject": clip.person,
            "face": clip.face,
            "confidence": round(float(np.nanmean(clip.confidence[begin:end])), 4),
        }
        for begin, end in zip(first, last, strict=True)
        if key[begin]
    ]
    return pd.DataFrame(rows, columns=["clip", "start_s", "end_s", "label", OWN, "subject", "face", "confidence"])
