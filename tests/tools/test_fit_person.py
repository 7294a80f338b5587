"""The tool that fits the sequence model on looks at clips: how amounts are chosen."""

import numpy as np
import pandas as pd
import pytest
from builders import make_observations

from fervideo.records import EXPRESSIONS
from fervideo.sequence.course import Course


def test_each_clip_is_scored_with_the_amount_that_the_others_choose():
    import fit_person

    time_s = np.arange(8.0)
    truth = ["anger", "fear"] * 4
    dense = pd.concat(
        pd.DataFrame({"clip": name, "time_s": time_s, "label_1": truth, "label_2": truth}).assign(
            second_1="", second_2="", flags_1="", flags_2=""
        )
        for name in "abc"
    )

    def shown(right: int) -> pd.DataFrame:
        """Show so many of a clip's labels rightly, and neutral else."""
        labels = np.array([EXPRESSIONS.index(name) for name in truth]) * (np.arange(8) < right)
        clip = fit_person.Clip(Course.of(make_observations(range(8)), time_s, ()), time_s)
        step = np.abs(clip.course.time_s[:, None] - time_s).argmin(1)
        return fit_person.looked_at(clip, labels[step], np.full((len(step), 8), 0.5))

    # The second amount is best on clip a alone, and is not chosen for it.
    candidates = {
        "first": {"a": shown(2), "b": shown(8), "c": shown(8)},
        "second": {"a": shown(8), "b": shown(2), "c": shown(2)},
    }
    assert fit_person.left_out(dense, candidates)["accuracy"] == pytest.approx((2 + 8 + 8) / 24)
