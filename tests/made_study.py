"""The made study of the cookbook: 12 people in 24 clips, a human coder, and a talk of two."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from studies import frames_of, write_result, write_text

from fervideo.records import Float64

#: Times of the frames, and of the stimuli.
TIMES = np.arange(400) / 10
ONSETS_S = (5.0, 15.0, 25.0)
PEOPLE = 12
#: Height of a smile by condition, in eye distances.
HEIGHTS = {"funny": 0.12, "sad": 0.03}
#: A smile above this is coded as happiness.
_SHOWN = 0.05


def write_study(root: Path) -> None:
    """Write `results`, `dyads`, `design.csv`, `stimuli.csv` and `coded.csv`."""
    random = np.random.default_rng(12)
    design, coded = ["clip,participant,condition"], ["clip,start_s,end_s,label"]
    for person in range(1, PEOPLE + 1):
        strength = random.uniform(0.6, 1.4)
        for condition, height in HEIGHTS.items():
            name = f"p{person:02d}_{condition}"
            smile = sum(_response(onset_s + random.uniform(0.3, 0.6)) for onset_s in ONSETS_S) * height * strength
            is_happy = smile > _SHOWN
            smile = (smile + random.normal(0, 0.004, len(TIMES))).round(4)
            own = {"smile": smile, "expression": np.where(is_happy, "happiness", "neutral"), "box_w_px": 90.0}
            # An interviewer, further away, is in the picture of one person.
            faces = ({}, own) if person == 3 else (own,)
            number = len(faces) - 1
            runs = _runs(is_happy)
            events = [(number, "happiness" if happy else "neutral", begin, end) for happy, begin, end in runs]
            write_result(root / "results", name, frames_of(TIMES, faces), events)
            design.append(f"{name}.mp4,{person:02d},{condition}")
            # The coder is a little late, and misses every seventh smile.
            for happy, begin, end in runs:
                if happy and random.uniform() > 1 / 7:
                    late_s = random.uniform(0, 0.4, 2)
                    coded.append(f"{name}.mp4,{begin + late_s[0]:.2f},{end + late_s[1]:.2f},Happy")
    write_text(root / "design.csv", *design)
    write_text(root / "coded.csv", *coded)
    write_text(root / "stimuli.csv", "trial,onset_s", *(f"{i},{at:g}" for i, at in enumerate(ONSETS_S, 1)))
    _write_dyad(root, random)


def _response(onset_s: float) -> Float64:
    """Return a smile of height 1: half a second up, two seconds held, a second down."""
    return np.interp(TIMES - onset_s, [0, 0.5, 2.5, 3.5], [0.0, 1.0, 1.0, 0.0])


def _runs(is_happy: np.ndarray) -> list[tuple[bool, float, float]]:
    """Return runs of equal values, with their starts and ends in seconds."""
    first = np.flatnonzero(np.append(True, np.diff(is_happy)))
    end_s = np.append(TIMES[first[1:]], len(TIMES) / 10)
    return [(bool(is_happy[i]), float(TIMES[i]), float(end)) for i, end in zip(first, end_s, strict=True)]


def _write_dyad(root: Path, random: np.random.Generator) -> None:
    """Write a talk of two minutes, in which the left person smiles 0.6 s after the right one."""
    n, lag = 1200, 6
    course = np.convolve(random.standard_normal(n + lag + 9), np.ones(10) / 10, "valid") / 10
    noise = random.normal(0, 0.01, (2, n))
    right, left = course[lag:] + noise[0], course[:n] + noise[1]
    write_result(root / "dyads", "talk", frames_of(np.arange(n) / 10, ({"smile": right}, {"smile": left})))
