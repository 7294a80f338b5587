"""The calm stretches of a face: its most neutral moments, which show how the person looks at rest."""

from __future__ import annotations

import numpy as np

from fervideo.records import Float64, Int64

#: Share of a face's course that counts as calm.
CALM = 0.3


def calmest(neutral: Float64, share: float = CALM) -> Int64:
    """Find the calmest moments of a face.

    Args:
        neutral: float64 (n,), how neutral each moment is; n at least 1.
        share: Share of the moments that counts as calm.

    Returns:
        int64, their indices, the most neutral first, at least one.
    """
    return np.argsort(-neutral, kind="stable")[: max(round(share * len(neutral)), 1)]
