"""Synchrony of made courses: known lags, none, gaps, constant stretches, and a plain second way."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from studies import frames_of, write_result

from fervideo import study
from fervideo.errors import FervideoError
from fervideo.study import Face, Windows

N = 600


def noise(seed: int, n: int = N) -> np.ndarray:
    """Return a slow course: noise, averaged over half a second at 10 Hz."""
    return np.convolve(np.random.default_rng(seed).standard_normal(n + 4), np.ones(5) / 5, "valid")


def write_pair(root: Path, one: np.ndarray, other: np.ndarray, **values: object) -> list[Face]:
    faces = ({"smile": one, **values}, {"smile": other})
    path = write_result(root, "talk", frames_of(np.arange(len(one)) / 10, faces))
    return [Face(name="A", path=path, rule="0"), Face(name="B", path=path, rule="1")]


def measured(faces: list[Face], **how: object) -> study.Synchrony:
    return study.synchrony(*faces, Windows(**{"columns": ["smile"], "surrogates": 0, **how}))


@pytest.mark.parametrize(("lag", "leader"), [(7, "A"), (-12, "B"), (0, "both")])
def test_a_known_lag_is_found(tmp_path: Path, lag: int, leader: str):
    course = noise(0, N + 40)
    found = measured(write_pair(tmp_path, course[20 : 20 + N], course[20 - lag : 20 - lag + N]))
    assert found.windows["lag_s"].unique().tolist() == [lag / 10]
    assert found.windows["leader"].unique().tolist() == [leader]
    assert found.windows["peak_r"].min() > 0.999
    # 60 s less a lag on both sides: the last window of 5 s begins at 53 s.
    assert found.windows["time_s"].tolist() == list(np.arange(2.0, 54.0))
    assert found.summary["lag_s"].tolist() == [lag / 10]


def test_correlations_equal_those_of_numpy(tmp_path: Path):
    one, other = noise(1).round(4), noise(2).round(4)
    row = measured(write_pair(tmp_path, one, other)).windows.iloc[10]
    begin = round(row["time_s"] * 10)
    r = [np.corrcoef(one[begin : begin + 50], other[begin + lag : begin + lag + 50])[0, 1] for lag in range(-20, 21)]
    assert row[["r", "peak_r"]].tolist() == [round(r[20], 4), round(max(r), 4)]
    assert row["lag_s"] == (np.argmax(r) - 20) / 10


def test_gaps_are_left_out_and_never_filled(tmp_path: Path):
    one, other = noise(1).round(4), noise(2).round(4)
    seen = np.ones(N, bool)
    seen[100:106] = False
    windows = measured(write_pair(tmp_path, one, other, seen=seen)).windows.set_index("time_s")
    own = np.arange(80, 130)[seen[80:130]]
    assert windows.loc[8.0, ["good", "r"]].tolist() == [0.88, round(np.corrcoef(one[own], other[own])[0, 1], 4)]
    strict = measured(write_pair(tmp_path, one, other, seen=seen), min_good=0.9).windows.set_index("time_s")
    assert np.isnan(strict.loc[8.0, "r"])
    assert strict.loc[20.0, "r"] == windows.loc[20.0, "r"]


def test_a_face_that_does_not_move_has_no_correlation(tmp_path: Path):
    one = noise(1)
    one[200:300] = 0.7
    windows = measured(write_pair(tmp_path, one, noise(2))).windows.set_index("time_s")
    assert windows["peak_r"].isna().to_dict()[22.0]
    assert windows["leader"].to_dict()[22.0] == ""


def test_the_effect_of_a_shared_course_is_large_and_that_of_none_is_not(tmp_path: Path):
    course = noise(3, N + 10)
    shared = course[:N] + 0.5 * noise(4), course[3 : N + 3] + 0.5 * noise(5)
    alone = [
        measured(write_pair(tmp_path, noise(10 + seed), noise(50 + seed)), surrogates=40).summary for seed in range(12)
    ]
    together = measured(write_pair(tmp_path, *shared), surrogates=40).summary
    assert together["effect_size_abs_z"].item() > 3
    sizes = pd.concat(alone)["effect_size_z"]
    assert abs(sizes.mean()) < 1
    assert sizes.abs().max() < 3.5


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path):
    faces = write_pair(tmp_path, noise(1), noise(2))
    one, again, other = (measured(faces, surrogates=20, seed=seed).summary.to_csv() for seed in (5, 5, 6))
    assert one == again != other
    assert measured(faces, surrogates=20, seed=5).summary[["surrogates", "seed"]].to_numpy().tolist() == [[20, 5]]


def test_two_clips(tmp_path: Path):
    course = noise(0, N + 10)
    paths = [
        write_result(tmp_path, name, frames_of(np.arange(N) / 10, ({"smile": course[start : start + N]},)))
        for name, start in (("a", 5), ("b", 0))
    ]
    found = measured([Face(name="a", path=paths[0]), Face(name="b", path=paths[1])])
    assert found.windows["leader"].unique().tolist() == ["a"]
    assert found.summary[["one", "other", "one_leads"]].to_numpy().tolist() == [["a", "b", 1.0]]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"columns": ["smiel"]}, "column smiel: is not in .*talk.timeline.csv; did you mean smile"),
        ({"window_s": 0.25}, "window 0.25: is no whole number of bins at 10 Hz; round it"),
        ({"window_s": 0.2}, "window 0.2: has fewer than 3 bins; give a longer window"),
        ({"window_s": 100.0}, "window 100: does not fit with its lags: the shorter course lasts 60 s; shorten"),
        ({"hz": -1.0}, "hz -1: is no rate"),
        ({"min_quality": 0.5}, "min_quality 0.5: cannot be applied"),
    ],
)
def test_choices_that_are_not_possible(tmp_path: Path, how: dict, message: str):
    with pytest.raises(FervideoError, match=message):
        measured(write_pair(tmp_path, noise(1), noise(2)), **how)


def test_faces_that_are_not_there(tmp_path: Path):
    faces = write_pair(tmp_path, noise(1), noise(2) * 0)
    with pytest.raises(
        FervideoError, match="A, B: no window has 80% bins with both faces and a change of smile; lower"
    ):
        measured(faces)
    with pytest.raises(FervideoError, match=r"face 7: is not one face of .*talk.timeline.csv; give the number"):
        measured([faces[0], Face(name="B", path=faces[0].path, rule="7")])
