"""Score the timelines of real clips against codings by eye, and against the timelines of the mirrored clips.

    python tools/score_video.py CLIPS DENSE.csv [--labels LABELS.csv] [--no-mirror CLIP ...] [--json FILE]

CLIPS is the folder of the videos. DENSE.csv has a row for each look at a clip: `clip`, `time_s`, and of two passes
`label_1 label_2`, `second_1 second_2` (a choice nearly as plausible) and `flags_1 flags_2` (u: cannot be coded). A look
is compared with the nearest frame of face 0. Kappa, UAR and calibration are over the looks on which both passes agree.
Over all looks, a label is accepted where either pass gives it as first or second choice. Labels that are not marked
uncertain are scored once more by themselves: their share of the agreed looks, and how many are right and accepted.

LABELS.csv lists clear stretches: `clip start_s end_s label`, alternatives as `anger|sadness`. False changes are those
of the label within a stretch. Each coded clip is also mirrored with FFmpeg. Printed is the share of frames in which
face 0 keeps its expression. --no-mirror leaves clips out: two faces may change their numbers.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import cohen_kappa_score

from fervideo import pipeline
from fervideo.columns import prefixed
from fervideo.records import EXPRESSIONS, Float64

#: The systems that are scored: the columns of its label and of its confidence in a table of `shown`.
SYSTEMS = {"sequence": ("expression", "confidence"), "frame": ("raw", "raw_confidence")}
NO_FACE = "no_face"
#: Confidence from which on the accuracy is given alone.
SURE = 0.9
BINS = 10


def shown(frames: pd.DataFrame) -> pd.DataFrame:
    """Return the labels of face 0 in a table of frames: one row per frame, with the columns of SYSTEMS and `time_s`.

    A frame without face 0 shows NO_FACE; one without its own evidence, between two detections, shows no `raw`.
    `certain` is false where a label is marked uncertain.
    """
    rows = frames[frames["face"].isna() | (frames["face"] == 0)].sort_values(["time_s", "face"])
    rows = rows.drop_duplicates("time_s")
    raw = rows[list(prefixed("raw"))].to_numpy(np.float64)
    seen = np.isfinite(raw[:, 0])
    alone = np.where(seen, np.array(EXPRESSIONS)[np.where(seen[:, None], raw, 0).argmax(1)], NO_FACE)
    return pd.DataFrame(
        {
            "time_s": rows["time_s"].to_numpy(),
            "expression": rows["expression"].fillna(NO_FACE).to_numpy(),
            "confidence": rows["confidence"].to_numpy(np.float64),
            "raw": alone,
            "raw_confidence": raw.max(1),
            "certain": (rows["uncertain"] == 0).fillna(False).to_numpy(bool),
        }
    )


def at_looks(dense: pd.DataFrame, clips: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Put beside each look the row of the nearest frame; `clips` has a table of `shown` for each clip."""
    parts = []
    for clip, looks in dense.groupby("clip", sort=False):
        frames = clips[str(clip)]
        faces = frames[frames["expression"] != NO_FACE]
        near = [(faces["time_s"] - time_s).abs().idxmin() for time_s in looks["time_s"]]
        parts.append(pd.concat([looks.reset_index(drop=True), frames.loc[near].reset_index(drop=True)], axis=1))
    return pd.concat(parts, ignore_index=True)


def ece(right: npt.NDArray[np.bool_], confidence: Float64) -> float:
    """Compute the expected calibration error over BINS equal bins of confidence."""
    bins = np.clip(np.ceil(confidence * BINS) - 1, 0, BINS - 1)
    return float(sum(abs((right - confidence)[bins == number].sum()) for number in range(BINS)) / len(right))


