"""The dense network on landmarks: other landmarks than its own."""

import numpy as np
import pytest
from portraits import Face

from fervideo import checkpoint, classifiers


def test_landmarks_of_another_kind_are_refused(smile: Face):
    with pytest.raises(ValueError, match=r"\(1, 68, 2\), the classifier was made for mediapipe's \(M, 478, 3\)"):
        classifiers.load(checkpoint.SHIPPED / "mlp.safetensors").predict(smile.crop, np.zeros((1, 68, 2), np.float32))