def dense_scores(looks: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Score each system on looks from `at_looks`."""
    agreed = looks[is_agreed(looks)]
    truth, scores = agreed["label_1"], {}
    for system, (label, confidence) in SYSTEMS.items():
        right = (agreed[label] == truth).to_numpy()
        sure = agreed[confidence].to_numpy(np.float64)
        recall = pd.Series(right).groupby(truth.to_numpy()).mean()
        scores[system] = {
            "looks": len(agreed),
            "accuracy": right.mean(),
            "kappa": cohen_kappa_score(truth, agreed[label]),
            "uar": recall.mean(),
            "accepted": is_accepted(looks, label).mean(),
            "ece": ece(right, np.nan_to_num(sure)),
            "sure": (sure >= SURE).mean(),
            "accuracy_sure": right[sure >= SURE].mean() if (sure >= SURE).any() else np.nan,
            **{f"recall_{name}": recall[name] for name in EXPRESSIONS if name in recall},
        }
    certain = agreed[agreed["certain"]]
    scores["sequence"] |= {
        "certain": len(certain) / len(agreed),
        "accuracy_certain": (certain["expression"] == certain["label_1"]).mean(),
        "accepted_certain": is_accepted(certain, "expression").mean(),
    }
    return {system: {name: float(value) for name, value in found.items()} for system, found in scores.items()}


def is_agreed(looks: pd.DataFrame) -> pd.Series[bool]:
    """Return at which looks both passes code the same label."""
    coded = ~(looks["flags_1"] + looks["flags_2"]).str.contains("u")
    return coded & (looks["label_1"] == looks["label_2"])


def is_accepted(looks: pd.DataFrame, label: str) -> pd.Series[bool]:
    """Return at which looks either pass gives a system's label as first or second choice."""
    choices = looks[["label_1", "label_2", "second_1", "second_2"]]
    return choices.eq(looks[label], axis=0).any(axis=1)


def stretch_scores(stretches: pd.DataFrame, clips: dict[str, pd.DataFrame]) -> dict[str, dict[str, float]]:
    """Score each system on clear stretches: accuracy by frame, and changes of the label within them, per minute."""
    minutes = float((stretches["end_s"] - stretches["start_s"]).sum()) / 60
    scores = {}
    for system, (label, _) in SYSTEMS.items():
        right, changes = [], 0
        for row in stretches.itertuples():
            frames = clips[str(row.clip)]
            inside = frames.loc[(frames["time_s"] >= row.start_s) & (frames["time_s"] < row.end_s), label]
            right += inside.isin(str(row.label).split("|")).tolist()
            changes += max(int((inside != inside.shift()).sum()) - 1, 0)
        scores[system] = {
            "frames": float(len(right)),
            "accuracy": float(np.mean(right)),
            "false_changes_per_min": changes / minutes,
        }
    return scores


def kept(plain: pd.DataFrame, mirrored: pd.DataFrame) -> dict[str, float]:
    """Return, for each system, the share of face 0's frames whose label is the same in the mirrored clip."""
    both = plain.merge(mirrored, on="time_s", suffixes=("", "_mirrored"))
    both = both[both["expression"] != NO_FACE]
    return {system: float((both[label] == both[f"{label}_mirrored"]).mean()) for system, (label, _) in SYSTEMS.items()}


def mirror(path: Path, folder: Path) -> Path:
    """Mirror a video with FFmpeg; its times stay."""
    out = folder / f"{path.stem}.mp4"
    command = ["ffmpeg", "-v", "error", "-y", "-i", str(path), "-vf", "hflip", "-c:v", "libx264", "-crf", "18"]
    subprocess.run([*command, "-fps_mode", "passthrough", "-an", str(out)], check=True, stdin=subprocess.DEVNULL)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("dense", type=Path)
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--no-mirror", nargs="*", default=[], metavar="CLIP")
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()
    dense = pd.read_csv(args.dense, keep_default_na=False).astype({"time_s": float})
    stretches = pd.read_csv(args.labels) if args.labels else None
    names = dict.fromkeys([*dense["clip"], *(stretches["clip"] if stretches is not None else ())])
    clips = {name: shown(pipeline.analyze(args.clips / name).frames) for name in names}
    report: dict[str, object] = {"dense": (found := dense_scores(at_looks(dense, clips)))}
    print(pd.DataFrame(found).round(3).to_string())
    if stretches is not None:
        report["stretches"] = (found := stretch_scores(stretches, clips))
        print("\nclear stretches\n" + pd.DataFrame(found).round(3).to_string())
    shares = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in dense["clip"].drop_duplicates():
            if name not in args.no_mirror:
                video = mirror(args.clips / name, Path(folder))
                shares[name] = kept(clips[name], shown(pipeline.analyze(video, cache=False).frames))
    if shares:
        shares["all clips, mean"] = {
            system: float(np.mean([row[system] for row in shares.values()])) for system in SYSTEMS
        }
        report["mirror"] = shares
        print("\nlabels that stay when the video is mirrored\n" + pd.DataFrame(shares).T.round(3).to_string())
    if args.json:
        args.json.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
